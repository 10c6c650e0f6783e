package instance

import (
	"maps"
	"net"
	"slices"
	"strings"
)

// Lookup returns the instance that a request is for, and the request's path below
// the instance's URL. Host is the request's, with a port or without one; path is
// in lower case.
//
// An instance is found by the host and path of its URL, then by its further
// hosts, in each case with the port first and then without; of two instances on
// one host the one with the longer path wins. If the store holds one instance
// alone, it answers to every host, for a proxy in front may have a name of its own;
// and the path of its URL may be missing, for the proxy may have cut it off. One
// that cannot be read counts: nobody else answers in its place.
func (d *Directory) Lookup(host, path string) (i *Instance, below string, ok bool) {
	v := d.view.Load()
	if only, ok := v.only(); ok {
		below := path
		if len(only.places) > 0 {
			below = cut(path, only.places[0].base)
		}
		return only, below, true
	}
	host = strings.ToLower(host)
	if i, below, ok := v.at(host, path); ok {
		return i, below, true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		if strings.Contains(name, ":") {
			name = "[" + name + "]" // as URLs have IPv6 addresses
		}
		return v.at(name, path)
	}
	return nil, "", false
}

// cut takes the base off a path that begins with it.
func cut(path, base string) string {
	if below, ok := strings.CutPrefix(path, base); ok && strings.HasPrefix(below, "/") {
		return below
	}
	return path
}

// at tries the longest base path first.
func (v *view) at(host, path string) (*Instance, string, bool) {
	for base := path; ; {
		slash := strings.LastIndexByte(base, '/')
		if slash < 0 {
			return nil, "", false
		}
		base = base[:slash]
		if i, ok := v.places[place{host, base}]; ok {
			return i, path[len(base):], true
		}
	}
}

// Only returns the instance if there is no other, not even one that cannot be
// read.
func (d *Directory) Only() (*Instance, bool) { return d.view.Load().only() }

func (v *view) only() (*Instance, bool) {
	if len(v.instances) != 1 || len(v.broken) > 0 {
		return nil, false
	}
	for _, i := range v.instances {
		return i, true
	}
	return nil, false
}

// Names returns those of all instances that are served, in order.
func (d *Directory) Names() []string { return slices.Sorted(maps.Keys(d.view.Load().instances)) }

// Count returns how many instances are served, and how many are not because
// their records cannot be read.
func (d *Directory) Count() (served, broken int) {
	v := d.view.Load()
	return len(v.instances), len(v.broken)
}
