package fake_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/azattestation/fake"
)

// answering fakes AttestSGXEnclave by one response.
func answering(response azattestation.ClientAttestSGXEnclaveResponse, status int) *fake.Server {
	return &fake.Server{AttestSGXEnclave: func(context.Context, []byte, *azattestation.ClientAttestSGXEnclaveOptions) (azfake.Responder[azattestation.ClientAttestSGXEnclaveResponse], azfake.ErrorResponder) {
		var resp azfake.Responder[azattestation.ClientAttestSGXEnclaveResponse]
		resp.SetResponse(status, response, nil)
		return resp, azfake.ErrorResponder{}
	}}
}

// TestTokens of the fake are dated and issued, signed unless the policy is a draft,
// and carry the nonce of the request.
func TestTokens(t *testing.T) {
	t.Parallel()
	client := clientsOf(t, answering(azattestation.ClientAttestSGXEnclaveResponse{}, http.StatusOK))
	for name, c := range map[string]struct {
		options *azattestation.ClientAttestSGXEnclaveOptions
		alg     string
	}{
		"plain":           {nil, "RS256"},
		"nonce":           {&azattestation.ClientAttestSGXEnclaveOptions{Nonce: new("n")}, "RS256"},
		"draft":           {&azattestation.ClientAttestSGXEnclaveOptions{DraftPolicy: new("draft")}, "none"},
		"draft and nonce": {&azattestation.ClientAttestSGXEnclaveOptions{DraftPolicy: new(""), Nonce: new("")}, "none"},
	} {
		r, err := client.AttestSGXEnclave(t.Context(), data, c.options)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Token.Algorithm() != c.alg || r.Token.KeyID() != issuer().KeyID() || *r.Issuer != endpoint || r.ExpiresOn.Sub(*r.IssuedOn) != 8*time.Hour || len(*r.UniqueID) != 64 {
			t.Errorf("%s: %s of %s", name, r.Token.Payload(), r.Token.Header())
		}
		if c.options != nil && c.options.Nonce != nil && *r.Nonce != *c.options.Nonce {
			t.Errorf("%s: nonce %v", name, r.Nonce)
		}
	}
	// Another nonce, on purpose.
	client = clientsOf(t, answering(azattestation.ClientAttestSGXEnclaveResponse{AttestationResult: azattestation.AttestationResult{Nonce: new("other")}}, http.StatusOK))
	if _, err := client.AttestSGXEnclave(t.Context(), data, &azattestation.ClientAttestSGXEnclaveOptions{Nonce: new("n")}); err == nil {
		t.Error("another nonce is taken")
	}
	// A token that is given is sent as it is.
	given := must(azattestation.ParseToken(must(issuer().Token(map[string]any{"x-ms-ver": "9"}))))
	client = clientsOf(t, answering(azattestation.ClientAttestSGXEnclaveResponse{AttestationResult: azattestation.AttestationResult{Token: given}}, http.StatusOK))
	if r, err := client.AttestSGXEnclave(t.Context(), data, nil); err != nil || r.Token.String() != given.String() {
		t.Errorf("token %v (%v)", r.Token, err)
	}
}

// TestTransport says what is wrong with a test, and does not try it again.
func TestTransport(t *testing.T) {
	t.Parallel()
	if _, err := clientsOf(t, answering(azattestation.ClientAttestSGXEnclaveResponse{}, http.StatusAccepted)).AttestSGXEnclave(t.Context(), data, nil); err == nil || !strings.Contains(err.Error(), "needs status 200") {
		t.Errorf("status 202: %v", err)
	}
	tr := fake.NewServerTransport(&fake.Server{Issuer: issuer()})
	for request, want := range map[string]string{
		"GET https://other.example/certs":         "the issuer is " + endpoint,
		"GET " + endpoint + "/attest/SgxEnclave":  "no client of this package sends",
		"DELETE " + endpoint + "/policies/Tpm":    "no client of this package sends",
		"GET " + endpoint + "/policies/Tpm:reset": "no client of this package sends",
		"POST " + endpoint + "/certs":             "no client of this package sends",
	} {
		method, url, _ := strings.Cut(request, " ")
		resp, err := tr.Do(must(http.NewRequestWithContext(t.Context(), method, url, nil)))
		if err == nil {
			_ = resp.Body.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", request, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if resp, err := tr.Do(must(http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/certs", nil))); err == nil {
		_ = resp.Body.Close()
		t.Error("a canceled request is answered")
	}
}

// TestRequestsAreRead: what no client sends is an error of the test.
func TestRequestsAreRead(t *testing.T) {
	t.Parallel()
	srv := answering(azattestation.ClientAttestSGXEnclaveResponse{}, http.StatusOK)
	srv.Issuer = issuer()
	for _, m := range methods() {
		m.fake(srv, reply{called: nil})
	}
	tr := fake.NewServerTransport(srv)
	for _, request := range []string{
		"POST /attest/SgxEnclave", "POST /attest/OpenEnclave", "POST /attest/SevSnpVm", "POST /attest/TdxVm", "POST /attest/Tpm", "POST /attest/AzureGuest",
		"PUT /policies/Tpm", "POST /policies/Tpm:reset", "POST /certificates:add", "POST /certificates:remove",
	} {
		method, path, _ := strings.Cut(request, " ")
		unsigned := `"` + must(azattestation.NewPolicyToken("policy", nil)).String() + `"`
		signedWrong := must(azattestation.NewPolicyToken("policy", signing())).String() + "AA"
		for _, body := range []string{"", "{", `"a.b.c"`, `{"quote":1,"report":1,"data":1,"attestationInfo":1}`, `{"quote":"*","report":"*","data":"*","attestationInfo":"*"}`, unsigned, signedWrong, `"` + signedWrong + `"`} {
			resp, err := tr.Do(must(http.NewRequestWithContext(t.Context(), method, endpoint+path, strings.NewReader(body))))
			if err == nil {
				_ = resp.Body.Close()
				t.Errorf("%s with %q is answered", request, body)
			}
		}
	}
}

// TestDefaultIssuer is that of the first request.
func TestDefaultIssuer(t *testing.T) {
	t.Parallel()
	tr := fake.NewServerTransport(&fake.Server{})
	for range 2 {
		resp, err := tr.Do(must(http.NewRequestWithContext(t.Context(), http.MethodGet, "https://first.example/certs", nil)))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if resp, err := tr.Do(must(http.NewRequestWithContext(t.Context(), http.MethodGet, "https://second.example/certs", nil))); err == nil {
		_ = resp.Body.Close()
		t.Error("two instances")
	}
}

// TestConcurrency: one transport serves many goroutines.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	client := clientsOf(t, answering(azattestation.ClientAttestSGXEnclaveResponse{}, http.StatusOK))
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := client.AttestSGXEnclave(t.Context(), data, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestIssuer signs by RSA and ECDSA, at the time and for as long as it is told.
func TestIssuer(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_900_000_000, 0)
	for alg, key := range map[string]crypto.Signer{"RS256": sharedKey(), "ES256": must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))} {
		i := must(fake.NewIssuer(endpoint+"/", &fake.IssuerOptions{Signer: key, Now: func() time.Time { return now }, Lifetime: time.Minute}))
		text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: i.Certificate().RawSubjectPublicKeyInfo})
		if digest := sha256.Sum256(append(text, 0)); i.KeyID() != base64.StdEncoding.EncodeToString(digest[:]) || i.URL() != endpoint || i.Certificate().Subject.CommonName != endpoint {
			t.Errorf("%s: kid %s of %s", alg, i.KeyID(), i.URL())
		}
		source := must(i.KeySource())
		for _, claims := range []any{map[string]any{}, azattestation.AttestationResult{}, &azattestation.AttestationResult{SVN: new(int32(1))}, struct{ A int }{1}} {
			token := must(azattestation.ParseToken(must(i.Token(claims))))
			if token.Algorithm() != alg || !token.IssuedOn().Equal(now) || !token.NotBefore().Equal(now) || token.ExpiresOn().Sub(now) != time.Minute {
				t.Errorf("%s: token %s of %s", alg, token.Payload(), token.Header())
			}
			if err := token.Validate(t.Context(), source, &azattestation.TokenValidationOptions{At: now}); err != nil {
				t.Error(err)
			}
		}
		// Claims that are given stay.
		token := must(azattestation.ParseToken(must(i.Token(map[string]any{"iss": "https://other.example", "exp": 1, "jti": nil}))))
		if token.Issuer() != "https://other.example" || token.ExpiresOn().Unix() != 1 {
			t.Errorf("%s: token %s", alg, token.Payload())
		}
		for _, claims := range []any{nil, 1, "text", []int{1}, func() {}, make(chan int)} {
			if text, err := i.Token(claims); err == nil {
				t.Errorf("%T makes a token %s", claims, text)
			}
			if text, err := i.UnsignedToken(claims); err == nil {
				t.Errorf("%T makes a token %s", claims, text)
			}
		}
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []crypto.Signer{edwards, must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))} {
		if _, err := fake.NewIssuer(endpoint, &fake.IssuerOptions{Signer: key}); err == nil {
			t.Errorf("an issuer with a %T", key)
		}
	}
}

// TestSealedToken opens with its key and no other.
func TestSealedToken(t *testing.T) {
	t.Parallel()
	sealed := must(issuer().SealedToken(map[string]any{"x-ms-attestation-type": "azurevm"}, &sharedKey().PublicKey))
	token, err := sealed.Open(sharedKey())
	if err != nil {
		t.Fatal(err)
	}
	if err := token.Validate(t.Context(), must(issuer().KeySource()), nil); err != nil {
		t.Error(err)
	}
	inner := must(sharedKey().Decrypt(nil, sealed.EncryptedKey(), nil))
	if again, err := sealed.OpenWithKey(inner); err != nil || again.String() != token.String() {
		t.Errorf("token %s (%v)", again, err)
	}
	inner[0] ^= 1
	if _, err := sealed.OpenWithKey(inner); err == nil {
		t.Error("opened with another key")
	}
	if _, err := issuer().SealedToken(1, &sharedKey().PublicKey); err == nil {
		t.Error("a number is sealed")
	}
}
