package instance_test

import (
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
)

// FuzzLookup asks for hosts and paths: whoever answers is at home there, and what
// is left of the path is its end.
func FuzzLookup(f *testing.F) {
	for _, seed := range [][2]string{
		{"a.example", "/certs"}, {"a.example:443", "/x/certs"}, {"a.example", "/xy/certs"}, {"[2001:db8::1]:1", "/certs"}, {"", ""}, {"a.example", "x"}, {"A.EXAMPLE:", "//"},
	} {
		f.Add(seed[0], seed[1])
	}
	d := open(f, config(memory.New()))
	for name, url := range map[string]string{
		"root": "https://a.example", "x": "https://a.example/x", "xy": "https://a.example/xy", "deep": "https://a.example/x/y", "six": "https://[2001:db8::1]",
	} {
		s := aad(name)
		s.URL = url
		create(f, d, s)
	}
	f.Fuzz(func(t *testing.T, host, path string) {
		i, below, ok := d.Lookup(host, path)
		if !ok {
			if i != nil || below != "" {
				t.Errorf("nobody answers, and yet %v, %q", i, below)
			}
			return
		}
		url := strings.TrimPrefix(i.Settings().URL, "https://")
		name, base := url, ""
		if cut := strings.IndexByte(url, '/'); cut >= 0 {
			name, base = url[:cut], url[cut:]
		}
		if path != base+below || !strings.HasPrefix(below, "/") || !strings.HasPrefix(strings.ToLower(host), name) {
			t.Errorf("%q%q: %s, and %q below it", host, path, url, below)
		}
	})
}

// FuzzRecords puts anything in place of an instance's records: it is served as what
// they say, or not at all, and an isolated one never without certificates.
func FuzzRecords(f *testing.F) {
	r := newRecords()
	d := open(f, config(r))
	owner := signer(f, "owner", nil)
	create(f, d, isolated("contoso"), owner.certificate)
	set(f, d, "contoso", owner.sign(f, policyPayload(numbered("1"))))
	keys := []string{"instances/contoso", "instances/contoso/certificates", "instances/contoso/policies/SgxEnclave"}
	var values []string
	for _, key := range keys {
		kept, err := r.Get(f.Context(), key)
		if err != nil {
			f.Fatal(err)
		}
		values = append(values, string(kept.Value))
	}
	f.Add(values[0], values[1], values[2])
	f.Add(`{}`, `null`, `[]`)
	f.Add(strings.Replace(values[0], "Isolated", "AAD", 1), values[1], `{"text":"x","token":"y"}`)
	f.Fuzz(func(t *testing.T, settings, certificates, policy string) {
		records := memory.New()
		var changes []store.Change
		for i, value := range []string{settings, certificates, policy} {
			changes = append(changes, store.Put(keys[i], []byte(value), 0))
		}
		if _, err := records.Commit(t.Context(), changes...); err != nil {
			t.Skip()
		}
		d := open(t, config(records))
		i, _, ok := d.Lookup("contoso.example", "/certs")
		served, broken := d.Count()
		if served+broken != 1 || ok && served != 1 {
			t.Fatalf("%d served, %d broken, %v", served, broken, ok)
		}
		if !ok {
			return
		}
		if err := i.Settings().Validate(); err != nil || i.Settings().Name != "contoso" {
			t.Errorf("serves settings that are none: %v", err)
		}
		// Only the owner may change it, whatever else the records say.
		if i.Settings().Mode == instance.Isolated {
			if _, err := d.SetPolicy(t.Context(), change("contoso", unsigned(t, numbered("2")))); err == nil {
				t.Error("an isolated instance obeys everybody")
			}
		}
		_, _ = i.Pipeline(t.Context())
	})
}
