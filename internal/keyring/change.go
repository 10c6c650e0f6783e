package keyring

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/token"
)

// decision is what to change, seen from one state of the records.
type decision func(*view) ([]store.Change, error)

// change has decide look at the records and commits what it wants, unless
// somebody else changed a key of the algorithm meanwhile: then it looks again. So
// decide must find out by itself what was done already. If it wants nothing, that
// is the end. On success the records have been read again.
func (k *Keyring) change(ctx context.Context, a token.Algorithm, decide decision) error {
	if err := k.take(ctx); err != nil {
		return err
	}
	defer k.release()
	for range maxAttempts {
		v, err := k.load(ctx)
		if err != nil {
			return err
		}
		changes, err := decide(v)
		if err != nil || len(changes) == 0 {
			return err
		}
		changes = append(changes, store.Put(familyKey(a), []byte("{}"), v.families[a]))
		_, err = k.config.Store.Commit(ctx, changes...)
		if err == nil {
			_, err := k.load(ctx)
			return err
		}
		// A commit that may have happened is found out by looking.
		if !isConflict(err) && !isUncertain(err) {
			return fmt.Errorf("keyring: write the keys: %w", err)
		}
	}
	return fmt.Errorf("keyring: gave up after %d attempts, for somebody else kept changing the keys for %s: try again", maxAttempts, a)
}

// draft is a key that is made and not yet in the store.
type draft struct {
	*record
	raw []byte
	// device is what holds it, nil for memory.
	device Device
}

// draft makes a key that follows those in the view. It is made once, for all
// attempts to store it.
func (k *Keyring) draft(ctx context.Context, v *view, a token.Algorithm, activeFrom time.Time) (*draft, error) {
	d := &draft{device: k.config.Devices[a]}
	r := &record{Version: recordVersion, Algorithm: a, Sequence: min(v.last(a)+1, maxSequence), CreatedAt: k.seconds(), ActiveFrom: activeFrom}
	d.record = r
	signer, err := k.generate(ctx, d)
	if err != nil {
		return nil, err
	}
	pub := signer.Public()
	if r.ID, err = keyIDOf(pub); err != nil {
		return nil, err
	}
	if r.PublicKey, err = x509.MarshalPKIXPublicKey(pub); err != nil {
		return nil, fmt.Errorf("keyring: new key for %s: %w", a, err)
	}
	if err := k.attest(ctx, r, signer); err != nil {
		d.abandon(ctx, k.config.Log)
		return nil, err
	}
	if d.device != nil {
		signer = nil
	}
	if d.raw, err = k.seal(r, signer); err != nil {
		return nil, err
	}
	if len(d.raw) > maxRecord || len(r.Device) > maxDeviceReference {
		d.abandon(ctx, k.config.Log)
		return nil, fmt.Errorf("keyring: new key for %s: a record of %d bytes with a device's name of %d, want at most %d and %d", a, len(d.raw), len(r.Device), maxRecord, maxDeviceReference)
	}
	return d, nil
}

func (k *Keyring) generate(ctx context.Context, d *draft) (crypto.Signer, error) {
	a := d.Algorithm
	if d.device == nil {
		signer, err := token.GenerateSigner(a, k.config.Bits[a])
		if err != nil {
			return nil, fmt.Errorf("keyring: new key: %w", err)
		}
		return signer, nil
	}
	name, signer, err := d.device.NewKey(ctx, a, k.config.Bits[a])
	if err != nil {
		return nil, fmt.Errorf("keyring: new key for %s in the device: %w", a, err)
	}
	if name == "" {
		return nil, fmt.Errorf("keyring: new key for %s: the device has no name for it", a)
	}
	d.Device = name
	return signer, nil
}

// attest adds the report that vouches for a new key. A trial certificate shows
// that the report is bound to the key, and that the key can sign, before anybody
// depends on either.
func (k *Keyring) attest(ctx context.Context, r *record, signer crypto.Signer) error {
	if k.config.Report != nil {
		data, err := token.ReportData(signer.Public())
		if err != nil {
			return err
		}
		if r.Report, err = k.config.Report(ctx, data); err != nil {
			return fmt.Errorf("keyring: report for the new key %s: %w", r.ID, err)
		}
	}
	if len(r.Report) == 0 {
		r.Report = nil
	}
	if _, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: r.Algorithm, Issuer: "https://trial.invalid", Report: r.Report}); err != nil {
		return fmt.Errorf("keyring: new key %s: %w", r.ID, err)
	}
	return nil
}

// abandon removes from its device a key that nobody will use. If that fails, it
// stays there, named in the log.
func (d *draft) abandon(ctx context.Context, log *slog.Logger) {
	if d.device == nil {
		return
	}
	if err := d.device.DestroyKey(context.WithoutCancel(ctx), d.Device); err != nil {
		log.WarnContext(ctx, "a key that is not used stays in the device", slog.String("device_key", d.Device), slog.Any("error", err))
	}
}

// seconds is the time in the resolution of records.
func (k *Keyring) seconds() time.Time { return k.config.Clock().UTC().Truncate(time.Second) }

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

func isConflict(err error) bool {
	_, ok := errors.AsType[*store.ConflictError](err)
	return ok
}

func isUncertain(err error) bool {
	_, ok := errors.AsType[*store.UncertainError](err)
	return ok
}
