package azattestation_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"testing"

	"github.com/azattest/azattest/azattestation"
)

// TestSecuritySetPolicyIsConfirmed: the service must report the very token that
// was sent, and who signed it.
func TestSecuritySetPolicyIsConfirmed(t *testing.T) {
	t.Parallel()
	key := signingKeyOf(ecKey(), "signer")
	sent := must(azattestation.NewPolicyToken("policy", key))
	hash, unsignedHash := sent.SHA256(), must(azattestation.NewPolicyToken("policy", nil)).SHA256()
	textHash := azattestation.PolicyHash("policy")
	jwkOf := func(c *x509.Certificate) object { return jwk("", c) }
	for name, c := range map[string]struct {
		token  *azattestation.PolicyToken
		claims object
		part   string // that is not confirmed, "" if all is well
	}{
		"confirmed":               {sent, object{"x-ms-policy-result": "Updated", "x-ms-policy-token-hash": b64(hash[:]), "x-ms-policy-signer": jwkOf(key.Certificate())}, ""},
		"confirmed without name":  {sent, object{"x-ms-policy-result": "Updated", "x-ms-policy-token-hash": b64(hash[:])}, ""},
		"unsigned":                {nil, object{"x-ms-policy-result": "Updated", "x-ms-policy-token-hash": b64(unsignedHash[:])}, ""},
		"another hash":            {sent, object{"x-ms-policy-result": "Updated", "x-ms-policy-token-hash": b64(unsignedHash[:])}, "policy token hash"},
		"hash of the text":        {sent, object{"x-ms-policy-result": "Updated", "x-ms-policy-token-hash": b64(textHash[:])}, "policy token hash"},
		"hash cut short":          {sent, object{"x-ms-policy-result": "Updated", "x-ms-policy-token-hash": b64(hash[:31])}, "policy token hash"},
		"empty hash":              {sent, object{"x-ms-policy-result": "Updated", "x-ms-policy-token-hash": ""}, "policy token hash"},
		"no hash":                 {sent, object{"x-ms-policy-result": "Updated"}, "policy token hash"},
		"null hash":               {sent, object{"x-ms-policy-result": "Updated", "x-ms-policy-token-hash": json.RawMessage("null")}, "policy token hash"},
		"another signer":          {sent, object{"x-ms-policy-result": "Updated", "x-ms-policy-token-hash": b64(hash[:]), "x-ms-policy-signer": jwkOf(certificateOf(ecKey(), "signer"))}, "policy signer"},
		"a signer of nothing":     {nil, object{"x-ms-policy-result": "Updated", "x-ms-policy-token-hash": b64(unsignedHash[:]), "x-ms-policy-signer": jwkOf(key.Certificate())}, "policy signer"},
		"removed":                 {sent, object{"x-ms-policy-result": "Removed", "x-ms-policy-token-hash": b64(hash[:])}, "result"},
		"updated in another case": {sent, object{"x-ms-policy-result": "updated", "x-ms-policy-token-hash": b64(hash[:])}, "result"},
		"nothing":                 {sent, object{"x-ms-policy-result": ""}, "result"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, tr := answering(t, signed("k", c.claims))
			admin := adminOf(t, tokenIssuer, optionsFor(tr))
			_, err := admin.SetPolicy(t.Context(), kinds[0], "policy", &azattestation.AdministrationClientSetPolicyOptions{PolicyToken: c.token})
			checkUnconfirmed(t, err, c.part)
			if _, err := admin.SetPolicy(t.Context(), kinds[0], "policy", &azattestation.AdministrationClientSetPolicyOptions{PolicyToken: c.token, SkipConfirmation: true}); err != nil {
				t.Errorf("without confirmation: %v", err)
			}
		})
	}
}

func checkUnconfirmed(t *testing.T, err error, part string) {
	t.Helper()
	if part == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if e := errorOf[*azattestation.UnconfirmedError](t, err); e != nil && e.Part != part {
		t.Errorf("error %v, want %s", err, part)
	}
}

func TestSecurityResetPolicyIsConfirmed(t *testing.T) {
	t.Parallel()
	hash := must(azattestation.ParsePolicyToken("eyJhbGciOiJub25lIn0..")).SHA256()
	for name, c := range map[string]struct {
		claims object
		part   string
	}{
		"removed":           {object{"x-ms-policy-result": "Removed"}, ""},
		"removed, its hash": {object{"x-ms-policy-result": "Removed", "x-ms-policy-token-hash": b64(hash[:])}, ""},
		"removed, another":  {object{"x-ms-policy-result": "Removed", "x-ms-policy-token-hash": b64(make([]byte, 32))}, "policy token hash"},
		"updated":           {object{"x-ms-policy-result": "Updated"}, "result"},
		"another's signer":  {object{"x-ms-policy-result": "Removed", "x-ms-policy-signer": jwk("", certificateOf(ecKey(), "x"))}, "policy signer"},
		"an unknown one":    {object{"x-ms-policy-result": "Scheduled"}, "result"},
	} {
		_, tr := answering(t, signed("k", c.claims))
		_, err := adminOf(t, tokenIssuer, optionsFor(tr)).ResetPolicy(t.Context(), kinds[0], nil)
		checkUnconfirmed(t, err, c.part)
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestSecurityCertificateChangeIsConfirmed(t *testing.T) {
	t.Parallel()
	key, cert := signingKeyOf(ecKey(), "signer"), certificateOf(rsaKey(), "added")
	thumbprint := azattestation.Thumbprint(cert)
	for name, c := range map[string]struct {
		claims      object
		add, remove string
	}{
		"present":            {object{"x-ms-policycertificates-result": "IsPresent", "x-ms-certificate-thumbprint": thumbprint}, "", "result"},
		"absent":             {object{"x-ms-policycertificates-result": "IsAbsent", "x-ms-certificate-thumbprint": thumbprint}, "result", ""},
		"present, another":   {object{"x-ms-policycertificates-result": "IsPresent", "x-ms-certificate-thumbprint": azattestation.Thumbprint(key.Certificate())}, "certificate thumbprint", "result"},
		"absent, another":    {object{"x-ms-policycertificates-result": "IsAbsent", "x-ms-certificate-thumbprint": azattestation.Thumbprint(key.Certificate())}, "result", "certificate thumbprint"},
		"present, none":      {object{"x-ms-policycertificates-result": "IsPresent", "x-ms-certificate-thumbprint": ""}, "certificate thumbprint", "result"},
		"something else new": {object{"x-ms-policycertificates-result": "IsPending", "x-ms-certificate-thumbprint": thumbprint}, "result", "result"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, tr := answering(t, signed("k", c.claims))
			admin := adminOf(t, tokenIssuer, optionsFor(tr))
			_, err := admin.AddPolicyCertificate(t.Context(), cert, key, nil)
			checkUnconfirmed(t, err, c.add)
			_, err = admin.RemovePolicyCertificate(t.Context(), cert, key, nil)
			checkUnconfirmed(t, err, c.remove)
			_, err = admin.AddPolicyCertificate(t.Context(), cert, key, &azattestation.AdministrationClientAddPolicyCertificateOptions{SkipConfirmation: true})
			checkUnconfirmed(t, err, "")
		})
	}
	for _, claims := range []object{{}, {"x-ms-policycertificates-result": "IsPresent"}, {"x-ms-certificate-thumbprint": thumbprint}, {"x-ms-policycertificates-result": 1, "x-ms-certificate-thumbprint": thumbprint}} {
		_, tr := answering(t, signed("k", claims))
		_, err := adminOf(t, tokenIssuer, optionsFor(tr)).AddPolicyCertificate(t.Context(), cert, key, nil)
		checkError[*azattestation.UnconfirmedError](t, err)
	}
}

// TestSecuritySignerChain: the certificates of a signed change are a chain, each
// the issuer of the one before; a stranger's is no ornament.
func TestSecuritySignerChain(t *testing.T) {
	t.Parallel()
	root := certificateOf(otherRSAKey(), "root")
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}}
	leaf := must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, root, ecKey().Public(), otherRSAKey()))))
	stranger := certificateOf(rsaKey(), "root")
	x5c := func(chain ...*x509.Certificate) []any {
		var list []any
		for _, c := range chain {
			list = append(list, jwk("", c)["x5c"].([]string)[0])
		}
		return list
	}
	for name, c := range map[string]struct {
		header object
		fails  azattestation.TokenCheck
	}{
		"leaf":                {object{"alg": "ES256", "x5c": x5c(leaf)}, ""},
		"leaf and root":       {object{"alg": "ES256", "x5c": x5c(leaf, root)}, ""},
		"leaf and a stranger": {object{"alg": "ES256", "x5c": x5c(leaf, stranger)}, azattestation.TokenCheckSigningKey},
		"root first":          {object{"alg": "ES256", "x5c": x5c(root, leaf)}, azattestation.TokenCheckSigningKey},
		"ECDH256":             {object{"alg": "ECDH256", "x5c": x5c(leaf)}, ""},
		"RSA256 of an EC key": {object{"alg": "RSA256", "x5c": x5c(leaf)}, azattestation.TokenCheckAlgorithm},
		"another key's":       {object{"alg": "ES256", "x5c": x5c(certificateOf(otherECKey(), "leaf"))}, azattestation.TokenCheckSignature},
	} {
		_, err := parse(t, compact(jsonOf(c.header), "", es256(ecKey()))).VerifySigner()
		if c.fails == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c.fails != "" {
			checkToken(t, err, c.fails)
		}
	}
	key, err := azattestation.NewSigningKey(ecKey(), leaf, root)
	if err != nil {
		t.Fatal(err)
	}
	if p := must(azattestation.NewPolicyToken("policy", key)); p.VerifySignature() != nil || len(p.Signer()) != 2 {
		t.Errorf("signer %v (%v)", p.Signer(), p.VerifySignature())
	}
}

// TestSecurityNonceIsChecked: the answer to another request is no answer to this one.
func TestSecurityNonceIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		claim any
		fails bool
	}{
		"the same": {"a nonce", false}, "missing": {nil, true}, "different": {"another", true}, "case": {"A nonce", true}, "longer": {"a nonce ", true},
		"number": {1, true}, "empty": {"", true}, "list": {[]string{"a nonce"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, tr := answering(t, signed("k", object{"nonce": c.claim}))
			client := clientOf(t, tokenIssuer, optionsFor(tr))
			nonce := new("a nonce")
			_, err1 := client.AttestSGXEnclave(t.Context(), evidence, &azattestation.ClientAttestSGXEnclaveOptions{Nonce: nonce})
			_, err2 := client.AttestOpenEnclave(t.Context(), evidence, &azattestation.ClientAttestOpenEnclaveOptions{Nonce: nonce})
			_, err3 := client.AttestSEVSNPVM(t.Context(), evidence, &azattestation.ClientAttestSEVSNPVMOptions{Nonce: nonce})
			_, err4 := client.AttestTDXVM(t.Context(), evidence, &azattestation.ClientAttestTDXVMOptions{Nonce: nonce})
			for _, err := range []error{err1, err2, err3, err4} {
				if !c.fails && err != nil {
					t.Error(err)
				}
				if c.fails {
					checkToken(t, err, azattestation.TokenCheckNonce)
				}
			}
			_, err := client.AttestTDXVM(t.Context(), evidence, &azattestation.ClientAttestTDXVMOptions{
				Nonce: nonce, TokenValidation: &azattestation.TokenValidationOptions{Skip: []azattestation.TokenCheck{azattestation.TokenCheckNonce}},
			})
			if _, isText := c.claim.(string); err != nil && (isText || c.claim == nil) {
				t.Errorf("left out: %v", err)
			}
		})
	}
}
