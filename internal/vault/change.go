package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/azattest/azattest/store"
)

// change has decide look at a key and commits what it wants, unless somebody else
// changed the key meanwhile: then it looks again. So decide must find out by itself
// what was done already. If it wants nothing, that is the end.
func (v *Vault) change(ctx context.Context, name string, decide func() ([]store.Change, error)) error {
	var last error
	for range maxAttempts {
		changes, err := decide()
		if err != nil && isUncertain(last) {
			// What was to be found out is not.
			return &UncertainError{Name: name, Err: errors.Join(last, err)}
		}
		if err != nil || len(changes) == 0 {
			return err
		}
		_, last = v.store.Commit(ctx, changes...)
		if last == nil {
			return nil
		}
		// A commit that may have happened is found out by looking.
		if !isConflict(last) && !isUncertain(last) {
			break
		}
	}
	if isConflict(last) {
		return &ConflictError{name, last}
	}
	if isUncertain(last) {
		return &UncertainError{name, last}
	}
	return fmt.Errorf("vault: write key %s: %w", shown(name), last)
}

// put writes a record if the one at its place has the revision that was read.
func put(p place, r *record, revision int64) (store.Change, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return store.Change{}, fmt.Errorf("vault: record of a key: %w", err)
	}
	return store.Put(p.key(), raw, revision), nil
}

func isConflict(err error) bool {
	_, ok := errors.AsType[*store.ConflictError](err)
	return ok
}

func isUncertain(err error) bool {
	_, ok := errors.AsType[*store.UncertainError](err)
	return ok
}
