package keyrelease_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/testtoken"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/relyingparty"
)

// The attested party chooses the ID of its key, which others write down.
func TestOddKeyIDsAreRefused(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.config.Record = nil
	r := v.releaser(t)
	for kid, refused := range map[string]bool{
		strings.Repeat("k", 256): false, "https://contoso.example/keys/ü": false,
		strings.Repeat("k", 257): true, "a\x1b[2Jb": true, "a\nb": true, strings.Repeat("<", 60_000): true,
	} {
		target := v.token(t, testtoken.Holding(rsaJWK(keysOf().rsa, set{"kid": kid})))
		_, err := r.Release(t.Context(), "payroll", "", "", keyrelease.Request{Target: target})
		if _, ok := errors.AsType[*keyrelease.TargetError](err); ok != refused || !refused && err != nil {
			t.Errorf("kid of %d bytes: %v", len(kid), err)
		}
	}
}

// A body of few bytes must not become much memory, before anybody is known to be
// attested.
func TestRequestsOfManyValuesAreRefused(t *testing.T) {
	t.Parallel()
	body := []byte(`{"target":"a","z":[` + strings.Repeat(`{"a":1},`, 40_000) + `1]}`)
	_, err := keyrelease.ParseRequest(body)
	if err == nil || !strings.Contains(err.Error(), "more than 64 values") {
		t.Errorf("got %v", err)
	}
}

// A policy and claims together choose how long it takes to hold one against the
// other. It ends.
func TestPathsOfManyWaysAreRefused(t *testing.T) {
	t.Parallel()
	var nested func(depth int) string
	nested = func(depth int) string {
		if depth == 0 {
			return "1"
		}
		var members []string
		for n := 1; n <= depth && n <= 4; n++ {
			members = append(members, fmt.Sprintf("%q:%s", strings.TrimSuffix(strings.Repeat("a.", n), "."), nested(depth-n)))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	claims := fmt.Sprintf(`{"iss":%q,"x":%s}`, contoso, nested(14))
	var conditions []string
	for range 500 {
		conditions = append(conditions, `{"claim":"x.`+strings.Repeat("a.", 14)+`b","exists":true}`)
	}
	p, err := keyrelease.ParsePolicy(fmt.Appendf(nil, `{"version":"1.0.0","anyOf":[{"authority":%q,"anyOf":[%s]}]}`, contoso, strings.Join(conditions, ",")))
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	outcome, err := p.Evaluate([]byte(claims))
	if _, ok := errors.AsType[*keyrelease.ClaimsError](err); !ok || outcome != nil || !strings.Contains(err.Error(), "200000 ways") {
		t.Errorf("got %v, %v", outcome, err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

// What a CA issues for mail, for clients, or for encryption signs no response.
func TestCertificatesForOtherUsesAreRefused(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	response := released(t, v)
	for name, tt := range map[string]struct {
		leaf, ca func(*x509.Certificate)
		ok       bool
	}{
		"no usage":             {ok: true},
		"a server's":           {leaf: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, ok: true},
		"mail":                 {leaf: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }},
		"a client's":           {leaf: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }},
		"encryption alone":     {leaf: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }},
		"an authority of mail": {ca: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }},
	} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		chain, roots := chainFor(t, key, tt.leaf, tt.ca)
		// A signer refuses most of it, so another one signs for it.
		signed, err := keyrelease.SignAs(key, chain, []byte(payloadText(t, response)))
		if err != nil {
			t.Fatal(err)
		}
		e := v.expected()
		e.Nonce, e.Roots = "nonce", roots
		_, err = keyrelease.VerifyResponse(signed, e)
		if got, ok := errors.AsType[*keyrelease.ResponseError](err); (err == nil) != tt.ok || err != nil && (!ok || got.Part != "certificate") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := keyrelease.NewSigner(key, chain); (err == nil) != (tt.ok || tt.ca != nil) {
			t.Errorf("%s: a signer: %v", name, err)
		}
	}
}

func payloadText(t *testing.T, response string) string {
	t.Helper()
	text, err := json.Marshal(payloadOf(t, response))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// chainFor makes a certificate of a key for the vault, and an authority between it and
// a root.
func chainFor(t *testing.T, key *rsa.PrivateKey, changeLeaf, changeCA func(*x509.Certificate)) ([]*x509.Certificate, *x509.CertPool) {
	t.Helper()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := func(n int64, name string) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	}
	root, ca, leaf := template(1, "root"), template(2, "between"), template(3, "vault")
	for _, c := range []*x509.Certificate{root, ca} {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	}
	leaf.DNSNames = []string{"vault.example"}
	if changeLeaf != nil {
		changeLeaf(leaf)
	}
	if changeCA != nil {
		changeCA(ca)
	}
	made := func(c, parent *x509.Certificate, public any) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, c, parent, public, caKey)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	rootMade := made(root, root, caKey.Public())
	roots := x509.NewCertPool()
	roots.AddCert(rootMade)
	return []*x509.Certificate{made(leaf, ca, key.Public()), made(ca, root, caKey.Public())}, roots
}

// meanwhile lets something happen while a token is verified.
type meanwhile struct {
	keyrelease.TokenVerifier
	happens func()
}

func (m meanwhile) Verify(ctx context.Context, compact string, e relyingparty.Expected) (*relyingparty.Result, error) {
	defer m.happens()
	return m.TokenVerifier.Verify(ctx, compact, e)
}

// While the authority is asked for its keys, a key may be disabled or get another
// policy. What counts is the key as it is when it goes out; and until then its secret
// is not in memory.
func TestAKeyThatChangesMeanwhileIsJudgedAsItIs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*vault)
		inner  string
	}{
		"disabled":       {func(v *vault) { v.key.Attributes.Enabled = false }, "KeyDisabled"},
		"another policy": {func(v *vault) { v.key.Policy = policyFor(t, fabrikam) }, "AccessDenied"},
		"deleted":        {func(v *vault) { v.key.Name = "another" }, ""},
	} {
		v := newVault(t)
		v.config.Verifier = meanwhile{mustVerifier(t, v.require), func() {
			for _, handed := range v.released {
				if strings.Trim(string(handed), "\x00") != "" {
					t.Errorf("%s: the secret is in memory while others are asked", name)
				}
			}
			tt.change(v)
		}}
		_, err := v.releaser(t).Release(t.Context(), "payroll", "", "", keyrelease.Request{Target: v.token(t)})
		if e, ok := errors.AsType[*keyrelease.RefusalError](err); !ok || e.InnerCode != tt.inner {
			t.Errorf("%s: %v", name, err)
		}
	}
}
