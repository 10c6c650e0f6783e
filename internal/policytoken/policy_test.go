package policytoken_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/policytoken"
)

func TestPolicyIsReadHoweverClientsEncodeIt(t *testing.T) {
	t.Parallel()
	const text = "version=1.2;>>>??????;" // both of the signs in which the alphabets differ
	padded := base64.URLEncoding.EncodeToString([]byte(text))
	standard := base64.StdEncoding.EncodeToString([]byte(text))
	if !strings.HasSuffix(padded, "=") || strings.Count(standard, "/") < 2 || !strings.Contains(standard, "+") {
		t.Fatalf("%s shows no difference between the encodings", standard)
	}
	for name, value := range map[string]string{
		"base64url":                   strings.TrimRight(padded, "="),
		"base64url, padded":           padded,
		"base64":                      standard,
		"base64 without padding":      strings.TrimRight(standard, "="),
		"JavaScript, of two slashes":  strings.Replace(strings.ReplaceAll(strings.TrimRight(standard, "="), "+", "-"), "/", "_", 1),
		"base64url, escaped for JSON": strings.ReplaceAll(strings.TrimRight(padded, "="), "d", `\u0064`),
	} {
		token := parse(t, unsigned(`{"alg":"none"}`, `{"AttestationPolicy":"`+value+`"}`))
		for _, read := range []func() (string, error){token.Policy, token.PreviewPolicy} {
			if got, err := read(); err != nil || got != text {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		if token.IsEmpty() {
			t.Errorf("%s: empty", name)
		}
	}
}

func TestPolicyRefuses(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]policytoken.Reason{
		``:                                 policytoken.ReasonPolicy,
		`{}`:                               policytoken.ReasonPolicy,
		`{"AttestationPolicy":null}`:       policytoken.ReasonPolicy,
		`{"AttestationPolicy":""}`:         policytoken.ReasonPolicy,
		`{"attestationpolicy":"YQ"}`:       policytoken.ReasonPolicy,
		`{"AttestationPolicy":1}`:          policytoken.ReasonPayload,
		`{"AttestationPolicy":["a"]}`:      policytoken.ReasonPayload,
		`{"AttestationPolicy":"_w"}`:       policytoken.ReasonPolicy, // no UTF-8
		`{"AttestationPolicy":"Y"}`:        policytoken.ReasonEncoding,
		`{"AttestationPolicy":"YQ="}`:      policytoken.ReasonEncoding,
		`{"AttestationPolicy":"YQ===="}`:   policytoken.ReasonEncoding,
		`{"AttestationPolicy":"YR"}`:       policytoken.ReasonEncoding, // bits that mean nothing
		`{"AttestationPolicy":"Y\nQ"}`:     policytoken.ReasonEncoding,
		`{"AttestationPolicy":"YQ\u00e9"}`: policytoken.ReasonEncoding,
	} {
		t.Run(payload, func(t *testing.T) {
			t.Parallel()
			_, err := parse(t, unsigned(`{"alg":"none"}`, payload)).Policy()
			wantReason(t, err, want)
		})
	}
	_, err := parse(t, unsigned(`{"alg":"none"}`, `{"AttestationPolicy":"permit)"}`)).Policy()
	if e := refusal(t, err, policytoken.ReasonEncoding); e.Character != ')' || e.Offset != 6 {
		t.Errorf("%+v, want ')' at byte 6", e)
	}
}

func TestPreviewPolicyIsTheTextItself(t *testing.T) {
	t.Parallel()
	if text, err := parse(t, unsigned(`{"alg":"none"}`, `{"AttestationPolicy":"`+minimalPolicy+`\n"}`)).PreviewPolicy(); err != nil || text != minimalPolicy+"\n" {
		t.Errorf("%q, %v", text, err)
	}
	for payload, want := range map[string]policytoken.Reason{
		``:                                   policytoken.ReasonPolicy,
		`{"AttestationPolicy":""}`:           policytoken.ReasonPolicy,
		`{"AttestationPolicy":"a;\ud800b"}`:  policytoken.ReasonPolicy, // half a character
		`{"AttestationPolicy":{"policy":1}}`: policytoken.ReasonPayload,
	} {
		_, err := parse(t, unsigned(`{"alg":"none"}`, payload)).PreviewPolicy()
		wantReason(t, err, want)
	}
}

func TestIsEmptySaysThatNothingIsAsked(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]bool{
		``:                                     true,
		`{}`:                                   true,
		`{"exp":1,"aud":"x","nbf":0}`:          true,
		`{"iss":"","sub":"","iat":0,"jti":""}`: true,
		`{"AttestationPolicy":"YQ"}`:           false,
		`{"AttestationPolicy":null}`:           false,
		`{"policyCertificate":{}}`:             false,
		`{"x":1}`:                              false,
		`{"EXP":1}`:                            false,
	} {
		if got := parse(t, unsigned(`{"alg":"none"}`, payload)).IsEmpty(); got != want {
			t.Errorf("%s: empty %v, want %v", payload, got, want)
		}
	}
}

func TestUnsignedTokensReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{minimalPolicy, "version=1.0;\r\n// ü\t\"\\", strings.Repeat("x", 250<<10)} {
		token := parse(t, policytoken.Unsigned(text))
		if got, err := token.Policy(); err != nil || got != text || token.IsSigned() || token.IsEmpty() {
			t.Errorf("%d bytes: %d read, %v", len(text), len(got), err)
		}
		if _, ok := token.SignerJWK(); ok {
			t.Error("an unsigned token has a signer")
		}
	}
	if token := parse(t, policytoken.Unsigned("")); token.String() != "eyJhbGciOiJub25lIn0.." || !token.IsEmpty() {
		t.Errorf("%s, empty %v", token, token.IsEmpty())
	}
	// Recorded of the client for C++.
	if got := parse(t, policytoken.Unsigned(minimalPolicy)).Hash(); got != "c6sEJQItV50OeP9IrP_bzywAMOVvj5uDPbklA_bwdYQ" {
		t.Errorf("hash %s", got)
	}
}

// A policy says nothing about certificates, nor the other way around.
func TestATokenAsksForOneThing(t *testing.T) {
	t.Parallel()
	signer := selfSigned(t, newEC(t, elliptic.P256()), "signer", nil)
	_, err := parse(t, policytoken.Unsigned(minimalPolicy)).Certificate()
	wantReason(t, err, policytoken.ReasonNoPolicyCertificate)
	_, err = parse(t, unsigned(`{"alg":"none"}`, certificatePayload(signer.cert))).Policy()
	wantReason(t, err, policytoken.ReasonPolicy)
}
