package policytoken_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/policytoken"
)

// now is the time of every test. No certificate of the tests depends on another.
var now = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

const minimalPolicy = "version=1.0; authorizationrules{=> permit();}; issuancerules{};"

// identity is a key with its certificate.
type identity struct {
	key  crypto.Signer
	cert *x509.Certificate
}

var (
	rsaKey      = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	otherRSAKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
)

func must[T any](tb testing.TB) func(T, error) T {
	tb.Helper()
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func newRSA(tb testing.TB) crypto.Signer {
	tb.Helper()
	return must[*rsa.PrivateKey](tb)(rsaKey())
}

func newEC(tb testing.TB, curve elliptic.Curve) crypto.Signer {
	tb.Helper()
	return must[*ecdsa.PrivateKey](tb)(ecdsa.GenerateKey(curve, rand.Reader))
}

// fixed is a root that is the same in every process, as fuzzing needs it.
func fixed(tb testing.TB, name string) identity {
	tb.Helper()
	key := fixedKey(tb, name)
	c := template(name, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(1) })
	der := must[[]byte](tb)(x509.CreateCertificate(nil, c, c, key.Public(), key))
	return identity{key, must[*x509.Certificate](tb)(x509.ParseCertificate(der))}
}

func fixedKey(tb testing.TB, name string) crypto.Signer {
	tb.Helper()
	scalar := sha256.Sum256([]byte(name))
	return must[*ecdsa.PrivateKey](tb)(ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:]))
}

func serial() *big.Int {
	n, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	return n
}

// template is a certificate of the shape that the SDKs' tests make: an
// authority, valid for eight hours.
func template(name string, edit func(*x509.Certificate)) *x509.Certificate {
	c := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(7 * time.Hour),
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	if edit != nil {
		edit(c)
	}
	return c
}

// selfSigned makes a root, or a signer that is its own root.
func selfSigned(tb testing.TB, key crypto.Signer, name string, edit func(*x509.Certificate)) identity {
	tb.Helper()
	c := template(name, edit)
	der := must[[]byte](tb)(x509.CreateCertificate(rand.Reader, c, c, key.Public(), key))
	return identity{key, must[*x509.Certificate](tb)(x509.ParseCertificate(der))}
}

// issue makes a certificate of key by issuer.
func issue(tb testing.TB, issuer identity, key crypto.Signer, name string, edit func(*x509.Certificate)) identity {
	tb.Helper()
	return identity{key, issueFor(tb, issuer, key.Public(), name, edit)}
}

func issueFor(tb testing.TB, issuer identity, key crypto.PublicKey, name string, edit func(*x509.Certificate)) *x509.Certificate {
	tb.Helper()
	der := must[[]byte](tb)(x509.CreateCertificate(rand.Reader, template(name, edit), issuer.cert, key, issuer.key))
	return must[*x509.Certificate](tb)(x509.ParseCertificate(der))
}

// versionOne makes a certificate of version 1, which has no extensions; of no
// issuer, a root.
func versionOne(tb testing.TB, issuer identity, key crypto.Signer, name string) identity {
	tb.Helper()
	if issuer.cert == nil {
		issuer = selfSigned(tb, key, name, nil)
	}
	model := issueFor(tb, issuer, key.Public(), name, nil)
	var tbs struct {
		Version                                               asn1.RawValue `asn1:"optional,explicit,tag:0"`
		Serial                                                *big.Int
		Algorithm, Issuer, Validity, Subject, Key, Extensions asn1.RawValue
	}
	must[[]byte](tb)(asn1.Unmarshal(model.RawTBSCertificate, &tbs))
	var inner []byte
	for _, part := range []any{tbs.Serial, tbs.Algorithm, tbs.Issuer, tbs.Validity, tbs.Subject, tbs.Key} {
		inner = append(inner, must[[]byte](tb)(asn1.Marshal(part))...)
	}
	sequence := func(content []byte) asn1.RawValue {
		return asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: content}
	}
	raw := must[[]byte](tb)(asn1.Marshal(sequence(inner)))
	digest := sha256.Sum256(raw)
	bits := asn1.BitString{Bytes: must[[]byte](tb)(issuer.key.Sign(rand.Reader, digest[:], crypto.SHA256))}
	bits.BitLength = 8 * len(bits.Bytes)
	whole := slices.Concat(raw, must[[]byte](tb)(asn1.Marshal(tbs.Algorithm)), must[[]byte](tb)(asn1.Marshal(bits)))
	der := must[[]byte](tb)(asn1.Marshal(sequence(whole)))
	cert := must[*x509.Certificate](tb)(x509.ParseCertificate(der))
	if cert.Version != 1 {
		tb.Fatalf("version %d, want 1", cert.Version)
	}
	return identity{key, cert}
}

func endEntity(c *x509.Certificate) { c.IsCA = false }

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func x5c(certs ...*x509.Certificate) []string {
	texts := []string{}
	for _, c := range certs {
		texts = append(texts, base64.StdEncoding.EncodeToString(c.Raw))
	}
	return texts
}

func policyPayload(policy string) string {
	return `{"AttestationPolicy":"` + encode([]byte(policy)) + `"}`
}

func certificatePayload(c *x509.Certificate) string {
	return `{"policyCertificate":{"kty":"RSA","x5c":["` + base64.StdEncoding.EncodeToString(c.Raw) + `"]}}`
}

// sign makes a token with any header, signed as RFC 7518 wants it of the key.
func sign(tb testing.TB, key crypto.Signer, header any, payload string) string {
	tb.Helper()
	signed := encode(must[[]byte](tb)(json.Marshal(header))) + "." + encode([]byte(payload))
	return signed + "." + encode(signature(tb, key, signed, false))
}

func signature(tb testing.TB, key crypto.Signer, signed string, asDER bool) []byte {
	tb.Helper()
	sum := sha256.Sum256([]byte(signed))
	digest, hash := sum[:], crypto.SHA256
	size := 32
	if k, ok := key.Public().(*ecdsa.PublicKey); ok {
		switch k.Curve {
		case elliptic.P384():
			sum := sha512.Sum384([]byte(signed))
			digest, hash, size = sum[:], crypto.SHA384, 48
		case elliptic.P521():
			sum := sha512.Sum512([]byte(signed))
			digest, hash, size = sum[:], crypto.SHA512, 66
		}
	}
	raw := must[[]byte](tb)(key.Sign(nil, digest, hash)) // the same every time
	if _, ok := key.Public().(*ecdsa.PublicKey); !ok || asDER {
		return raw
	}
	var point struct{ R, S *big.Int }
	must[[]byte](tb)(asn1.Unmarshal(raw, &point))
	flat := make([]byte, 2*size)
	point.R.FillBytes(flat[:size])
	point.S.FillBytes(flat[size:])
	return flat
}

// jose is a header's members.
type jose map[string]any

// signed makes a token as the SDKs do, with the certificates of signer and of
// those above it.
func signed(tb testing.TB, signer identity, payload string, issuers ...*x509.Certificate) string {
	tb.Helper()
	algorithm := "RS256"
	if k, ok := signer.key.Public().(*ecdsa.PublicKey); ok {
		algorithm = map[elliptic.Curve]string{elliptic.P256(): "ES256", elliptic.P384(): "ES384", elliptic.P521(): "ES512"}[k.Curve]
	}
	return sign(tb, signer.key, jose{"alg": algorithm, "x5c": x5c(append([]*x509.Certificate{signer.cert}, issuers...)...)}, payload)
}

// unsigned makes a token without a signature.
func unsigned(header, payload string) string {
	return encode([]byte(header)) + "." + encode([]byte(payload)) + "."
}

func parse(tb testing.TB, text string) *policytoken.Token {
	tb.Helper()
	return must[*policytoken.Token](tb)(policytoken.Parse([]byte(text)))
}

// verdict parses and verifies.
func verdict(text string, o policytoken.Options) error {
	t, err := policytoken.Parse([]byte(text))
	if err != nil {
		return err
	}
	return t.Verify(o)
}

// wantReason checks that a token was refused, and why.
func wantReason(tb testing.TB, err error, want policytoken.Reason) {
	tb.Helper()
	_ = refusal(tb, err, want)
}

// refusal does so for those who look closer.
func refusal(tb testing.TB, err error, want policytoken.Reason) *policytoken.Error {
	tb.Helper()
	e, ok := errors.AsType[*policytoken.Error](err)
	if !ok || e.Reason != want {
		tb.Fatalf("error %v, want one for the reason %s", err, want)
	}
	if len(e.Error()) > 600 {
		tb.Fatalf("error of %d bytes: %v", len(e.Error()), e)
	}
	return e
}
