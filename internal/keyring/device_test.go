package keyring_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/token"
)

// device is a device as keyring sees one: keys under names, and signatures.
type device struct {
	mu        sync.Mutex
	keys      map[string]crypto.Signer
	destroyed []string
	fail      error
	// prepared is the key that its operator made, if any.
	prepared string
}

var errDeviceGone = errors.New("the device was unplugged")

func newDevice() *device { return &device{keys: map[string]crypto.Signer{}} }

func (d *device) NewKey(_ context.Context, a token.Algorithm, bits int) (string, crypto.Signer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return "", nil, d.fail
	}
	if s := d.keys[d.prepared]; d.prepared != "" && s != nil {
		return d.prepared, s, nil
	}
	s, err := token.GenerateSigner(a, bits)
	if err != nil {
		return "", nil, err
	}
	name := d.prepared
	if name == "" {
		name = fmt.Sprintf("key %d", len(d.keys)+1)
	}
	d.keys[name] = onlySigns{s}
	return name, d.keys[name], nil
}

func (d *device) Signer(_ context.Context, name string) (crypto.Signer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return nil, d.fail
	}
	s := d.keys[name]
	if s == nil {
		return nil, fmt.Errorf("no key %q", name)
	}
	return s, nil
}

func (d *device) DestroyKey(_ context.Context, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	if name != d.prepared {
		d.destroyed = append(d.destroyed, name)
	}
	return nil
}

// onlySigns hides the private key.
type onlySigns struct{ signer crypto.Signer }

func (s onlySigns) Public() crypto.PublicKey { return s.signer.Public() }

func (s onlySigns) Sign(rand io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return s.signer.Sign(rand, digest, o)
}

func (f *fixture) deviceConfig(d *device) keyring.Config {
	c := f.config()
	c.Devices = map[token.Algorithm]keyring.Device{token.ES256: d}
	return c
}

func TestDeviceHoldsTheKey(t *testing.T) {
	t.Parallel()
	f, d := newFixture(t), newDevice()
	k := open(t, f.deviceConfig(d))
	r := ring(t, k, contoso, token.ES256)
	issuer, err := token.NewIssuer(contoso, r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := issuer.Sign(t.Context(), issued(contoso)); err != nil {
		t.Fatal(err)
	}
	if s := k.Keys()[0]; s.Device != "key 1" || s.WrappedWith == "" {
		t.Errorf("%+v, want the device's name for it, and a seal", s)
	}
	again := ring(t, open(t, f.deviceConfig(d)), contoso, token.ES256)
	if again.Current().ID() != r.Current().ID() {
		t.Error("another replica signs with another key")
	}
	if k := ring(t, k, contoso, token.RS256); k.Current() == nil {
		t.Error("another algorithm has no key in memory")
	}
}

func TestRecordOfADeviceIsSealedToo(t *testing.T) {
	t.Parallel()
	f, d := newFixture(t), newDevice()
	ring(t, open(t, f.deviceConfig(d)), contoso, token.ES256)
	f.edit(t, func(r map[string]any) { r["device"] = "key 2" })
	_, err := keyring.Open(t.Context(), f.deviceConfig(d))
	wantRecordsError(t, err, 1, "changed after it was sealed")
}

func TestKeyMovesIntoADeviceByRotation(t *testing.T) {
	t.Parallel()
	f, d := newFixture(t), newDevice()
	memory := ring(t, f.open(t), contoso, token.ES256).Current().ID()
	k := open(t, f.deviceConfig(d))
	if got := ring(t, k, contoso, token.ES256).Current().ID(); got != memory {
		t.Errorf("key %s, want the one in memory until the rotation", got)
	}
	s := rotate(t, k, 0)
	if got := kids(t, ring(t, k, contoso, token.ES256)); s.Device == "" || !slices.Equal(got, []string{s.ID, memory}) {
		t.Errorf("published %v, want the device's key, then the one in memory", got)
	}
	// A replica without the device cannot publish, and says why.
	_, err := f.open(t).Ring(t.Context(), contoso, token.ES256)
	if err == nil || !contains(err, "no device is configured for ES256") {
		t.Errorf("error %v, want it to ask for the device", err)
	}
}

func TestDevicesKeyIsComparedWithTheRecord(t *testing.T) {
	t.Parallel()
	f, d := newFixture(t), newDevice()
	ring(t, open(t, f.deviceConfig(d)), contoso, token.ES256)
	// Somebody made another key under the name.
	other, err := token.GenerateSigner(token.ES256, 0)
	if err != nil {
		t.Fatal(err)
	}
	d.keys["key 1"] = other
	_, err = open(t, f.deviceConfig(d)).Ring(t.Context(), contoso, token.ES256)
	if err == nil || !contains(err, "the private key is that of") {
		t.Errorf("error %v, want it to say that the key is another", err)
	}
}

func TestDeviceThatFails(t *testing.T) {
	t.Parallel()
	f, d := newFixture(t), newDevice()
	d.fail = errDeviceGone
	k := open(t, f.deviceConfig(d))
	if _, err := k.Ring(t.Context(), contoso, token.ES256); !errors.Is(err, errDeviceGone) {
		t.Errorf("error %v, want the device's", err)
	}
	d.fail = nil
	ring(t, k, contoso, token.ES256)
	d.fail = errDeviceGone
	// What is certified already goes on, and a process that starts says why not.
	ring(t, k, contoso, token.ES256)
	if _, err := open(t, f.deviceConfig(d)).Ring(t.Context(), contoso, token.ES256); !errors.Is(err, errDeviceGone) {
		t.Errorf("error %v, want the device's", err)
	}
}

func TestLoserOfARaceDestroysItsKey(t *testing.T) {
	t.Parallel()
	f, d := newFixture(t), newDevice()
	k, other := open(t, f.deviceConfig(d)), open(t, f.deviceConfig(d))
	f.store.before = func() { ring(t, other, contoso, token.ES256) }
	ring(t, k, contoso, token.ES256)
	if !slices.Equal(d.destroyed, []string{"key 1"}) {
		t.Errorf("destroyed %v, want the loser's key alone", d.destroyed)
	}
}

func TestPreparedKeyIsTakenOnce(t *testing.T) {
	t.Parallel()
	f, d := newFixture(t), newDevice()
	d.prepared = "mine"
	k, other := open(t, f.deviceConfig(d)), open(t, f.deviceConfig(d))
	// Both take the same key at once.
	f.store.before = func() { ring(t, other, contoso, token.ES256) }
	first := ring(t, k, contoso, token.ES256).Current().ID()
	_, err := k.Rotate(t.Context(), token.ES256, 0)
	wantConfigError(t, err, "Devices")
	// A key is revoked even if there is none to follow.
	err = k.Revoke(t.Context(), first)
	wantConfigError(t, err, "Devices")
	if e, ok := errors.AsType[*keyring.SuccessorError](err); !ok || e.ID != first {
		t.Errorf("error %v, want a *SuccessorError for %s", err, first)
	}
	wantStates(t, k, keyring.StateRevoked)
	d.prepared = "mine too"
	rotate(t, k, 0)
	wantStates(t, k, keyring.StateRevoked, keyring.StateActive)
	if len(d.destroyed) > 0 {
		t.Errorf("destroyed %v, want prepared keys left alone", d.destroyed)
	}
}

func TestExpiredKeyIsDestroyedInItsDevice(t *testing.T) {
	t.Parallel()
	f, d := newFixture(t), newDevice()
	synctest.Test(t, func(t *testing.T) {
		c, pass := bubble(f)
		c.Devices, c.RotateAfter = f.deviceConfig(d).Devices, -1
		k := open(t, c)
		ring(t, k, contoso, token.ES256)
		rotate(t, k, 0)
		stop := running(t, k)
		defer stop()
		pass(8 * day)
		d.mu.Lock()
		defer d.mu.Unlock()
		if !slices.Equal(d.destroyed, []string{"key 1"}) {
			t.Errorf("destroyed %v, want the expired key", d.destroyed)
		}
	})
}

func TestUnnamedKeyIsRefused(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"": "no name", string(make([]byte, 257)): "want at most"} {
		f := newFixture(t)
		c := f.config()
		c.Devices = map[token.Algorithm]keyring.Device{token.ES256: renaming{newDevice(), name}}
		_, err := open(t, c).Ring(t.Context(), contoso, token.ES256)
		if err == nil || !contains(err, want) {
			t.Errorf("error %v, want it to speak of %q", err, want)
		}
	}
}

// renaming has a name of its own for every key.
type renaming struct {
	keyring.Device
	name string
}

func (d renaming) NewKey(ctx context.Context, a token.Algorithm, bits int) (string, crypto.Signer, error) {
	_, s, err := d.Device.NewKey(ctx, a, bits)
	return d.name, s, err
}
