package keyring

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/token"
)

// load reads the records and installs what they mean. It is called with the turn
// taken. Its error means that nothing was read; what is wrong with single records
// stands in the view.
func (k *Keyring) load(ctx context.Context) (*view, error) {
	// The visit must be short: opening keys comes later.
	var found []store.Record
	if _, err := k.config.Store.Each(ctx, keysPrefix, func(r store.Record) error {
		found = append(found, r)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("keyring: read the keys: %w", err)
	}
	before := k.state.Load().view
	v := &view{entries: map[string]*entry{}, families: map[token.Algorithm]int64{}}
	for _, r := range found {
		id, isKey := idOf(r.Key)
		if !isKey {
			// Records of algorithms, and whatever a newer program keeps here.
			v.families[token.Algorithm(strings.TrimPrefix(r.Key, keysPrefix))] = r.Revision
			continue
		}
		e, problem := k.entry(id, r, before.entries[id])
		if problem != nil {
			v.bad = append(v.bad, problem)
		}
		if e == nil {
			continue
		}
		v.entries[id] = e
		if e.isRevoked() {
			k.revoked[id] = e.RevokedAt
		}
	}
	k.install(v)
	return v, nil
}

// entry makes an entry of a record, or returns the one from before with what is
// wrong with the record.
func (k *Keyring) entry(id string, raw store.Record, before *entry) (*entry, *RecordError) {
	sum := sha256.Sum256(raw.Value)
	if before != nil && before.revision == raw.Revision && before.sum == sum {
		return before, before.problem
	}
	e, err := k.read(id, raw)
	if err == nil {
		e.sum = sum
		return e, nil
	}
	problem := &RecordError{ID: id, Problem: "not used", Err: err}
	if before == nil {
		return nil, problem
	}
	// Most likely it was sealed with a wrapping key that this replica is yet to
	// be given. The revision is the new one, so that the record can be replaced.
	kept := *before
	kept.revision, kept.sum, kept.problem = raw.Revision, sum, problem
	return &kept, problem
}

func (k *Keyring) read(id string, raw store.Record) (*entry, error) {
	r, err := parseRecord(raw.Value)
	if err != nil {
		return nil, err
	}
	if r.ID != id {
		return nil, fmt.Errorf("it stands in the place of this key and is that of %s", r.ID)
	}
	if at, ok := k.revoked[id]; ok && !r.isRevoked() {
		return nil, fmt.Errorf("revoked at %s, and now it is not: somebody put an older state of it back", at.Format(time.RFC3339))
	}
	return k.open(r, raw.Revision)
}

// Discard removes the record of a key whatever is in it, even if no wrapping key
// opens it: the way out if [Open] refuses a record. It returns an
// *[UnknownKeyError] if there is none.
func Discard(ctx context.Context, s store.Store, id string) error {
	key, err := recordKey(id)
	if err != nil {
		return err
	}
	if _, err := s.Get(ctx, key); isNotFound(err) {
		return &UnknownKeyError{ID: id}
	} else if err != nil {
		return fmt.Errorf("keyring: discard key %s: %w", id, err)
	}
	if _, err := s.Commit(ctx, store.Delete(key, store.Any)); err != nil {
		return fmt.Errorf("keyring: discard key %s: %w", id, err)
	}
	return nil
}

// unusable says whether some record could not be used and has no state before
// that could stand in.
func (v *view) unusable() bool {
	return slices.ContainsFunc(v.bad, func(r *RecordError) bool { return v.entries[r.ID] == nil })
}
