package keyring_test

import (
	"testing"

	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/token"
)

// A database that takes over without the last commits of the one before gives their
// revisions to others: one of them may revoke a key.
func TestARevocationIsSeenUnderARevisionThatWasThereBefore(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.open(t)
	id := ring(t, k, contoso, token.ES256).Current().ID()
	if err := f.open(t).Revoke(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	f.store.mu.Lock()
	for key, r := range f.store.all {
		r.Revision = 1 // that of the first key
		f.store.all[key] = r
	}
	f.store.mu.Unlock()
	if err := k.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range k.Keys() {
		if s.ID == id && s.State != keyring.StateRevoked {
			t.Errorf("the key is %s, want it revoked", s.State)
		}
	}
	if got := ring(t, k, contoso, token.ES256).Current().ID(); got == id {
		t.Error("the key signs")
	}
}
