package instance

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/azattest/azattest/store"
)

// place makes the changes of an administrator, who has all existing instances to
// look at. Every such change writes one and the same record, so that of two at
// once one begins again and sees the other.
func (d *Directory) place(ctx context.Context, change func(existing map[string]kept) ([]store.Change, error)) error {
	id := d.newID()
	for range maxAttempts {
		revision, last, err := d.lastPlacing(ctx)
		if err != nil {
			return err
		}
		if last == id {
			return nil
		}
		existing, err := d.readSettings(ctx)
		if err != nil {
			return err
		}
		changes, err := change(existing)
		if err != nil {
			return err
		}
		changes = append(changes, store.Put(placesKey, mustEncode(placing{id}), revision))
		isDone, err := d.commit(ctx, changes, func() (bool, error) {
			_, last, err := d.lastPlacing(ctx)
			return last == id, err
		})
		if err != nil || isDone {
			return err
		}
	}
	return &ContendedError{placesKey}
}

// placing is the record that every change of instances puts anew.
type placing struct {
	ID string `json:"id"`
}

func (d *Directory) lastPlacing(ctx context.Context) (int64, string, error) {
	r, err := d.config.Store.Get(ctx, placesKey)
	if errors.Is(err, store.ErrNotFound) {
		return 0, "", nil
	}
	if err != nil {
		return 0, "", err
	}
	var last placing
	return r.Revision, last.ID, decode(placesKey, r.Value, &last)
}

// kept are settings with the revision of their record.
type kept struct {
	settings Settings
	revision int64
	// err says why they cannot be read.
	err error
}

// readSettings reads those of all instances.
func (d *Directory) readSettings(ctx context.Context) (map[string]kept, error) {
	existing := map[string]kept{}
	_, err := d.config.Store.Each(ctx, prefix, func(r store.Record) error {
		p, ok := parseKey(r.Key)
		if !ok || p.kind != "" {
			return nil
		}
		s, err := decodeSettings(r.Key, r.Value)
		existing[p.name] = kept{s, r.Revision, err}
		return nil
	})
	return existing, err
}

// checkPlaces refuses settings that claim a host and path of another instance, and
// all settings while nobody knows what another one claims.
func checkPlaces(s Settings, existing map[string]kept) error {
	taken := map[place]string{}
	for name, k := range existing {
		if name == s.Name {
			continue
		}
		if k.err != nil {
			return k.err
		}
		for _, p := range k.settings.places() {
			taken[p] = name
		}
	}
	for _, p := range s.places() {
		if name, ok := taken[p]; ok {
			return &TakenError{name, p.host + p.base}
		}
	}
	return nil
}

// mustEncode encodes our own types, of which none can fail.
func mustEncode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("instance: " + err.Error())
	}
	return text
}
