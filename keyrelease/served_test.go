package keyrelease_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azattest/azattest/keyrelease"
)

// serve serves a handler by TLS under the name of the vault, and returns options of a
// client that finds it.
func serve(tb testing.TB, h http.Handler) *keyrelease.ClientOptions {
	tb.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	tb.Cleanup(srv.Close)
	trusting, _ := srv.Client().Transport.(*http.Transport)
	transport := trusting.Clone()
	tb.Cleanup(transport.CloseIdleConnections)
	transport.TLSClientConfig = &tls.Config{RootCAs: trusting.TLSClientConfig.RootCAs, ServerName: "example.com", MinVersion: tls.VersionTLS12}
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, srv.Listener.Addr().String())
	}
	return patient(&http.Client{Transport: transport})
}

// patient are options of a client that tries again soon.
func patient(t policy.Transporter) *keyrelease.ClientOptions {
	return &keyrelease.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: t, Retry: policy.RetryOptions{MaxRetries: 2, RetryDelay: time.Millisecond},
	}}
}

func mustClient(tb testing.TB, o *keyrelease.ClientOptions) *keyrelease.Client {
	tb.Helper()
	c, err := keyrelease.NewClient(vaultURL, nil, o)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// handler is the vault's.
func (v *vault) handler(tb testing.TB) http.Handler {
	tb.Helper()
	return keyrelease.NewHandler(v.releaser(tb))
}

// attest has the service sign what a good enclave says, with changes.
func (v *vault) attest(tb testing.TB, changes ...set) keyrelease.Attester {
	tb.Helper()
	return func(_ context.Context, r keyrelease.AttestRequest) (string, error) {
		all := append([]set{{"x-ms-runtime": json.RawMessage(r.RuntimeData), "nonce": r.Nonce}}, changes...)
		return v.token(tb, all...), nil
	}
}

// options get the key of the vault.
func (v *vault) options(tb testing.TB) keyrelease.GetOptions {
	tb.Helper()
	return keyrelease.GetOptions{
		RSABits: 2048, Policies: []*keyrelease.Policy{v.key.Policy}, Roots: v.roots, Attest: v.attest(tb), Now: func() time.Time { return now },
	}
}

// answering answers every request with a status and a body of JSON.
func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// bodyOf is a body with a response.
func bodyOf(response string) string { return `{"value":"` + response + `"}` }

// responseOf is the response in what a handler answered.
func responseOf(tb testing.TB, h http.Handler, r *http.Request) string {
	tb.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var body struct{ Value string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Value == "" {
		tb.Errorf("status %d, %s", w.Code, w.Body)
	}
	return body.Value
}

// transport answers requests in place of a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) Do(r *http.Request) (*http.Response, error) { return f(r) }
