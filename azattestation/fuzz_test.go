package azattestation_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/azattestation/internal/replay"
)

// FuzzParseToken: what is a token is its own text, and nobody believes it.
func FuzzParseToken(f *testing.F) {
	f.Add("eyJhbGciOiJub25lIn0..")
	f.Add(compact(`{"alg":"RS256","kid":"k"}`, `{"iss":"https://i","exp":1.5,"nbf":0,"nonce":"n"}`, hs256(nil)))
	f.Add(compact(`{"alg":"ES256","kid":"k","x5c":["AA=="],"jwk":{"kty":"EC"}}`, `{"a":{"a":[1,"\u0061"]}}`, noSignature))
	for _, seed := range replay.Seeds(f, "maa", "azurevm", "*.jwt") {
		f.Add(strings.TrimSpace(string(seed)))
	}
	keys := source(f, jwk("k", certificateOf(ecKey(), "x")))
	off := &azattestation.TokenValidationOptions{Skip: []azattestation.TokenCheck{azattestation.TokenCheckSignature}, Issuer: "https://i"}
	f.Fuzz(func(t *testing.T, text string) {
		token, err := azattestation.ParseToken(text)
		if err != nil {
			checkToken(t, err, azattestation.TokenCheckFormat)
			checkTame(t, err)
			return
		}
		if again := b64(token.Header()) + "." + b64(token.Payload()) + "." + b64(token.Signature()); again != text || token.String() != text {
			t.Errorf("%q is read as %q", text, again)
		}
		if !json.Valid(token.Header()) || len(token.Payload()) > 0 && !json.Valid(token.Payload()) {
			t.Errorf("header %q, claims %q", token.Header(), token.Payload())
		}
		claims := map[string]any{}
		if err := token.Claims(&claims); err != nil {
			t.Error(err)
		}
		if issuer, ok := claims["iss"].(string); token.Issuer() != issuer {
			t.Errorf("issuer %q, a string: %t, want %q", token.Issuer(), ok, issuer)
		}
		if err := token.Validate(t.Context(), keys, nil); err == nil {
			t.Error("a token without a signature holds")
		} else {
			checkTame(t, err)
		}
		if err := token.Validate(t.Context(), nil, off); err == nil && (token.Issuer() != "https://i" || token.ExpiresOn().IsZero()) {
			t.Errorf("claims %s are valid", token.Payload())
		}
		if _, err := token.VerifySigner(); err != nil {
			checkTame(t, err)
		}
	})
}

// FuzzAttestationResult: what is read, written and read again is the same.
func FuzzAttestationResult(f *testing.F) {
	for name, c := range claimCases() {
		f.Add([]byte(`{"` + name + `":` + c.value + `}`))
		f.Add([]byte(`{"` + name + `":null,"a":"<&>\u2028"}`))
	}
	f.Add([]byte(`{"exp":1617920664.75,"is-debuggable":"x","svn":1e3,"":{"\ud800":1},"iat":-0,"x-ms-policy":{"":null}}`))
	for _, seed := range replay.Seeds(f, "maa", "azurevm", "*.decoded.json") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var first, second azattestation.AttestationResult
		if json.Unmarshal(text, &first) != nil {
			return
		}
		written, err := json.Marshal(first)
		if err != nil {
			t.Fatalf("%s cannot be written: %v", text, err)
		}
		if err := json.Unmarshal(written, &second); err != nil {
			t.Fatalf("%s, of %s: %v", written, text, err)
		}
		again, err := json.Marshal(second)
		if err != nil || !bytes.Equal(again, written) {
			t.Errorf("%s\nis written %s\nand then    %s (%v)", text, written, again, err)
		}
	})
}

// FuzzPolicyToken: a policy comes out as it went in, whatever its token.
func FuzzPolicyToken(f *testing.F) {
	key := signingKeyOf(ecKey(), "signer")
	for _, policy := range []string{"", permitPolicy, "\x00\xff"} {
		f.Add(must(azattestation.NewPolicyToken(policy, nil)).String())
		f.Add(must(azattestation.NewPolicyToken(policy, key)).String())
	}
	f.Add("eyJhbGciOiJub25lIn0..")
	f.Add(compact(`{"alg":"RSA256","jwk":{"x5c":["AA=="]}}`, `{"AttestationPolicy": "YQ=="}`, noSignature))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := azattestation.ParsePolicyToken(text)
		if err != nil {
			checkToken(t, err, azattestation.TokenCheckFormat)
			checkTame(t, err)
			return
		}
		if p.String() != text {
			t.Errorf("%q is read as %q", text, p)
		}
		if err := p.VerifySignature(); err == nil && len(p.Signer()) == 0 {
			t.Errorf("%q is signed by nobody", text)
		}
		made, err := azattestation.NewPolicyToken(p.Policy(), nil)
		if err != nil || made.Policy() != p.Policy() {
			t.Errorf("policy %q, made anew %q (%v)", p.Policy(), made.Policy(), err)
		}
		again, err := azattestation.ParsePolicyToken(made.String())
		if err != nil || again.Policy() != p.Policy() || again.SHA256() != made.SHA256() {
			t.Errorf("policy %q, read again %q (%v)", p.Policy(), again.Policy(), err)
		}
	})
}

// FuzzJWKS: keys that somebody made up verify no token of ours.
func FuzzJWKS(f *testing.F) {
	f.Add(jwks())
	f.Add(jwks(jwk("k", certificateOf(otherRSAKey(), "x")), jwk("l", certificateOf(ecKey(), "y")), object{"kid": "k", "kty": "oct", "use": "enc", "alg": "HS256"}))
	for i, seed := range replay.Seeds(f, "maa", "certs", "certs_response_*.json") {
		if i%10 == 0 { // they are large and much alike
			f.Add(seed)
		}
	}
	token := must(azattestation.ParseToken(signed("k", nil)))
	ours := certificateOf(rsaKey(), "x").RawSubjectPublicKeyInfo
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := azattestation.NewKeySource(tokenIssuer, text)
		certificates, saved := azattestation.ParseSigningCertificates(text)
		if (err == nil) != (saved == nil) || err == nil && len(certificates) == 0 {
			t.Errorf("%d certificates (%v), but keys: %v", len(certificates), saved, err)
		}
		if err != nil {
			checkError[*azattestation.ArgumentError](t, err)
			checkTame(t, err)
			return
		}
		if !json.Valid(text) {
			t.Errorf("%q is no JSON", text)
		}
		if err := token.Validate(t.Context(), keys, nil); err == nil && !bytes.Contains(text, []byte(b64(ours)[:20])) {
			t.Errorf("%s holds our key", text)
		} else if err != nil {
			checkTame(t, err)
		}
	})
}

// FuzzSealedToken: without the key nothing comes out, and never a panic.
func FuzzSealedToken(f *testing.F) {
	envelope := object{
		"AuthenticationData": make([]byte, 16), "EncryptedInnerKey": make([]byte, 256), "Jwt": []byte("token"),
		"EncryptionParams": object{"BlockMode": "ChainingModeGCM", "Cipher": "AES", "Iv": make([]byte, 12), "KeySizeInBits": 256},
	}
	f.Add(b64([]byte(jsonOf(envelope))))
	f.Add(b64([]byte(`{"EncryptionParams":null}`)))
	f.Add(b64([]byte(`{}`)) + "==")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := azattestation.ParseSealedToken(text)
		if err != nil {
			checkToken(t, err, azattestation.TokenCheckFormat)
			checkTame(t, err)
			return
		}
		if s.String() != text || len(s.EncryptedKey()) == 0 {
			t.Errorf("%q is read as %q", text, s)
		}
		for _, size := range []int{0, 15, 16, 32} {
			if token, err := s.OpenWithKey(make([]byte, size)); err == nil {
				t.Errorf("opened with a key of zeros: %s", token)
			}
		}
		if token, err := s.Open(rsaKey()); err == nil {
			t.Errorf("opened with another's key: %s", token)
		}
	})
}
