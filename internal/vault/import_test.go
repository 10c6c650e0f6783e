package vault_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/store/memory"
)

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pkcs8(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// unusual is a key on P-256 in a form that x509 does not write: an EC key without its public
// half, which the encoding may leave out.
func unusual(t testing.TB, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	type inner struct {
		Version int
		Scalar  []byte
	}
	type algorithm struct{ Algorithm, Curve asn1.ObjectIdentifier }
	type outer struct {
		Version   int
		Algorithm algorithm
		Key       []byte
	}
	scalar, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	private, err := asn1.Marshal(inner{1, scalar})
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(outer{0, algorithm{asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}}, private})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestImport(t *testing.T) {
	t.Parallel()
	p256 := ecKey(t, elliptic.P256())
	oct := []byte("a symmetric key of some length..")
	for name, test := range map[string]struct {
		give vault.Import
		want []byte
	}{
		"RSA":                   {vault.Import{Type: "RSA-HSM", Material: pkcs8(t, rsaKey())}, pkcs8(t, rsaKey())},
		"P-256":                 {vault.Import{Type: "EC", Material: pkcs8(t, p256)}, pkcs8(t, p256)},
		"P-256 in another form": {vault.Import{Type: "EC", Material: unusual(t, p256)}, pkcs8(t, p256)},
		"16 bytes":              {vault.Import{Type: "oct", Material: oct[:16]}, oct[:16]},
		"17 bytes":              {vault.Import{Type: "oct-HSM", Material: oct[:17]}, oct[:17]},
		"64 bytes":              {vault.Import{Type: "oct", Material: append(bytes.Clone(oct), oct...)}, append(bytes.Clone(oct), oct...)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, _ := open(t, memory.New(), secretA)
			test.give.Settings = exportable(t, "p")
			made, err := v.Import(t.Context(), "key", test.give)
			if err != nil {
				t.Fatal(err)
			}
			key, err := v.ReleaseKey(t.Context(), "key", "")
			if err != nil || !bytes.Equal(key.Material, test.want) || made.Key.Material != nil {
				t.Errorf("%d bytes, %v; want %d others", len(key.Material), err, len(test.want))
			}
			// The like of what was imported can be made.
			rotated, err := v.Rotate(t.Context(), "key")
			if err != nil {
				t.Fatal(err)
			}
			next, err := v.ReleaseKey(t.Context(), "key", "")
			if err != nil || bytes.Equal(next.Material, key.Material) || rotated.Key.Type != made.Key.Type || made.Key.Public == nil && len(next.Material) != len(key.Material) {
				t.Errorf("rotated to %v, %v", next, err)
			}
		})
	}
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256 := pkcs8(t, ecKey(t, elliptic.P256()))
	// The private exponent of another key: numbers that do not belong together.
	wrong := pkcs8(t, rsaKey())
	d := rsaKey().D.Bytes()
	at := bytes.Index(wrong, d)
	new(big.Int).Sub(rsaKey().D, big.NewInt(2)).FillBytes(wrong[at : at+len(d)])
	for name, test := range map[string]struct {
		give vault.Import
		want string
	}{
		"nothing":                   {vault.Import{Type: "RSA"}, "a key of 0 bytes that is no PKCS #8"},
		"no type":                   {vault.Import{Material: p256}, "key type \"\""},
		"no DER":                    {vault.Import{Type: "EC", Material: []byte("-----BEGIN PRIVATE KEY-----")}, "no PKCS #8 in DER"},
		"PKCS #1":                   {vault.Import{Type: "RSA", Material: x509.MarshalPKCS1PrivateKey(rsaKey())}, "no PKCS #8 in DER"},
		"something behind it":       {vault.Import{Type: "EC", Material: append(bytes.Clone(p256), 0)}, "or more than one"},
		"half of it":                {vault.Import{Type: "EC", Material: p256[:len(p256)/2]}, "no PKCS #8"},
		"RSA of 1024 bits":          {vault.Import{Type: "RSA", Material: smallRSA(t)}, "an RSA key of 1024 bits and 2 primes, want 2048 to 8192"},
		"RSA that is not valid":     {vault.Import{Type: "RSA", Material: wrong}, "not valid"},
		"EC as RSA":                 {vault.Import{Type: "RSA", Material: p256}, "an EC key on P-256, want one of type RSA"},
		"RSA as EC":                 {vault.Import{Type: "EC-HSM", Material: pkcs8(t, rsaKey())}, "an RSA key, want one of type EC-HSM"},
		"P-224":                     {vault.Import{Type: "EC", Material: pkcs8(t, ecKey(t, elliptic.P224()))}, "an EC key on P-224"},
		"Ed25519":                   {vault.Import{Type: "EC", Material: pkcs8(t, ed)}, "another kind"},
		"X25519":                    {vault.Import{Type: "EC", Material: pkcs8(t, x)}, "another kind"},
		"oct of 15 bytes":           {vault.Import{Type: "oct", Material: make([]byte, 15)}, "15 bytes, want 16 to 64"},
		"oct of 65 bytes":           {vault.Import{Type: "oct", Material: make([]byte, 65)}, "65 bytes, want 16 to 64"},
		"more than any key":         {vault.Import{Type: "RSA", Material: make([]byte, 16<<10+1)}, "16385 bytes, want at most 16384"},
		"exportable without policy": {vault.Import{Type: "EC", Material: p256, Settings: vault.Settings{Exportable: true}}, "Exportable keys must have"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := memory.New()
			v, _ := open(t, s, secretA)
			code := ""
			if strings.HasPrefix(test.want, "Exportable") {
				code = vault.CodePolicyMissing
			}
			_, err := v.Import(t.Context(), "key", test.give)
			refused(t, err, code, test.want)
			if len(recordsOf(t, s)) > 0 {
				t.Error("kept all the same")
			}
		})
	}
}

// smallRSA is a key that was usual once. The library does not make one any more.
func smallRSA(t testing.TB) []byte {
	t.Helper()
	for {
		p, err := rand.Prime(rand.Reader, 512)
		if err != nil {
			t.Fatal(err)
		}
		q, err := rand.Prime(rand.Reader, 512)
		if err != nil {
			t.Fatal(err)
		}
		one := big.NewInt(1)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(big.NewInt(65537), phi)
		n := new(big.Int).Mul(p, q)
		if d == nil || n.BitLen() != 1024 {
			continue
		}
		key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: 65537}, D: d, Primes: []*big.Int{p, q}}
		key.Precompute()
		return pkcs8(t, key)
	}
}
