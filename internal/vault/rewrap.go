package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/azattest/azattest/store"
)

// RewrapError says that some records could not be sealed anew. All others were.
type RewrapError struct {
	// Failed is how many there are, Errors the first of them.
	Failed int
	Errors []error
}

func (e *RewrapError) Error() string {
	texts := make([]string, 0, len(e.Errors))
	for _, err := range e.Errors {
		texts = append(texts, strings.TrimPrefix(err.Error(), "vault: "))
	}
	text := fmt.Sprintf("vault: %d records are not sealed anew, so keep the old wrapping key: %s", e.Failed, strings.Join(texts, "; "))
	if more := e.Failed - len(e.Errors); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// Unwrap returns the single errors.
func (e *RewrapError) Unwrap() []error { return e.Errors }

// Rewrap seals anew, with the first secret, all records that are sealed with another
// one, and returns how many. Every replica must have the new secret before, and until
// Rewrap has succeeded the old one must stay on the list. It goes on past records that
// cannot be used, and ends with a *[RewrapError] that names them.
func (v *Vault) Rewrap(ctx context.Context) (int, error) {
	var places []string
	for _, prefix := range []string{keysPrefix, versionsPrefix} {
		_, err := v.store.Each(ctx, prefix, func(r store.Record) error {
			if parsed, err := parseRecord(r.Value); err != nil || parsed.SealedWith != v.sealer.first() {
				places = append(places, r.Key)
			}
			return nil
		})
		if err != nil {
			return 0, fmt.Errorf("vault: read the keys: %w", err)
		}
	}
	count, failures := 0, &RewrapError{}
	for _, key := range places {
		done, err := v.rewrap(ctx, key)
		if done {
			count++
		}
		if err == nil {
			continue
		}
		if !isSeal(err) {
			return count, err
		}
		if failures.Failed++; len(failures.Errors) < maxNamedFailures {
			failures.Errors = append(failures.Errors, err)
		}
	}
	if failures.Failed > 0 {
		return count, failures
	}
	return count, nil
}

// rewrap seals one record anew, and reports whether it had to.
func (v *Vault) rewrap(ctx context.Context, key string) (bool, error) {
	p, ok := parsePlace(key)
	if !ok {
		return false, &SealError{key, "", "not the record of a key: none of ours wrote it: delete the record"}
	}
	wrote := false
	err := v.change(ctx, p.name, func() ([]store.Change, error) {
		wrote = false
		r, revision, err := v.load(ctx, p.name, p)
		if err != nil {
			return nil, err
		}
		if r == nil || r.SealedWith == v.sealer.first() {
			return nil, nil // deleted or written meanwhile
		}
		again, err := v.sealer.resealed(p, r)
		if err != nil {
			return nil, &SealError{p.name, p.version, err.Error()}
		}
		one, err := put(p, again, revision)
		if err != nil {
			return nil, err
		}
		wrote = true
		return []store.Change{one}, nil
	})
	return wrote && err == nil, err
}

func isSeal(err error) bool {
	_, ok := errors.AsType[*SealError](err)
	return ok
}
