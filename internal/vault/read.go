package vault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/store"
)

// head is the list of versions of a key, with the revision of its record.
type head struct {
	*list
	place    place
	revision int64
}

// entry is a version, with the revision of its record.
type entry struct {
	*metadata
	place    place
	record   *record
	revision int64
}

// load returns the record at a place and its revision, 0 if there is none.
func (v *Vault) load(ctx context.Context, name string, p place) (*record, int64, error) {
	found, err := v.store.Get(ctx, p.key())
	if errors.Is(err, store.ErrNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("vault: read key %s: %w", shown(name), err)
	}
	r, err := parseRecord(found.Value)
	if err != nil {
		return nil, 0, &SealError{name, p.version, err.Error()}
	}
	return r, found.Revision, nil
}

// head returns the list of versions of a key, or a *NotFoundError.
func (v *Vault) head(ctx context.Context, name string) (*head, error) {
	p, ok := placeOf(name, "")
	if !ok {
		return nil, &NotFoundError{Name: name}
	}
	r, revision, err := v.load(ctx, name, p)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, &NotFoundError{Name: name}
	}
	l, err := v.sealer.openList(p, r)
	if err != nil {
		return nil, &SealError{name, "", err.Error()}
	}
	return &head{l, p, revision}, nil
}

// find returns a version of a key, "" for the current one, with the list that it
// stands in: a record that is not listed was deleted, or put there by others.
func (v *Vault) find(ctx context.Context, name, version string) (*head, *entry, error) {
	before := int64(0)
	for range maxAttempts {
		h, err := v.head(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		p := h.place.of(cmp.Or(strings.ToLower(version), h.current()))
		if !h.has(p.version) {
			return nil, nil, &NotFoundError{name, version}
		}
		r, revision, err := v.load(ctx, name, p)
		if err != nil {
			return nil, nil, err
		}
		if r != nil {
			m, err := v.sealer.openMetadata(p, r)
			if err != nil {
				return nil, nil, &SealError{name, p.version, err.Error()}
			}
			return h, &entry{m, p, r, revision}, nil
		}
		// It was deleted after the list was read, or else the list has not changed.
		if h.revision == before {
			return nil, nil, &SealError{name, p.version, "listed, but its record is not there: restore a backup, or discard the key"}
		}
		before = h.revision
	}
	return nil, nil, &ConflictError{Name: name}
}

func (e *entry) public(h *head) *Version { return e.version(h.Name, e.place.version) }

// Get returns a version of a key, the current one if the version is empty. The error
// wraps a *[NotFoundError] if there is none, or a *[SealError] if its record cannot be
// used.
func (v *Vault) Get(ctx context.Context, name, version string) (*Version, error) {
	h, e, err := v.find(ctx, name, version)
	if err != nil {
		return nil, err
	}
	return e.public(h), nil
}

// ReleaseKey returns a version of a key with its secret, the current one if the
// version is empty. Who calls it decides whether it is released, and clears the
// Material. Errors are those of [Vault.Get].
func (v *Vault) ReleaseKey(ctx context.Context, name, version string) (*keyrelease.Key, error) {
	h, e, err := v.find(ctx, name, version)
	if err != nil {
		return nil, err
	}
	material, err := v.sealer.openMaterial(e.place, e.record)
	if err != nil {
		return nil, &SealError{name, e.place.version, err.Error()}
	}
	key := e.key(h.Name, e.place.version)
	key.Material = material
	return &key, nil
}
