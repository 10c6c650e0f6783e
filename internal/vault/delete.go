package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/azattest/azattest/store"
)

// Delete ends a key: all of its versions, for good. It returns the version that was
// the current one. A key of more than 120 versions is deleted in several steps, the
// oldest first; if one of them fails, the rest of the key is there, and Delete goes on
// when it is called again. Errors are those of [Vault.Get], or a *[ConflictError].
func (v *Vault) Delete(ctx context.Context, name string) (*Version, error) {
	var last *Version
	steps := 0
	for {
		done := false
		err := v.change(ctx, name, func() ([]store.Change, error) {
			h, e, err := v.find(ctx, name, "")
			if isNotFound(err) && last != nil {
				done = true // by another, or by an attempt of which the store could not say so
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			last = e.public(h)
			versions := h.Versions[:min(deleteAtOnce, len(h.Versions))]
			rest := h.Versions[len(versions):]
			changes := make([]store.Change, 0, len(versions)+1)
			for _, version := range versions {
				// Whoever adds one writes the list, and what was changed meanwhile goes
				// as well. So the list's revision speaks for all.
				changes = append(changes, store.Delete(h.place.of(version).key(), store.Any))
			}
			if done = len(rest) == 0; done {
				return append(changes, store.Delete(h.place.key(), h.revision)), nil
			}
			shorter, err := v.putList(h, slices.Clone(rest))
			if err != nil {
				return nil, err
			}
			return append(changes, shorter), nil
		})
		if err != nil && steps > 0 {
			// The oldest versions are gone.
			return nil, &UncertainError{name, err}
		}
		if err != nil {
			return nil, err
		}
		if done {
			return last, nil
		}
		steps++
	}
}

// Discard removes all records of a key, whether or not they can be used: it is for a
// key whose wrapping key is lost, or whose records were damaged. The error is a
// *[NotFoundError] if there is no record, a *[ConflictError] if others changed one
// meanwhile: what is left is removed when Discard is called again.
func (v *Vault) Discard(ctx context.Context, name string) error {
	p, ok := placeOf(name, "")
	if !ok {
		return &NotFoundError{Name: name}
	}
	var found []store.Change
	collect := func(r store.Record) error {
		found = append(found, store.Delete(r.Key, r.Revision))
		return nil
	}
	// The list goes first: from then on nothing of the key is released. And whoever
	// adds a version writes the list.
	list, err := v.store.Get(ctx, p.key())
	if err == nil {
		err = collect(list)
	} else if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	if err == nil {
		_, err = v.store.Each(ctx, versionsPrefix+p.name+"/", collect)
	}
	if err != nil {
		return fmt.Errorf("vault: read key %s: %w", shown(name), err)
	}
	if len(found) == 0 {
		return &NotFoundError{Name: name}
	}
	for some := range slices.Chunk(found, deleteAtOnce) {
		if some[0].Key() != p.key() {
			some = append(slices.Clip(some), store.Check(p.key(), 0))
		}
		_, err := v.store.Commit(ctx, some...)
		switch {
		case isConflict(err):
			return &ConflictError{name, err}
		case err != nil:
			return fmt.Errorf("vault: discard key %s: %w", shown(name), err)
		}
	}
	return nil
}
