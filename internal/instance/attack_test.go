package instance_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/store"
)

func wrapping(tb testing.TB) *keyring.Wrapping {
	tb.Helper()
	w, err := keyring.ParseWrapping(keyring.GenerateWrappingKey())
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

func openKeys(tb testing.TB, s store.Store, w *keyring.Wrapping) *keyring.Keyring {
	tb.Helper()
	keys, err := keyring.Open(tb.Context(), keyring.Config{Store: s, Wrap: w, MaxTokenLifetime: 24 * time.Hour})
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

// Whoever writes to the database can neither plant a key nor, with one record that
// nobody can use, stop all replicas, nor hide a change behind it.
func TestARecordOfAKeyThatNobodyCanUseStopsNothing(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"garbage":        "{",
		"another's seal": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecords()
			c := config(r)
			w := wrapping(t)
			keys := openKeys(t, r, w)
			c.Keys = keys
			d := open(t, c)
			create(t, d, aad("contoso"))
			before := hashInForce(t, d, "contoso.example")
			published := keys.Keys()

			key := "keys/" + strings.Repeat("ab", 32)
			if value == "" {
				elsewhere := newRecords()
				if _, err := openKeys(t, elsewhere, wrapping(t)).Ring(t.Context(), "https://contoso.example", "ES256"); err != nil {
					t.Fatal(err)
				}
				if _, err := elsewhere.Each(t.Context(), "keys/", func(r store.Record) error {
					if len(r.Key) == len(key) {
						key, value = r.Key, string(r.Value)
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
			overwrite(t, r, key, value)
			set(t, d, "contoso", unsigned(t, numbered("after")))
			if err := d.Refresh(t.Context()); err != nil {
				t.Fatalf("the directory does not follow any more: %v", err)
			}
			if hashInForce(t, d, "contoso.example") == before {
				t.Error("the policy before is still in force")
			}
			if after := keys.Keys(); len(after) != len(published) || after[0].ID != published[0].ID {
				t.Errorf("keys %v, want %v", after, published)
			}
			// Who begins now is told, for it knows nothing of before.
			_, err := keyring.Open(t.Context(), keyring.Config{Store: r, Wrap: w, MaxTokenLifetime: time.Hour})
			if _, ok := errors.AsType[*keyring.RecordsError](err); !ok {
				t.Errorf("%v, want a *keyring.RecordsError", err)
			}
		})
	}
}

// Whoever writes to the database can change everything in it; but a policy that is
// in force and another one that is shown for it would go unnoticed.
func TestATextThatIsNotThatOfItsTokenIsNotInForce(t *testing.T) {
	t.Parallel()
	r := newRecords()
	d := open(t, config(r))
	owner := signer(t, "owner", nil)
	create(t, d, isolated("contoso"), owner.certificate)
	create(t, d, aad("other"))
	set(t, d, "contoso", owner.sign(t, policyPayload(numbered("strict"))))
	const key = "instances/contoso/policies/SgxEnclave"
	whole := overwrite(t, r, key, "{}")
	for name, value := range map[string]string{
		"another text":     strings.Replace(whole, "strict", "lenient", 1),
		"no text":          strings.Replace(whole, "strict", "", 1),
		"a text alone":     `{"version":1,"action":"set","text":"version=1.0;authorizationrules{=>permit();};issuancerules{};"}`,
		"a token no more":  strings.Replace(whole, `"token":"`, `"token":"!`, 1),
		"another's policy": strings.Replace(whole, `"token":"`, `"token":"eyJhbGciOiJub25lIn0.e30.","was":"`, 1),
	} {
		if value == whole {
			t.Fatalf("%s: nothing was changed", name)
		}
		overwrite(t, r, key, value)
		if err := d.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if i, _, ok := d.Lookup("contoso.example", "/certs"); ok {
			t.Errorf("%s: %s is served", name, i.Settings().Name)
		}
		if shown, err := d.Policy(t.Context(), "contoso", "SgxEnclave"); err == nil {
			t.Errorf("%s: %s is shown", name, shown)
		}
	}
	overwrite(t, r, key, whole)
	if err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	hashInForce(t, d, "contoso.example")
}

// A database that takes over may lack the last commits of the one before, and then
// gives the same revisions to others.
func TestADatabaseThatTakesOverIsBelieved(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		isNoticed bool
		changes   []string
	}{
		"with the same number of commits":     {true, []string{"kept", "other"}},
		"with more of them":                   {true, []string{"kept", "a", "b", "other"}},
		"with fewer of them":                  {true, []string{"other"}},
		"with fewer of them, and no failure":  {false, []string{"other"}},
		"without the instance, and a failure": {true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, standby := newRecords(), newRecords()
			d := open(t, config(r))
			create(t, d, aad("contoso"))
			set(t, d, "contoso", unsigned(t, numbered("kept")))
			set(t, d, "contoso", unsigned(t, numbered("lost")))

			elsewhere := open(t, config(standby))
			if test.changes == nil {
				create(t, elsewhere, aad("fabrikam"))
				create(t, elsewhere, aad("other"))
			} else {
				create(t, elsewhere, aad("contoso"))
			}
			for _, text := range test.changes {
				set(t, elsewhere, "contoso", unsigned(t, numbered(text)))
			}
			if test.isNoticed {
				r.isDown.Store(true)
				if err := d.Refresh(t.Context()); err == nil {
					t.Fatal("the store does not answer, and that is no error")
				}
				r.isDown.Store(false)
			}
			r.Store = standby.Store
			if err := d.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if test.changes == nil {
				if _, _, ok := d.Lookup("contoso.example", "/certs"); ok {
					t.Error("an instance that is not there is served")
				}
				return
			}
			if got := hashInForce(t, d, "contoso.example"); got != policy.Hash(numbered("other")) {
				t.Error("attests by a policy that is lost")
			}
		})
	}
}
