package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"strings"
)

// parseSecretJWK reads a JSON Web Key, and makes sure that its halves belong together:
// a vault that does not would keep a key that is of no use.
func parseSecretJWK(raw []byte) (*wirePrivateKey, error) {
	k := new(wirePrivateKey)
	defer k.clear()
	if json.Unmarshal(raw, k) != nil {
		return nil, errDamagedKey
	}
	var made *wirePrivateKey
	var err error
	switch strings.TrimSuffix(k.Type, "-HSM") {
	case "oct":
		made, err = symmetricKey(k.K)
	case "EC":
		made, err = k.ec()
	case "RSA":
		made, err = k.rsa()
	default:
		return nil, errDamagedKey
	}
	if err != nil {
		return nil, err
	}
	made.Type, made.Operations = k.Type, k.Operations
	return made, nil
}

func (k *wirePrivateKey) ec() (*wirePrivateKey, error) {
	curve := curveNamed(k.Curve)
	if curve == nil {
		return nil, errDamagedKey
	}
	made, err := secretKeyOf(ecdsa.ParseRawPrivateKey(curve, k.D))
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(made.X, k.X) || !bytes.Equal(made.Y, k.Y) {
		made.clear()
		return nil, errDamagedKey
	}
	return made, nil
}

func (k *wirePrivateKey) rsa() (*wirePrivateKey, error) {
	number := func(b []byte) *big.Int { return new(big.Int).SetBytes(b) }
	const most = 4 // the library takes exponents of 31 bits
	if len(k.E) == 0 || len(k.E) > most || len(k.D) == 0 || len(k.P) == 0 || len(k.Q) == 0 {
		return nil, errDamagedKey
	}
	private := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: number(k.N), E: int(number(k.E).Int64())}, D: number(k.D), Primes: []*big.Int{number(k.P), number(k.Q)},
	}
	return secretKeyOf(private, private.Validate())
}
