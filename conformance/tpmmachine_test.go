package conformance_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

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
