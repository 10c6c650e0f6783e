package policytoken_test

import (
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/internal/policytoken"
)

func TestCertificateIsReadFromEveryClaimThatNamesIt(t *testing.T) {
	t.Parallel()
	added := selfSigned(t, newEC(t, elliptic.P256()), "added", expired) // it may be removed all the same
	text := x5c(added.cert)[0]
	for name, payload := range map[string]string{
		"today":                     certificatePayload(added.cert),
		"the troubleshooting guide": `{"x-ms-policyCertificate":{"kty":"EC","x5c":["` + text + `"]}}`,
		"preview":                   `{"maa-policyCertificate":{"x5c":["` + text + `"],"alg":"ES256","use":"sig","n":1}}`,
		"oldest preview":            `{"aas-policyCertificate":{"x5c":["` + text + `","not read"]},"exp":1,"note":[]}`,
	} {
		got, err := parse(t, unsigned(`{"alg":"none"}`, payload)).Certificate()
		if err != nil || !got.Equal(added.cert) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestCertificateRefuses(t *testing.T) {
	t.Parallel()
	text := x5c(selfSigned(t, newEC(t, elliptic.P256()), "added", nil).cert)[0]
	jwk := `{"kty":"EC","x5c":["` + text + `"]}`
	for payload, want := range map[string]policytoken.Reason{
		``:                                     policytoken.ReasonNoPolicyCertificate,
		`{}`:                                   policytoken.ReasonNoPolicyCertificate,
		`{"policyCertificate":null}`:           policytoken.ReasonNoPolicyCertificate,
		`{"PolicyCertificate":` + jwk + `}`:    policytoken.ReasonNoPolicyCertificate,
		`{"policyCertificate":"` + text + `"}`: policytoken.ReasonPolicyCertificate,
		`{"policyCertificate":[` + jwk + `]}`:  policytoken.ReasonPolicyCertificate,
		`{"policyCertificate":{"kty":"RSA","n":"AQAB","e":"AQAB"}}`:             policytoken.ReasonPolicyCertificate,
		`{"policyCertificate":{"x5c":null}}`:                                    policytoken.ReasonPolicyCertificate,
		`{"policyCertificate":{"x5c":[]}}`:                                      policytoken.ReasonPolicyCertificate,
		`{"policyCertificate":{"x5c":["` + text[4:] + `"]}}`:                    policytoken.ReasonPolicyCertificate,
		`{"policyCertificate":{"x5c":["` + text + ` "]}}`:                       policytoken.ReasonPolicyCertificate,
		`{"policyCertificate":{"x5c":["` + strings.Repeat(`","`, 8) + `"]}}`:    policytoken.ReasonPolicyCertificate,
		`{"policyCertificate":{"x5c":["` + text + `"],"x5c":["` + text + `"]}}`: policytoken.ReasonPolicyCertificate,
		`{"policyCertificate":` + jwk + `,"maa-policyCertificate":` + jwk + `}`: policytoken.ReasonPayload,
	} {
		_, err := parse(t, unsigned(`{"alg":"none"}`, payload)).Certificate()
		if e, ok := errors.AsType[*policytoken.Error](err); !ok || e.Reason != want {
			t.Errorf("%.80s: %v, want %s", payload, err, want)
		}
	}
}

func TestCertificatesThatMayBeListedAndThoseThatMaySign(t *testing.T) {
	t.Parallel()
	newRoot := func(name string, edit func(*x509.Certificate)) identity {
		return selfSigned(t, newEC(t, elliptic.P256()), name, edit)
	}
	root := newRoot("root", nil)
	for name, test := range map[string]struct {
		identity       identity
		listed, signer policytoken.Reason // why not
	}{
		"a root":                      {root, "", ""},
		"a root of RSA":               {selfSigned(t, newRSA(t), "RSA", nil), "", ""},
		"a root with a key usage":     {newRoot("root", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign }), "", ""},
		"an authority below":          {issue(t, root, newEC(t, elliptic.P256()), "below", nil), "", ""},
		"a signer below":              {issue(t, root, newEC(t, elliptic.P256()), "leaf", endEntity), "", ""},
		"a root that is no authority": {newRoot("NewCertificateName", endEntity), "", policytoken.ReasonIssuer},
		"a root that must not issue":  {newRoot("root", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }), "", policytoken.ReasonIssuer},
		"a root of version 1":         {versionOne(t, identity{}, newEC(t, elliptic.P256()), "first"), "", policytoken.ReasonIssuer},
		"with a critical extension":   {newRoot("root", unknownCritical), "", policytoken.ReasonCertificate},
		"a root that another signed":  {issue(t, root, newEC(t, elliptic.P256()), "root", nil), policytoken.ReasonCertificate, policytoken.ReasonCertificate},
		"expired":                     {newRoot("root", expired), policytoken.ReasonValidity, policytoken.ReasonValidity},
		"not valid yet":               {newRoot("root", func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) }), policytoken.ReasonValidity, policytoken.ReasonValidity},
		"of a key that is too weak":   {selfSigned(t, newEC(t, elliptic.P224()), "root", nil), policytoken.ReasonKey, policytoken.ReasonKey},
	} {
		check := func(what string, err error, want policytoken.Reason) {
			t.Helper()
			e, ok := errors.AsType[*policytoken.Error](err)
			if want == "" && err != nil || want != "" && (!ok || e.Reason != want) {
				t.Errorf("%s, %s: %v, want %q", name, what, err, want)
			}
		}
		check("may be listed", policytoken.CheckCertificate(test.identity.cert, now), test.listed)
		check("may sign", policytoken.CheckSigner(test.identity.cert, now), test.signer)
		// Whoever may sign can, and nobody else.
		if test.signer == policytoken.ReasonKey {
			continue // sign knows no algorithm for it
		}
		err := verdict(signed(t, test.identity, ""), policytoken.Options{At: now, Trusted: []*x509.Certificate{test.identity.cert}})
		if (err == nil) != (test.signer == "") {
			t.Errorf("%s: signs with %v", name, err)
		}
	}
	for _, check := range []func(*x509.Certificate, time.Time) error{policytoken.CheckCertificate, policytoken.CheckSigner} {
		if _, ok := errors.AsType[*policytoken.OptionsError](check(root.cert, time.Time{})); !ok {
			t.Error("accepted without a time")
		}
	}
}

func TestJWKHasTheMembersOfTheRealService(t *testing.T) {
	t.Parallel()
	root := selfSigned(t, newRSA(t), "root", nil)
	for curve, algorithm := range map[elliptic.Curve]string{elliptic.P256(): "ES256", elliptic.P384(): "ES384", elliptic.P521(): "ES512", elliptic.P224(): ""} {
		leaf := issue(t, root, newEC(t, curve), "leaf", endEntity)
		keyType := "EC"
		if algorithm == "" {
			keyType = ""
		}
		want := policytoken.JWK{Algorithm: algorithm, KeyType: keyType, Use: "sig", X5C: x5c(leaf.cert, root.cert)}
		if diff := cmp.Diff(want, policytoken.NewJWK(leaf.cert, root.cert)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", curve.Params().Name, diff)
		}
	}
	text := string(must[[]byte](t)(json.Marshal(policytoken.NewJWK(root.cert))))
	if want := `{"alg":"RS256","kty":"RSA","use":"sig","x5c":["` + x5c(root.cert)[0] + `"]}`; text != want {
		t.Errorf("%s, want %s", text, want)
	}
	token := parse(t, signed(t, issue(t, root, newEC(t, elliptic.P256()), "leaf", endEntity), "", root.cert))
	if jwk, ok := token.SignerJWK(); !ok || len(jwk.X5C) != 2 {
		t.Errorf("signer %+v, %v, want the whole chain", jwk, ok)
	}
}
