package server_test

import (
	"crypto/x509"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
)

const previewVersion = "?api-version=2018-09-01-preview"

// bare reads an answer of the preview that is a string alone.
func bare(tb testing.TB, code int, body []byte) map[string]any {
	tb.Helper()
	var jwt string
	if err := json.Unmarshal(body, &jwt); err != nil || code != http.StatusOK {
		tb.Fatalf("status %d, %s (%v), want a string alone", code, body, err)
	}
	return decodeJWT(tb, jwt)
}

func TestThePreviewAnswersInItsOwnShapes(t *testing.T) {
	t.Parallel()
	owner, added := newIdentity(t, "owner"), newIdentity(t, "added")
	f := newFixture(t)
	f.settings.Mode, f.certificates = instance.Isolated, []*x509.Certificate{owner.certificate}
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	send := func(method, path, body string) (int, []byte) {
		t.Helper()
		w := do(t, s, method, path, body, name, value)
		return w.Code, w.Body.Bytes()
	}
	const current = "/operations/policy/current" + previewVersion + "&tee=SgxEnclave"
	text := numbered("preview")
	jws := owner.sign(t, `{"AttestationPolicy":"`+strings.ReplaceAll(text, `"`, `\"`)+`"}`)

	code, body := send(http.MethodPost, "/operations/policy/updatepolicy"+previewVersion+"&tee=SgxEnclave", jws)
	if claims := bare(t, code, body); claims["x-azattest-proposed-policy"] != jws || claims["x-ms-policy"] != nil {
		t.Errorf("proposal: %v", claims)
	}
	stored := func() any {
		t.Helper()
		code, body := send(http.MethodGet, current, "")
		var answer map[string]string
		if err := json.Unmarshal(body, &answer); err != nil || code != http.StatusOK || len(answer) != 1 {
			t.Fatalf("status %d, %s (%v)", code, body, err)
		}
		return decodeJWT(t, answer["policy"])["x-ms-policy"]
	}
	if stored() == jws {
		t.Error("a proposal changed the policy")
	}
	if code, body := send(http.MethodPut, current, jws); code != http.StatusOK || len(body) > 0 {
		t.Errorf("set: status %d, %s, want an empty answer", code, body)
	}
	if stored() != jws {
		t.Errorf("stored %v, want %s", stored(), jws)
	}
	// It is one and the same policy in every version.
	_, claims := tokenOf(t, do(t, s, http.MethodGet, "/policies/SgxEnclave?api-version=2025-06-01", "", name, value))
	if claims["x-ms-policy"] != jws {
		t.Errorf("another version has %v", claims["x-ms-policy"])
	}
	code, body = send(http.MethodPost, current, owner.sign(t, ""))
	if claims := bare(t, code, body); claims["x-ms-policy-result"] != "Removed" {
		t.Errorf("reset: %v", claims)
	}

	const certificates = "/operations/policy/certificates" + previewVersion
	code, body = send(http.MethodPut, certificates, `"`+owner.sign(t, strings.Replace(certificatePayload(added), "policyCertificate", "maa-policyCertificate", 1))+`"`)
	if claims := bare(t, code, body); claims["x-ms-policycertificates-result"] != "IsPresent" || claims["x-ms-certificate-thumbprint"] != policytoken.Thumbprint(added.certificate) {
		t.Errorf("add: %v", claims)
	}
	code, body = send(http.MethodGet, certificates, "")
	if keys, _ := bare(t, code, body)["maa-policyCertificates"].(map[string]any)["keys"].([]any); len(keys) != 2 {
		t.Errorf("%d certificates, want 2", len(keys))
	}
	code, body = send(http.MethodPost, certificates, owner.sign(t, strings.Replace(certificatePayload(added), "policyCertificate", "aas-policyCertificate", 1)))
	if claims := bare(t, code, body); claims["x-ms-policycertificates-result"] != "IsAbsent" {
		t.Errorf("remove: %v", claims)
	}
}

func TestThePreviewNamesTheEvidenceInTheQuery(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	name, value := bearer(t, auth.Contributor)
	for query, isTPM := range map[string]bool{
		"&tee=SgxEnclave": false, "&TEE=sgxenclave": false, "&tee=OpenEnclave": false,
		"&tee=CyResComponent": true, "&tee=VSMEnclave": true, "&tee=vsmenclave": true, "&tee=Tpm": true,
	} {
		w := do(t, s, http.MethodGet, "/operations/policy/current"+previewVersion+query, "", name, value)
		var answer struct{ Policy string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
			t.Errorf("%s: status %d: %s", query, w.Code, w.Body)
			continue
		}
		if isEmpty := decodeJWT(t, answer.Policy)["x-ms-policy"] == emptyJWS; isEmpty != isTPM {
			t.Errorf("%s: no policy is %v", query, isEmpty)
		}
	}
	for _, query := range []string{"", "&tee=", "&tee=Nitro", "&tee=SgxEnclave&tee=OpenEnclave", "&tee=SgxEnclave&TEE=SgxEnclave", "&tee=%zz"} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPost} {
			w := do(t, s, method, "/operations/policy/current"+previewVersion+query, emptyJWS, name, value)
			wantRefusal(t, w, http.StatusBadRequest, "InvalidParameter")
		}
		wantRefusal(t, do(t, s, http.MethodPost, "/operations/policy/updatepolicy"+previewVersion+query, emptyJWS, name, value), http.StatusBadRequest, "InvalidParameter")
	}
}

func TestAProposalThatIsNoPolicyIsRefused(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	name, value := bearer(t, auth.Reader)
	for body, code := range map[string]string{
		"":                    "InvalidParameter",
		"version=1.0;":        "InvalidOperation",
		emptyJWS:              "InvalidOperation",
		unsigned("permit();"): "PolicyParsingError",
	} {
		w := do(t, s, http.MethodPost, "/operations/policy/updatepolicy"+previewVersion+"&tee=SgxEnclave", body, name, value)
		wantRefusal(t, w, http.StatusBadRequest, code)
	}
}
