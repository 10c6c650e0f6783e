package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// What cannot be read of a key is told without a piece of it.
var (
	errNoPrivateKey = errors.New("want a private key: PEM of PKCS #8, PKCS #1 or SEC 1, or a JSON Web Key; or the bytes of a symmetric one, with --type oct")
	errDamagedKey   = errors.New("the private key is damaged, or of a kind that vaults do not keep: want RSA, or EC on P-256, P-384 or P-521")
)

const (
	// minSecretBytes and maxSecretBytes are what a vault takes as a symmetric key.
	minSecretBytes = 16
	maxSecretBytes = 64
)

// parseSecretKey reads a private key in PEM, or a JSON Web Key with its private half;
// or, if asRaw says so, the bytes of a symmetric key. Who has it clears it.
func parseSecretKey(raw []byte, asRaw bool) (*wirePrivateKey, error) {
	var head struct {
		Type string `json:"kty"`
	}
	if isJWK := json.Unmarshal(raw, &head) == nil && head.Type != ""; isJWK {
		return parseSecretJWK(raw)
	}
	if asRaw {
		return symmetricKey(raw)
	}
	// Parameters or certificates may stand before it.
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			defer clear(block.Bytes) //nolint:gocritic // once: the loop ends here
			return parsePrivateBlock(block)
		}
	}
	return nil, errNoPrivateKey
}

func parsePrivateBlock(block *pem.Block) (*wirePrivateKey, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, errors.New("the private key is encrypted: decrypt it first, such as with 'openssl pkcs8 -in FILE', and give that on standard input")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, errNoPrivateKey
	}
	return secretKeyOf(key, err)
}

func symmetricKey(raw []byte) (*wirePrivateKey, error) {
	if n := len(raw); n < minSecretBytes || n > maxSecretBytes {
		return nil, fmt.Errorf("%d bytes, want the %d to %d of a symmetric key, as they are: not their text, and no line break behind", n, minSecretBytes, maxSecretBytes)
	}
	return &wirePrivateKey{Type: "oct", K: bytes.Clone(raw)}, nil
}

func secretKeyOf(key any, err error) (*wirePrivateKey, error) {
	if err != nil {
		return nil, errDamagedKey
	}
	switch private := key.(type) {
	case *rsa.PrivateKey:
		if len(private.Primes) != 2 {
			return nil, errDamagedKey
		}
		private.Precompute()
		return &wirePrivateKey{
			Type: "RSA", N: private.N.Bytes(), E: big.NewInt(int64(private.E)).Bytes(), D: private.D.Bytes(), P: private.Primes[0].Bytes(), Q: private.Primes[1].Bytes(),
			DP: private.Precomputed.Dp.Bytes(), DQ: private.Precomputed.Dq.Bytes(), QI: private.Precomputed.Qinv.Bytes(),
		}, nil
	case *ecdsa.PrivateKey:
		name := private.Params().Name
		d, err := private.Bytes()
		if err != nil || curveNamed(name) == nil {
			return nil, errDamagedKey
		}
		point, err := private.PublicKey.Bytes()
		if err != nil {
			return nil, errDamagedKey
		}
		half := 1 + len(point)/2
		return &wirePrivateKey{Type: "EC", Curve: name, D: d, X: point[1:half], Y: point[half:]}, nil
	}
	return nil, errDamagedKey
}

func curveNamed(name string) elliptic.Curve {
	for _, c := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		if c.Params().Name == name {
			return c
		}
	}
	return nil
}
