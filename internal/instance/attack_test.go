package instance_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/keyring"
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
