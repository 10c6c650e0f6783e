package keyring

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"fmt"

	"github.com/azattest/azattest/store"
)

// entry is a record in use. It is immutable.
type entry struct {
	*record
	revision int64
	// sum is the SHA-256 of what is in the store. A revision alone says nothing if
	// another database took over.
	sum [sha256.Size]byte
	// signer is nil for a key that is revoked or held by a device.
	signer crypto.Signer
	// problem is set if the record in the store could not be used, and this is
	// its state before.
	problem *RecordError
}

// open makes an entry of a record, if it is genuine.
func (k *Keyring) open(r *record, revision int64) (*entry, error) {
	e := &entry{record: r, revision: revision}
	if r.isRevoked() {
		return e, nil
	}
	plain, err := k.unseal(r)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	if r.Device != "" {
		if len(plain) > 0 {
			return nil, fmt.Errorf("held by a device, and yet with a private key")
		}
		return e, nil
	}
	if e.signer, err = parsePrivateKey(plain); err != nil {
		return nil, err
	}
	return e, matches(e.signer, r)
}

// matches refuses a signer that is not the record's key.
func matches(signer crypto.Signer, r *record) error {
	id, err := keyIDOf(signer.Public())
	if err != nil {
		return err
	}
	if id != r.ID {
		return fmt.Errorf("the private key is that of %s", id)
	}
	return nil
}

func (k *Keyring) unseal(r *record) ([]byte, error) {
	switch {
	case r.WrappedWith == "" && k.config.Wrap != nil:
		return nil, fmt.Errorf("not sealed, and here is a wrapping key: anybody may have written it")
	case r.WrappedWith == "":
		// A copy, for it will be wiped.
		return append([]byte{}, r.Box...), nil
	case k.config.Wrap == nil:
		return nil, &WrappingError{Problem: fmt.Sprintf("sealed with the wrapping key %s, and none is given", clip(r.WrappedWith))}
	}
	associated, err := r.associated()
	if err != nil {
		return nil, err
	}
	return k.config.Wrap.open(r.WrappedWith, r.Box, associated)
}

// seal completes a record with its private key, nil for a device's, and returns
// what to store.
func (k *Keyring) seal(r *record, signer crypto.Signer) ([]byte, error) {
	var plain []byte
	if signer != nil {
		var err error
		if plain, err = x509.MarshalPKCS8PrivateKey(signer); err != nil {
			return nil, fmt.Errorf("keyring: key %s: cannot be encoded", r.ID)
		}
	}
	if k.config.Wrap == nil {
		r.WrappedWith, r.Box = "", plain
		return r.encode()
	}
	// The wiping is a courtesy: the key itself stays in memory while it signs, and
	// the collector may have moved copies about.
	defer clear(plain)
	r.WrappedWith = k.config.Wrap.keys[0].id
	associated, err := r.associated()
	if err != nil {
		return nil, err
	}
	r.Box = k.config.Wrap.seal(plain, associated)
	return r.encode()
}

// put returns the change that writes a record over the one of an entry, sealed
// anew.
func (k *Keyring) put(e *entry, r *record) (store.Change, error) {
	raw, err := k.seal(r, e.signer)
	if err != nil {
		return store.Change{}, err
	}
	return putRaw(r.ID, raw, e.revision)
}

func putRaw(id string, raw []byte, expected int64) (store.Change, error) {
	key, err := recordKey(id)
	if err != nil {
		return store.Change{}, err
	}
	return store.Put(key, raw, expected), nil
}

// parsePrivateKey reads PKCS#8. The decoder's errors are dropped: it has seen the
// key.
func parsePrivateKey(der []byte) (crypto.Signer, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("the private key is not one in PKCS#8")
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("the private key is a %T, which does not sign", parsed)
	}
	return signer, nil
}

// signerOf returns what signs for an entry, wherever it is.
func (k *Keyring) signerOf(ctx context.Context, e *entry) (crypto.Signer, error) {
	if e.signer != nil {
		return e.signer, nil
	}
	device := k.config.Devices[e.Algorithm]
	if device == nil {
		return nil, fmt.Errorf("keyring: key %s is held by a device as %q, and no device is configured for %s", e.ID, e.Device, e.Algorithm)
	}
	signer, err := device.Signer(ctx, e.Device)
	if err != nil {
		return nil, fmt.Errorf("keyring: key %s, held by a device as %q: %w", e.ID, e.Device, err)
	}
	if err := matches(signer, e.record); err != nil {
		return nil, fmt.Errorf("keyring: key %s, held by a device as %q: %w", e.ID, e.Device, err)
	}
	return signer, nil
}
