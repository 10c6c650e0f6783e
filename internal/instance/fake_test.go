package instance_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"log/slog"
	"math/big"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
	"github.com/azattest/azattest/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

// believer is a verifier that believes everything.
type believer struct{}

type enclave struct{}

func (enclave) Claims() *claims.Set {
	c := new(claims.Set)
	c.Add("x-ms-sgx-product-id", claims.Integer(7))
	return c
}

func (believer) Parse([]byte) (evidence.Evidence, error) { return enclave{}, nil }

func (believer) Verify(context.Context, evidence.Evidence, evidence.Requirements) (*evidence.Result, error) {
	return &evidence.Result{Type: "sgx", Claims: enclave{}.Claims(), RuntimeBinding: make([]byte, 64), TCB: &evidence.TCB{
		Status: evidence.TCBUpToDate, Platform: evidence.TCBUpToDate, QE: evidence.TCBUpToDate, EvaluationDataNumber: 17,
	}}, nil
}

var signingKey = sync.OnceValues(func() (*token.Key, error) {
	signer, err := token.GenerateSigner(token.ES256, 256)
	if err != nil {
		return nil, err
	}
	return token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.ES256, Issuer: "https://contoso.example"})
})

// oneKey is a key ring of one key.
type oneKey struct {
	fails      atomic.Bool
	refreshes  atomic.Int64
	generation atomic.Int64
	asked      atomic.Int64
}

var errKeys = errors.New("the keys are locked away")

func (k *oneKey) Ring(_ context.Context, url string, _ token.Algorithm) (*token.Ring, error) {
	k.asked.Add(1)
	if k.fails.Load() {
		return nil, errKeys
	}
	key, err := signingKey()
	if err != nil {
		return nil, err
	}
	if key, err = key.Recertify(url); err != nil {
		return nil, err
	}
	return token.NewRing(key)
}

func (k *oneKey) Generation() int64 { return k.generation.Load() }

func (k *oneKey) Refresh(context.Context) error {
	k.refreshes.Add(1)
	return nil
}

// records is a store that can be told to fail.
type records struct {
	store.Store
	// isDown lets every call fail.
	isDown atomic.Bool
	// commit stands in for Commit, if it is set; it must be before the store is
	// used by several.
	commit func(ctx context.Context, changes []store.Change) (int64, error)
	get    func(ctx context.Context, key string) error
}

func newRecords() *records { return &records{Store: memory.New()} }

func down() error {
	return &store.UnavailableError{Trouble: store.TroubleUnreachable, Err: errors.New("connection refused")}
}

func (r *records) Get(ctx context.Context, key string) (store.Record, error) {
	if r.isDown.Load() {
		return store.Record{}, down()
	}
	if r.get != nil {
		if err := r.get(ctx, key); err != nil {
			return store.Record{}, err
		}
	}
	return r.Store.Get(ctx, key)
}

func (r *records) Each(ctx context.Context, prefix string, visit func(store.Record) error) (int64, error) {
	if r.isDown.Load() {
		return 0, down()
	}
	return r.Store.Each(ctx, prefix, visit)
}

func (r *records) Changes(ctx context.Context, since int64, visit func(store.Record) error) (int64, error) {
	if r.isDown.Load() {
		return 0, down()
	}
	return r.Store.Changes(ctx, since, visit)
}

func (r *records) Commit(ctx context.Context, changes ...store.Change) (int64, error) {
	if r.isDown.Load() {
		return 0, down()
	}
	if r.commit != nil {
		return r.commit(ctx, changes)
	}
	return r.Store.Commit(ctx, changes...)
}

func (r *records) Wait(ctx context.Context, since int64) (int64, error) {
	if r.isDown.Load() {
		return 0, down()
	}
	return r.Store.Wait(ctx, since)
}

// config makes a directory over the records.
func config(s store.Store) instance.Config {
	return instance.Config{
		Store: s, Keys: new(oneKey),
		Verifiers: map[attest.Type]evidence.Verifier{attest.SGXEnclave: believer{}, attest.OpenEnclave: believer{}},
		Clock:     func() time.Time { return at }, Log: slog.New(slog.DiscardHandler),
		// Most tests let nobody run, and a slow machine must not make them fail.
		MaxStaleness: time.Hour,
	}
}

func open(tb testing.TB, c instance.Config) *instance.Directory {
	tb.Helper()
	d, err := instance.Open(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// aad are settings of an instance at https://<name>.example.
func aad(name string) instance.Settings {
	return instance.Settings{Name: name, URL: "https://" + name + ".example", Mode: instance.AAD, Algorithm: token.ES256}
}

func isolated(name string) instance.Settings {
	s := aad(name)
	s.Mode = instance.Isolated
	return s
}

func create(tb testing.TB, d *instance.Directory, s instance.Settings, certificates ...*x509.Certificate) {
	tb.Helper()
	if err := d.Create(tb.Context(), s, certificates, "test"); err != nil {
		tb.Fatal(err)
	}
}

// identity is a key with its certificate.
type identity struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

// signer makes a root, or a certificate that issuer signs.
func signer(tb testing.TB, name string, issuer *identity) *identity {
	tb.Helper()
	return signerUntil(tb, name, issuer, at.Add(time.Hour))
}

// expired is a root whose time is over.
func expired(tb testing.TB) *identity {
	tb.Helper()
	return signerUntil(tb, "expired", nil, at.Add(-time.Minute))
}

func signerUntil(tb testing.TB, name string, issuer *identity, end time.Time) *identity {
	tb.Helper()
	return makeIdentity(tb, name, issuer, end, issuer == nil)
}

// endEntity is a root that is no authority: it can be listed, and cannot sign.
func endEntity(tb testing.TB, name string) *identity {
	tb.Helper()
	return makeIdentity(tb, name, nil, at.Add(time.Hour), false)
}

func makeIdentity(tb testing.TB, name string, issuer *identity, end time.Time, isAuthority bool) *identity {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: at.Add(-time.Hour), NotAfter: end, BasicConstraintsValid: true, IsCA: isAuthority,
	}
	parent, by := template, key
	if issuer != nil {
		parent, by = issuer.certificate, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		tb.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &identity{key, certificate}
}

func parse(tb testing.TB, text string) *policytoken.Token {
	tb.Helper()
	jws, err := policytoken.Parse([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return jws
}

func encode(raw string) string { return base64.RawURLEncoding.EncodeToString([]byte(raw)) }

// sign makes a JWS of the payload.
func (i *identity) sign(tb testing.TB, payload string) *policytoken.Token {
	tb.Helper()
	header := `{"alg":"ES256","x5c":["` + base64.StdEncoding.EncodeToString(i.certificate.Raw) + `"]}`
	signed := encode(header) + "." + encode(payload)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, digest[:])
	if err != nil {
		tb.Fatal(err)
	}
	return parse(tb, signed+"."+compose(r, s))
}

func compose(r, s *big.Int) string {
	var raw [64]byte
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// otherSignature turns the signature of a JWS into another one that holds as well,
// without the key.
func otherSignature(tb testing.TB, jws *policytoken.Token) *policytoken.Token {
	tb.Helper()
	text := jws.String()
	cut := strings.LastIndexByte(text, '.') + 1
	raw, err := base64.RawURLEncoding.DecodeString(text[cut:])
	if err != nil || len(raw) != 64 {
		tb.Fatal(err, len(raw))
	}
	r, s := new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])
	return parse(tb, text[:cut]+compose(r, s.Sub(elliptic.P256().Params().N, s)))
}

func policyPayload(text string) string { return `{"AttestationPolicy":"` + encode(text) + `"}` }

func certificatePayload(c *x509.Certificate) string {
	return `{"policyCertificate":{"x5c":["` + base64.StdEncoding.EncodeToString(c.Raw) + `"]}}`
}

// numbered is a policy that says which one it is.
func numbered(n string) string {
	return "version=1.0;authorizationrules{=>permit();};issuancerules{=>issue(type=\"number\",value=\"" + n + "\");};"
}

func unsigned(tb testing.TB, text string) *policytoken.Token {
	tb.Helper()
	return parse(tb, policytoken.Unsigned(text))
}

// change asks for a policy of SgxEnclave.
func change(name string, jws *policytoken.Token) instance.PolicyChange {
	return instance.PolicyChange{Instance: name, Type: attest.SGXEnclave, Token: jws, By: "test"}
}

func set(tb testing.TB, d *instance.Directory, name string, jws *policytoken.Token) instance.Policy {
	tb.Helper()
	p, err := d.SetPolicy(tb.Context(), change(name, jws))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// hashInForce attests, and returns the claim x-ms-policy-hash.
func hashInForce(tb testing.TB, d *instance.Directory, host string) string {
	tb.Helper()
	i, _, ok := d.Lookup(host, "/certs")
	if !ok {
		tb.Fatalf("nobody answers at %s", host)
	}
	pipeline, err := i.Pipeline(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	answer, err := pipeline.Attest(tb.Context(), &attest.Request{Type: attest.SGXEnclave, Evidence: []byte("quote")})
	if err != nil {
		tb.Fatal(err)
	}
	hash, _ := answer.Claims.First("x-ms-policy-hash")
	text, _ := hash.Str()
	return text
}

// wantRefused checks the reason of a refusal.
func wantRefused(tb testing.TB, err error, want instance.Reason) {
	tb.Helper()
	if e, ok := errors.AsType[*instance.RefusedError](err); !ok || e.Reason != want {
		tb.Errorf("%v, want it refused for %s", err, want)
	}
}

func wantTokenError(tb testing.TB, err error, want policytoken.Reason) {
	tb.Helper()
	if e, ok := errors.AsType[*policytoken.Error](err); !ok || e.Reason != want {
		tb.Errorf("%v, want the token refused for %s", err, want)
	}
}

func wantSettingsError(tb testing.TB, err error, field string) {
	tb.Helper()
	if e, ok := errors.AsType[*instance.SettingsError](err); !ok || e.Field != field {
		tb.Errorf("%v, want %s refused", err, field)
	}
}

// wantGapless checks that the history holds the versions 1 to n.
func wantGapless(tb testing.TB, d *instance.Directory, name string, n int) []instance.Policy {
	tb.Helper()
	versions, err := d.History(tb.Context(), name, attest.SGXEnclave)
	if err != nil {
		tb.Fatal(err)
	}
	if len(versions) != n {
		tb.Fatalf("%d versions, want %d", len(versions), n)
	}
	for i, p := range versions {
		if p.Version != int64(i+1) {
			tb.Fatalf("version %d stands at place %d", p.Version, i+1)
		}
	}
	return versions
}
