package telemetry

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
)

const (
	// other stands for every name that is on no list.
	other = "other"
	// none stands for an empty name.
	none = "none"
)

// set is a list of names that may stand in labels.
type set map[string]bool

func newSet(names ...string) set {
	s := make(set, len(names))
	for _, name := range names {
		s[name] = true
	}
	return s
}

// with returns a list of these names and more.
func (s set) with(more ...string) set {
	all := newSet(more...)
	maps.Copy(all, s)
	return all
}

func (s set) label(name string) string {
	switch {
	case name == "":
		return none
	case s[name]:
		return name
	}
	return other
}

// names are all that may stand in labels and spans.
type names struct {
	routes, types, outcomes, methods set
	instances                        atomic.Pointer[set]
}

func newNames(c Config) *names {
	n := &names{
		routes: newSet(c.Routes...), types: newSet(c.Types...), outcomes: newSet(slices.Concat(c.Codes, []string{Issued})...),
		methods: newSet(http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodPatch),
	}
	n.instances.Store(new(set))
	return n
}

func (n *names) instance(name string) string { return n.instances.Load().label(name) }

// status is a status as HTTP has them, so one of at most 500.
func status(code int) string {
	if code < 100 || code > 599 {
		return other
	}
	return strconv.Itoa(code)
}
