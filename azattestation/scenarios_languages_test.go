package azattestation_test

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azattest/azattest/azattestation"
)

// TestScenarioPythonInitTimeJSON is sent, as JSON; Microsoft's client for Python
// sends none.
func TestScenarioPythonInitTimeJSON(t *testing.T) {
	t.Parallel()
	w := &wire{t: t}
	if _, err := clientOf(t, tokenIssuer, optionsFor(w)).AttestOpenEnclave(t.Context(), evidence, &azattestation.ClientAttestOpenEnclaveOptions{InitTimeData: azattestation.NewJSONData([]byte(`[1]`))}); err != nil {
		t.Fatal(err)
	}
	assertJSON(t, w.body[0], jsonOf(object{"report": b64(evidence), "initTimeData": object{"data": "WzFd", "dataType": "JSON"}}))
}

// TestScenarioPythonTriesEveryCandidate: two certificates under one kid, of which
// the second signed.
func TestScenarioPythonTriesEveryCandidate(t *testing.T) {
	t.Parallel()
	keys := source(t, jwk("k", certificateOf(otherRSAKey(), "first")), jwk("k", certificateOf(ecKey(), "second")), object{"kid": "k", "kty": "RSA"}, jwk("k", certificateOf(rsaKey(), "last")))
	if err := parse(t, signed("k", nil)).Validate(t.Context(), keys, nil); err != nil {
		t.Error(err)
	}
}

// TestScenarioPythonValidatesBeforeItParses: a forged answer is refused before its
// policy is looked at.
func TestScenarioPythonValidatesBeforeItParses(t *testing.T) {
	t.Parallel()
	_, tr := answering(t, compact(`{"alg":"RS256","kid":"k"}`, claimsOf(object{"x-ms-policy": "no token"}), rs256(otherRSAKey())))
	_, err := adminOf(t, tokenIssuer, optionsFor(tr)).GetPolicy(t.Context(), kinds[0], nil)
	checkToken(t, err, azattestation.TokenCheckSignature)
	_, tr = answering(t, signed("k", object{"x-ms-policy": "no token"}))
	_, err = adminOf(t, tokenIssuer, optionsFor(tr)).GetPolicy(t.Context(), kinds[0], nil)
	checkError[*azattestation.AnswerError](t, err)
}

// TestScenarioPythonPolicyOfAnyText: not only ASCII.
func TestScenarioPythonPolicyOfAnyText(t *testing.T) {
	t.Parallel()
	i := newInstance(t, modeAAD)
	const text = "version=1.0; /* für Größe, 保護 */ authorizationrules { => permit(); }; issuancerules { };"
	if _, err := i.admin(t).SetPolicy(t.Context(), kinds[0], text, nil); err != nil {
		t.Fatal(err)
	}
	if r, err := i.admin(t).GetPolicy(t.Context(), kinds[0], nil); err != nil || r.Policy != text {
		t.Errorf("policy %q (%v)", r.Policy, err)
	}
}

// TestScenarioPythonSignerForms: the certificate of a policy's signer stands in
// x5c, or within a jwk, as Python has it. Its header spells the algorithm in its own
// way, which the service takes; it must fit the key all the same.
func TestScenarioPythonSignerForms(t *testing.T) {
	t.Parallel()
	x5c := jwk("", certificateOf(rsaKey(), "signer"))["x5c"]
	claims := jsonOf(object{"AttestationPolicy": b64([]byte("policy"))})
	for header, isSound := range map[string]bool{
		jsonOf(object{"alg": "RS256", "x5c": x5c}):                        true,
		jsonOf(object{"alg": "RS256", "jwk": object{"x5c": x5c}}):         true,
		jsonOf(object{"alg": "RSA256", "jwk": object{"x5c": x5c}}):        true,
		jsonOf(object{"alg": "ECDH256", "x5c": x5c}):                      false,
		jsonOf(object{"alg": "RS256"}):                                    false,
		jsonOf(object{"alg": "RS256", "jwk": object{"n": "AQ", "e": ""}}): false,
	} {
		p, err := azattestation.ParsePolicyToken(compact(header, claims, rs256(rsaKey())))
		if err != nil || p.Policy() != "policy" || (p.VerifySignature() == nil) != isSound {
			t.Errorf("%.60s: %v, %v", header, err, p.VerifySignature())
		}
	}
}

// TestScenarioSigningKeyNeedsItsCertificate: Python's "signing_key cannot be
// specified without signing_certificate", JavaScript's "privateKey is specified"
// and its bogus key.
func TestScenarioSigningKeyNeedsItsCertificate(t *testing.T) {
	t.Parallel()
	keyPEM, certPEM := pemOf(rsaKey(), certificateOf(rsaKey(), "pair"))
	for name, pair := range map[string][2][]byte{
		"key alone": {keyPEM, nil}, "certificate alone": {nil, certPEM}, "bogus key": {[]byte("-----BEGIN PRIVATE KEY-----\nbogus\n-----END PRIVATE KEY-----\n"), certPEM},
	} {
		if key, err := azattestation.ParseSigningKey(pair[0], pair[1]); errorOf[*azattestation.ArgumentError](t, err) == nil || key != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestScenarioJavaPolicyTokenHash: the hash is of the very bytes that are sent,
// and another key makes another.
func TestScenarioJavaPolicyTokenHash(t *testing.T) {
	t.Parallel()
	w := &wire{t: t}
	admin := adminOf(t, tokenIssuer, optionsFor(w))
	p := must(azattestation.NewPolicyToken(minimalPolicy, signingKeyOf(ecKey(), "signer")))
	if _, err := admin.SetPolicy(t.Context(), kinds[0], minimalPolicy, &azattestation.AdministrationClientSetPolicyOptions{PolicyToken: p, SkipConfirmation: true}); err != nil {
		t.Fatal(err)
	}
	if got := sha256.Sum256([]byte(w.body[0])); got != p.SHA256() {
		t.Errorf("hash %x of what was sent, want %x", got, p.SHA256())
	}
	unsigned := must(azattestation.NewPolicyToken(minimalPolicy, nil))
	if unsigned.SHA256() == p.SHA256() || unsigned.SHA256() != must(azattestation.NewPolicyToken(minimalPolicy, nil)).SHA256() {
		t.Error("the hash of an unsigned token is that of a signed one, or not always the same")
	}
}

// TestScenarioJavaTPM is offline: UTF-8, bytes that are no text, 400 and 401.
func TestScenarioJavaTPM(t *testing.T) {
	t.Parallel()
	for _, message := range []string{`{"payload":{"type":"aikcert"}}`, "naïve ☃ \U0001F512", "\x00\xff\xfe"} {
		client := clientOf(t, tokenIssuer, optionsFor(transport(func(req *http.Request) (*http.Response, error) {
			var sent struct{ Data string }
			if err := json.NewDecoder(req.Body).Decode(&sent); err != nil {
				return nil, err
			}
			return answerJSON(req, sent)
		})))
		_, err := client.AttestTPM(t.Context(), []byte(message), nil)
		checkError[*azattestation.AnswerError](t, err) // "Data" is not "data"
		client = clientOf(t, tokenIssuer, optionsFor(transport(func(req *http.Request) (*http.Response, error) {
			return answerJSON(req, object{"data": b64([]byte(message))})
		})))
		if r, err := client.AttestTPM(t.Context(), []byte(message), nil); err != nil || string(r.Data) != message {
			t.Errorf("%q: %q (%v)", message, r.Data, err)
		}
	}
	for status, code := range map[int]string{400: "Bad request", 401: "Unauthorized"} {
		client := clientOf(t, tokenIssuer, optionsFor(transport(func(req *http.Request) (*http.Response, error) {
			return answer(req, status, jsonType, []byte(jsonOf(object{"error": object{"code": code, "message": noTPMPolicy}}))), nil
		})))
		_, err := client.AttestTPM(t.Context(), evidence, nil)
		checkRefused(t, err, status, code)
	}
	client := clientOf(t, tokenIssuer, optionsFor(transport(func(req *http.Request) (*http.Response, error) {
		return answerJSON(req, object{"data": "no base64!"})
	})))
	_, err := client.AttestTPM(t.Context(), evidence, nil)
	checkError[*azattestation.AnswerError](t, err)
}

// TestScenarioJavaForgedTokens vouch for themselves by a certificate of their own.
func TestScenarioJavaForgedTokens(t *testing.T) {
	t.Parallel()
	cert := certificateOf(otherRSAKey(), tokenIssuer)
	for _, kid := range []any{nil, "k", "unknown"} {
		header := object{"alg": "RS256", "x5c": jwk("", cert)["x5c"], "jwk": jwk("k", cert), "jku": "https://attacker.example/certs"}
		if kid != nil {
			header["kid"] = kid
		}
		token := parse(t, compact(jsonOf(header), claimsOf(nil), rs256(otherRSAKey())))
		if err := errorOf[*azattestation.TokenValidationError](t, token.Validate(t.Context(), source(t), nil)); err == nil {
			t.Errorf("kid %v", kid)
		}
	}
	// Where there are no signers there is no source of them.
	_, err := azattestation.NewKeySource(tokenIssuer, jwks())
	checkError[*azattestation.ArgumentError](t, err)
}

// TestScenarioJavaRawResponse: azcore hands out status and headers beside the
// result or the error.
func TestScenarioJavaRawResponse(t *testing.T) {
	t.Parallel()
	i := newInstance(t, modeAAD)
	var resp *http.Response
	ctx := policy.WithCaptureResponse(t.Context(), &resp)
	if _, err := i.admin(t).GetPolicyCertificates(ctx, nil); err != nil || resp == nil || resp.StatusCode != http.StatusOK {
		t.Errorf("response %v (%v)", resp, err)
	}
	_, err := i.client(t).AttestSGXEnclave(t.Context(), []byte("no quote"), nil)
	if refused, ok := errors.AsType[*azcore.ResponseError](err); !ok || refused.RawResponse.Header.Get("Content-Type") != jsonType {
		t.Errorf("error %v", err)
	}
}

// TestScenarioJavaScriptZeroOptionsValidate: options that say nothing check all.
func TestScenarioJavaScriptZeroOptionsValidate(t *testing.T) {
	t.Parallel()
	for _, options := range []*azattestation.TokenValidationOptions{nil, {}, {Skip: []azattestation.TokenCheck{}}} {
		for change, check := range map[string]azattestation.TokenCheck{"exp": azattestation.TokenCheckExpiration, "iss": azattestation.TokenCheckIssuer} {
			checkToken(t, parse(t, signed("k", object{change: nil})).Validate(t.Context(), source(t), options), check)
		}
		checkToken(t, parse(t, compact(`{"alg":"RS256","kid":"k"}`, claimsOf(nil), rs256(otherRSAKey()))).Validate(t.Context(), source(t), options), azattestation.TokenCheckSignature)
	}
}

// TestScenarioJavaScriptInterop: RS256 and ES256 of the standard library hold
// here, and ours there. An ECDSA signature is r and s of equal length (P1363).
func TestScenarioJavaScriptInterop(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key  crypto.Signer
		sign signer
		alg  string
	}{"RS256": {rsaKey(), rs256(rsaKey()), "RS256"}, "ES256": {ecKey(), es256(ecKey()), "ES256"}} {
		keys := source(t, jwk("k", certificateOf(c.key, tokenIssuer)))
		theirs := parse(t, compact(jsonOf(object{"alg": c.alg, "kid": "k"}), claimsOf(nil), c.sign))
		if err := theirs.Validate(t.Context(), keys, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		ours := must(azattestation.NewPolicyToken("policy", signingKeyOf(c.key, "signer"))).String()
		token := parse(t, ours)
		text := []byte(ours[:strings.LastIndexByte(ours, '.')])
		if token.Algorithm() != c.alg || !verifyByStandardLibrary(c.key.Public(), text, token.Signature()) {
			t.Errorf("%s: %s", name, ours)
		}
	}
}

// TestScenarioCPlusPlusKeysWithoutType: a JWK without kty is of no use, a JWKS
// without keys no JWKS.
func TestScenarioCPlusPlusKeysWithoutType(t *testing.T) {
	t.Parallel()
	entry := jwk("k", certificateOf(rsaKey(), "x"))
	delete(entry, "kty")
	client := func(body []byte) *azattestation.Client {
		return clientOf(t, tokenIssuer, optionsFor(transport(func(req *http.Request) (*http.Response, error) { return answer(req, 200, jsonType, body), nil })))
	}
	for _, body := range [][]byte{jwks(entry), jwks(), []byte(`{}`), []byte(`{"keys":"none"}`), []byte(`{"keys":[1]}`), []byte(`[]`)} {
		_, err := client(body).GetSigningCertificates(t.Context(), nil)
		checkError[*azattestation.AnswerError](t, err)
	}
	for _, value := range []any{nil, "x", object{}, object{"keys": nil}, object{"keys": []any{nil}}, object{"keys": []object{{"kty": "RSA"}}}, object{"keys": []int{1}}} {
		_, tr := answering(t, signed("k", object{"x-ms-policy-certificates": value}))
		_, err := adminOf(t, tokenIssuer, optionsFor(tr)).GetPolicyCertificates(t.Context(), nil)
		if e := errorOf[*azattestation.AnswerError](t, err); e != nil && e.Part != "claim x-ms-policy-certificates" {
			t.Errorf("%v: %v", value, err)
		}
	}
}

// TestScenarioCPlusPlusSerialization: what is written is read again as it was.
func TestScenarioCPlusPlusSerialization(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"alg":"RS256","kid":"k","kty":"RSA","n":"AQ","e":"AQAB","use":"sig"}`, `{"crv":"P-256","kty":"EC","x":"AA","y":"AQ"}`, `{}`,
		jsonOf(jwk("k", certificateOf(ecKey(), "x"))),
	} {
		var key azattestation.JSONWebKey
		if err := json.Unmarshal([]byte(text), &key); err != nil {
			t.Fatal(err)
		}
		assertJSON(t, jsonOf(&key), text)
	}
	// The prime p, which C++ reads as q, is not read, nor is any other secret.
	var key azattestation.JSONWebKey
	if err := json.Unmarshal([]byte(`{"kty":"RSA","n":"AQ","e":"AQ","d":"Ag","p":"Aw","q":"BA","dp":"BQ","dq":"Bg","qi":"Bw","k":"CA"}`), &key); err != nil {
		t.Fatal(err)
	}
	assertJSON(t, jsonOf(&key), `{"kty":"RSA","n":"AQ","e":"AQ"}`)
	// Bytes: every length, and the two characters that base64url is about.
	for n := range 20 {
		raw := bytes.Repeat([]byte{0xFB, 0xFF}, n)[:n]
		for _, encoded := range []string{base64.RawURLEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw)} {
			var r azattestation.AttestationResult
			if err := json.Unmarshal([]byte(`{"x-ms-sgx-ehd":"`+encoded+`"}`), &r); err != nil || !bytes.Equal(r.EnclaveHeldData, raw) {
				t.Errorf("%s: %x (%v)", encoded, r.EnclaveHeldData, err)
			}
		}
	}
}
