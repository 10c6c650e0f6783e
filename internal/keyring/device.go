package keyring

import (
	"context"
	"crypto"
	"io"

	"github.com/azattest/azattest/token"
)

// Device makes and holds private keys that never leave it. All replicas must
// reach the same device, or devices with the same keys: a record names the key
// and nothing more.
type Device interface {
	// NewKey makes a key, or takes the one that its operator has prepared, and
	// returns the name by which Signer finds it again, at most 256 bytes. Bits is
	// as for [token.GenerateSigner].
	NewKey(ctx context.Context, a token.Algorithm, bits int) (string, crypto.Signer, error)
	// Signer returns the key of a name. It is safe for concurrent use, and goes
	// on after the device was away for a while.
	Signer(ctx context.Context, name string) (crypto.Signer, error)
	// DestroyKey removes a key that NewKey made. A key that an operator has
	// prepared stays, and so does one that is not there: neither is an error.
	DestroyKey(ctx context.Context, name string) error
}

// PKCS11 is a [Device] behind a PKCS #11 library. Close it when no key of it is
// in use any more.
type PKCS11 interface {
	Device
	io.Closer
}

// PKCS11Config says where a token with a PKCS #11 library is, and how to get in.
type PKCS11Config struct {
	// Module is the path of the library, such as
	// /usr/lib/softhsm/libsofthsm2.so. It runs inside this process.
	Module string
	// TokenLabel is the label of the token, as `pkcs11-tool --list-slots` shows
	// it.
	TokenLabel string
	// PIN of the token's user. It reaches no log and no error.
	PIN string
	// KeyLabel or KeyID (hexadecimal digits) names a key pair that is prepared in
	// the token. To rotate, prepare another and name that one. With neither, keys
	// are made in the token when they are needed, and destroyed once they have
	// expired.
	KeyLabel, KeyID string
	// Sessions are signatures that may be made at once; 0 stands for 8.
	Sessions int
}
