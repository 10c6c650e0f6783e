package conformance_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/azattest/azattest/attest/intel"
	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
)

// What cannot be equal, and why. Everything else of an answer is compared.
//
//   - Headers. Server and x-ms-maa-service-version name who answers; Date, ours is
//     sent by the HTTP library; Content-Length and Transfer-Encoding follow from
//     the body. x-ms-request-id is compared by its form.
//   - Tokens. jti is drawn for each; iat, nbf and exp are compared by their
//     distances; kid names the key, which is ours, and is compared by its form. So
//     is the signature, by whether there is one.
//   - Challenges of TPMs. They are drawn, and their contexts sealed; both are
//     compared by their forms.
//   - Metadata. The recording replaced the host by REDACTED, in capitals that no
//     host of ours may have.

// modes names every recording, with the mode of the instance that it was made
// with. It stands in the name or in that of the host, except for one.
func modes() map[string]instance.Mode {
	all := map[string]instance.Mode{
		"CertificateTests.AddPolicyManagementCertificate":          instance.Isolated,
		"CertificateTests.GetPolicyManagementCertificatesAad":      instance.AAD,
		"CertificateTests.GetPolicyManagementCertificatesIsolated": instance.Isolated,
		"CertificateTests.RemovePolicyManagementCertificate":       instance.Isolated,
		"CertificateTests.VerifyFailedAddCertificate":              instance.AAD, // the refusal says that it lists none
		"MetadataTests.GetOpenIdMetadata-Aad":                      instance.AAD,
		"MetadataTests.GetOpenIdMetadata-Isolated":                 instance.Isolated,
		"PolicyTests-ModifyGeneratedKey_AAD_OpenEnclave":           instance.AAD,
		"TpmAttestationTests.AttestTpm":                            instance.AAD,
	}
	for _, kind := range []string{"OpenEnclave", "SgxEnclave", "Tpm"} {
		all["PolicyTests-GetPolicy_AAD_"+kind] = instance.AAD
		all["PolicyTests-GetPolicy_Isolated_"+kind] = instance.Isolated
		all["PolicyTests-ModifyUnsecured_AAD_"+kind] = instance.AAD
		if kind == "Tpm" {
			continue
		}
		for _, test := range []string{"AttestWithDraftPolicy", "AttestWithRuntimeData", "AttestWithRuntimeDataJson", "SimpleAttest"} {
			all["AttestationTests."+test+"-"+kind+"_Aad"] = instance.AAD
			all["AttestationTests."+test+"-"+kind+"_Isolated"] = instance.Isolated
		}
	}
	return all
}

// TestEveryRecordedExchangeIsAnsweredAsTheRealServiceAnswered sends what was sent
// to the real service to ours, set up as the instance that was asked, on the day,
// with what the exchanges before it left behind.
func TestEveryRecordedExchangeIsAnsweredAsTheRealServiceAnswered(t *testing.T) {
	t.Parallel()
	all, known := recordings(t), modes()
	for recording := range known {
		if all[recording] == nil {
			t.Errorf("%s: known, but not found", recording)
		}
	}
	listed := certificatesOf(t, &all["CertificateTests.GetPolicyManagementCertificatesIsolated"][0])
	keys := new(ownKeys)
	for recording, exchanges := range all {
		mode, ok := known[recording]
		if !ok {
			t.Errorf("%s: a recording of which this test knows nothing: say how its instance is set up", recording)
			continue
		}
		t.Run(recording, func(t *testing.T) {
			t.Parallel()
			r := newReplay(t, exchanges, mode, listed, keys)
			for i := range exchanges {
				e := &exchanges[i]
				//nolint:paralleltest // each begins where the last one ended
				t.Run(e.name, func(t *testing.T) { r.compare(t, e) })
			}
		})
	}
}

// replay is our service in the place of one that was recorded.
type replay struct {
	*deployment
	handler http.Handler
	now     atomic.Pointer[time.Time]
}

func newReplay(t *testing.T, exchanges []exchange, mode instance.Mode, listed []*x509.Certificate, keys *ownKeys) *replay {
	t.Helper()
	archive, err := collateral.OpenArchive(collateralOfTheInstance(t))
	if err != nil {
		t.Fatal(err)
	}
	r := new(replay)
	r.deployment = &deployment{
		settings: instance.Settings{Name: "recorded", URL: urlOf(exchanges), Mode: mode, AzureDefaultTCB: 10},
		trust:    intel.Config{Source: archive, AcceptStaleCollateral: true},
		clock:    func() time.Time { return *r.now.Load() },
		keys:     keys,
	}
	if mode == instance.Isolated {
		r.certificates = firstCertificates(t, exchanges, listed)
	}
	at := exchanges[0].date(t)
	r.now.Store(&at)
	r.handler = r.deploy(t)
	return r
}

// urlOf is the URL of the instance that answered, as its tokens or its metadata
// have it. A refusal does not say it.
func urlOf(exchanges []exchange) string {
	for _, e := range exchanges {
		if e.Response.DecodedToken != nil {
			return e.Response.DecodedToken.Claims["iss"].(string)
		}
		var metadata struct{ Issuer string }
		if json.Unmarshal(e.Response.Body.raw, &metadata) == nil && metadata.Issuer != "" {
			return strings.ToLower(metadata.Issuer)
		}
	}
	return "https://recorded.example"
}

// firstCertificates are those that the instance must have listed before the first
// exchange: what that shows, or whoever signed it, or the one that the others show.
func firstCertificates(t *testing.T, exchanges []exchange, listed []*x509.Certificate) []*x509.Certificate {
	t.Helper()
	first := &exchanges[0]
	if strings.HasPrefix(first.Request.Path, "/certificates") && first.Request.Method == http.MethodGet {
		return certificatesOf(t, first)
	}
	if jws, err := policytoken.Parse([]byte(first.body(t))); err == nil && jws.IsSigned() {
		return jws.Chain()[:1]
	}
	return listed[:1]
}

// certificatesOf are those that a recorded answer lists.
func certificatesOf(t *testing.T, e *exchange) []*x509.Certificate {
	t.Helper()
	var claims struct {
		Certificates struct {
			Keys []struct{ X5C []string }
		} `json:"x-ms-policy-certificates"`
	}
	_, _, payload := decode(t, e.Response.Body.Token)
	if err := json.Unmarshal([]byte(payload), &claims); err != nil {
		t.Fatal(err)
	}
	var all []*x509.Certificate
	for _, key := range claims.Certificates.Keys {
		der, err := base64.StdEncoding.DecodeString(key.X5C[0])
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// compare sends the request of an exchange and compares the answers.
func (r *replay) compare(t *testing.T, e *exchange) {
	t.Helper()
	w := r.send(t, e)
	if w.Code != e.Response.Status {
		t.Fatalf("status %d, want %d: %s", w.Code, e.Response.Status, w.Body)
	}
	compareHeaders(t, w.Header(), e)
	switch {
	case e.Response.Status != http.StatusOK:
		compareErrors(t, w, e)
	case e.Response.Body.Data != "":
		compareChallenges(t, w.Body.Bytes(), e.Response.Body.raw)
	case e.Response.DecodedToken != nil:
		compareTokens(t, w.Body.Bytes(), e)
	default:
		compareDocuments(t, w.Body.Bytes(), e)
	}
}

// send sends what was recorded, at the time that was recorded.
func (r *replay) send(t *testing.T, e *exchange) *httptest.ResponseRecorder {
	t.Helper()
	at := e.date(t)
	r.now.Store(&at)
	target := e.Request.Path
	if e.Request.Query != "" {
		target += "?" + e.Request.Query
	}
	request := httptest.NewRequestWithContext(t.Context(), e.Request.Method, target, strings.NewReader(e.body(t)))
	request.Host = strings.TrimPrefix(r.settings.URL, "https://")
	for name, value := range e.Request.Headers {
		request.Header.Set(name, value)
	}
	if e.Request.Headers["Authorization"] != "" {
		request.Header.Set("Authorization", "Bearer "+r.bearer(t, auth.Contributor))
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, request)
	return w
}
