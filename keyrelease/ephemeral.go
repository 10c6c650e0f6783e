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
	Type string `json:"kty"`
	PublicJWK
	KeyID      string   `json:"kid"`
	Operations []string `json:"key_ops"`
}

// runtimeData is the set of keys to which evidence is bound: this one alone.
func (k *ephemeralKey) runtimeData() ([]byte, error) {
	public, err := NewPublicJWK(k.private.Public())
	if err != nil {
		return nil, fmt.Errorf("keyrelease: the key for the release: %w", err)
	}
	jwk := runtimeKey{Type: "RSA", PublicJWK: public, KeyID: k.id, Operations: []string{"encrypt"}}
	if public.Curve != "" {
		jwk.Type, jwk.Operations = "EC", []string{"deriveKey"}
	}
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
