package token_test

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/token"
)

const instance = "https://contoso.example"

func algorithms() []token.Algorithm {
	return []token.Algorithm{token.RS256, token.PS256, token.ES256}
}

// RSA keys are slow to make, so all tests share one of each kind.
var (
	sharedRSA = sync.OnceValues(func() (crypto.Signer, error) { return token.GenerateSigner(token.RS256, 2048) })
	sharedEC  = sync.OnceValues(func() (crypto.Signer, error) { return token.GenerateSigner(token.ES256, 256) })
)

func sharedSigner(tb testing.TB, a token.Algorithm) crypto.Signer {
	tb.Helper()
	shared := sharedRSA
	if a == token.ES256 {
		shared = sharedEC
	}
	signer, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	return signer
}

func newKey(tb testing.TB, a token.Algorithm) *token.Key {
	tb.Helper()
	key, err := token.NewKey(token.KeyConfig{Signer: sharedSigner(tb, a), Algorithm: a, Issuer: instance})
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func newIssuer(tb testing.TB, key *token.Key) *token.Issuer {
	tb.Helper()
	ring, err := token.NewRing(key)
	if err != nil {
		tb.Fatal(err)
	}
	issuer, err := token.NewIssuer(instance, ring)
	if err != nil {
		tb.Fatal(err)
	}
	return issuer
}

func someClaims() *claims.Set {
	c := new(claims.Set)
	c.Add("x-ms-ver", claims.String("1.0"))
	c.Add("iss", claims.String(instance))
	c.Add("exp", claims.Integer(1668745711))
	c.Add("x-ms-sgx-is-debuggable", claims.Boolean(false))
	c.Add("roles", claims.String("a<b>&c"))
	c.Add("roles", claims.String("π"))
	return c
}

// device stands for an HSM: it signs and never hands out the key.
type device struct {
	public func() crypto.PublicKey
	sign   func(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

func (d device) Public() crypto.PublicKey { return d.public() }

func (d device) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return d.sign(rand, digest, opts)
}

func deviceOf(s crypto.Signer) device { return device{public: s.Public, sign: s.Sign} }

var errDeviceGone = errors.New("device unplugged")

// pssDevice is a key that its owner allows for RSASSA-PSS alone.
func pssDevice(s crypto.Signer) device {
	d := deviceOf(s)
	d.sign = func(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
		if _, ok := opts.(*rsa.PSSOptions); !ok {
			return nil, fmt.Errorf("asked for %T, only PSS is allowed", opts)
		}
		return s.Sign(rand, digest, opts)
	}
	return d
}
