package azattestation_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/azattest/azattest/azattestation"
)

// Each way in which one of Microsoft's clients believes a token that it must not,
// or a bug of theirs that must not be copied, has a test here or in the file named:
//
//	alg none is accepted                             TestSecurityAlgNone
//	alg is missing                                   TestMalformedTokens (badinput)
//	a key in the token vouches for it                TestSecurityEmbeddedKeysAreNeverUsed
//	jku is followed                                  TestSecurityEmbeddedKeysAreNeverUsed
//	kid is missing: any key will do                  TestSecurityKidIsMissing
//	an unknown kid, keys that are never refreshed    TestSecurityUnknownKid, keysource_test.go
//	a failed look-up counts as success               TestSecurityUnknownKid
//	no keys: the token's own                         TestScenarioJavaForgedTokens (scenarios_languages)
//	the first bad candidate ends the search          TestScenarioPythonTriesEveryCandidate (scenarios_languages)
//	the algorithm is not checked                     TestSecurityAlgorithms
//	iss is not checked                               TestSecurityIssuerOfAnotherInstance
//	exp is not required; slack that never ends       TestScenarioTokenTimes, ...DatesAbsentOrOdd (scenarios_token)
//	ECDSA signatures in ASN.1; RS256 for EC keys     TestSecurityAlgorithms, TestSecurityP1363
//	base64url that replaces one "/" only             TestScenarioCPlusPlusSerialization (scenarios_languages)
//	options that switch validation off               TestScenarioJavaScriptZeroOptionsValidate (scenarios_languages)
//	a policy is parsed before its token is checked   TestScenarioPythonValidatesBeforeItParses (scenarios_languages)
//	another policy was stored than was sent          security_confirm_test.go
//
// That a signing certificate holds the report of Microsoft's own enclave is for a
// relying party to check, in the callback; this module has no verifier.

// TestSecurityAlgNone: an unsigned token answers a draft policy, and nothing else.
func TestSecurityAlgNone(t *testing.T) {
	t.Parallel()
	draft := &azattestation.ClientAttestSGXEnclaveOptions{DraftPolicy: new(permitPolicy)}
	for name, c := range map[string]struct {
		header  string
		sign    signer
		isDraft bool
		fails   azattestation.TokenCheck
	}{
		"none, no draft":                {`{"alg":"none","kid":"k"}`, noSignature, false, azattestation.TokenCheckAlgorithm},
		"none with a signature":         {`{"alg":"none","kid":"k"}`, rs256(rsaKey()), false, azattestation.TokenCheckAlgorithm},
		"none, draft":                   {`{"alg":"none","kid":"k"}`, noSignature, true, ""},
		"none with a signature, draft":  {`{"alg":"none","kid":"k"}`, rs256(rsaKey()), true, azattestation.TokenCheckAlgorithm},
		"None, draft":                   {`{"alg":"None","kid":"k"}`, noSignature, true, azattestation.TokenCheckAlgorithm},
		"NONE, no draft":                {`{"alg":"NONE","kid":"k"}`, noSignature, false, azattestation.TokenCheckAlgorithm},
		"none and a NUL, draft":         {`{"alg":"none\u0000","kid":"k"}`, noSignature, true, azattestation.TokenCheckAlgorithm},
		"signed, draft":                 {`{"alg":"RS256","kid":"k"}`, rs256(rsaKey()), true, ""},
		"RS256, not signed, draft":      {`{"alg":"RS256","kid":"k"}`, noSignature, true, azattestation.TokenCheckSignature},
		"signed by a stranger, draft":   {`{"alg":"RS256","kid":"k"}`, rs256(otherRSAKey()), true, azattestation.TokenCheckSignature},
		"HMAC without a secret, draft":  {`{"alg":"HS256","kid":"k"}`, hs256(nil), true, azattestation.TokenCheckAlgorithm},
		"HMAC without a secret":         {`{"alg":"HS256","kid":"k"}`, hs256(nil), false, azattestation.TokenCheckAlgorithm},
		"RS256, not signed, no draft":   {`{"alg":"RS256","kid":"k"}`, noSignature, false, azattestation.TokenCheckSignature},
		"a signature of zeros":          {`{"alg":"RS256","kid":"k"}`, func([]byte) []byte { return make([]byte, 256) }, false, azattestation.TokenCheckSignature},
		"an empty text as algorithm":    {`{"alg":"","kid":"k"}`, noSignature, true, azattestation.TokenCheckFormat},
		"a list of algorithms":          {`{"alg":["none"],"kid":"k"}`, noSignature, true, azattestation.TokenCheckFormat},
		"two algorithms, one in escape": {`{"alg":"RS256","\u0061lg":"none","kid":"k"}`, noSignature, true, azattestation.TokenCheckFormat},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, tr := answering(t, compact(c.header, claimsOf(nil), c.sign))
			var options *azattestation.ClientAttestSGXEnclaveOptions
			if c.isDraft {
				options = draft
			}
			_, err := clientOf(t, tokenIssuer, optionsFor(tr)).AttestSGXEnclave(t.Context(), evidence, options)
			if c.fails == "" && err != nil {
				t.Error(err)
			}
			if c.fails != "" {
				checkToken(t, err, c.fails)
			}
		})
	}
}

// TestSecurityAlgNoneElsewhere: no other method takes an unsigned answer.
func TestSecurityAlgNoneElsewhere(t *testing.T) {
	t.Parallel()
	_, tr := answering(t, compact(`{"alg":"none","kid":"k"}`, claimsOf(object{
		"x-ms-policy": "eyJhbGciOiJub25lIn0..", "x-ms-policy-result": "Removed", "x-ms-policy-certificates": object{"keys": []object{}},
	}), noSignature))
	client, admin, key := clientOf(t, tokenIssuer, optionsFor(tr)), adminOf(t, tokenIssuer, optionsFor(tr)), signingKeyOf(rsaKey(), "x")
	_, err := client.AttestTDXVM(t.Context(), evidence, nil)
	checkToken(t, err, azattestation.TokenCheckAlgorithm)
	_, err = client.AttestSEVSNPVM(t.Context(), evidence, nil)
	checkToken(t, err, azattestation.TokenCheckAlgorithm)
	_, err = admin.GetPolicy(t.Context(), kinds[0], nil)
	checkToken(t, err, azattestation.TokenCheckAlgorithm)
	_, err = admin.ResetPolicy(t.Context(), kinds[0], nil)
	checkToken(t, err, azattestation.TokenCheckAlgorithm)
	_, err = admin.GetPolicyCertificates(t.Context(), nil)
	checkToken(t, err, azattestation.TokenCheckAlgorithm)
	_, err = admin.RemovePolicyCertificate(t.Context(), key.Certificate(), key, nil)
	checkToken(t, err, azattestation.TokenCheckAlgorithm)
}

// TestSecurityEmbeddedKeysAreNeverUsed: a token names keys of its own in every way
// that there is; nobody asks the attacker for them.
func TestSecurityEmbeddedKeysAreNeverUsed(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	cert := certificateOf(otherRSAKey(), tokenIssuer)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.Header().Set("Content-Type", jsonType)
		_, _ = w.Write(jwks(jwk("k", cert), jwk("attacker", cert)))
	}))
	t.Cleanup(srv.Close)
	for _, kid := range []string{"k", "attacker", ""} {
		for name, member := range map[string]object{
			"x5c": {"x5c": jwk(kid, cert)["x5c"]}, "jwk": {"jwk": jwk(kid, cert)}, "jku": {"jku": srv.URL + "/certs"}, "x5u": {"x5u": srv.URL},
			"all": {"x5c": jwk(kid, cert)["x5c"], "jwk": jwk(kid, cert), "jku": srv.URL + "/certs", "x5u": srv.URL, "iss": srv.URL},
		} {
			header := object{"alg": "RS256"}
			maps.Copy(header, member)
			if kid != "" {
				header["kid"] = kid
			}
			fetches, tr := answering(t, compact(jsonOf(header), claimsOf(nil), rs256(otherRSAKey())))
			_, err := clientOf(t, tokenIssuer, optionsFor(tr)).AttestSGXEnclave(t.Context(), evidence, nil)
			want := map[string]azattestation.TokenCheck{"k": azattestation.TokenCheckSignature}[kid]
			if want == "" {
				want = azattestation.TokenCheckSigningKey
			}
			checkToken(t, err, want)
			if n := fetches.Load(); n > 1 {
				t.Errorf("%s, kid %q: %d fetches", name, kid, n)
			}
		}
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("the attacker saw %d requests", n)
	}
}

func TestSecurityKidIsMissing(t *testing.T) {
	t.Parallel()
	fetches, tr := answering(t, signed("k", nil))
	fetched := clientOf(t, tokenIssuer, optionsFor(tr))
	if _, err := fetched.AttestSGXEnclave(t.Context(), evidence, nil); err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{`{"alg":"RS256"}`, `{"alg":"RS256","kid":""}`, `{"alg":"RS256","KID":"k"}`} {
		// A key that is published without a kid makes no difference.
		keys := source(t, jwk("", certificateOf(rsaKey(), "x")), jwk("k", certificateOf(rsaKey(), "x")))
		token := parse(t, compact(header, claimsOf(nil), rs256(rsaKey())))
		checkToken(t, token.Validate(t.Context(), keys, nil), azattestation.TokenCheckSigningKey)
		checkToken(t, token.Validate(t.Context(), fetched.KeySource(), nil), azattestation.TokenCheckSigningKey)
	}
	if n := fetches.Load(); n != 1 {
		t.Errorf("%d fetches, want none for a kid that is not there", n)
	}
}

// TestSecurityHugeRSAKey: a published key cannot cause work without end.
func TestSecurityHugeRSAKey(t *testing.T) {
	t.Parallel()
	for bits, fails := range map[uint]azattestation.TokenCheck{8192: azattestation.TokenCheckSignature, 8193: azattestation.TokenCheckAlgorithm, 100_000: azattestation.TokenCheckAlgorithm} {
		modulus := new(big.Int).Lsh(big.NewInt(1), bits-1)
		modulus.SetBit(modulus, 0, 1)
		template := certificateOf(rsaKey(), "huge")
		der := must(x509.CreateCertificate(rand.Reader, template, template, &rsa.PublicKey{N: modulus, E: 65537}, rsaKey()))
		err := parse(t, signed("huge", nil)).Validate(t.Context(), source(t, jwk("huge", must(x509.ParseCertificate(der)))), nil)
		checkToken(t, err, fails)
	}
}

// TestSecurityUnknownKid asks once more for keys, and then no longer each time.
func TestSecurityUnknownKid(t *testing.T) {
	t.Parallel()
	fetches, tr := answering(t, signed("k", nil))
	client := clientOf(t, tokenIssuer, optionsFor(tr))
	if _, err := client.AttestSGXEnclave(t.Context(), evidence, nil); err != nil || fetches.Load() != 1 {
		t.Fatalf("%v, %d fetches", err, fetches.Load())
	}
	forged := parse(t, signed("unknown", nil))
	checkToken(t, forged.Validate(t.Context(), client.KeySource(), nil), azattestation.TokenCheckSigningKey)
	if n := fetches.Load(); n != 2 {
		t.Errorf("%d fetches, want one more for the unknown kid", n)
	}
	for range 1000 {
		checkToken(t, forged.Validate(t.Context(), client.KeySource(), nil), azattestation.TokenCheckSigningKey)
	}
	if n := fetches.Load(); n != 4 {
		t.Errorf("%d fetches after 1000 forged tokens, want 4: the first, and a burst of 3", n)
	}
}

// TestSecurityIssuerOfAnotherInstance: instances share a key; a token of one, whose
// policy permits anything, is none of the other.
func TestSecurityIssuerOfAnotherInstance(t *testing.T) {
	t.Parallel()
	ours, theirs := newInstanceAt(t, modeAAD, "https://ours.example"), newInstanceAt(t, modeAAD, "https://theirs.example")
	r, err := theirs.client(t).AttestSGXEnclave(t.Context(), evidence, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Token.KeyID() != ours.issuer.KeyID() {
		t.Fatal("the instances do not share a key")
	}
	checkToken(t, r.Token.Validate(t.Context(), ours.client(t).KeySource(), nil), azattestation.TokenCheckIssuer)
	_, tr := answering(t, r.Token.String())
	options := optionsFor(transport(func(req *http.Request) (*http.Response, error) {
		if req.URL.Path == "/certs" {
			return ours.Do(req)
		}
		return tr(req)
	}))
	_, err = clientOf(t, "https://ours.example", options).AttestSGXEnclave(t.Context(), evidence, nil)
	checkToken(t, err, azattestation.TokenCheckIssuer)
}

// TestSecurityAlgorithms: only what fits the published key, in its exact form.
func TestSecurityAlgorithms(t *testing.T) {
	t.Parallel()
	cert, ecCert := certificateOf(rsaKey(), "x"), certificateOf(ecKey(), "x")
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: cert.RawSubjectPublicKeyInfo})
	pkcs1 := x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)
	_, certPEM := pemOf(rsaKey(), cert)
	sha1 := func(signed []byte) []byte {
		h := crypto.SHA1.New()
		h.Write(signed)
		return must(rsa.SignPKCS1v15(nil, rsaKey(), crypto.SHA1, h.Sum(nil)))
	}
	only := func(alg string, c *x509.Certificate) object { e := jwk("k", c); e["alg"] = alg; return e }
	const good = azattestation.TokenCheck("")
	for name, c := range map[string]struct {
		alg   string
		key   object
		sign  signer
		fails azattestation.TokenCheck
	}{
		"RS256":                        {"RS256", jwk("k", cert), rs256(rsaKey()), good},
		"ES256":                        {"ES256", jwk("k", ecCert), es256(ecKey()), good},
		"PS256, salt of the hash":      {"PS256", jwk("k", cert), ps256(rsaKey(), 32), good},
		"PS256, no salt":               {"PS256", jwk("k", cert), ps256(rsaKey(), 0), azattestation.TokenCheckSignature},
		"PS256, other salt":            {"PS256", jwk("k", cert), ps256(rsaKey(), 20), azattestation.TokenCheckSignature},
		"PS256, all the salt":          {"PS256", jwk("k", cert), ps256(rsaKey(), rsa.PSSSaltLengthAuto), azattestation.TokenCheckSignature},
		"PS256 signed as RS256":        {"PS256", jwk("k", cert), rs256(rsaKey()), azattestation.TokenCheckSignature},
		"RS256 signed as PS256":        {"RS256", jwk("k", cert), ps256(rsaKey(), 32), azattestation.TokenCheckSignature},
		"RS512 signed with SHA-256":    {"RS512", jwk("k", cert), rs256(rsaKey()), azattestation.TokenCheckSignature},
		"RS256 with an EC key":         {"RS256", jwk("k", ecCert), es256(ecKey()), azattestation.TokenCheckAlgorithm},
		"RS256 signature, EC key":      {"RS256", jwk("k", ecCert), rs256(rsaKey()), azattestation.TokenCheckAlgorithm},
		"ES256 with an RSA key":        {"ES256", jwk("k", cert), rs256(rsaKey()), azattestation.TokenCheckAlgorithm},
		"ES256 signature, RSA key":     {"ES256", jwk("k", cert), es256(ecKey()), azattestation.TokenCheckAlgorithm},
		"ES256 in ASN.1":               {"ES256", jwk("k", ecCert), es256DER(ecKey()), azattestation.TokenCheckSignature},
		"ES256 of another key":         {"ES256", jwk("k", ecCert), es256(otherECKey()), azattestation.TokenCheckSignature},
		"ES256 with a key on P-384":    {"ES256", jwk("k", certificateOf(p384, "x")), es256(ecKey()), azattestation.TokenCheckAlgorithm},
		"ES384 with a key on P-256":    {"ES384", jwk("k", ecCert), es256(ecKey()), azattestation.TokenCheckAlgorithm},
		"HMAC: public key in PEM":      {"HS256", jwk("k", cert), hs256(publicPEM), azattestation.TokenCheckAlgorithm},
		"HMAC: public key in DER":      {"HS256", jwk("k", cert), hs256(cert.RawSubjectPublicKeyInfo), azattestation.TokenCheckAlgorithm},
		"HMAC: PKCS #1":                {"HS256", jwk("k", cert), hs256(pkcs1), azattestation.TokenCheckAlgorithm},
		"HMAC: certificate":            {"HS256", jwk("k", cert), hs256(certPEM), azattestation.TokenCheckAlgorithm},
		"HMAC: kty oct":                {"HS256", object{"kid": "k", "kty": "oct", "k": "AA"}, hs256([]byte{0}), azattestation.TokenCheckAlgorithm},
		"SHA-1":                        {"RS1", jwk("k", cert), sha1, azattestation.TokenCheckAlgorithm},
		"SHA-1 as RS256":               {"RS256", jwk("k", cert), sha1, azattestation.TokenCheckSignature},
		"case":                         {"rs256", jwk("k", cert), rs256(rsaKey()), azattestation.TokenCheckAlgorithm},
		"Python's name":                {"RSA256", jwk("k", cert), rs256(rsaKey()), azattestation.TokenCheckAlgorithm},
		"EdDSA":                        {"EdDSA", jwk("k", cert), rs256(rsaKey()), azattestation.TokenCheckAlgorithm},
		"key for RS256 only":           {"RS256", only("RS256", cert), rs256(rsaKey()), good},
		"key for PS256 only":           {"RS256", only("PS256", cert), rs256(rsaKey()), azattestation.TokenCheckAlgorithm},
		"RSA numbers beside x5c":       {"RS256", withNumbers(jwk("k", cert), &otherRSAKey().PublicKey), rs256(otherRSAKey()), azattestation.TokenCheckSignature},
		"RSA numbers and no x5c":       {"RS256", withNumbers(object{"kid": "k", "kty": "RSA"}, &otherRSAKey().PublicKey), rs256(otherRSAKey()), azattestation.TokenCheckSigningKey},
		"key of 1024 bits":             {"RS256", jwk("k", certificateOf(weakRSAKey(), "x")), rs256(weakRSAKey()), azattestation.TokenCheckAlgorithm},
		"key of 1024 bits, PS256":      {"PS256", jwk("k", certificateOf(weakRSAKey(), "x")), ps256(weakRSAKey(), 32), azattestation.TokenCheckAlgorithm},
		"signature with leading zeros": {"RS256", jwk("k", cert), func(s []byte) []byte { return append([]byte{0}, rs256(rsaKey())(s)...) }, azattestation.TokenCheckSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := parse(t, compact(jsonOf(object{"alg": c.alg, "kid": "k"}), claimsOf(nil), c.sign))
			err := token.Validate(t.Context(), source(t, c.key, jwk("bystander", cert)), nil)
			if c.fails == good && err != nil {
				t.Error(err)
			}
			if c.fails != good {
				checkToken(t, err, c.fails)
			}
		})
	}
}

func withNumbers(key object, public *rsa.PublicKey) object {
	key["n"], key["e"] = b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
	return key
}

// TestSecurityP1363: r and s have 32 bytes each, neither more nor fewer.
func TestSecurityP1363(t *testing.T) {
	t.Parallel()
	keys := source(t, jwk("k", certificateOf(ecKey(), "x")))
	head := jsonOf(object{"alg": "ES256", "kid": "k"})
	order := elliptic.P256().Params().N
	for name, change := range map[string]func([]byte) []byte{
		"r and s":  func(s []byte) []byte { return s },
		"one more": func(s []byte) []byte { return append(s, 0) },
		"one less": func(s []byte) []byte { return s[:63] },
		"padded": func(s []byte) []byte {
			return append(append(make([]byte, 1), s[:32]...), append([]byte{0}, s[32:]...)...)
		},
		"of P-521":  func(s []byte) []byte { return append(make([]byte, 68), s...) },
		"swapped":   func(s []byte) []byte { return append(append([]byte(nil), s[32:]...), s[:32]...) },
		"zeros":     func([]byte) []byte { return make([]byte, 64) },
		"r is zero": func(s []byte) []byte { clear(s[:32]); return s },
		"s is zero": func(s []byte) []byte { clear(s[32:]); return s },
		"r is n":    func(s []byte) []byte { order.FillBytes(s[:32]); return s },
		"s beyond n": func(s []byte) []byte {
			for i := range s[32:] {
				s[32+i] = 0xFF
			}
			return s
		},
		"r and s of 1": func([]byte) []byte { s := make([]byte, 64); s[31], s[63] = 1, 1; return s },
		"nothing":      func([]byte) []byte { return nil },
	} {
		token := parse(t, compact(head, claimsOf(nil), func(signed []byte) []byte { return change(es256(ecKey())(signed)) }))
		err := token.Validate(t.Context(), keys, nil)
		if name == "r and s" && err != nil {
			t.Error(err)
		}
		if name != "r and s" {
			checkToken(t, err, azattestation.TokenCheckSignature)
		}
	}
	// One in 128 has a leading zero in r or s; our own signatures keep it too.
	key := signingKeyOf(ecKey(), "x")
	for seen, n := 0, 0; seen < 2 && n < 10_000; n++ {
		p := must(azattestation.NewPolicyToken(strings.Repeat("x", n%50), key))
		signature := parse(t, p.String()).Signature()
		if len(signature) != 64 {
			t.Fatalf("a signature of %d bytes", len(signature))
		}
		if signature[0] == 0 || signature[32] == 0 {
			seen++
			if err := p.VerifySignature(); err != nil {
				t.Error(err)
			}
		}
	}
}
