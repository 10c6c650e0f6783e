package vault

import (
	"context"
	"errors"

	"github.com/azattest/azattest/store"
)

// Update changes what a version of a key says beside its secret, the current one if
// the version is empty. If others change it at the same time, both changes are made,
// one after the other. Errors are those of [Vault.Create] and [Vault.Get].
func (v *Vault) Update(ctx context.Context, name, version string, u Update) (*Version, error) {
	var changed *Version
	err := v.change(ctx, name, func() ([]store.Change, error) {
		h, e, err := v.find(ctx, name, version)
		if err != nil {
			return nil, err
		}
		// Should another one become current, the change is still of the one that was:
		// the first look decides.
		version = e.place.version
		m := *e.metadata
		if err := u.apply(&m); err != nil {
			return nil, err
		}
		m.Updated = v.seconds()
		r, err := v.sealer.changed(e.place, e.record, &m)
		if errors.Is(err, errChanged) {
			return nil, &SealError{name, version, err.Error()}
		}
		if err != nil {
			return nil, err
		}
		one, err := put(e.place, r, e.revision)
		if err != nil {
			return nil, err
		}
		changed = m.version(h.Name, e.place.version)
		return []store.Change{one}, nil
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}
