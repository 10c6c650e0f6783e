package conformance_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/testattest"
)

// post sends a message of the protocol.
func (m *machine) post(t *testing.T, message string) *httptest.ResponseRecorder {
	t.Helper()
	return m.send(t, http.MethodPost, "/attest/Tpm"+tpmVersion, envelope(message), m.bearer(t, auth.Reader))
}

// envelope is a message as it is posted.
func envelope(message string) string {
	return `{"data":"` + base64.RawURLEncoding.EncodeToString([]byte(message)) + `"}`
}

// challenged asks for a challenge and returns the request that answers it.
func (m *machine) challenged(t *testing.T) *testattest.Request {
	t.Helper()
	var answer struct {
		Payload struct {
			Challenge      string
			ServiceContext string `json:"service_context"`
		}
	}
	payloadOf(t, m.post(t, initMessage), &answer)
	return &testattest.Request{
		AIK: m.aik, Certificate: m.certificate, Key: requestKey(), RPData: "AQIDBA", Log: m.log, Banks: []tpm.Bank{m.pcrs},
		Challenge: unpadded(t, answer.Payload.Challenge), Context: unpadded(t, answer.Payload.ServiceContext),
	}
}

// answer sends a request.
func (m *machine) answer(t *testing.T, jws []byte) *httptest.ResponseRecorder {
	t.Helper()
	return m.post(t, `{"payload":{"request":"`+string(jws)+`"}}`)
}

// report sends a request that must be answered with a report, verifies that as a
// relying party does, and returns what it says.
func (m *machine) report(t *testing.T, jws []byte) (header, claims map[string]any) {
	t.Helper()
	var answer struct{ Payload struct{ Report string } }
	payloadOf(t, m.answer(t, jws), &answer)
	token, err := azattestation.ParseToken(answer.Payload.Report)
	if err != nil {
		t.Fatal(err)
	}
	source, err := azattestation.NewKeySource(m.settings.URL, m.send(t, http.MethodGet, "/certs", "", "").Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	options := &azattestation.TokenValidationOptions{}
	if m.clock != nil {
		options.At = m.clock()
	}
	if err := token.Validate(t.Context(), source, options); err != nil {
		t.Error(err)
	}
	header, claims, _ = decode(t, answer.Payload.Report)
	return header, claims
}

// payloadOf reads what an answer holds.
func payloadOf(t *testing.T, w *httptest.ResponseRecorder, into any) {
	t.Helper()
	var answer struct{ Data string }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); w.Code != http.StatusOK || err != nil {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	d := json.NewDecoder(bytes.NewReader(unpadded(t, answer.Data)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// reportKeyID is the ID under which reports name a key.
func reportKeyID(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
