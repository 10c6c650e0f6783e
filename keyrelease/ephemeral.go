package keyrelease

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/go-jose/go-jose/v4"
)

// ephemeralKey is a key of the attested party for one release.
type ephemeralKey struct {
	private crypto.Signer
	id      string
}

// newEphemeralKey makes a key to which an algorithm can wrap.
func newEphemeralKey(a WrapAlgorithm, bits int) (*ephemeralKey, error) {
	k := new(ephemeralKey)
	var err error
	if a == JWEECDHES {
		k.private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	} else {
		k.private, err = rsa.GenerateKey(rand.Reader, bits)
	}
	if err != nil {
		return nil, fmt.Errorf("keyrelease: make a key for the release: %w", err)
	}
	thumbprint, err := (&jose.JSONWebKey{Key: k.private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("keyrelease: make a key for the release: %w", err)
	}
	k.id = b64(thumbprint)
	return k, nil
}

// runtimeKey is a key as it stands in runtime data, its members in the order in which
// Azure's own clients write them.
type runtimeKey struct {
	Type       string   `json:"kty"`
	N          string   `json:"n,omitempty"`
	E          string   `json:"e,omitempty"`
	Curve      string   `json:"crv,omitempty"`
	X          string   `json:"x,omitempty"`
	Y          string   `json:"y,omitempty"`
	KeyID      string   `json:"kid"`
	Operations []string `json:"key_ops"`
}

// runtimeData is the set of keys to which evidence is bound: this one alone.
func (k *ephemeralKey) runtimeData() ([]byte, error) {
	var jwk runtimeKey
	switch public := k.private.Public().(type) {
	case *rsa.PublicKey:
		jwk = runtimeKey{Type: "RSA", N: b64(public.N.Bytes()), E: b64(big.NewInt(int64(public.E)).Bytes()), Operations: []string{"encrypt"}}
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			return nil, fmt.Errorf("keyrelease: the key for the release: %w", err)
		}
		half := len(point) / 2
		jwk = runtimeKey{Type: "EC", Curve: public.Params().Name, X: b64(point[1 : 1+half]), Y: b64(point[1+half:]), Operations: []string{"deriveKey"}}
	}
	jwk.KeyID = k.id
	return json.Marshal(map[string][]runtimeKey{"keys": {jwk}})
}

// wipe overwrites what can be reached of the private half, after which it is of no
// use. See [Client.Get] for what cannot.
func (k *ephemeralKey) wipe() {
	switch key := k.private.(type) {
	case *rsa.PrivateKey:
		wipe(key.D)
		for _, prime := range key.Primes {
			wipe(prime)
		}
		wipe(key.Precomputed.Dp)
		wipe(key.Precomputed.Dq)
		wipe(key.Precomputed.Qinv)
	case *ecdsa.PrivateKey:
		wipe(key.D) //nolint:staticcheck // SA1019: nobody computes with it any more
	}
	k.private = nil
}

func wipe(n *big.Int) {
	if n != nil {
		clear(n.Bits())
		n.SetInt64(0)
	}
}
