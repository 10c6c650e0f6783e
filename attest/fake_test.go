package attest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/token"
)

const instance = "https://contoso.example"

// at is the time of all tests.
var at = time.Date(2026, time.November, 24, 12, 0, 0, 987654321, time.UTC)

// fakeVerifier believes everything: its result stands ready, and what was asked
// of it is kept. The zero value of each function means the usual behavior.
type fakeVerifier struct {
	result *evidence.Result
	parse  func(raw []byte) (evidence.Evidence, error)
	verify func(ctx context.Context) error

	mu    sync.Mutex
	asked []evidence.Requirements
}

var _ evidence.Verifier = (*fakeVerifier)(nil)

type fakeEvidence struct{ claims *claims.Set }

func (e fakeEvidence) Claims() *claims.Set { return e.claims }

func (v *fakeVerifier) Parse(raw []byte) (evidence.Evidence, error) {
	if v.parse != nil {
		return v.parse(raw)
	}
	all := v.result.Claims.Clone()
	if v.result.PolicyOnly != nil {
		all.AddAll(v.result.PolicyOnly)
	}
	return fakeEvidence{all}, nil
}

func (v *fakeVerifier) Verify(ctx context.Context, _ evidence.Evidence, want evidence.Requirements) (*evidence.Result, error) {
	v.mu.Lock()
	v.asked = append(v.asked, want)
	v.mu.Unlock()
	if v.verify != nil {
		if err := v.verify(ctx); err != nil {
			return nil, err
		}
	}
	return v.result, nil
}

// lastAsked returns what the last verification was asked to demand.
func (v *fakeVerifier) lastAsked(t *testing.T) evidence.Requirements {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.asked) == 0 {
		t.Fatal("nothing was verified")
	}
	return v.asked[len(v.asked)-1]
}

// runtime and initTime are what the usual result binds.
const (
	runtime  = `{"keys":[{"kty":"EC"}]}`
	initTime = `{"tenant":7}`
)

// binding returns a field of 64 bytes that binds data in its first half. The
// second half is the enclave's business, so it is not zero.
func binding(data string) []byte {
	sum := sha256.Sum256([]byte(data))
	return append(sum[:], bytes.Repeat([]byte{0xee}, 32)...)
}

// newResult is what a verifier finds in good evidence.
func newResult() *evidence.Result {
	c := new(claims.Set)
	c.Add("x-ms-attestation-type", claims.String("sgx"))
	c.Add("x-ms-sgx-is-debuggable", claims.Boolean(false))
	c.Add("x-ms-sgx-product-id", claims.Integer(7))
	c.Add("x-ms-sgx-mrsigner", claims.String(strings.Repeat("ab", 32)))
	c.Add("x-ms-sgx-mrenclave", claims.String(strings.Repeat("cd", 32)))
	c.Add("x-ms-sgx-svn", claims.Integer(3))
	c.Add("x-ms-sgx-report-data", claims.String(hex.EncodeToString(binding(runtime))))
	policyOnly := new(claims.Set)
	policyOnly.Add("$is-debuggable", claims.Boolean(false))
	policyOnly.Add("$svn", claims.Integer(3))
	collateral := new(claims.Set)
	collateral.Add("quotehash", claims.String(strings.Repeat("ef", 32)))
	tokenOnly := new(claims.Set)
	tokenOnly.Add("x-ms-sgx-collateral", claims.Object(collateral))
	tokenOnly.Add("maa-attestationcollateral", claims.Object(collateral))
	return &evidence.Result{
		Type: "sgx", Claims: c, PolicyOnly: policyOnly, TokenOnly: tokenOnly,
		RuntimeBinding: binding(runtime), InitTimeBinding: binding(initTime),
		TCB: &evidence.TCB{
			Status: evidence.TCBUpToDate, Platform: evidence.TCBUpToDate, QE: evidence.TCBUpToDate,
			EvaluationDataNumber: 17, QEEvaluationDataNumber: 17,
		},
	}
}

var sharedKey = sync.OnceValues(func() (*token.Key, error) {
	signer, err := token.GenerateSigner(token.ES256, 256)
	if err != nil {
		return nil, err
	}
	return token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.ES256, Issuer: instance})
})

func newIssuer(tb testing.TB) *token.Issuer {
	tb.Helper()
	key, err := sharedKey()
	if err != nil {
		tb.Fatal(err)
	}
	return issuerWith(tb, key)
}

// issuerWith signs for whatever instance the key is certified for.
func issuerWith(tb testing.TB, key *token.Key) *token.Issuer {
	tb.Helper()
	ring, err := token.NewRing(key)
	if err != nil {
		tb.Fatal(err)
	}
	issuer, err := token.NewIssuer(key.Certificate().Subject.CommonName, ring)
	if err != nil {
		tb.Fatal(err)
	}
	return issuer
}

// zeros is a source of randomness that has none: every token ID is the same.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// newConfig serves both types with v, at a fixed time, with fixed token IDs.
func newConfig(tb testing.TB, v evidence.Verifier) attest.Config {
	tb.Helper()
	return attest.Config{
		Issuer:    newIssuer(tb),
		Verifiers: map[attest.Type]evidence.Verifier{attest.SGXEnclave: v, attest.OpenEnclave: v},
		Clock:     func() time.Time { return at },
		Random:    zeros{},
	}
}

func newService(tb testing.TB, c attest.Config) *attest.Service {
	tb.Helper()
	s, err := attest.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// serviceWith returns a service whose policy for SGX is text, over the usual
// evidence, and the verifier beneath.
func serviceWith(tb testing.TB, text string) (*attest.Service, *fakeVerifier) {
	tb.Helper()
	v := &fakeVerifier{result: newResult()}
	c := newConfig(tb, v)
	c.Policies = map[attest.Type]*policy.Program{attest.SGXEnclave: compile(tb, text)}
	return newService(tb, c), v
}

func compile(tb testing.TB, text string) *policy.Program {
	tb.Helper()
	p, err := policy.Compile(text)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func request() *attest.Request {
	return &attest.Request{Type: attest.SGXEnclave, Evidence: []byte("quote")}
}

func mustAttest(t *testing.T, s *attest.Service, r *attest.Request) *attest.Response {
	t.Helper()
	answer, err := s.Attest(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// refusal returns the error of a request for which nothing else may come back.
func refusal[E error](t *testing.T, s *attest.Service, r *attest.Request, text string) E {
	t.Helper()
	answer, err := s.Attest(t.Context(), r)
	if answer != nil {
		t.Fatalf("got a token, want a refusal: %s", answer.Claims.AppendJSON(nil))
	}
	want, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("error %v (%T), want a %T", err, err, want)
	}
	if !strings.Contains(err.Error(), text) {
		t.Fatalf("error %q, want it to speak of %q", err, text)
	}
	return want
}

// wantRefusal is [refusal] for those who need no more than that.
func wantRefusal[E error](t *testing.T, s *attest.Service, r *attest.Request, text string) {
	t.Helper()
	_ = refusal[E](t, s, r, text)
}
