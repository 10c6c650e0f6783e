package policytoken_test

import (
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/policytoken"
)

// What each of Microsoft's clients sends, signed by a root of its own.
func TestVerifyAcceptsWhatClientsSend(t *testing.T) {
	t.Parallel()
	rsaSigner := selfSigned(t, newRSA(t), "RSA signer", nil)
	p256 := selfSigned(t, newEC(t, elliptic.P256()), "P-256 signer", nil)
	p384 := selfSigned(t, newEC(t, elliptic.P384()), "P-384 signer", nil)
	p521 := selfSigned(t, newEC(t, elliptic.P521()), "P-521 signer", nil)
	payload := policyPayload(minimalPolicy)
	direct := func(algorithm string, i identity) string {
		return sign(t, i.key, jose{"alg": algorithm, "x5c": x5c(i.cert)}, payload)
	}
	inJWK := func(algorithm string, i identity) string {
		return sign(t, i.key, jose{"alg": algorithm, "jwk": jose{"x5c": x5c(i.cert)}}, payload)
	}
	input := encode([]byte(`{"alg":"ES256","x5c":["`+x5c(p256.cert)[0]+`"]}`)) + "." + encode([]byte(payload))
	for name, test := range map[string]struct {
		text   string
		signer *x509.Certificate
	}{
		"JavaScript, C++, Java, RSA": {direct("RS256", rsaSigner), rsaSigner.cert},
		".NET, RSA":                  {direct("RSA256", rsaSigner), rsaSigner.cert},
		"Python, RSA":                {inJWK("RSA256", rsaSigner), rsaSigner.cert},
		"JavaScript, P-256":          {direct("ES256", p256), p256.cert},
		".NET, P-256":                {direct("ECDH256", p256), p256.cert},
		"Python, P-256":              {inJWK("ECDH256", p256), p256.cert},
		"Java, P-256":                {direct("RS256", p256), p256.cert},
		"C++ by OpenSSL, P-256":      {input + "." + encode(signature(t, p256.key, input, true)), p256.cert},
		"azattest, P-384":            {direct("ES384", p384), p384.cert},
		"azattest, P-521":            {direct("ES512", p521), p521.cert},
		"a reset":                    {signed(t, p256, ""), p256.cert},
	} {
		token := parse(t, test.text)
		for _, o := range []policytoken.Options{
			{At: now},
			{At: now, Trusted: []*x509.Certificate{test.signer}},
			{At: now, Trusted: []*x509.Certificate{rsaSigner.cert, p256.cert, p384.cert, p521.cert}, RequireSignature: true},
		} {
			if err := token.Verify(o); err != nil {
				t.Errorf("%s, %d trusted: %v", name, len(o.Trusted), err)
			}
		}
	}
}

// Where nobody is listed a signer need not be an authority, nor its issuer known:
// the certificates are those that the clients' own samples and tests make.
func TestVerifyAcceptsAnySignerWhereNobodyIsListed(t *testing.T) {
	t.Parallel()
	root := selfSigned(t, newEC(t, elliptic.P256()), "root", nil)
	intermediate := issue(t, root, newEC(t, elliptic.P256()), "intermediate", nil)
	leaf := issue(t, intermediate, newEC(t, elliptic.P256()), "leaf", endEntity)
	for name, text := range map[string]string{
		"Python, critical CA:FALSE": signed(t, selfSigned(t, newRSA(t), "TestCertificate", func(c *x509.Certificate) { c.IsCA, c.DNSNames = false, []string{"TestCertificate"} }), ""),
		"JavaScript, CA:FALSE with a path length": signed(t, selfSigned(t, newRSA(t), "CertificateName", func(c *x509.Certificate) {
			c.BasicConstraintsValid, c.IsCA, c.KeyUsage = false, false, x509.KeyUsageDigitalSignature
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Value: []byte{0x30, 3, 2, 1, 0}}}
		}), ""),
		"no constraints":       signed(t, selfSigned(t, newRSA(t), "signer", func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false }), ""),
		"version 1":            signed(t, versionOne(t, identity{}, newEC(t, elliptic.P256()), "old tool"), ""),
		"a leaf alone":         signed(t, leaf, ""),
		"without its root":     signed(t, leaf, "", intermediate.cert),
		"with its root":        signed(t, leaf, "", intermediate.cert, root.cert),
		"below a bounded root": pathLength(t, 1, true).text,
	} {
		if err := verdict(text, policytoken.Options{At: now}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerifyAcceptsChains(t *testing.T) {
	t.Parallel()
	root := selfSigned(t, newEC(t, elliptic.P384()), "root", nil)
	intermediate := issue(t, root, newEC(t, elliptic.P256()), "intermediate", nil)
	leaf := issue(t, intermediate, newEC(t, elliptic.P256()), "leaf", endEntity)
	other := selfSigned(t, newEC(t, elliptic.P256()), "other", nil)
	payload := policyPayload(minimalPolicy)
	for name, test := range map[string]struct {
		text    string
		trusted []*x509.Certificate
	}{
		"any signer, with the root":               {signed(t, leaf, payload, intermediate.cert, root.cert), nil},
		"root listed, and sent":                   {signed(t, leaf, payload, intermediate.cert, root.cert), []*x509.Certificate{root.cert}},
		"root listed, not sent":                   {signed(t, leaf, payload, intermediate.cert), []*x509.Certificate{other.cert, root.cert}},
		"intermediate listed, not sent":           {signed(t, leaf, payload), []*x509.Certificate{intermediate.cert}},
		"intermediate listed, root sent":          {signed(t, leaf, payload, intermediate.cert, root.cert), []*x509.Certificate{intermediate.cert}},
		"leaf listed":                             {signed(t, leaf, payload), []*x509.Certificate{leaf.cert}},
		"leaf listed, rest sent":                  {signed(t, leaf, payload, intermediate.cert, root.cert), []*x509.Certificate{leaf.cert}},
		"intermediate signs":                      {signed(t, intermediate, payload), []*x509.Certificate{root.cert}},
		"a root signs":                            {signed(t, root, payload), []*x509.Certificate{root.cert}},
		"root listed beside an expired namesake":  {signed(t, leaf, payload, intermediate.cert), []*x509.Certificate{selfSigned(t, root.key, "root", expired).cert, root.cert}},
		"of path length 0, the leaf at its end":   pathLength(t, 0, false),
		"of path length 1, one authority between": pathLength(t, 1, true),
	} {
		o := policytoken.Options{At: now, Trusted: test.trusted, RequireSignature: test.trusted != nil}
		if err := verdict(test.text, o); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type chainTest = struct {
	text    string
	trusted []*x509.Certificate
}

// pathLength is a token signed below a listed root of that path length, with an
// authority between or none.
func pathLength(tb testing.TB, length int, between bool) chainTest {
	tb.Helper()
	root := selfSigned(tb, newEC(tb, elliptic.P256()), "short root", func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = length, length == 0 })
	if !between {
		return chainTest{signed(tb, issue(tb, root, newEC(tb, elliptic.P256()), "leaf", endEntity), ""), []*x509.Certificate{root.cert}}
	}
	intermediate := issue(tb, root, newEC(tb, elliptic.P256()), "intermediate", nil)
	leaf := issue(tb, intermediate, newEC(tb, elliptic.P256()), "leaf", endEntity)
	return chainTest{signed(tb, leaf, "", intermediate.cert), []*x509.Certificate{root.cert}}
}

func expired(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = now.AddDate(-2, 0, 0), now.AddDate(-1, 0, 0)
}

func TestUnsignedTokensAreForInstancesThatListNobody(t *testing.T) {
	t.Parallel()
	signer := selfSigned(t, newEC(t, elliptic.P256()), "signer", nil)
	token := parse(t, policytoken.Unsigned(minimalPolicy))
	if err := token.Verify(policytoken.Options{At: now}); err != nil {
		t.Error(err)
	}
	for name, o := range map[string]policytoken.Options{
		"signature required":             {At: now, RequireSignature: true},
		"signature required, one listed": {At: now, RequireSignature: true, Trusted: []*x509.Certificate{signer.cert}},
		"one listed":                     {At: now, Trusted: []*x509.Certificate{signer.cert}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantReason(t, token.Verify(o), policytoken.ReasonUnsigned)
		})
	}
}

// An instance that lost its list must not take everybody's signature.
func TestASignatureIsRequiredAndNobodyIsListed(t *testing.T) {
	t.Parallel()
	signer := selfSigned(t, newEC(t, elliptic.P256()), "signer", nil)
	for _, trusted := range [][]*x509.Certificate{nil, {}} {
		wantReason(t, verdict(signed(t, signer, ""), policytoken.Options{At: now, RequireSignature: true, Trusted: trusted}), policytoken.ReasonIssuer)
	}
}

func TestVerifyRefusesOptionsThatAreIncomplete(t *testing.T) {
	t.Parallel()
	token := parse(t, policytoken.Unsigned(""))
	for field, o := range map[string]policytoken.Options{
		"At":      {},
		"Leeway":  {At: now, Leeway: time.Hour},
		"Trusted": {At: now, Trusted: []*x509.Certificate{nil}},
	} {
		e, ok := errors.AsType[*policytoken.OptionsError](token.Verify(o))
		if !ok || e.Field != field || !strings.Contains(e.Error(), field) {
			t.Errorf("%s: %v", field, e)
		}
	}
	if e, ok := errors.AsType[*policytoken.OptionsError](token.Verify(policytoken.Options{At: now, Leeway: -1})); !ok || e.Field != "Leeway" {
		t.Errorf("negative leeway: %v", e)
	}
}

func TestClaimsOfTimeAndAudienceAreEnforced(t *testing.T) {
	t.Parallel()
	const url = "https://tenant.attest.example"
	for payload, want := range map[string]policytoken.Reason{
		`{"exp":1772366401}`:                     "",
		`{"exp":1772366400.5}`:                   "",
		`{"exp":1772366400}`:                     policytoken.ReasonTime, // now
		`{"exp":1772366399}`:                     policytoken.ReasonTime,
		`{"exp":0}`:                              policytoken.ReasonTime,
		`{"exp":null}`:                           "",
		`{"exp":"1772366401"}`:                   policytoken.ReasonPayload,
		`{"exp":1e300}`:                          policytoken.ReasonPayload,
		`{"exp":1e999}`:                          policytoken.ReasonPayload,
		`{"exp":-1}`:                             policytoken.ReasonPayload,
		`{"nbf":1772366400}`:                     "",
		`{"nbf":1772366430}`:                     "", // within the leeway
		`{"nbf":1772366431}`:                     policytoken.ReasonTime,
		`{"nbf":true}`:                           policytoken.ReasonPayload,
		`{"nbf":[]}`:                             policytoken.ReasonPayload,
		`{"aud":"` + url + `"}`:                  "",
		`{"aud":"` + url + `/"}`:                 "",
		`{"aud":["https://x/","` + url + `"]}`:   "",
		`{"aud":null}`:                           "",
		`{"aud":""}`:                             policytoken.ReasonAudience,
		`{"aud":"/"}`:                            policytoken.ReasonAudience,
		`{"aud":[]}`:                             policytoken.ReasonAudience,
		`{"aud":"https://other.example"}`:        policytoken.ReasonAudience,
		`{"aud":"` + url + `.evil"}`:             policytoken.ReasonAudience,
		`{"aud":"` + strings.ToUpper(url) + `"}`: policytoken.ReasonAudience,
		`{"aud":1}`:                              policytoken.ReasonPayload,
		`{"aud":[1]}`:                            policytoken.ReasonPayload,
		`{"iss":1,"iat":"x","sub":[]}`:           "", // nobody reads these
	} {
		t.Run(payload, func(t *testing.T) {
			t.Parallel()
			for _, audience := range []string{url, url + "/"} {
				err := verdict(unsigned(`{"alg":"none"}`, payload), policytoken.Options{At: now, Audience: audience, Leeway: 30 * time.Second})
				if want == "" {
					if err != nil {
						t.Error(err)
					}
					continue
				}
				wantReason(t, err, want)
			}
		})
	}
	err := verdict(unsigned(`{"alg":"none"}`, `{"aud":""}`), policytoken.Options{At: now})
	wantReason(t, err, policytoken.ReasonAudience)
}

func TestLeewayIsForBeginningsOnly(t *testing.T) {
	t.Parallel()
	begins := selfSigned(t, newEC(t, elliptic.P256()), "begins", func(c *x509.Certificate) { c.NotBefore = now.Add(30 * time.Second) })
	ends := selfSigned(t, newEC(t, elliptic.P256()), "ends", func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) })
	soon := selfSigned(t, newEC(t, elliptic.P256()), "ends soon", func(c *x509.Certificate) { c.NotAfter = now.Add(10 * time.Second) })
	o := policytoken.Options{At: now, Leeway: time.Minute}
	for _, trusted := range []bool{false, true} {
		with := func(i identity, o policytoken.Options) error {
			if trusted {
				o.Trusted = []*x509.Certificate{i.cert}
			}
			return verdict(signed(t, i, ""), o)
		}
		if err := with(begins, o); err != nil {
			t.Error(err)
		}
		if err := with(soon, o); err != nil {
			t.Error(err)
		}
		wantReason(t, with(ends, o), policytoken.ReasonValidity)
		wantReason(t, with(begins, policytoken.Options{At: now, Leeway: 29 * time.Second}), policytoken.ReasonValidity)
		wantReason(t, with(begins, policytoken.Options{At: now}), policytoken.ReasonValidity)
	}
}
