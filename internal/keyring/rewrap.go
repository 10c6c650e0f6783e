package keyring

import (
	"context"

	"github.com/azattest/azattest/store"
)

// Rewrap seals anew, with the first wrapping key, all records that are sealed
// with another one, and returns how many. Until it has succeeded the old wrapping
// key must stay on the list, and every replica must have the new one before.
func (k *Keyring) Rewrap(ctx context.Context) (int, error) {
	if k.config.Wrap == nil {
		return 0, &ConfigError{"Wrap", "missing, want the key to seal with"}
	}
	first, total := k.config.Wrap.keys[0].id, 0
	for _, a := range algorithms {
		count := 0
		if err := k.change(ctx, a, func(v *view) ([]store.Change, error) {
			count = 0
			if err := v.problem(); err != nil {
				return nil, err
			}
			var changes []store.Change
			for _, e := range v.of(a) {
				if e.isRevoked() || e.WrappedWith == first {
					continue
				}
				r := *e.record
				change, err := k.put(e, &r)
				if err != nil {
					return nil, err
				}
				changes = append(changes, change)
				count++
			}
			return changes, nil
		}); err != nil {
			return total, err
		}
		total += count
	}
	return total, nil
}
