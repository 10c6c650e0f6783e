package keyrelease_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

const (
	contoso   = "https://contoso.example"
	fabrikam  = "https://fabrikam.example"
	vaultURL  = "https://vault.example"
	version   = "395e0d6ec0214e8318bb9da42788f8f3"
	mrenclave = "292a1f4b519e46627eb2478a3d9851405653c5b4b0a6925de843834d9216850e"
)

// now is the time of everything in these tests.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// set are members of JSON, or what a case changes of them: nil takes one away.
type set map[string]any

func (s set) changed(changes ...set) set {
	all := maps.Clone(s)
	for _, c := range changes {
		maps.Copy(all, c)
	}
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return all
}

// attester is an attestation service that signs whatever a test wants.
type attester struct {
	url    string
	signer crypto.Signer
	key    *token.Key
}

func newAttester(tb testing.TB, url string) *attester {
	tb.Helper()
	signer, err := token.GenerateSigner(token.RS256, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.RS256, Issuer: url})
	if err != nil {
		tb.Fatal(err)
	}
	return &attester{url, signer, key}
}

func (a *attester) source(tb testing.TB) *azattestation.KeySource {
	tb.Helper()
	ring, err := token.NewRing(a.key)
	if err != nil {
		tb.Fatal(err)
	}
	source, err := azattestation.NewKeySource(a.url, ring.JWKS())
	if err != nil {
		tb.Fatal(err)
	}
	return source
}

// header is that of the authority's tokens.
func (a *attester) header() set {
	return set{"alg": "RS256", "kid": a.key.ID(), "jku": a.url + "/certs", "typ": "JWT"}
}

func (a *attester) sign(tb testing.TB, header, claims set) string {
	tb.Helper()
	text := encoded(tb, header) + "." + encoded(tb, claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := a.signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		tb.Fatal(err)
	}
	return text + "." + b64(signature)
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func encoded(tb testing.TB, v any) string {
	tb.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return b64(text)
}

// keysOf are the keys of attested parties, which take a while to make.
var keysOf = sync.OnceValue(func() (k struct {
	rsa, weak, other *rsa.PrivateKey
	ec               *ecdsa.PrivateKey
},
) {
	for _, one := range []struct {
		into **rsa.PrivateKey
		bits int
	}{{&k.rsa, 2048}, {&k.weak, 1024}, {&k.other, 2048}} {
		key, err := rsa.GenerateKey(rand.Reader, one.bits)
		if err != nil {
			panic(err)
		}
		*one.into = key
	}
	var err error
	if k.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		panic(err)
	}
	return k
})

func rsaJWK(key *rsa.PrivateKey, changes ...set) set {
	return set{"kty": "RSA", "kid": "enclave-key", "key_ops": []string{"encrypt"}, "n": b64(key.N.Bytes()), "e": "AQAB"}.changed(changes...)
}

func ecJWK(tb testing.TB, key *ecdsa.PrivateKey, changes ...set) set {
	tb.Helper()
	point, err := key.PublicKey.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return set{"kty": "EC", "kid": "enclave-ec-key", "key_ops": []string{"deriveKey"}, "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}.changed(changes...)
}

// enclave are the claims of a good enclave that holds the RSA key.
func (a *attester) enclave(changes ...set) set {
	return set{
		"iss": a.url, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(8 * time.Hour).Unix(), "jti": strings.Repeat("0", 64),
		"x-ms-ver": "1.0", "x-ms-attestation-type": "sgx", "x-ms-policy-hash": "ViVGS4BYl70X8eUrgryHg0TtbEk9WtIc6DtTBEFxaWc",
		"x-ms-sgx-is-debuggable": false, "x-ms-sgx-mrenclave": mrenclave, "x-ms-sgx-mrsigner": strings.Repeat("4a", 32),
		"x-ms-sgx-product-id": 1, "x-ms-sgx-svn": 4,
		"x-ms-runtime": set{"keys": []set{rsaJWK(keysOf().rsa)}},
	}.changed(changes...)
}

// token is that of a good enclave, with changes.
func (a *attester) token(tb testing.TB, changes ...set) string {
	tb.Helper()
	return a.sign(tb, a.header(), a.enclave(changes...))
}

// policyFor releases to one enclave, as an authority sees it.
func policyFor(tb testing.TB, authority string) *keyrelease.Policy {
	tb.Helper()
	p, err := keyrelease.ParsePolicy(fmt.Appendf(nil, `{"version":"1.0.0","anyOf":[{"authority":%q,"allOf":[{"claim":"x-ms-sgx-mrenclave","equals":%q}]}]}`, authority+"/", mrenclave))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// vault is a vault of one secret, which a test changes before it is asked.
type vault struct {
	*attester
	config  keyrelease.Config
	require relyingparty.Config
	key     keyrelease.Key
	// private is the released key, released copies of it that were handed out.
	private   *rsa.PrivateKey
	released  [][]byte
	err       error
	roots     *x509.CertPool
	decisions []keyrelease.Decision
}

func newVault(tb testing.TB) *vault {
	tb.Helper()
	v := &vault{attester: newAttester(tb, contoso), private: keysOf().other}
	material, err := x509.MarshalPKCS8PrivateKey(v.private)
	if err != nil {
		tb.Fatal(err)
	}
	v.key = keyrelease.Key{
		Name: "payroll", Version: version, Type: "RSA-HSM", Material: material, Public: v.private.Public(), Operations: []string{"encrypt", "decrypt"},
		Attributes: keyrelease.Attributes{Enabled: true, Exportable: true, Created: now.Add(-time.Hour), Updated: now.Add(-time.Minute)},
		Policy:     policyFor(tb, contoso),
	}
	v.require = relyingparty.Config{
		Sources: []*azattestation.KeySource{v.source(tb)}, Types: []string{"sgx", "azurevm", "sevsnpvm"}, AllowAnyEnclave: true, Now: func() time.Time { return now },
	}
	signer, roots := newSigner(tb, "vault.example")
	v.roots = roots
	v.config = keyrelease.Config{
		Keys: v, Signer: func(context.Context) (*keyrelease.Signer, error) { return signer, nil }, Vault: vaultURL, Now: func() time.Time { return now },
		Record: func(_ context.Context, d *keyrelease.Decision) error {
			v.decisions = append(v.decisions, *d)
			return nil
		},
	}
	return v
}

// ReleaseKey has the one key.
func (v *vault) ReleaseKey(_ context.Context, name, wanted string) (*keyrelease.Key, error) {
	if v.err != nil {
		return nil, v.err
	}
	if !strings.EqualFold(name, v.key.Name) || wanted != "" && wanted != v.key.Version {
		return nil, fmt.Errorf("vault: %s: %w", name, keyrelease.ErrKeyNotFound)
	}
	key := v.key
	key.Material = append([]byte(nil), v.key.Material...)
	v.released = append(v.released, key.Material)
	return &key, nil
}

func (v *vault) releaser(tb testing.TB) *keyrelease.Releaser {
	tb.Helper()
	c := v.config
	if c.Verifier == nil {
		c.Verifier = mustVerifier(tb, v.require)
	}
	r, err := keyrelease.NewReleaser(c)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func mustVerifier(tb testing.TB, c relyingparty.Config) *relyingparty.Verifier {
	tb.Helper()
	v, err := relyingparty.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// expected is what a client of the vault expects.
func (v *vault) expected() keyrelease.Expected {
	return keyrelease.Expected{Vault: vaultURL, Roots: v.roots, Name: "payroll", Policies: []*keyrelease.Policy{v.key.Policy}, Now: now}
}

// newSigner makes an authority and a certificate of it for a host.
func newSigner(tb testing.TB, host string) (*keyrelease.Signer, *x509.CertPool) {
	tb.Helper()
	root, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	signer, err := token.GenerateSigner(token.RS256, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of vaults"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, root.Public(), root)
	if err != nil {
		tb.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, signer.Public(), root)
	if err != nil {
		tb.Fatal(err)
	}
	chain, err := x509.ParseCertificates(append(leafDER, caDER...))
	if err != nil {
		tb.Fatal(err)
	}
	s, err := keyrelease.NewSigner(signer, chain)
	if err != nil {
		tb.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(chain[1])
	return s, roots
}
