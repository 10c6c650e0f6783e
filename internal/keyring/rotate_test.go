package keyring_test

import (
	"errors"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/token"
)

func rotate(tb testing.TB, k *keyring.Keyring, announce time.Duration) keyring.Status {
	tb.Helper()
	s, err := k.Rotate(tb.Context(), token.ES256, announce)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestRotate(t *testing.T) {
	t.Parallel()
	t.Run("the very first key begins at once", func(t *testing.T) {
		t.Parallel()
		k := newFixture(t).open(t)
		s := rotate(t, k, day)
		if s.State != keyring.StateActive {
			t.Errorf("state %s, want active: nobody signs otherwise", s.State)
		}
		if got := ring(t, k, contoso, token.ES256).Current().ID(); got != s.ID {
			t.Errorf("key %s signs, want %s", got, s.ID)
		}
	})
	t.Run("may be repeated", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		k := f.open(t)
		ring(t, k, contoso, token.ES256)
		first := rotate(t, k, day)
		f.clock.advance(time.Minute)
		if again := rotate(t, f.open(t), day); again != first {
			t.Errorf("second key %+v, want the announced one %+v", again, first)
		}
	})
	t.Run("brings an announced key forward", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		k := f.open(t)
		ring(t, k, contoso, token.ES256)
		announced := rotate(t, k, day)
		sooner := rotate(t, k, time.Hour)
		if sooner.ID != announced.ID || announced.ActiveFrom.Sub(sooner.ActiveFrom) != 23*time.Hour {
			t.Errorf("%+v, want the key announced before, 23 hours earlier", sooner)
		}
		now := rotate(t, k, 0)
		if now.ID != announced.ID || now.State != keyring.StateActive {
			t.Errorf("%+v, want the announced key active at once", now)
		}
		// It is still the same private key.
		r := ring(t, f.open(t), contoso, token.ES256)
		if r.Current().ID() != announced.ID {
			t.Errorf("another replica signs with %s, want %s", r.Current().ID(), announced.ID)
		}
	})
	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		k := newFixture(t).open(t)
		first := ring(t, k, contoso, token.ES256).Current().ID()
		s := rotate(t, k, 0)
		if got := kids(t, ring(t, k, contoso, token.ES256)); len(got) != 2 || got[0] != s.ID || got[1] != first {
			t.Errorf("published %v, want the new key, then %s", got, first)
		}
	})
	t.Run("refuses", func(t *testing.T) {
		t.Parallel()
		k := newFixture(t).open(t)
		_, err := k.Rotate(t.Context(), token.ES256, -time.Second)
		wantConfigError(t, err, "announce")
		_, err = k.Rotate(t.Context(), "none", 0)
		wantConfigError(t, err, "algorithm")
	})
}

func TestCommitOfUncertainOutcomeMakesOneKey(t *testing.T) {
	t.Parallel()
	for name, done := range map[string]bool{"it happened": true, "it did not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			k := f.open(t)
			uncertain := func() (bool, error) { return done, &store.UncertainError{Err: errStoreGone} }
			f.store.fail = uncertain
			first := ring(t, k, contoso, token.ES256).Current().ID()
			f.store.fail = uncertain
			second := rotate(t, k, 0).ID
			if n := len(f.store.keys()); n != 2 {
				t.Errorf("%d keys, want 2", n)
			}
			f.store.fail = uncertain
			if err := k.Revoke(t.Context(), second); err != nil {
				t.Fatal(err)
			}
			wantStates(t, k, keyring.StatePrevious, keyring.StateRevoked, keyring.StateActive)
			if got := kids(t, ring(t, k, contoso, token.ES256)); len(got) != 2 || got[1] != first {
				t.Errorf("published %v, want a new key and %s", got, first)
			}
		})
	}
}

func TestStoreThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.open(t)
	id := ring(t, k, contoso, token.ES256).Current().ID()
	for name, act := range map[string]func() error{
		"rotate": func() error { _, err := k.Rotate(t.Context(), token.ES256, 0); return err },
		"revoke": func() error { return k.Revoke(t.Context(), id) },
	} {
		f.store.fail = func() (bool, error) { return false, errStoreGone }
		generation := k.Generation()
		if err := act(); !errors.Is(err, errStoreGone) {
			t.Errorf("%s: error %v, want the store's", name, err)
		}
		if k.Generation() != generation || len(f.store.keys()) != 1 {
			t.Errorf("%s: something changed", name)
		}
	}
	wantStates(t, k, keyring.StateActive)
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	t.Run("the active key, with a new one in its place", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		k, other := f.open(t), f.open(t)
		id := ring(t, k, contoso, token.ES256).Current().ID()
		ring(t, other, contoso, token.ES256)
		if err := k.Revoke(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		refresh(t, other)
		one, two := kids(t, ring(t, k, contoso, token.ES256)), kids(t, ring(t, other, contoso, token.ES256))
		if len(one) != 1 || one[0] == id || len(two) != 1 || two[0] != one[0] {
			t.Errorf("published %v and %v, want the same new key alone", one, two)
		}
		wantStates(t, other, keyring.StateRevoked, keyring.StateActive)
	})
	t.Run("the active key, with the announced one in its place", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		k := f.open(t)
		id := ring(t, k, contoso, token.ES256).Current().ID()
		announced := rotate(t, k, day)
		f.clock.advance(time.Minute)
		if err := k.Revoke(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if got := kids(t, ring(t, f.open(t), contoso, token.ES256)); len(got) != 1 || got[0] != announced.ID {
			t.Errorf("published %v, want %s alone", got, announced.ID)
		}
	})
	t.Run("no earlier key returns", func(t *testing.T) {
		t.Parallel()
		k := newFixture(t).open(t)
		first := ring(t, k, contoso, token.ES256).Current().ID()
		second := rotate(t, k, 0)
		if err := k.Revoke(t.Context(), second.ID); err != nil {
			t.Fatal(err)
		}
		got := kids(t, ring(t, k, contoso, token.ES256))
		if len(got) != 2 || got[0] == first || got[0] == second.ID || got[1] != first {
			t.Errorf("published %v, want a new key, and %s after it", got, first)
		}
	})
	t.Run("a previous and an announced key", func(t *testing.T) {
		t.Parallel()
		k := newFixture(t).open(t)
		first := ring(t, k, contoso, token.ES256).Current().ID()
		second := rotate(t, k, 0)
		third := rotate(t, k, day)
		for _, id := range []string{first, third.ID} {
			if err := k.Revoke(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		if got := kids(t, ring(t, k, contoso, token.ES256)); len(got) != 1 || got[0] != second.ID {
			t.Errorf("published %v, want %s alone", got, second.ID)
		}
	})
	t.Run("a key that another replica has just made", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		k := f.open(t)
		id := ring(t, f.open(t), contoso, token.ES256).Current().ID()
		if err := k.Revoke(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("twice", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		k := f.open(t)
		id := ring(t, k, contoso, token.ES256).Current().ID()
		for range 2 {
			if err := k.Revoke(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			f.clock.advance(time.Hour)
		}
		if got := k.Keys()[0]; f.clock.now().Sub(got.RevokedAt).Truncate(time.Second) != 2*time.Hour {
			t.Errorf("revoked at %s, want the first time", got.RevokedAt)
		}
		wantStates(t, k, keyring.StateRevoked, keyring.StateActive)
	})
	t.Run("what is not there", func(t *testing.T) {
		t.Parallel()
		k := newFixture(t).open(t)
		for _, id := range []string{"", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="} {
			if err := k.Revoke(t.Context(), id); !isUnknown(err) {
				t.Errorf("%q: error %v, want an *UnknownKeyError", id, err)
			}
		}
	})
}

func isUnknown(err error) bool {
	_, ok := errors.AsType[*keyring.UnknownKeyError](err)
	return ok
}

func TestRewrap(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before, after := keyring.GenerateWrappingKey(), keyring.GenerateWrappingKey()
	f.wrap = wrapping(t, before)
	k := f.open(t)
	want := ring(t, k, contoso, token.ES256).JWKS()
	ring(t, k, contoso, token.PS256)
	revoked := rotate(t, k, day)
	if err := k.Revoke(t.Context(), revoked.ID); err != nil {
		t.Fatal(err)
	}

	f.wrap = wrapping(t, "# new\n"+after+"\n# old\n"+before)
	both := f.open(t)
	generation := both.Generation()
	for _, count := range []int{2, 0} {
		if n, err := both.Rewrap(t.Context()); err != nil || n != count {
			t.Errorf("%d records, error %v; want %d", n, err, count)
		}
	}
	if both.Generation() != generation {
		t.Error("the generation changed, but the keys are the same")
	}

	f.wrap = wrapping(t, after)
	if got := ring(t, f.open(t), contoso, token.ES256).JWKS(); string(got) != string(want) {
		t.Errorf("published %s, want %s", got, want)
	}
	// A replica that only has the old wrapping key goes on with what it had.
	err := k.Refresh(t.Context())
	wantRecordsError(t, err, 2, f.wrap.IDs()[0])
	if got := ring(t, k, contoso, token.ES256).JWKS(); string(got) != string(want) {
		t.Error("the replica without the new wrapping key forgot its keys")
	}
	if _, err := k.Rewrap(t.Context()); err == nil {
		t.Error("rewrapped what it cannot open")
	}

	c := f.config()
	c.Store, c.Wrap, c.AllowPlain = newRecords(), nil, true
	_, err = open(t, c).Rewrap(t.Context())
	wantConfigError(t, err, "Wrap")
}
