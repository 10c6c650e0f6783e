package azattestation_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/azattest/azattest/azattestation"
)

// wire notes the requests and answers each in the simplest good way.
type wire struct {
	t testing.TB

	mu   sync.Mutex
	sent []*http.Request
	body []string
}

func (w *wire) Do(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	if req.URL.Path == "/certs" {
		if req.URL.RawQuery != "" || req.Header.Get("Authorization") != "" || req.Header.Get("Accept") != "application/jwk+json, application/json" {
			w.t.Errorf("GET %s with %v: want neither version nor credential", req.URL, req.Header)
		}
		return answer(req, http.StatusOK, jsonType, jwks(jwk("k", issuerCertificate()))), nil
	}
	w.mu.Lock()
	w.sent, w.body = append(w.sent, req), append(w.body, string(body))
	w.mu.Unlock()
	return answerJSON(req, w.answer(req, string(body)))
}

func (w *wire) answer(req *http.Request, body string) any {
	token := func(claims object) any { return object{"token": signed("k", claims)} }
	switch path := req.URL.Path; {
	case path == "/.well-known/openid-configuration":
		return object{"issuer": tokenIssuer, "jwks_uri": tokenIssuer + "/certs", "other": 1}
	case path == "/attest/Tpm":
		return object{"data": "e30"}
	case strings.HasPrefix(path, "/attest/"):
		var request struct{ Nonce *string }
		if err := json.Unmarshal([]byte(body), &request); err != nil || request.Nonce == nil {
			return token(nil)
		}
		return token(object{"nonce": *request.Nonce})
	case path == "/certificates":
		return token(object{"x-ms-policy-certificates": object{"keys": []object{}}})
	case strings.HasPrefix(path, "/certificates:"):
		return token(object{"x-ms-certificate-thumbprint": "AB", "x-ms-policycertificates-result": "IsPresent"})
	case req.Method == http.MethodGet:
		return token(object{"x-ms-policy": "eyJhbGciOiJub25lIn0.."})
	}
	return token(object{"x-ms-policy-result": "Updated"})
}

// wireCase is one method and the request that it makes.
type wireCase struct {
	call        func(context.Context, *azattestation.Client, *azattestation.AdministrationClient) error
	method, url string // below the endpoint
	body        string // JSON, compared as such; "JWS" for a bare token, "string" for one in quotes
	anonymous   bool
}

func wireCases() map[string]wireCase {
	const version = "?api-version=2025-06-01"
	bytes := []byte{0xFB, 0xFF, 0}
	key, cert := signingKeyOf(ecKey(), "policy signer"), certificateOf(rsaKey(), "added")
	binary, text, nonce, draft := azattestation.NewBinaryData(bytes), azattestation.NewJSONData([]byte(`{"a": 1}`)), new("a nonce"), new("a <draft> & more")
	return map[string]wireCase{
		"AttestSGXEnclave": {func(ctx context.Context, c *azattestation.Client, _ *azattestation.AdministrationClient) error {
			_, err := c.AttestSGXEnclave(ctx, bytes, nil)
			return err
		}, "POST", "/attest/SgxEnclave" + version, `{"quote":"-_8A"}`, false},
		"AttestSGXEnclave/all": {func(ctx context.Context, c *azattestation.Client, _ *azattestation.AdministrationClient) error {
			_, err := c.AttestSGXEnclave(ctx, bytes, &azattestation.ClientAttestSGXEnclaveOptions{RuntimeData: binary, InitTimeData: text, DraftPolicy: draft, Nonce: nonce})
			return err
		}, "POST", "/attest/SgxEnclave" + version, `{"quote":"-_8A","runtimeData":{"data":"-_8A","dataType":"Binary"},"initTimeData":{"data":"eyJhIjogMX0","dataType":"JSON"},"draftPolicyForAttestation":"a <draft> & more","nonce":"a nonce"}`, false},
		"AttestOpenEnclave/all": {func(ctx context.Context, c *azattestation.Client, _ *azattestation.AdministrationClient) error {
			_, err := c.AttestOpenEnclave(ctx, bytes, &azattestation.ClientAttestOpenEnclaveOptions{RuntimeData: text, InitTimeData: &azattestation.AttestationData{}, DraftPolicy: new(""), Nonce: nonce})
			return err
		}, "POST", "/attest/OpenEnclave" + version, `{"report":"-_8A","runtimeData":{"data":"eyJhIjogMX0","dataType":"JSON"},"initTimeData":{"data":"","dataType":"Binary"},"draftPolicyForAttestation":"","nonce":"a nonce"}`, false},
		"AttestSEVSNPVM/all": {func(ctx context.Context, c *azattestation.Client, _ *azattestation.AdministrationClient) error {
			_, err := c.AttestSEVSNPVM(ctx, []byte(`{}`), &azattestation.ClientAttestSEVSNPVMOptions{RuntimeData: text, InitTimeData: binary, DraftPolicy: draft, Nonce: nonce})
			return err
		}, "POST", "/attest/SevSnpVm" + version, `{"report":"e30","runtimeData":{"data":"eyJhIjogMX0","dataType":"JSON"},"initTimeData":{"data":"-_8A","dataType":"Binary"},"draftPolicyForAttestation":"a <draft> & more","nonce":"a nonce"}`, false},
		"AttestTDXVM/all": {func(ctx context.Context, c *azattestation.Client, _ *azattestation.AdministrationClient) error {
			_, err := c.AttestTDXVM(ctx, bytes, &azattestation.ClientAttestTDXVMOptions{RuntimeData: binary, InitTimeData: text, Nonce: nonce})
			return err
		}, "POST", "/attest/TdxVm" + version, `{"quote":"-_8A","runtimeData":{"data":"-_8A","dataType":"Binary"},"initTimeData":{"data":"eyJhIjogMX0","dataType":"JSON"},"nonce":"a nonce"}`, false},
		"AttestTPM": {func(ctx context.Context, c *azattestation.Client, _ *azattestation.AdministrationClient) error {
			_, err := c.AttestTPM(ctx, bytes, nil)
			return err
		}, "POST", "/attest/Tpm" + version, `{"data":"-_8A"}`, false},
		"AttestAzureGuest": {func(ctx context.Context, c *azattestation.Client, _ *azattestation.AdministrationClient) error {
			_, err := c.AttestAzureGuest(ctx, []byte(`{}`), nil)
			return ignoreToken(err) // the answer is no sealed token
		}, "POST", "/attest/AzureGuest" + version, `{"attestationInfo":"e30"}`, false},
		"GetOpenIDMetadata": {func(ctx context.Context, c *azattestation.Client, _ *azattestation.AdministrationClient) error {
			_, err := c.GetOpenIDMetadata(ctx, nil)
			return err
		}, "GET", "/.well-known/openid-configuration", "", true},
		"GetPolicy": {func(ctx context.Context, _ *azattestation.Client, a *azattestation.AdministrationClient) error {
			_, err := a.GetPolicy(ctx, azattestation.AttestationTypeSevSnpVM, nil)
			return err
		}, "GET", "/policies/SevSnpVm" + version, "", false},
		"GetPolicy/a type of the future": {func(ctx context.Context, _ *azattestation.Client, a *azattestation.AdministrationClient) error {
			_, err := a.GetPolicy(ctx, "a/b?c#d", nil)
			return err
		}, "GET", "/policies/a%2Fb%3Fc%23d" + version, "", false},
		"SetPolicy": {func(ctx context.Context, _ *azattestation.Client, a *azattestation.AdministrationClient) error {
			_, err := a.SetPolicy(ctx, azattestation.AttestationTypeSgxEnclave, "policy", &azattestation.AdministrationClientSetPolicyOptions{SkipConfirmation: true})
			return err
		}, "PUT", "/policies/SgxEnclave" + version, "JWS eyJhbGciOiJub25lIn0.eyJBdHRlc3RhdGlvblBvbGljeSI6ImNHOXNhV041In0.", false},
		"SetPolicy/signed": {func(ctx context.Context, _ *azattestation.Client, a *azattestation.AdministrationClient) error {
			_, err := a.SetPolicy(ctx, azattestation.AttestationTypeTpm, "policy", &azattestation.AdministrationClientSetPolicyOptions{SigningKey: key, SkipConfirmation: true})
			return err
		}, "PUT", "/policies/Tpm" + version, "JWS", false},
		"ResetPolicy": {func(ctx context.Context, _ *azattestation.Client, a *azattestation.AdministrationClient) error {
			_, err := a.ResetPolicy(ctx, azattestation.AttestationTypeOpenEnclave, &azattestation.AdministrationClientResetPolicyOptions{SkipConfirmation: true})
			return err
		}, "POST", "/policies/OpenEnclave:reset" + version, "JWS eyJhbGciOiJub25lIn0..", false},
		"ResetPolicy/signed": {func(ctx context.Context, _ *azattestation.Client, a *azattestation.AdministrationClient) error {
			_, err := a.ResetPolicy(ctx, azattestation.AttestationTypeOpenEnclave, &azattestation.AdministrationClientResetPolicyOptions{SigningKey: key, SkipConfirmation: true})
			return err
		}, "POST", "/policies/OpenEnclave:reset" + version, "JWS", false},
		"GetPolicyCertificates": {func(ctx context.Context, _ *azattestation.Client, a *azattestation.AdministrationClient) error {
			_, err := a.GetPolicyCertificates(ctx, nil)
			return err
		}, "GET", "/certificates" + version, "", false},
		"AddPolicyCertificate": {func(ctx context.Context, _ *azattestation.Client, a *azattestation.AdministrationClient) error {
			_, err := a.AddPolicyCertificate(ctx, cert, key, &azattestation.AdministrationClientAddPolicyCertificateOptions{SkipConfirmation: true})
			return err
		}, "POST", "/certificates:add" + version, "string", false},
		"RemovePolicyCertificate": {func(ctx context.Context, _ *azattestation.Client, a *azattestation.AdministrationClient) error {
			_, err := a.RemovePolicyCertificate(ctx, cert, key, &azattestation.AdministrationClientRemovePolicyCertificateOptions{SkipConfirmation: true})
			return err
		}, "POST", "/certificates:remove" + version, "string", false},
	}
}

func ignoreToken(err error) error {
	if _, ok := err.(*azattestation.TokenValidationError); ok { //nolint:errorlint // it is not wrapped
		return nil
	}
	return err
}

// TestScenarioDotNetWire holds the request of every operation against the REST API.
func TestScenarioDotNetWire(t *testing.T) {
	t.Parallel()
	for name, c := range wireCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &wire{t: t}
			client, err := azattestation.NewClient(tokenIssuer, &credential{token: "bearer"}, optionsFor(w))
			if err != nil {
				t.Fatal(err)
			}
			admin, err := azattestation.NewAdministrationClient(tokenIssuer, &credential{token: "bearer"}, optionsFor(w))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.call(t.Context(), client, admin); err != nil {
				t.Fatal(err)
			}
			if len(w.sent) != 1 {
				t.Fatalf("%d requests, want 1", len(w.sent))
			}
			req := w.sent[0]
			if got := req.Method + " " + req.URL.String(); got != c.method+" "+tokenIssuer+c.url {
				t.Errorf("request %s, want %s %s", got, c.method, c.url)
			}
			if want := map[bool]string{true: "", false: "Bearer bearer"}[c.anonymous]; req.Header.Get("Authorization") != want || req.Header.Get("Accept") != "application/json" {
				t.Errorf("header %v", req.Header)
			}
			if agent := req.Header.Get("User-Agent"); !strings.Contains(agent, "azattestation/v") {
				t.Errorf("user agent %s", agent)
			}
			checkWireBody(t, req, w.body[0], c.body)
		})
	}
}

func checkWireBody(t *testing.T, req *http.Request, got, want string) {
	t.Helper()
	if contentType := req.Header.Get("Content-Type"); want == "" && got+contentType != "" || want != "" && contentType != "application/json" {
		t.Errorf("content type %q of body %q", contentType, got)
	}
	kind, exact, _ := strings.Cut(want, " ")
	switch kind {
	case "":
	case "JWS":
		p, err := azattestation.ParsePolicyToken(got)
		if err != nil || exact != "" && got != exact || exact == "" && p.VerifySignature() != nil {
			t.Errorf("body %s (%v), want %s", got, err, exact)
		}
	case "string":
		var compact string
		if err := json.Unmarshal([]byte(got), &compact); err != nil || got != `"`+compact+`"` {
			t.Fatalf("body %s: %v", got, err)
		}
		token := parse(t, compact)
		if _, err := token.VerifySigner(); err != nil {
			t.Error(err)
		}
		var claims struct {
			PolicyCertificate azattestation.JSONWebKey `json:"policyCertificate"`
		}
		if err := token.Claims(&claims); err != nil || *claims.PolicyCertificate.KeyType != "RSA" || claims.PolicyCertificate.Certificates[0].Subject.CommonName != "added" {
			t.Errorf("claims %s (%v)", token.Payload(), err)
		}
	default:
		assertJSON(t, got, want)
	}
}

// TestScenarioDotNetServiceVersion: the version is that of the options, or the newest.
func TestScenarioDotNetServiceVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"": azattestation.APIVersion20250601, azattestation.APIVersion20201001: "2020-10-01", azattestation.APIVersion20220801: "2022-08-01",
		azattestation.APIVersion20250601: "2025-06-01", "2022-09-01-preview": "2022-09-01-preview", "2031-01-01": "2031-01-01",
	} {
		w := &wire{t: t}
		options := optionsFor(w)
		options.APIVersion = version
		if _, err := clientOf(t, tokenIssuer, options).AttestSGXEnclave(t.Context(), evidence, nil); err != nil {
			t.Fatal(err)
		}
		if got := w.sent[0].URL.Query().Get("api-version"); got != want || options.APIVersion != version {
			t.Errorf("version %q: sent %s, want %s", version, got, want)
		}
	}
	for _, version := range []string{"V2020_10_01", "2020-1-1", "2020-10-01 ", "2020-10-01-beta", "1.0"} {
		options := optionsFor(nil)
		options.APIVersion = version
		_, err := azattestation.NewClientWithNoCredential(tokenIssuer, options)
		checkError[*azattestation.ArgumentError](t, err)
	}
}
