package vault

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/store"
)

// Create makes a key, or another version of one that there is, which becomes the
// current one. Making an RSA key takes up to some seconds, whatever the context says.
//
// Like Key Vault it refuses a new version that is exportable if the current one is
// not, or the other way round. Stricter than Key Vault, an immutable policy goes on: a
// new version must come with the same text, and its policy is immutable, too.
//
// The error is a *[ParameterError] for what cannot be, a *[ConflictError] if others
// kept changing the key, a *[SealError] if the records of the key cannot be used.
func (v *Vault) Create(ctx context.Context, name string, t Template) (*Version, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	k, err := kindOf(&t)
	if err != nil {
		return nil, err
	}
	// Before a key is made, which takes long.
	if err := t.apply(&metadata{Type: t.Type}); err != nil {
		return nil, err
	}
	made, err := k.generate()
	if err != nil {
		return nil, err
	}
	return v.add(ctx, name, t.Type, made, &t.Settings)
}

// Import keeps a key that was made elsewhere: RSA of 2048 to 8192 bits, EC on one of
// the three curves, or a symmetric key of 16 to 64 bytes. Rules and errors are those
// of [Vault.Create].
func (v *Vault) Import(ctx context.Context, name string, i Import) (*Version, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	key, err := i.read()
	if err != nil {
		return nil, err
	}
	return v.add(ctx, name, i.Type, key, &i.Settings)
}

func checkName(name string) error {
	if !keyrelease.IsKeyName(name) {
		return refuse("key name %s, want 1 to 127 letters, digits and hyphens", shown(name))
	}
	return nil
}

// add keeps a new key under a name.
func (v *Vault) add(ctx context.Context, name, kty string, key secretKey, s *Settings) (*Version, error) {
	m, err := metadataOf(kty, key)
	if err == nil {
		err = s.apply(m)
	}
	if err != nil {
		clear(key.material)
		return nil, err
	}
	return v.extend(ctx, name, key, func(current *metadata) (*metadata, error) {
		next := *m
		if current == nil {
			return &next, nil
		}
		return &next, next.follow(current)
	})
}

// Rotate makes another version like the current one: of the same type, size or curve,
// with the same operations, tags, policy and attributes. It is made now, and when the
// current one expires does not count for it. Errors are those of [Vault.Create] and
// [Vault.Get]; one of them is for an RSA key of a size that is only imported.
func (v *Vault) Rotate(ctx context.Context, name string) (*Version, error) {
	_, e, err := v.find(ctx, name, "")
	if err != nil {
		return nil, err
	}
	k := e.kind()
	key, err := k.generate()
	if err != nil {
		return nil, err
	}
	return v.extend(ctx, name, key, func(current *metadata) (*metadata, error) {
		switch {
		case current == nil:
			return nil, &NotFoundError{Name: name}
		case current.kind() != k:
			return nil, &ConflictError{Name: name}
		}
		next, err := metadataOf(current.Type, key)
		if err != nil {
			return nil, err
		}
		like := *current
		like.PublicKey, like.public, like.Bytes, like.Expires = next.PublicKey, next.public, next.Bytes, 0
		like.Operations, like.Tags = slices.Clone(current.Operations), maps.Clone(current.Tags)
		return &like, nil
	})
}

// extend adds a version to a key and clears its secret. Describe returns the metadata
// of the version, seen from the current one, nil if there is none.
func (v *Vault) extend(ctx context.Context, name string, key secretKey, describe func(current *metadata) (*metadata, error)) (*Version, error) {
	defer clear(key.material)
	version, now := newVersion(), v.seconds()
	var made *Version
	err := v.change(ctx, name, func() ([]store.Change, error) {
		h, e, err := v.find(ctx, name, "")
		switch {
		case isNotFound(err):
			p, _ := placeOf(name, "")
			h, e = &head{&list{Name: name}, p, 0}, nil
		case err != nil:
			return nil, err
		case h.has(version):
			return nil, nil // by an attempt of which the store could not say so
		case len(h.Versions) >= maxVersions:
			return nil, refuse("key %s has %d versions, the most that there may be: go on under another name, or delete the key", name, len(h.Versions))
		}
		var current *metadata
		var changes []store.Change
		if e != nil {
			// Its policy may become immutable meanwhile.
			current, changes = e.metadata, []store.Change{store.Check(e.place.key(), e.revision)}
		}
		m, err := describe(current)
		if err != nil {
			return nil, err
		}
		m.Created, m.Updated = now, now
		p := h.place.of(version)
		r, err := v.sealer.sealVersion(p, m, key.material)
		if err != nil {
			return nil, err
		}
		one, err := put(p, r, 0)
		if err != nil {
			return nil, err
		}
		all, err := v.putList(h, append(slices.Clone(h.Versions), version))
		if err != nil {
			return nil, err
		}
		made = m.version(h.Name, version)
		return append(changes, one, all), nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (h *head) has(version string) bool { return slices.Contains(h.Versions, version) }

// putList writes the list of a key with other versions.
func (v *Vault) putList(h *head, versions []string) (store.Change, error) {
	r, err := v.sealer.sealList(h.place, &list{h.Name, versions})
	if err != nil {
		return store.Change{}, fmt.Errorf("vault: list of versions: %w", err)
	}
	return put(h.place, r, h.revision)
}
