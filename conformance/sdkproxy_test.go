package conformance_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// proxy stands in front of the service and does TLS, under names of its own.
type proxy struct {
	server *httptest.Server
	port   string
	root   []byte // PEM
}

// newProxy opens the proxy's port. Nobody is answered before it is started.
func newProxy(t *testing.T, names []string) *proxy {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "proxy"}, DNSNames: names,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{server: httptest.NewUnstartedServer(nil), root: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	p.server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	if _, p.port, err = net.SplitHostPort(p.server.Listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	return p
}

// start hands on what comes to the service at a port of this machine, with the
// name for which it came. It returns the file of the certificate that the
// proxy's clients must trust.
func (p *proxy) start(t *testing.T, dir, port, serviceCA string) string {
	t.Helper()
	raw, err := os.ReadFile(serviceCA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(raw)
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}
	front := &httputil.ReverseProxy{
		Transport: transport,
		ErrorLog:  log.New(t.Output(), "proxy: ", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "https", Host: "localhost:" + port})
			r.Out.Host = r.In.Host
		},
	}
	p.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// As a whole: an answer that overtakes the reading of the body makes
		// the reverse proxy cut it off.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		front.ServeHTTP(w, r)
	})
	p.server.StartTLS()
	t.Cleanup(func() {
		p.server.Close()
		transport.CloseIdleConnections()
	})
	file := filepath.Join(dir, "proxy.pem")
	writeAll(t, file, p.root)
	return file
}
