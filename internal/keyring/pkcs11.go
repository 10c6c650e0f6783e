//go:build pkcs11

package keyring

import (
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/miekg/pkcs11"
)

const (
	defaultSessions = 8
	maxSessions     = 64
	// sessionWait is how long a signature waits for one of the sessions.
	sessionWait = 10 * time.Second
	// ownLabel begins the labels of keys that are made here, and that alone may be
	// destroyed here.
	ownLabel = "azattest-"
)

// hsm is a token behind a PKCS #11 library (OASIS PKCS #11, version 2.40).
type hsm struct {
	config PKCS11Config
	lib    *pkcs11.Ctx
	// places bounds the sessions in use.
	places chan struct{}
	// calls is held for reading by whoever calls the library, and for writing by
	// who takes it down: that must not happen under a call.
	calls sync.RWMutex

	mu sync.Mutex
	// epoch counts connections: sessions and handles of an earlier one mean
	// nothing.
	epoch int
	slot  uint
	// anchor stays open so that the login lasts, for it ends with the last
	// session. Keys are made and destroyed through it.
	anchor pkcs11.SessionHandle
	idle   []pkcs11.SessionHandle
	// handles of private keys, by name.
	handles map[string]pkcs11.ObjectHandle
	// refused is set once the token has refused the PIN: a few more attempts
	// would lock it.
	refused error
	closed  bool
}

var _ PKCS11 = (*hsm)(nil)

// OpenPKCS11 loads the library, finds the token and logs in. It returns a
// *[ConfigError] for the configuration. There may be one for each library in a
// process; give the same one to every algorithm that it serves.
func OpenPKCS11(c PKCS11Config) (PKCS11, error) {
	if c.Sessions == 0 {
		c.Sessions = defaultSessions
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	lib := pkcs11.New(c.Module)
	if lib == nil {
		return nil, &ConfigError{"Devices", fmt.Sprintf("PKCS #11 library %s: cannot be loaded, want a library for this machine", c.Module)}
	}
	t := &hsm{config: c, lib: lib, places: make(chan struct{}, c.Sessions), handles: map[string]pkcs11.ObjectHandle{}}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.connect(); err != nil {
		lib.Destroy()
		return nil, err
	}
	return t, nil
}

func (c PKCS11Config) validate() error {
	refuse := func(problem string) error { return &ConfigError{"Devices", "PKCS #11: " + problem} }
	switch {
	case c.Module == "":
		return refuse("no module, want the path of the library")
	case c.TokenLabel == "":
		return refuse("no token label, want that of the token with the keys")
	case c.PIN == "":
		return refuse("no PIN, want that of the token's user")
	case c.KeyLabel != "" && c.KeyID != "":
		return refuse("a key label beside a key ID, want one of them")
	case strings.HasPrefix(c.KeyLabel, ownLabel):
		return refuse("key label " + c.KeyLabel + " begins like those of keys that are made and destroyed here, want another")
	case len(c.KeyLabel) > maxDeviceReference/2 || len(c.KeyID) > maxDeviceReference/2:
		return refuse(fmt.Sprintf("key label of %d and key ID of %d characters, want at most %d", len(c.KeyLabel), len(c.KeyID), maxDeviceReference/2))
	case c.Sessions < 1 || c.Sessions > maxSessions:
		return refuse(fmt.Sprintf("%d sessions, want 1 to %d", c.Sessions, maxSessions))
	}
	if _, err := hex.DecodeString(c.KeyID); err != nil {
		return refuse("key ID " + clip(c.KeyID) + ", want hexadecimal digits")
	}
	return nil
}

// Close logs out and unloads the library.
func (t *hsm) Close() error {
	t.calls.Lock()
	defer t.calls.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	t.disconnect()
	err := t.lib.Finalize()
	t.lib.Destroy()
	if err != nil && !isCode(err, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED) {
		return fmt.Errorf("keyring: PKCS #11: finalize: %w", err)
	}
	return nil
}
