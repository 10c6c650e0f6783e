package instance_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/store"
)

// overwrite puts something else in place of a record, and returns what was there.
func overwrite(tb testing.TB, s store.Store, key, value string) (before string) {
	tb.Helper()
	r, err := s.Get(tb.Context(), key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		tb.Fatal(err)
	}
	change := store.Put(key, []byte(value), store.Any)
	if value == "" {
		change = store.Delete(key, store.Any)
	}
	if _, err := s.Commit(tb.Context(), change); err != nil {
		tb.Fatal(err)
	}
	return string(r.Value)
}

func TestABrokenRecordStopsItsInstanceAndNoOther(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ key, value string }{
		"settings that are no JSON":     {"instances/contoso", "{"},
		"settings of nobody":            {"instances/contoso", "{}"},
		"settings that are null":        {"instances/contoso", "null"},
		"settings of another":           {"instances/contoso", `{"name":"other","url":"https://other.example","mode":"AAD"}`},
		"settings of a newer release":   {"instances/contoso", `{"name":"contoso","url":"https://contoso.example","mode":"Isolated","attestationNeedsPassport":true}`},
		"settings twice":                {"instances/contoso", `{"name":"contoso","url":"https://contoso.example","mode":"Isolated"}{}`},
		"an unknown mode":               {"instances/contoso", `{"name":"contoso","url":"https://contoso.example","mode":"Open"}`},
		"another mode":                  {"instances/contoso", `{"name":"contoso","url":"https://contoso.example","mode":"AAD"}`},
		"a URL that is none":            {"instances/contoso", `{"name":"contoso","url":"contoso.example","mode":"Isolated"}`},
		"certificates that are no JSON": {"instances/contoso/certificates", "[]"},
		"an empty list":                 {"instances/contoso/certificates", `{"certificates":[]}`},
		"a certificate that is none":    {"instances/contoso/certificates", `{"certificates":[{"der":"AAAA"}]}`},
		"no certificates":               {"instances/contoso/certificates", ""},
		"a policy that is no JSON":      {"instances/contoso/policies/SgxEnclave", "version=1.0;"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecords()
			d := open(t, config(r))
			owner := signer(t, "owner", nil)
			create(t, d, isolated("contoso"), owner.certificate)
			create(t, d, aad("other"))
			jws := owner.sign(t, policyPayload(numbered("1")))
			set(t, d, "contoso", jws)
			before := overwrite(t, r, test.key, test.value)
			// Who was there before sees it, and so does who comes now.
			for _, d := range []*instance.Directory{d, open(t, config(r))} {
				if err := d.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				if served, broken := d.Count(); served != 1 || broken != 1 {
					t.Errorf("%d served, %d broken", served, broken)
				}
				if i, _, ok := d.Lookup("contoso.example", "/certs"); ok {
					t.Errorf("%s answers in its place", i.Settings().Name)
				}
				if _, ok := d.Only(); ok {
					t.Error("the other one passes for the only one")
				}
				hashInForce(t, d, "other.example")
			}
			set(t, d, "other", unsigned(t, numbered("2")))
			if strings.HasPrefix(test.key, "instances/contoso/policies") {
				if _, err := d.Policy(t.Context(), "contoso", attest.SGXEnclave); err == nil {
					t.Error("a policy is read out of a broken record")
				}
			}

			overwrite(t, r, test.key, before)
			if err := d.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if served, broken := d.Count(); served != 2 || broken != 0 {
				t.Errorf("mended: %d served, %d broken", served, broken)
			}
			if got := hashInForce(t, d, "contoso.example"); got != policy.Hash(numbered("1")) {
				t.Errorf("mended: attests by %s", got)
			}
			if listed, err := d.Certificates(t.Context(), "contoso"); err != nil || len(listed) != 1 {
				t.Errorf("mended: %d certificates, %v", len(listed), err)
			}
		})
	}
}

func TestBrokenSettingsCanBeRemoved(t *testing.T) {
	t.Parallel()
	r := newRecords()
	d := open(t, config(r))
	create(t, d, aad("contoso"))
	create(t, d, aad("other"))
	set(t, d, "contoso", unsigned(t, numbered("1")))
	for _, text := range []string{"{", "{}"} {
		overwrite(t, r, "instances/contoso", text)
		isRecordError := func(err error) bool {
			e, ok := errors.AsType[*instance.RecordError](err)
			return ok && e.Key == "instances/contoso"
		}
		if list, err := d.List(t.Context()); len(list) != 1 || list[0].Name != "other" || !isRecordError(err) {
			t.Errorf("list %v, %v: want the other, and an error about this one", list, err)
		}
		if _, err := d.Settings(t.Context(), "contoso"); !isRecordError(err) {
			t.Errorf("settings: %v", err)
		}
		// Nobody knows where it answered, nor whether it was isolated.
		if err := d.Create(t.Context(), aad("third"), nil, "test"); !isRecordError(err) {
			t.Errorf("create: %v", err)
		}
		if err := d.Update(t.Context(), aad("contoso")); !isRecordError(err) {
			t.Errorf("update: %v", err)
		}
		if err := d.Delete(t.Context(), "contoso"); err != nil {
			t.Fatalf("delete: %v", err)
		}
		create(t, d, aad("contoso"))
		if p := inForce(t, d); p.Source != instance.SourceDefault {
			t.Errorf("its policy came back: %+v", p)
		}
	}
}

func TestAStoreThatFailsBreaksNoInstance(t *testing.T) {
	t.Parallel()
	r := newRecords()
	d := open(t, config(r))
	create(t, d, aad("contoso"))
	before := overwrite(t, r, "instances/contoso", "{")
	if err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	overwrite(t, r, "instances/contoso", before)
	// The records are read one by one, and the connection breaks meanwhile.
	r.get = func(_ context.Context, key string) error {
		if strings.HasSuffix(key, "/policies/Tpm") {
			return down()
		}
		return nil
	}
	revision := d.Revision()
	if err := d.Refresh(t.Context()); err == nil || d.Revision() != revision {
		t.Errorf("%v, revision %d, want an error and %d as before", err, d.Revision(), revision)
	}
	r.get = nil
	if err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if served, broken := d.Count(); served != 1 || broken != 0 {
		t.Errorf("%d served, %d broken", served, broken)
	}
}

// Records may come in any order, for instance out of a backup that is put back
// while somebody looks.
func TestAPolicyThatCameBeforeItsInstanceIsInForce(t *testing.T) {
	t.Parallel()
	from := newRecords()
	d := open(t, config(from))
	create(t, d, aad("contoso"))
	set(t, d, "contoso", unsigned(t, numbered("1")))
	to := newRecords()
	overwrite(t, to, "unrelated", "x")
	d = open(t, config(to))
	for _, key := range []string{"instances/contoso/policies/SgxEnclave", "instances/contoso"} {
		r, err := from.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		overwrite(t, to, key, string(r.Value))
		if err := d.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := hashInForce(t, d, "contoso.example"); got != policy.Hash(numbered("1")) {
		t.Errorf("attests by %s", got)
	}
}

func TestAnInstanceWhosePolicyDoesNotCompileStillSignsAnswers(t *testing.T) {
	t.Parallel()
	r := newRecords()
	d := open(t, config(r))
	create(t, d, aad("contoso"))
	overwrite(t, r, "instances/contoso/policies/SgxEnclave", `{"version":1,"action":"set","token":"`+policytoken.Unsigned("of another release")+`","text":"of another release"}`)
	if err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	i, _, ok := d.Lookup("", "/certs")
	if !ok {
		t.Fatal("not served")
	}
	if _, err := i.Pipeline(t.Context()); err == nil || isSyntaxError(err) || strings.Contains(err.Error(), "of another release") {
		t.Errorf("%v, want an error that is not the client's, and does not quote the policy", err)
	}
	if _, err := i.Issuer(t.Context()); err != nil {
		t.Errorf("nobody could be told that it was mended: %v", err)
	}
	if _, _, err := i.TCBIdentifier(attest.SGXEnclave); err == nil {
		t.Error("a baseline is read out of what is no policy")
	}
	set(t, d, "contoso", unsigned(t, numbered("2")))
	hashInForce(t, d, "contoso.example")
}

func TestAnInstanceThatAttestsNothingHereSaysSo(t *testing.T) {
	t.Parallel()
	d := open(t, config(newRecords()))
	s := aad("contoso")
	s.Types = []attest.Type{attest.TPM}
	create(t, d, s)
	i, _, _ := d.Lookup("", "/certs")
	if p, err := i.Pipeline(t.Context()); p != nil || err == nil {
		t.Errorf("%v, %v, want an error", p, err)
	}
	if _, err := i.Issuer(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestKeysThatAreNoneOfOursAreIgnored(t *testing.T) {
	t.Parallel()
	r := newRecords()
	for _, key := range []string{"instances/", "instances//certificates", "instances/a/b", "instances/a/policies/Nitro", "instances/a/policies/sgxenclave", "instancesx", "history/a"} {
		overwrite(t, r, key, "garbage")
	}
	d := open(t, config(r))
	if served, broken := d.Count(); served != 0 || broken != 0 {
		t.Errorf("%d served, %d broken", served, broken)
	}
	if list, err := d.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}
