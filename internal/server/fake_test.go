package server_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/server"
	"github.com/azattest/azattest/internal/ticket"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
	"github.com/azattest/azattest/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const contoso = "https://contoso.example"

var at = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

// fakeVerifier believes everything, unless one of its functions says otherwise.
type fakeVerifier struct {
	parse  func(raw []byte) error
	verify func(ctx context.Context) error
	tcb    *evidence.TCB
	binds  string // instead of runtimeData
}

type fakeEvidence struct{ claims *claims.Set }

func (e fakeEvidence) Claims() *claims.Set { return e.claims }

var _ evidence.Verifier = (*fakeVerifier)(nil)

func (v *fakeVerifier) Parse(raw []byte) (evidence.Evidence, error) {
	if v.parse != nil {
		if err := v.parse(raw); err != nil {
			return nil, err
		}
	}
	return fakeEvidence{enclave()}, nil
}

func (v *fakeVerifier) Verify(ctx context.Context, _ evidence.Evidence, _ evidence.Requirements) (*evidence.Result, error) {
	if v.verify != nil {
		if err := v.verify(ctx); err != nil {
			return nil, err
		}
	}
	tcb := v.tcb
	if tcb == nil {
		tcb = &evidence.TCB{Status: evidence.TCBUpToDate, Platform: evidence.TCBUpToDate, QE: evidence.TCBUpToDate, EvaluationDataNumber: 17}
	}
	binding := sha256.Sum256([]byte(cmp.Or(v.binds, runtimeData)))
	return &evidence.Result{Type: "sgx", Claims: enclave(), RuntimeBinding: append(binding[:], make([]byte, 32)...), TCB: tcb}, nil
}

// runtimeData is what evidence binds.
const runtimeData = `{"keys":[]}`

func enclave() *claims.Set {
	c := new(claims.Set)
	c.Add("x-ms-sgx-is-debuggable", claims.Boolean(false))
	c.Add("x-ms-sgx-product-id", claims.Integer(7))
	return c
}

var signingKey = sync.OnceValues(func() (*token.Key, error) {
	signer, err := token.GenerateSigner(token.ES256, 256)
	if err != nil {
		return nil, err
	}
	return token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.ES256, Issuer: contoso})
})

// oneKey is a key ring of one key, whatever the instance. It can be told to fail.
type oneKey struct {
	key *token.Key
	err error
	// generation lets instances be put together anew.
	generation atomic.Int64
}

func (k *oneKey) Ring(_ context.Context, url string, _ token.Algorithm) (*token.Ring, error) {
	if k.err != nil {
		return nil, k.err
	}
	key, err := k.key.Recertify(url)
	if err != nil {
		return nil, err
	}
	return token.NewRing(key)
}

func (k *oneKey) Generation() int64 { return k.generation.Load() }

func (k *oneKey) Refresh(context.Context) error { return nil }

// developers issues bearers for tests.
var developers = sync.OnceValues(func() (*auth.DevelopmentIssuer, error) {
	dir, err := os.MkdirTemp("", "azattest-server-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is a temporary folder
	return auth.OpenDevelopmentIssuer(dir)
})

// bearer is the header of a caller with a role, as two arguments of do.
func bearer(tb testing.TB, role auth.Role) (name, value string) {
	tb.Helper()
	issuer, err := developers()
	if err != nil {
		tb.Fatal(err)
	}
	text, err := issuer.Token(role, time.Hour, at)
	if err != nil {
		tb.Fatal(err)
	}
	return "Authorization", "Bearer " + text
}

// fixture is what a test may change before a server is made of it.
type fixture struct {
	verifier *fakeVerifier
	policy   string // of SgxEnclave, fixed by configuration; empty for the default
	keys     *oneKey
	records  store.Store // nil for one in memory
	// settings and certificates are of the first instance; others follow it.
	settings     instance.Settings
	certificates []*x509.Certificate
	others       []instance.Settings
	tickets      *ticket.Sealer      // of TPMs, where one attests or is enrolled
	tpms         evidence.Verifier   // nil where no TPM attests
	instances    *instance.Directory // once complete
	config       server.Config
}

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	key, err := signingKey()
	if err != nil {
		tb.Fatal(err)
	}
	issuer, err := developers()
	if err != nil {
		tb.Fatal(err)
	}
	clock := func() time.Time { return at }
	callers, err := auth.New(auth.Config{Issuers: []auth.Issuer{issuer.Issuer()}, Bindings: issuer.Bindings(), Clock: clock})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = callers.Close() })
	return &fixture{
		verifier: new(fakeVerifier), keys: &oneKey{key: key},
		settings: instance.Settings{Name: "contoso", URL: contoso, Mode: instance.AAD, Algorithm: token.ES256},
		config:   server.Config{Auth: callers, Clock: clock, Log: slog.New(slog.DiscardHandler)},
	}
}

// complete returns a configuration that makes a server.
func (f *fixture) complete(tb testing.TB) server.Config {
	tb.Helper()
	records := f.records
	if records == nil {
		records = memory.New()
	}
	c := instance.Config{
		Store: records, Keys: f.keys,
		Verifiers: map[attest.Type]evidence.Verifier{attest.SGXEnclave: f.verifier, attest.OpenEnclave: f.verifier},
		Clock:     f.config.Clock, Log: f.config.Log,
		// Nobody lets it run, and a slow machine must not make tests fail.
		MaxStaleness: time.Hour,
	}
	if f.tpms != nil {
		c.Verifiers[attest.TPM], c.Tickets = f.tpms, f.tickets
	}
	if f.policy != "" {
		c.Fixed = map[string]map[attest.Type]string{f.settings.Name: {attest.SGXEnclave: f.policy}}
	}
	directory, err := instance.Open(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	for n, s := range append([]instance.Settings{f.settings}, f.others...) {
		var certificates []*x509.Certificate
		if n == 0 {
			certificates = f.certificates
		}
		if err := directory.Create(tb.Context(), s, certificates, "test"); err != nil {
			tb.Fatal(err)
		}
	}
	f.instances = directory
	config := f.config
	config.Instances = directory
	return config
}

func (f *fixture) server(tb testing.TB) *server.Server {
	tb.Helper()
	s, err := server.New(f.complete(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// logged lets the server log as JSON, and returns a function that reads the
// lines written so far.
func (f *fixture) logged(tb testing.TB) func() []map[string]any {
	tb.Helper()
	var text syncBuffer
	f.config.Log = slog.New(slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return func() []map[string]any {
		var lines []map[string]any
		for line := range strings.Lines(text.String()) {
			var fields map[string]any
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				tb.Fatalf("%v in log line %s", err, line)
			}
			lines = append(lines, fields)
		}
		return lines
	}
}

type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

const (
	sgxPath = "/attest/SgxEnclave?api-version=2022-08-01"
	oePath  = "/attest/OpenEnclave?api-version=2022-08-01"

	// body is a request that succeeds.
	body = `{"quote":"cXVvdGU"}`
)

// do sends one request, as an SDK does, with header fields in pairs.
func do(tb testing.TB, h http.Handler, method, target, text string, header ...string) *httptest.ResponseRecorder {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), method, target, strings.NewReader(text))
	if text != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// tokenOf returns header and claims of the token in an answer.
func tokenOf(tb testing.TB, w *httptest.ResponseRecorder) (header, body map[string]any) {
	tb.Helper()
	if w.Code != http.StatusOK {
		tb.Fatalf("status %d, want 200: %s", w.Code, w.Body)
	}
	var answer map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || len(answer) != 1 {
		tb.Fatalf("answer %s (%v), want a token and nothing else", w.Body, err)
	}
	parts := strings.Split(answer["token"], ".")
	if len(parts) != 3 {
		tb.Fatalf("token of %d parts, want 3", len(parts))
	}
	for i, into := range []*map[string]any{&header, &body} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			tb.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			tb.Fatal(err)
		}
	}
	return header, body
}

// wantRefusal checks status and code of an error, in body and header.
func wantRefusal(tb testing.TB, w *httptest.ResponseRecorder, status int, code string) {
	tb.Helper()
	var answer struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		tb.Fatalf("status %d: %v in %s", w.Code, err, w.Body)
	}
	if w.Code != status || answer.Error.Code != code || answer.Error.Message == "" || w.Header().Get("X-Ms-Error-Code") != code {
		tb.Fatalf("status %d, code header %q, body %s, want %d %s", w.Code, w.Header().Get("X-Ms-Error-Code"), w.Body, status, code)
	}
}
