package instance

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/store"
)

// keysPrefix is where the key ring keeps its records.
const keysPrefix = "keys/"

// Refresh reads what has changed in the store since the last time. After a failure
// it reads everything: the database that answers may be another one, which took over
// without the last commits of the one before, and counts on from there.
func (d *Directory) Refresh(ctx context.Context) error {
	d.refreshing.Lock()
	defer d.refreshing.Unlock()
	known := d.view.Load()
	next := known
	var err error
	if !d.isDoubtful && known.revision > 0 {
		next, err = d.follow(ctx, known)
	}
	if err == nil && next.revision < known.revision {
		// Somebody put another store in this one's place, such as a backup, whose
		// revisions begin anew. What was known is worth nothing.
		d.config.Log.LogAttrs(ctx, slog.LevelWarn, "the store was replaced, all of it is read again",
			slog.Int64("revision", next.revision), slog.Int64("known", known.revision))
		next = known
	}
	if err == nil && next == known {
		next, err = d.readAll(ctx)
	}
	d.isDoubtful = err != nil
	if err != nil {
		return err
	}
	d.view.Store(next)
	return nil
}

// follow returns the view after another one.
func (d *Directory) follow(ctx context.Context, known *view) (*view, error) {
	var changed []store.Record
	haveKeysChanged := false
	// What the store answers was true at some time after this.
	asOf := time.Now()
	revision, err := d.config.Store.Changes(ctx, known.revision, func(r store.Record) error {
		if strings.HasPrefix(r.Key, prefix) {
			changed = append(changed, r)
		}
		haveKeysChanged = haveKeysChanged || strings.HasPrefix(r.Key, keysPrefix)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if haveKeysChanged {
		if err := d.refreshKeys(ctx); err != nil {
			return nil, err
		}
	}
	next := &view{revision: revision, asOf: asOf, instances: known.instances, places: known.places, broken: known.broken}
	if len(changed) > 0 {
		err = d.apply(ctx, next, changed, false)
	}
	return next, err
}

// readAll returns a view that owes nothing to another one. Of the history, which may
// be long, it reads nothing.
func (d *Directory) readAll(ctx context.Context) (*view, error) {
	var all []store.Record
	asOf := time.Now()
	revision, err := d.config.Store.Each(ctx, prefix, func(r store.Record) error {
		all = append(all, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := d.refreshKeys(ctx); err != nil {
		return nil, err
	}
	next := &view{revision: revision, asOf: asOf}
	return next, d.apply(ctx, next, all, true)
}

// refreshKeys reads the keys again. A record that cannot be used, such as one that
// is sealed with a wrapping key that this replica is yet to be given, leaves all
// other keys as they should be, and does not end attestation: anybody who writes to
// the store could do so with a few bytes, on all replicas at once.
func (d *Directory) refreshKeys(ctx context.Context) error {
	err := d.config.Keys.Refresh(ctx)
	if partial, ok := errors.AsType[interface {
		error
		IsPartial() bool
	}](err); ok && partial.IsPartial() {
		d.config.Log.LogAttrs(ctx, slog.LevelError, "a signing key cannot be used, what was known of it before still holds",
			slog.String("cause", err.Error()))
		return nil
	}
	return err
}

// apply puts changed records into a view that is not yet shared. It fails if the
// store does: what could not be asked for is asked for again, and nobody is blamed.
func (d *Directory) apply(ctx context.Context, next *view, changed []store.Record, isWhole bool) error {
	next.instances, next.broken = maps.Clone(next.instances), maps.Clone(next.broken)
	if next.instances == nil {
		next.instances, next.broken = map[string]*Instance{}, map[string]error{}
	}
	for name, records := range byInstance(changed) {
		before := next.instances[name]
		if before == nil && !isWhole {
			// Of an instance that is new, or could not be read, more may be there than
			// what has changed of late.
			var err error
			if records, err = d.read(ctx, name); err != nil {
				return err
			}
		}
		made, err := d.changed(before, name, records)
		switch {
		case err != nil:
			// Nothing is served that may have been changed in a way that this
			// release does not understand.
			d.config.Log.LogAttrs(ctx, slog.LevelError, "an instance cannot be read and is not served",
				slog.String("instance", name), slog.String("cause", err.Error()))
			delete(next.instances, name)
			next.broken[name] = err
		case made == nil:
			delete(next.instances, name)
			delete(next.broken, name)
		default:
			next.instances[name] = made
			delete(next.broken, name)
		}
	}
	next.places = make(map[place]*Instance, len(next.instances))
	for _, i := range next.instances {
		for _, p := range i.places {
			// Two never claim one place: Create and Update see to it.
			next.places[p] = i
		}
	}
	return nil
}

func byInstance(changed []store.Record) map[string][]store.Record {
	grouped := map[string][]store.Record{}
	for _, r := range changed {
		if p, ok := parseKey(r.Key); ok {
			grouped[p.name] = append(grouped[p.name], r)
		}
	}
	return grouped
}

// read returns all records of an instance. They may be newer than the view, and
// then come once more.
func (d *Directory) read(ctx context.Context, name string) ([]store.Record, error) {
	keys := []string{settingsKey(name), certificatesKey(name)}
	for _, t := range attest.Types() {
		keys = append(keys, policyKey(name, t))
	}
	var records []store.Record
	for _, key := range keys {
		r, err := d.config.Store.Get(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// changed returns what records make of an instance: another one, or nil if it was
// deleted.
func (d *Directory) changed(before *Instance, name string, records []store.Record) (*Instance, error) {
	after := &Instance{directory: d, policies: map[attest.Type]Policy{}}
	if before != nil {
		after.settings, after.places, after.revision = before.settings, before.places, before.revision
		after.certificates = before.certificates
		after.policies = maps.Clone(before.policies)
	}
	for _, r := range records {
		if err := after.take(r); err != nil {
			return nil, err
		}
	}
	if after.settings.Name == "" {
		return nil, nil //nolint:nilnil // an instance that was deleted is none
	}
	if err := after.settings.Validate(); err != nil {
		return nil, err
	}
	if (after.settings.Mode == Isolated) != (len(after.certificates) > 0) {
		return nil, &SettingsError{name, "Mode", "does not fit the certificates: Isolated has some, the others have none"}
	}
	return after, nil
}

// take puts one record into an instance that is not yet shared.
func (i *Instance) take(r store.Record) error {
	p, _ := parseKey(r.Key)
	isDeleted := r.Value == nil
	switch p.kind {
	case "":
		i.settings, i.revision = Settings{}, r.Revision
		if isDeleted {
			return nil
		}
		s, err := decodeSettings(r.Key, r.Value)
		i.settings, i.places = s, s.places()
		return err
	case certificatesSuffix:
		i.certificates = nil
		if isDeleted {
			return nil
		}
		list, err := decodeCertificates(r.Key, r.Value)
		i.certificates = list.Certificates
		return err
	case policiesPart:
		delete(i.policies, p.typ)
		if isDeleted {
			return nil
		}
		kept, err := decodePolicy(r.Key, r.Value)
		if err != nil {
			return err
		}
		// The text is all that attestation needs of it.
		i.policies[p.typ] = Policy{Version: kept.Version, Token: kept.Token, Text: kept.Text, Signer: kept.Signer}
	}
	return nil
}
