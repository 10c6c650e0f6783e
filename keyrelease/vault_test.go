package keyrelease_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/testtoken"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

const (
	contoso   = "https://contoso.example"
	fabrikam  = "https://fabrikam.example"
	vaultURL  = "https://vault.example"
	version   = "395e0d6ec0214e8318bb9da42788f8f3"
	mrenclave = testtoken.MRENCLAVE
)

// now is the time of everything in these tests.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// set are members of JSON, or what a case changes of them: nil takes one away.
type set = testtoken.Set

// attester is an attestation service that signs whatever a test wants.
type attester struct{ *testtoken.Authority }

func newAttester(tb testing.TB, url string) *attester {
	tb.Helper()
	return &attester{testtoken.New(tb, url, token.RS256)}
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
	k.rsa = testtoken.EnclaveKey()
	for _, one := range []struct {
		into **rsa.PrivateKey
		bits int
	}{{&k.weak, 1024}, {&k.other, 2048}} {
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
	return testtoken.RSAKey(&key.PublicKey).With(changes...)
}

func ecJWK(tb testing.TB, key *ecdsa.PrivateKey, changes ...set) set {
	tb.Helper()
	return testtoken.ECKey(tb, &key.PublicKey).With(changes...)
}

// enclave are the claims of a good enclave that holds the RSA key.
func (a *attester) enclave(changes ...set) set {
	return testtoken.Enclave(a.URL, now).With(testtoken.Holding(rsaJWK(keysOf().rsa))).With(changes...)
}

// token is that of a good enclave, with changes.
func (a *attester) token(tb testing.TB, changes ...set) string {
	tb.Helper()
	return a.Token(tb, a.enclave(changes...))
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
	// private is the released key.
	private *rsa.PrivateKey
	err     error
	roots   *x509.CertPool
	// mu guards released, copies of the key that were handed out, and decisions. Copies
	// of a vault share it.
	mu        *sync.Mutex
	released  [][]byte
	decisions []keyrelease.Decision
}

func newVault(tb testing.TB) *vault {
	tb.Helper()
	v := &vault{attester: newAttester(tb, contoso), private: keysOf().other, mu: new(sync.Mutex)}
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
		Sources: []*azattestation.KeySource{v.Source(tb)}, Types: []string{"sgx", "azurevm", "sevsnpvm"}, AllowAnyEnclave: true, Now: func() time.Time { return now },
	}
	signer, roots := newSigner(tb, "vault.example")
	v.roots = roots
	v.config = keyrelease.Config{
		Keys: v, Signer: func(context.Context) (*keyrelease.Signer, error) { return signer, nil }, Vault: vaultURL, Now: func() time.Time { return now },
		Record: func(_ context.Context, d *keyrelease.Decision) error {
			v.mu.Lock()
			defer v.mu.Unlock()
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
	v.mu.Lock()
	defer v.mu.Unlock()
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
