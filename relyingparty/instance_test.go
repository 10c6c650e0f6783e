package relyingparty_test

import (
	"errors"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/testtoken"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

const (
	contoso  = "https://contoso.example"
	fabrikam = "https://fabrikam.example"

	mrenclave         = testtoken.MRENCLAVE
	mrsigner          = testtoken.MRSIGNER
	defaultPolicyHash = testtoken.PolicyHash
)

// set are the claims of a token, or what a case changes of them: nil takes one
// away.
type set = testtoken.Set

// instance is an attestation service that signs whatever a test wants.
type instance struct{ *testtoken.Authority }

func newInstance(t testing.TB, url string, a token.Algorithm) *instance {
	t.Helper()
	return &instance{testtoken.New(t, url, a)}
}

// neighbor is another instance that signs with the same key, under the same kid,
// as those of one region do.
func (i *instance) neighbor(t testing.TB, url string) *instance {
	t.Helper()
	key, err := i.Key.Recertify(url)
	if err != nil {
		t.Fatal(err)
	}
	return &instance{&testtoken.Authority{URL: url, Signer: i.Signer, Key: key}}
}

// token signs the claims of an enclave, with changes.
func (i *instance) token(t testing.TB, changes ...set) string {
	t.Helper()
	return i.Token(t, enclaveClaims(i.URL).With(changes...))
}

// sign signs any payload.
func (i *instance) sign(t testing.TB, payload []byte) string {
	t.Helper()
	return i.Sign(t, i.Header(), payload)
}

// enclaveClaims are what a service says of a good enclave under its default
// policy.
func enclaveClaims(url string) set {
	said := set{"is-debuggable": false, "sgx-mrenclave": mrenclave, "sgx-mrsigner": mrsigner, "product-id": 1, "svn": 4, "tee": "sgx"}
	return testtoken.Enclave(url, now).With(said, set{"x-ms-policy": said})
}

// config trusts the instance, for the one enclave, at the time of the tests.
func (i *instance) config(t testing.TB) relyingparty.Config {
	t.Helper()
	return relyingparty.Config{
		Sources:   []*azattestation.KeySource{i.Source(t)},
		MRENCLAVE: []string{mrenclave},
		Now:       func() time.Time { return now },
	}
}

func mustNew(t testing.TB, c relyingparty.Config) *relyingparty.Verifier {
	t.Helper()
	v, err := relyingparty.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// wantMissed expects a requirement that is not met, because of a claim.
func wantMissed(t *testing.T, err error, requirement relyingparty.Requirement, claim string) {
	t.Helper()
	e, ok := errors.AsType[*relyingparty.RequirementError](err)
	if !ok {
		t.Fatalf("error %v, want a *RequirementError", err)
	}
	if e.Requirement != requirement || e.Claim != claim {
		t.Errorf("misses %q by claim %q (%v), want %q by %q", e.Requirement, e.Claim, e, requirement, claim)
	}
}

// wantInvalid expects a token that does not hold.
func wantInvalid(t *testing.T, err error, check azattestation.TokenCheck) {
	t.Helper()
	e, ok := errors.AsType[*azattestation.TokenValidationError](err)
	if !ok {
		t.Fatalf("error %v, want a *TokenValidationError", err)
	}
	if e.Check != check {
		t.Errorf("fails check %q (%v), want %q", e.Check, e, check)
	}
}
