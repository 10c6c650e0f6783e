package instance_test

import (
	"testing"

	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/store/memory"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	for name, s := range map[string]instance.Settings{
		"root":    {URL: "https://host.example", Hosts: []string{"alias.example", "port.example:8443"}},
		"a":       {URL: "https://host.example/a"},
		"ab":      {URL: "https://host.example/ab"},
		"deep":    {URL: "https://host.example/a/Deep", Hosts: []string{"deep.example"}},
		"port":    {URL: "https://host.example:8443"},
		"address": {URL: "https://192.0.2.7"},
		"six":     {URL: "https://[2001:db8::1]"},
		"sixport": {URL: "https://[2001:db8::1]:8443"},
	} {
		s.Name, s.Mode, s.Algorithm = name, instance.AAD, "ES256"
		create(t, d, s)
	}
	for _, test := range []struct{ host, path, name, below string }{
		{"host.example", "/certs", "root", "/certs"},
		{"HOST.Example", "/certs", "root", "/certs"},
		{"host.example:443", "/certs", "root", "/certs"},
		{"host.example:8443", "/certs", "port", "/certs"},
		{"host.example:9999", "/certs", "root", "/certs"},
		{"alias.example", "/certs", "root", "/certs"},
		{"port.example:8443", "/certs", "root", "/certs"},
		{"port.example", "/certs", "", ""},
		{"host.example", "/a/certs", "a", "/certs"},
		{"host.example", "/ab/certs", "ab", "/certs"},
		{"host.example", "/abc/certs", "root", "/abc/certs"},
		{"host.example", "/a", "root", "/a"},
		{"host.example", "/a/", "a", "/"},
		{"host.example", "/a/deep/certs", "deep", "/certs"},
		{"host.example", "/a/deeper/certs", "a", "/deeper/certs"},
		{"host.example", "/a/deep", "a", "/deep"},
		{"host.example", "/a/b/certs", "a", "/b/certs"},
		{"alias.example", "/a/certs", "root", "/a/certs"},
		{"deep.example", "/a/deep/certs", "deep", "/certs"},
		{"deep.example", "/certs", "", ""},
		{"192.0.2.7", "/certs", "address", "/certs"},
		{"192.0.2.7:443", "/certs", "address", "/certs"},
		{"[2001:db8::1]", "/certs", "six", "/certs"},
		{"[2001:db8::1]:443", "/certs", "six", "/certs"},
		{"[2001:db8::1]:8443", "/certs", "sixport", "/certs"},
		{"2001:db8::1", "/certs", "", ""},
		{"", "/certs", "", ""},
		{"host.example.evil.example", "/certs", "", ""},
		{"evil-host.example", "/certs", "", ""},
		{"host.example:443:443", "/certs", "", ""},
		{"host.example/a", "/certs", "", ""},
		{"host.example", "certs", "", ""},
		{"host.example", "", "", ""},
	} {
		i, below, ok := d.Lookup(test.host, test.path)
		name := ""
		if ok {
			name = i.Settings().Name
		}
		if name != test.name || below != test.below || ok != (test.name != "") {
			t.Errorf("%s %s: instance %q, path %q, want %q, %q", test.host, test.path, name, below, test.name, test.below)
		}
	}
	if _, ok := d.Only(); ok {
		t.Error("one of many is the only one")
	}
}

func TestTheOnlyInstanceAnswersToEveryHost(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	if _, _, ok := d.Lookup("host.example", "/certs"); ok {
		t.Error("an empty directory answers")
	}
	s := aad("only")
	s.URL += "/Base"
	create(t, d, s)
	for path, want := range map[string]string{
		"/certs": "/certs", "/base/certs": "/certs", "/base": "/base", "/basement": "/basement", "/base/base/certs": "/base/certs",
	} {
		for _, host := range []string{"only.example", "proxy.internal:8080", ""} {
			i, below, ok := d.Lookup(host, path)
			if !ok || i.Settings().Name != "only" || below != want {
				t.Errorf("%s%s: %v, %q, want %q", host, path, ok, below, want)
			}
		}
	}
	if i, ok := d.Only(); !ok || i.Settings().Name != "only" {
		t.Error("the only one is not")
	}
	create(t, d, aad("second"))
	if _, _, ok := d.Lookup("proxy.internal:8080", "/certs"); ok {
		t.Error("one of two answers to a host that is nobody's")
	}
}
