package vault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
)

func TestAnOldSecretIsTakenAway(t *testing.T) {
	t.Parallel()
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			old, _ := open(t, s, secretA)
			first := create(t, old, "key", vault.Template{Settings: exportable(t, "p")})
			second := create(t, old, "key", vault.Template{Settings: exportable(t, "q")})
			create(t, old, "other", vault.Template{Type: "oct"})
			secret, err := old.ReleaseKey(ctx, "key", "")
			if err != nil {
				t.Fatal(err)
			}

			// The new one seals, both open, and what is changed is sealed with the new one.
			both, _ := open(t, s, secretB, secretA)
			if second, err = both.Update(ctx, "key", second.Key.Version, vault.Update{Tags: &map[string]string{"a": "b"}}); err != nil {
				t.Fatal(err)
			}
			third := create(t, both, "key", vault.Template{Settings: exportable(t, "r")})
			if _, err := old.Get(ctx, "key", ""); !isSeal(err) || !strings.Contains(err.Error(), "sealed under a wrapping key that is not given: list that key too") {
				t.Errorf("without the new secret: %v", err)
			}

			// The list of the other key and its version, and one version of the first.
			if n, err := both.Rewrap(ctx); n != 3 || err != nil {
				t.Errorf("%d records sealed anew, %v; want 3", n, err)
			}
			if n, err := both.Rewrap(ctx); n != 0 || err != nil {
				t.Errorf("once more: %d, %v", n, err)
			}
			next, _ := open(t, s, secretB)
			for _, want := range []*vault.Version{first, second, third} {
				got, err := next.Get(ctx, "key", want.Key.Version)
				if err != nil {
					t.Fatal(err)
				}
				same(t, got, want)
			}
			again, err := next.ReleaseKey(ctx, "key", second.Key.Version)
			if err != nil || string(again.Material) != string(secret.Material) {
				t.Errorf("another secret, or %v", err)
			}
			if page, _, err := next.List(ctx, "", 0); err != nil || len(page) != 2 {
				t.Errorf("%d keys, %v", len(page), err)
			}
		})
	}
}

func TestRewrapEndsOlderRecords(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	older := recordsOf(t, s.store)[versionKey(s.second)].Value
	both, _ := open(t, s.store, secretB, secretA)
	if _, err := both.Rewrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	next, _ := open(t, s.store, secretB)
	write(t, s.store, versionKey(s.second), older)
	_, err := next.ReleaseKey(t.Context(), "strong", "")
	sealBroken(t, err, "strong")
}

func TestRewrapGoesOnPastBrokenRecords(t *testing.T) {
	t.Parallel()
	s := memory.New()
	old, _ := open(t, s, secretA)
	for i := range 14 {
		made := create(t, old, fmt.Sprintf("key-%02d", i), vault.Template{})
		if i > 0 {
			write(t, s, versionKey(made), []byte("broken"))
		}
	}
	write(t, s, "keyrelease/versions/key-00", []byte("x"))
	both, _ := open(t, s, secretB, secretA)
	n, err := both.Rewrap(t.Context())
	e, ok := errors.AsType[*vault.RewrapError](err)
	// 14 lists and the one version that is whole.
	if n != 15 || !ok || e.Failed != 14 || len(e.Errors) != 10 || !isSeal(err) {
		t.Fatalf("%d, %v", n, err)
	}
	for _, want := range []string{"14 records are not sealed anew, so keep the old wrapping key", `key "key-01"`, "; and 4 more"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q without %q", err, want)
		}
	}
	next, _ := open(t, s, secretB)
	if _, err := next.Get(t.Context(), "key-00", ""); err != nil {
		t.Error(err)
	}
}

func TestAReplicaRewrapsWhileOthersWrite(t *testing.T) {
	t.Parallel()
	s := &faulty{Store: memory.New()}
	old, _ := open(t, s, secretA)
	create(t, old, "key", vault.Template{Settings: exportable(t, "p")})
	both, _ := open(t, s, secretB, secretA)
	// Between what is read and what is written another one changes the version.
	s.before = func(changes []store.Change) {
		if strings.HasPrefix(changes[0].Key(), "keyrelease/versions/") {
			s.before = nil
			if _, err := both.Update(t.Context(), "key", "", vault.Update{Policy: policyFor(t, "q")}); err != nil {
				t.Error(err)
			}
		}
	}
	if n, err := both.Rewrap(t.Context()); n != 1 || err != nil || s.before != nil {
		t.Errorf("%d, %v; want the list alone", n, err)
	}
	next, _ := open(t, s, secretB)
	got, err := next.Get(t.Context(), "key", "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(policyFor(t, "q").Text()), string(got.Key.Policy.Text())); diff != "" {
		t.Errorf("the change is lost: %s", diff)
	}
}
