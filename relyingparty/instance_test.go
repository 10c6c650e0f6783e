package relyingparty_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

const (
	contoso  = "https://contoso.example"
	fabrikam = "https://fabrikam.example"

	mrenclave = "292a1f4b519e46627eb2478a3d9851405653c5b4b0a6925de843834d9216850e"
	mrsigner  = "4aea5f9a0ed04b11f889aadfe6a1d376213a29a95a85ce7337ae6f7fece6610c"
	// defaultPolicyHash is that of the default policy for enclaves, "version= 1.0;…".
	defaultPolicyHash = "ViVGS4BYl70X8eUrgryHg0TtbEk9WtIc6DtTBEFxaWc"
)

// set are the claims of a token, or what a case changes of them: nil takes one
// away.
type set map[string]any

// instance is an attestation service that signs whatever a test wants.
type instance struct {
	url    string
	signer crypto.Signer
	key    *token.Key
}

func newInstance(t testing.TB, url string, a token.Algorithm, bits int) *instance {
	t.Helper()
	signer, err := token.GenerateSigner(a, bits)
	if err != nil {
		t.Fatal(err)
	}
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: a, Issuer: url})
	if err != nil {
		t.Fatal(err)
	}
	return &instance{url: url, signer: signer, key: key}
}

// neighbor is another instance that signs with the same key, under the same kid,
// as those of one region do.
func (i *instance) neighbor(t testing.TB, url string) *instance {
	t.Helper()
	key, err := i.key.Recertify(url)
	if err != nil {
		t.Fatal(err)
	}
	return &instance{url: url, signer: i.signer, key: key}
}

func (i *instance) ring(t testing.TB) *token.Ring {
	t.Helper()
	ring, err := token.NewRing(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func (i *instance) source(t testing.TB) *azattestation.KeySource {
	t.Helper()
	source, err := azattestation.NewKeySource(i.url, i.ring(t).JWKS())
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// token signs the claims of an enclave, with changes.
func (i *instance) token(t testing.TB, changes ...set) string {
	t.Helper()
	all := enclaveClaims(i.url)
	for _, c := range changes {
		maps.Copy(all, c)
	}
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	payload, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return i.sign(t, payload)
}

// sign signs any payload.
func (i *instance) sign(t testing.TB, payload []byte) string {
	t.Helper()
	return i.signWith(t, set{"alg": i.key.Algorithm(), "kid": i.key.ID(), "jku": i.url + "/certs", "typ": "JWT"}, payload)
}

func (i *instance) signWith(t testing.TB, header set, payload []byte) string {
	t.Helper()
	rawHeader, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString(rawHeader) + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(text))
	signature, err := i.signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if i.key.Algorithm() == token.ES256 {
		var both struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(signature, &both); err != nil {
			t.Fatal(err)
		}
		signature = append(both.R.FillBytes(make([]byte, 32)), both.S.FillBytes(make([]byte, 32))...)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// enclaveClaims are what a service says of a good enclave under its default
// policy.
func enclaveClaims(url string) set {
	return set{
		"iss": url, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(8 * time.Hour).Unix(), "jti": strings.Repeat("0", 64),
		"x-ms-ver": "1.0", "x-ms-attestation-type": "sgx", "x-ms-policy-hash": defaultPolicyHash,
		"x-ms-sgx-is-debuggable": false, "x-ms-sgx-mrenclave": mrenclave, "x-ms-sgx-mrsigner": mrsigner,
		"x-ms-sgx-product-id": 1, "x-ms-sgx-svn": 4,
		"is-debuggable": false, "sgx-mrenclave": mrenclave, "sgx-mrsigner": mrsigner, "product-id": 1, "svn": 4, "tee": "sgx",
		"x-ms-policy": set{"is-debuggable": false, "sgx-mrenclave": mrenclave, "sgx-mrsigner": mrsigner, "product-id": 1, "svn": 4, "tee": "sgx"},
	}
}

// config trusts the instance, for the one enclave, at the time of the tests.
func (i *instance) config(t testing.TB) relyingparty.Config {
	t.Helper()
	return relyingparty.Config{
		Sources:   []*azattestation.KeySource{i.source(t)},
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
