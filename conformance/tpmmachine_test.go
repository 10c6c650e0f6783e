package conformance_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // G505: see reportKeyID
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/testattest"
	"github.com/azattest/azattest/internal/testlog"
)

const (
	initMessage = `{"payload":{"type":"aikcert"}}`
	permitAll   = "version=1.0; authorizationrules{=> permit();}; issuancerules{};"
	tpmVersion  = "?api-version=2020-10-01"
)

// Keys take longest to make, and no test cares whose it has.
var (
	aikKey     = sync.OnceValue(newRSAKey)
	requestKey = sync.OnceValue(newRSAKey)
)

func newRSAKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// machine is a real Windows machine's boot with an AIK that somebody certified, as a
// client of our service.
type machine struct {
	*deployment
	handler     http.Handler
	aik         *testattest.AIK
	certificate *x509.Certificate
	log         []byte
	pcrs        tpm.Bank
}

// newMachine deploys the service, which trusts the authority of the machine's AIK.
func newMachine(t *testing.T, d *deployment) *machine {
	t.Helper()
	now := time.Now()
	if d.clock != nil {
		now = d.clock()
	}
	authority := testattest.NewAuthority(t, now)
	d.trust.Source = simulated{} // nobody here asks for collateral
	var err error
	if d.tpms.AIKs, err = tpm.NewAuthorities(tpm.Config{Roots: authority.Roots()}); err != nil {
		t.Fatal(err)
	}
	if d.settings.Name == "" {
		d.settings = instance.Settings{Name: "tpm", URL: "https://tpm.example", Mode: instance.AAD}
	}
	m := &machine{deployment: d, handler: d.deploy(t), aik: testattest.NewAIK(aikKey()), log: windowsLog(t)}
	m.certificate, m.pcrs = authority.Issue(t, m.aik), testattest.Replay(t, m.log, tpm.SHA256)
	return m
}

// at returns the machine as a client of another service.
func (m *machine) at(t *testing.T, d *deployment) *machine {
	t.Helper()
	other := *m
	d.tpms, d.trust = m.tpms, m.trust
	other.deployment, other.handler = d, d.deploy(t)
	return &other
}

// windowsLog is the log of a real machine, with SHA-256 digests added.
func windowsLog(t *testing.T) []byte {
	t.Helper()
	raw := corpus.Read(t, "evidence", "tpm", "goattestation-windows-gcp", "windows_gcp_shielded_vm.json")
	return testlog.Agile(t, testlog.Windows(t, raw))
}

// send sends a request with a bearer, none if it is "".
func (m *machine) send(t *testing.T, method, target, body, bearer string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	request.Host = strings.TrimPrefix(m.settings.URL, "https://")
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, request)
	return w
}

// setPolicy puts a policy for TPMs in force.
func (m *machine) setPolicy(t *testing.T, text string) {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	jws := "eyJhbGciOiJub25lIn0." + b64([]byte(`{"AttestationPolicy":"`+b64([]byte(text))+`"}`)) + "."
	if w := m.send(t, http.MethodPut, "/policies/Tpm"+tpmVersion, jws, m.bearer(t, auth.Contributor)); w.Code != http.StatusOK {
		t.Fatalf("policy: status %d: %s", w.Code, w.Body)
	}
}

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
	sum := sha1.Sum(c.Raw) //nolint:gosec // G401: as the real service does
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
