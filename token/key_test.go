package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/token"
)

func TestGenerateSigner(t *testing.T) {
	t.Parallel()
	tests := []struct {
		algorithm  token.Algorithm
		bits, want int
	}{
		{token.RS256, 0, 2048},
		{token.PS256, 3072, 3072},
		{token.ES256, 0, 256},
		{token.ES256, 256, 256},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %d", tt.algorithm, tt.bits), func(t *testing.T) {
			t.Parallel()
			signer, err := token.GenerateSigner(tt.algorithm, tt.bits)
			if err != nil {
				t.Fatal(err)
			}
			var bits int
			switch pub := signer.Public().(type) {
			case *rsa.PublicKey:
				bits = pub.N.BitLen()
			case *ecdsa.PublicKey:
				bits = pub.Curve.Params().BitSize
			}
			if bits != tt.want {
				t.Errorf("%d bits, want %d", bits, tt.want)
			}
			if _, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: tt.algorithm, Issuer: instance}); err != nil {
				t.Errorf("its own algorithm refuses it: %v", err)
			}
		})
	}
}

func TestGenerateSignerRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		algorithm token.Algorithm
		bits      int
		want      string
	}{
		{token.RS256, 1024, "want 2048, 3072 or 4096"},
		{token.RS256, 2047, "want 2048, 3072 or 4096"},
		{token.PS256, 8192, "want 2048, 3072 or 4096"},
		{token.RS256, -1, "want 2048, 3072 or 4096"},
		{token.ES256, 384, "want 256"},
		{"ES384", 384, "not known"},
		{"none", 0, "not known"},
		{"", 0, "not known"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %d", tt.algorithm, tt.bits), func(t *testing.T) {
			t.Parallel()
			_, err := token.GenerateSigner(tt.algorithm, tt.bits)
			wantKeyError(t, err, tt.want)
		})
	}
}

func wantKeyError(t *testing.T, err error, text string) {
	t.Helper()
	if _, ok := errors.AsType[*token.KeyError](err); !ok {
		t.Fatalf("error %v (%T), want a *token.KeyError", err, err)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("error %q, want it to speak of %q", err, text)
	}
}

func TestNewKeyCertificate(t *testing.T) {
	t.Parallel()
	want := map[token.Algorithm]x509.SignatureAlgorithm{
		token.RS256: x509.SHA256WithRSA,
		token.PS256: x509.SHA256WithRSAPSS,
		token.ES256: x509.ECDSAWithSHA256,
	}
	for _, a := range algorithms() {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			key := newKey(t, a)
			c := key.Certificate()
			if key.Algorithm() != a {
				t.Errorf("algorithm %s, want %s", key.Algorithm(), a)
			}
			if c.SignatureAlgorithm != want[a] {
				t.Errorf("signed with %s, want %s", c.SignatureAlgorithm, want[a])
			}
			if err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
				t.Errorf("self-signature: %v", err)
			}
			if c.Version != 3 || c.SerialNumber.Cmp(big.NewInt(1)) != 0 {
				t.Errorf("version %d, serial number %s; want 3 and 1", c.Version, c.SerialNumber)
			}
			if c.Subject.String() != "CN="+instance || c.Issuer.String() != "CN="+instance {
				t.Errorf("subject %s, issuer %s; want CN=%s for both", c.Subject, c.Issuer, instance)
			}
			if got := c.NotBefore.Format(time.RFC3339) + " " + c.NotAfter.Format(time.RFC3339); got != "2019-05-01T00:00:00Z 2050-12-31T23:59:59Z" {
				t.Errorf("valid %s, want the real service's 2019-05-01 to 2050-12-31", got)
			}
			if !c.BasicConstraintsValid || c.IsCA || c.KeyUsage != 0 {
				t.Errorf("basic constraints %t, CA %t, key usage %d; want true, false, none", c.BasicConstraintsValid, c.IsCA, c.KeyUsage)
			}
			if len(c.SubjectKeyId) != sha1.Size || !cmp.Equal(c.SubjectKeyId, c.AuthorityKeyId) {
				t.Errorf("key identifiers %x and %x, want the same 20 bytes", c.SubjectKeyId, c.AuthorityKeyId)
			}
			if len(c.Extensions) != 3 {
				t.Errorf("%d extensions, want basic constraints and two key identifiers", len(c.Extensions))
			}
		})
	}
}

func TestKeyIDIsTheHashOfThePublicKey(t *testing.T) {
	t.Parallel()
	for _, a := range algorithms() {
		der, err := x509.MarshalPKIXPublicKey(sharedSigner(t, a).Public())
		if err != nil {
			t.Fatal(err)
		}
		text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		sum := sha256.Sum256([]byte(text + "\x00"))
		if want := base64.StdEncoding.EncodeToString(sum[:]); newKey(t, a).ID() != want {
			t.Errorf("%s: key ID %s, want %s", a, newKey(t, a).ID(), want)
		}
	}
}

func TestKeyIDOutlivesTheCertificate(t *testing.T) {
	t.Parallel()
	signer := sharedSigner(t, token.ES256)
	key, err := token.NewKey(token.KeyConfig{
		Signer: signer, Algorithm: token.ES256, Issuer: "http://localhost:8080",
		NotBefore: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("CET", 3600)),
		NotAfter:  time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	if key.ID() != newKey(t, token.ES256).ID() {
		t.Error("the key ID changed with the certificate, want it to depend on the key alone")
	}
	c := key.Certificate()
	if got := c.NotBefore.Format(time.RFC3339Nano) + " " + c.NotAfter.Format(time.RFC3339); got != "2026-01-02T02:04:05Z 2027-01-01T00:00:00Z" {
		t.Errorf("valid %s, want what was asked", got)
	}
	if c.Subject.CommonName != "http://localhost:8080" {
		t.Errorf("subject %s, want http://localhost:8080", c.Subject)
	}
}

func TestNewKeyRefuses(t *testing.T) {
	t.Parallel()
	rsaKey := sharedSigner(t, token.RS256)
	ecKey := sharedSigner(t, token.ES256)
	modulus := rsaKey.Public().(*rsa.PublicKey).N
	withPublic := func(pub crypto.PublicKey) crypto.Signer {
		d := deviceOf(rsaKey)
		d.public = func() crypto.PublicKey { return pub }
		return d
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	offCurve := &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)} //nolint:staticcheck // SA1019: no other way to make it wrong
	broken := deviceOf(rsaKey)
	broken.sign = func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return make([]byte, 256), nil }
	gone := deviceOf(rsaKey)
	gone.sign = func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errDeviceGone }

	tests := map[string]struct {
		signer    crypto.Signer
		algorithm token.Algorithm
		want      string
	}{
		"no signer":                  {nil, token.RS256, "none given"},
		"RSA key for ES256":          {rsaKey, token.ES256, "want a P-256 key"},
		"P-256 key for RS256":        {ecKey, token.RS256, "want an RSA key"},
		"P-256 key for PS256":        {ecKey, token.PS256, "want an RSA key"},
		"P-384 key":                  {p384, token.ES256, "on the curve P-384, want P-256"},
		"Ed25519 key":                {ed, token.ES256, "ed25519.PublicKey, want a P-256 key"},
		"no algorithm":               {rsaKey, "", "not known"},
		"algorithm none":             {rsaKey, "none", "not known"},
		"algorithm in lower case":    {rsaKey, "rs256", "not known"},
		"RSA 1024":                   {withPublic(&rsa.PublicKey{N: new(big.Int).Rsh(modulus, 1024), E: 65537}), token.RS256, "modulus of 1024 bits"},
		"RSA 2047":                   {withPublic(&rsa.PublicKey{N: new(big.Int).Rsh(modulus, 1), E: 65537}), token.RS256, "modulus of 2047 bits"},
		"RSA 4097":                   {withPublic(&rsa.PublicKey{N: new(big.Int).Lsh(modulus, 4097-2048), E: 65537}), token.PS256, "modulus of 4097 bits"},
		"exponent 3":                 {withPublic(&rsa.PublicKey{N: modulus, E: 3}), token.RS256, "exponent 3"},
		"exponent even":              {withPublic(&rsa.PublicKey{N: modulus, E: 65538}), token.RS256, "exponent 65538"},
		"modulus missing":            {withPublic(&rsa.PublicKey{E: 65537}), token.RS256, "want an RSA key"},
		"public key nil":             {withPublic(nil), token.RS256, "want an RSA key"},
		"public key a nil pointer":   {withPublic((*rsa.PublicKey)(nil)), token.RS256, "want an RSA key"},
		"curve missing":              {withPublic(&ecdsa.PublicKey{}), token.ES256, "want a P-256 key"},
		"point missing":              {withPublic(&ecdsa.PublicKey{Curve: elliptic.P256()}), token.ES256, "has no point"},
		"point off the curve":        {withPublic(offCurve), token.ES256, "no point of the curve"},
		"signature does not hold":    {broken, token.RS256, "cannot be signed"},
		"device fails":               {gone, token.RS256, "device unplugged"},
		"device for PSS asked RS256": {pssDevice(rsaKey), token.RS256, "only PSS"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := token.NewKey(token.KeyConfig{Signer: tt.signer, Algorithm: tt.algorithm, Issuer: instance})
			wantKeyError(t, err, tt.want)
			if key != nil {
				t.Error("a key came with the error")
			}
		})
	}
}

func TestNewKeyRefusesIssuerAndValidity(t *testing.T) {
	t.Parallel()
	signer := sharedSigner(t, token.ES256)
	var urlError *token.URLError
	if _, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.ES256, Issuer: instance + "/"}); !errors.As(err, &urlError) {
		t.Errorf("trailing slash: error %v, want a *URLError", err)
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.ES256, Issuer: instance, NotBefore: at, NotAfter: at.Add(time.Millisecond)})
	wantKeyError(t, err, "valid from 2026-01-01T00:00:00Z to 2026-01-01T00:00:00Z")
	_, err = token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.ES256, Issuer: instance, NotAfter: at.AddDate(-10, 0, 0)})
	wantKeyError(t, err, "want a start before the end")
	_, err = token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.ES256, Issuer: instance, NotAfter: at.AddDate(9000, 0, 0)})
	wantKeyError(t, err, "certificate")
}

// A key behind an alias can change between two questions. The certificate must
// not then name one key and be signed by another.
func TestNewKeyWhenTheSignerChangesKeys(t *testing.T) {
	t.Parallel()
	first := sharedSigner(t, token.ES256)
	second, err := token.GenerateSigner(token.ES256, 0)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	d := deviceOf(second)
	d.public = func() crypto.PublicKey {
		if asked++; asked == 1 {
			return first.Public()
		}
		return second.Public()
	}
	_, err = token.NewKey(token.KeyConfig{Signer: d, Algorithm: token.ES256, Issuer: instance})
	wantKeyError(t, err, "not signed by its own key")
}

func TestDeviceKeysSign(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		signer    crypto.Signer
		algorithm token.Algorithm
	}{
		"RS256":              {deviceOf(sharedSigner(t, token.RS256)), token.RS256},
		"PS256, PSS allowed": {pssDevice(sharedSigner(t, token.PS256)), token.PS256},
		"ES256":              {deviceOf(sharedSigner(t, token.ES256)), token.ES256},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := token.NewKey(token.KeyConfig{Signer: tt.signer, Algorithm: tt.algorithm, Issuer: instance})
			if err != nil {
				t.Fatal(err)
			}
			jws, err := newIssuer(t, key).Sign(t.Context(), someClaims())
			if err != nil {
				t.Fatal(err)
			}
			_, _, signature, input := split(t, jws)
			if err := verify(tt.signer.Public(), tt.algorithm, input, signature); err != nil {
				t.Error(err)
			}
			file, err := key.MarshalPEM()
			var notExportable *token.NotExportableError
			if !errors.As(err, &notExportable) || file != nil {
				t.Fatalf("MarshalPEM: %d bytes, error %v; want a *NotExportableError", len(file), err)
			}
			if notExportable.Signer != "token_test.device" {
				t.Errorf("signer %q, want its Go type", notExportable.Signer)
			}
		})
	}
}

func TestKeysPrintNoSecrets(t *testing.T) {
	t.Parallel()
	key := newKey(t, token.RS256)
	secret := sharedSigner(t, token.RS256).(*rsa.PrivateKey).D
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		text := fmt.Sprintf(verb, key)
		if strings.Contains(text, secret.String()) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
			t.Errorf("%s shows the private exponent", verb)
		}
		if !strings.Contains(text, key.ID()) {
			t.Errorf("%s gives %s, want the key ID", verb, text)
		}
	}
}
