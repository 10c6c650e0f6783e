package azattestation_test

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azattest/azattest/azattestation"
)

// attacker is a server to which nothing may be sent.
func attacker(t *testing.T) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	requests := new(atomic.Int32)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.Header().Set("Content-Type", jsonType)
		_, _ = w.Write(jwks(jwk("k", certificateOf(rsaKey(), "attacker"))))
	}))
	t.Cleanup(srv.Close)
	return srv, requests
}

// TestRedirectToAnotherHostIsRefused: neither evidence nor the question for keys
// goes there, with our transport or with an http.Client of the caller's.
func TestRedirectToAnotherHostIsRefused(t *testing.T) {
	t.Parallel()
	for name, tr := range map[string]policy.Transporter{"default": nil, "caller's": &http.Client{}, "caller's with a transport": &http.Client{Transport: &http.Transport{}}} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			t.Run(name+"/"+http.StatusText(status), func(t *testing.T) {
				t.Parallel()
				other, requests := attacker(t)
				srv := httptest.NewServer(http.RedirectHandler(other.URL+"/certs", status))
				t.Cleanup(srv.Close)
				client := clientOf(t, srv.URL, optionsFor(tr))
				_, err := client.AttestSGXEnclave(t.Context(), evidence, nil)
				checkRefused(t, err, status, "")
				_, err = client.GetSigningCertificates(t.Context(), nil)
				checkRefused(t, err, status, "")
				if n := requests.Load(); n != 0 {
					t.Errorf("the other host saw %d requests", n)
				}
			})
		}
	}
}

// TestAnswerOfAnotherHostIsRefused: a transport that follows redirects anywhere,
// because it was told to, does not bring keys of another host.
func TestAnswerOfAnotherHostIsRefused(t *testing.T) {
	t.Parallel()
	other, _ := attacker(t)
	srv := httptest.NewServer(http.RedirectHandler(other.URL+"/certs", http.StatusFound))
	t.Cleanup(srv.Close)
	anywhere := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	_, err := clientOf(t, srv.URL, optionsFor(anywhere)).GetSigningCertificates(t.Context(), nil)
	if e := errorOf[*azattestation.AnswerError](t, err); e != nil && (e.Part != "origin" || !strings.Contains(e.Found, other.URL)) {
		t.Errorf("error %v", err)
	}
}

// TestRedirectWithinTheHost is followed, but not for ever.
func TestRedirectWithinTheHost(t *testing.T) {
	t.Parallel()
	var loops atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/certs":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "/elsewhere":
			w.Header().Set("Content-Type", jsonType)
			_, _ = w.Write(jwks(jwk("k", certificateOf(rsaKey(), "signer"))))
		default:
			loops.Add(1)
			http.Redirect(w, r, "/loop", http.StatusTemporaryRedirect)
		}
	}))
	t.Cleanup(srv.Close)
	client := clientOf(t, srv.URL, optionsFor(nil))
	if r, err := client.GetSigningCertificates(t.Context(), nil); err != nil || len(r.SigningCertificates) != 1 {
		t.Errorf("certificates %v, %v", r.SigningCertificates, err)
	}
	_, err := client.AttestSGXEnclave(t.Context(), evidence, nil)
	checkRefused(t, err, http.StatusTemporaryRedirect, "")
	if n := loops.Load(); n != 5 {
		t.Errorf("%d requests in a loop, want 5", n)
	}
}

// TestRedirectToAnotherSchemeIsRefused: the same host without TLS is another one.
func TestRedirectToAnotherSchemeIsRefused(t *testing.T) {
	t.Parallel()
	for from, to := range map[string]string{"https": "http", "http": "https"} {
		srv := httptest.NewUnstartedServer(nil)
		srv.Config.Handler = http.RedirectHandler(to+"://"+srv.Listener.Addr().String()+"/certs", http.StatusTemporaryRedirect)
		if from == "https" {
			srv.StartTLS()
		} else {
			srv.Start()
		}
		t.Cleanup(srv.Close)
		_, err := clientOf(t, srv.URL, optionsFor(srv.Client())).AttestSGXEnclave(t.Context(), evidence, nil)
		checkRefused(t, err, http.StatusTemporaryRedirect, "")
	}
}

// TestUntrustedServerIsRefused: the default transport knows no certificate of a
// test, and no TLS before 1.2.
func TestUntrustedServerIsRefused(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) })
	for name, versions := range map[string]uint16{"unknown certificate": tls.VersionTLS13, "TLS 1.1": tls.VersionTLS11} {
		srv := httptest.NewUnstartedServer(handler)
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		srv.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: versions} //nolint:gosec // it is to be refused
		srv.StartTLS()
		t.Cleanup(srv.Close)
		_, err := clientOf(t, srv.URL, optionsFor(nil)).AttestSGXEnclave(t.Context(), evidence, nil)
		if err == nil || requests.Load() != 0 {
			t.Errorf("%s: %v, %d requests", name, err, requests.Load())
		}
		if _, isUnknown := errors.AsType[*tls.CertificateVerificationError](err); isUnknown != (versions == tls.VersionTLS13) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
