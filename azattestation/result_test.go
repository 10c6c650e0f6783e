package azattestation_test

import (
	"encoding/json"
	"testing"

	"github.com/azattest/azattest/azattestation"
)

// TestDeprecatedClaimOfAnotherTypeIsLeftOut: a policy may issue anything under a
// deprecated name. A text is not false, and not 0.
func TestDeprecatedClaimOfAnotherTypeIsLeftOut(t *testing.T) {
	t.Parallel()
	const claims = `{"is-debuggable":"true","product-id":"7","svn":1.5,"sgx-mrenclave":1,"maa-ehd":"*","policy_signer":[],"tee":{}}`
	var r azattestation.AttestationResult
	if err := json.Unmarshal([]byte(claims), &r); err != nil {
		t.Fatal(err)
	}
	if d := r.Deprecated; d.IsDebuggable != nil || d.ProductID != nil || d.SVN != nil || d.MREnclave != nil || d.EnclaveHeldData2 != nil || d.PolicySigner != nil || d.TEE != nil {
		t.Errorf("deprecated claims %s, want none", jsonOf(r))
	}
	if len(r.AdditionalClaims) != 7 || string(r.AdditionalClaims["is-debuggable"]) != `"true"` {
		t.Errorf("additional claims %v, want all", r.AdditionalClaims)
	}
	assertJSON(t, jsonOf(r), claims)
}

// TestServiceClaimOfAnotherTypeIsRefused: what a relying party compares must be
// what it seems to be.
func TestServiceClaimOfAnotherTypeIsRefused(t *testing.T) {
	t.Parallel()
	for _, claims := range []string{
		`{"x-ms-sgx-is-debuggable":"false"}`, `{"x-ms-sgx-is-debuggable":0}`, `{"x-ms-sgx-svn":"1"}`, `{"x-ms-sgx-svn":1.5}`,
		`{"x-ms-sgx-svn":2147483648}`, `{"x-ms-sgx-mrenclave":["a"]}`, `{"x-ms-policy-hash":"*"}`, `{"x-ms-policy-hash":5}`,
		`{"x-ms-policy":[]}`, `{"x-ms-policy":{"a":1,"a":2}}`, `{"x-ms-sgx-collateral":"x"}`, `{"x-ms-sgx-collateral":{"quotehash":1}}`,
		`{"x-ms-policy-signer":"x"}`, `{"x-ms-policy-signer":{"x5c":["AA=="]}}`, `{"exp":"1"}`, `{"iat":true}`, `{"jti":null,"jti":"a"}`, `[]`,
	} {
		var r azattestation.AttestationResult
		if err := json.Unmarshal([]byte(claims), &r); err == nil {
			t.Errorf("%s is a result: %s", claims, jsonOf(r))
		}
	}
}

// assertJSON compares two texts as JSON.
func assertJSON(t testing.TB, got, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	if jsonOf(a) != jsonOf(b) {
		t.Errorf("JSON:\n got %s\nwant %s", jsonOf(a), jsonOf(b))
	}
}

func TestClaimsAreBounded(t *testing.T) {
	t.Parallel()
	o := object{}
	for n := range 4096 {
		o["claim"+jsonOf(n)] = n
	}
	if _, err := azattestation.ParseToken(compact(`{"alg":"RS256"}`, jsonOf(o), noSignature)); err != nil {
		t.Error(err)
	}
	o["one more"] = true
	_, err := azattestation.ParseToken(compact(`{"alg":"RS256"}`, jsonOf(o), noSignature))
	checkToken(t, err, azattestation.TokenCheckFormat)
}
