package vaultserver_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/audit"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/testtoken"
	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/internal/vaultserver"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/store/memory"
	"github.com/azattest/azattest/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	authorityURL = "https://attest.example"
	vaultURL     = "https://vault.example"
	apiVersion   = "?api-version=7.4"
)

var at = time.Date(2026, time.November, 26, 12, 0, 0, 0, time.UTC)

// set are members of a body, or claims of a token.
type set = testtoken.Set

// fixture is what a test may change before a server is made of it.
type fixture struct {
	config    vaultserver.Config
	issuer    *auth.DevelopmentIssuer
	authority *testtoken.Authority
	roots     *x509.CertPool
	auditDir  string
	logged    *lines
}

func must[T any](tb testing.TB) func(T, error) T {
	tb.Helper()
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	clock := func() time.Time { return at }
	f := &fixture{authority: testtoken.New(tb, authorityURL, token.ES256), logged: new(lines)}
	f.issuer = must[*auth.DevelopmentIssuer](tb)(auth.OpenDevelopmentIssuer(tb.TempDir()))
	callers := must[*auth.Authenticator](tb)(auth.New(auth.Config{Issuers: []auth.Issuer{f.issuer.VaultIssuer()}, Bindings: f.issuer.VaultBindings(), Clock: clock}))
	tb.Cleanup(func() { _ = callers.Close() })
	verifier := must[*relyingparty.Verifier](tb)(relyingparty.New(relyingparty.Config{Sources: []*azattestation.KeySource{f.authority.Source(tb)}, AllowAnyEnclave: true, Now: clock}))
	signer := f.newSigner(tb)
	f.auditDir = tb.TempDir()
	trail := must[*audit.Trail](tb)(audit.Open(audit.Config{Dir: f.auditDir, Clock: clock}))
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	done := make(chan error, 1)
	go func() { done <- trail.Run(ctx) }()
	tb.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			tb.Error(err)
		}
		_ = trail.Close()
	})
	f.config = vaultserver.Config{
		Vault: must[*vault.Vault](tb)(vault.Open(vault.Config{Store: memory.New(), Secrets: [][]byte{bytes.Repeat([]byte{7, 1}, 16)}, Clock: clock})),
		Auth:  callers, Audit: trail, Log: slog.New(slog.NewJSONHandler(f.logged, &slog.HandlerOptions{Level: slog.LevelDebug})), Clock: clock,
		Release: keyrelease.Config{
			Verifier: verifier, Signer: func(context.Context) (*keyrelease.Signer, error) { return signer, nil }, Vault: vaultURL, Now: clock,
		},
	}
	return f
}

func (f *fixture) newSigner(tb testing.TB) *keyrelease.Signer {
	tb.Helper()
	key := must[*ecdsa.PrivateKey](tb)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "vault"}, DNSNames: []string{"vault.example"}, NotBefore: at.Add(-time.Hour), NotAfter: at.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der := must[[]byte](tb)(x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key))
	certificate := must[*x509.Certificate](tb)(x509.ParseCertificate(der))
	f.roots = x509.NewCertPool()
	f.roots.AddCert(certificate)
	return must[*keyrelease.Signer](tb)(keyrelease.NewSigner(key, []*x509.Certificate{certificate}))
}

func (f *fixture) server(tb testing.TB) *vaultserver.Server {
	tb.Helper()
	return must[*vaultserver.Server](tb)(vaultserver.New(f.config))
}

// bearer is a header of a caller with a role.
func (f *fixture) bearer(tb testing.TB, role auth.Role) string {
	tb.Helper()
	return "Bearer " + must[string](tb)(f.issuer.Token(role, time.Hour, at))
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// token is that of an enclave that holds a key, with changes.
func (f *fixture) token(tb testing.TB, changes ...set) string {
	tb.Helper()
	key := testtoken.RSAKey(&testtoken.EnclaveKey().PublicKey)
	return f.authority.Token(tb, testtoken.Enclave(authorityURL, at).With(testtoken.Holding(key), set{"jti": "the-token"}).With(changes...))
}

// policy releases to an enclave of a product.
func policy(product int) string {
	return fmt.Sprintf(`{"version":"1.0.0","anyOf":[{"authority":%q,"allOf":[{"claim":"x-ms-sgx-product-id","equals":%d}]}]}`, authorityURL, product)
}

func releasePolicy(product int) set {
	return set{"contentType": "application/json; charset=utf-8", "data": b64([]byte(policy(product)))}
}

// exportable is the body that makes a key which can be released.
func exportable(changes ...set) set {
	body := set{"kty": "EC-HSM", "attributes": set{"exportable": true}, "release_policy": releasePolicy(1)}
	for _, c := range changes {
		maps.Copy(body, c)
	}
	return body
}

// do sends a request as a role, or as nobody.
func (f *fixture) do(tb testing.TB, h http.Handler, role auth.Role, method, target string, body any) *httptest.ResponseRecorder {
	tb.Helper()
	var text io.Reader = http.NoBody
	if body != nil {
		text = bytes.NewReader(must[[]byte](tb)(json.Marshal(body)))
	}
	r := httptest.NewRequestWithContext(tb.Context(), method, target, text)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if role != "" {
		r.Header.Set("Authorization", f.bearer(tb, role))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// answer reads a success.
func answer(tb testing.TB, w *httptest.ResponseRecorder) set {
	tb.Helper()
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Ms-Request-Id") == "" {
		tb.Fatalf("status %d: %s", w.Code, w.Body)
	}
	var found set
	if err := json.Unmarshal(w.Body.Bytes(), &found); err != nil {
		tb.Fatal(err)
	}
	return found
}

// member looks into an answer.
func member(from set, path ...string) any {
	var v any = map[string]any(from)
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

func wantRefusal(tb testing.TB, w *httptest.ResponseRecorder, status int, code, says string) {
	tb.Helper()
	var found struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &found); err != nil {
		tb.Fatalf("status %d: %v in %s", w.Code, err, w.Body)
	}
	if w.Code != status || found.Error.Code != code || found.Error.Message == "" || !strings.Contains(w.Body.String(), says) {
		tb.Errorf("status %d: %s, want %d %s with %q", w.Code, w.Body, status, code, says)
	}
}

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
