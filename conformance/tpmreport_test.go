package conformance_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/internal/testattest"
)

// A policy says how long its reports live and what their headers hold.
func TestWhatAPolicySaysOfItsReports(t *testing.T) {
	t.Parallel()
	const text = `version=1.2; authorizationrules{=> permit();};
issuancerules{
	=> issueproperty(type="report_validity_in_minutes", value=5760);
	=> issueproperty(type="omit_x5c", value=true);
	c:[type=="https://tpm.example/color", issuer=="CustomClaim"] => issue(type="color", value=c.value);
	=> issue(type="jti", value="chosen");
};`
	for name, test := range map[string]struct{ most, lives time.Duration }{
		"as long as it wants":     {7 * 24 * time.Hour, 4 * 24 * time.Hour},
		"cut to the operator's":   {0, 24 * time.Hour},
		"cut to less than normal": {8 * time.Hour, 8 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, &deployment{maxLifetime: test.most})
			m.setPolicy(t, text)
			request := m.challenged(t)
			request.Custom = [][3]string{{"color", "green", "String"}}
			header, claims := m.report(t, request.V2(t))
			if lives := claims["exp"].(float64) - claims["iat"].(float64); lives != test.lives.Seconds() {
				t.Errorf("lives %v s, want %v", lives, test.lives)
			}
			if diff := cmp.Diff(map[string]any{"color": "green"}, without(claims, ofEveryReport...)); diff != "" {
				t.Errorf("issued (-want +got):\n%s", diff)
			}
			if claims["jti"] == "chosen" {
				t.Error("the policy has chosen the token's ID")
			}
			names := slices.Sorted(maps.Keys(header))
			if diff := cmp.Diff([]string{"alg", "kid", "typ", "x5t"}, names); diff != "" || header["x5t"] != header["kid"] {
				t.Errorf("header %v (-want +got):\n%s", header, diff)
			}
		})
	}
}

// A report confirms the key that signed the request, if that had one of its own.
func TestWhichKeyAReportConfirms(t *testing.T) {
	t.Parallel()
	curved, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		edit    func(*testattest.Request)
		sign    func(*testattest.Request, testing.TB) []byte
		kty     string // of cnf; "" for none
		isBound bool   // there is x-ms-tpm-request-key
	}{
		"RSA, version 1": {func(*testattest.Request) {}, (*testattest.Request).V1, "RSA", false},
		"RSA, version 2": {func(*testattest.Request) {}, (*testattest.Request).V2, "RSA", true},
		"EC, version 1":  {func(r *testattest.Request) { r.Key = curved }, (*testattest.Request).V1, "EC", false},
		"EC, version 2":  {func(r *testattest.Request) { r.Key = curved }, (*testattest.Request).V2, "EC", true},
		"the AIK's":      {func(r *testattest.Request) { r.Key = nil }, (*testattest.Request).V2, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, &deployment{})
			m.setPolicy(t, permitAll)
			request := m.challenged(t)
			test.edit(request)
			_, claims := m.report(t, test.sign(request, t))
			confirmed, _ := claims["cnf"].(map[string]any)
			jwk, _ := confirmed["jwk"].(map[string]any)
			kty, _ := jwk["kty"].(string)
			if _, isBound := claims["x-ms-tpm-request-key"]; kty != test.kty || isBound != test.isBound || (claims["cnf"] != nil) != (kty != "") {
				t.Errorf("cnf %v, x-ms-tpm-request-key %t", claims["cnf"], isBound)
			}
		})
	}
}
