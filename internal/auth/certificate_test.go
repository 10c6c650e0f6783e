package auth

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// pki makes client certificates.
type pki struct {
	ca   *x509.Certificate
	pool *x509.CertPool
}

func newPKI() *pki {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotBefore: day.AddDate(-1, 0, 0), NotAfter: day.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, p256Key().Public(), p256Key()))
	p := &pki{ca: must(x509.ParseCertificate(der)), pool: x509.NewCertPool()}
	p.pool.AddCert(p.ca)
	return p
}

// issue makes a certificate for the key that all tests share.
func (p *pki) issue(change func(*x509.Certificate)) *x509.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "ci"}, NotBefore: day.AddDate(0, 0, -1), NotAfter: day.AddDate(0, 0, 1),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		URIs:        []*url.URL{must(url.Parse("spiffe://example.org/ci"))}, DNSNames: []string{"CI.example.org"},
	}
	if change != nil {
		change(template)
	}
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, p.ca, p256Key().Public(), p256Key()))))
}

// withCertificate is a request over a connection whose certificate was verified.
func withCertificate(c *x509.Certificate) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}, VerifiedChains: [][]*x509.Certificate{{c}}}
	return r
}

func TestCertificateBindings(t *testing.T) {
	t.Parallel()
	p := newPKI()
	c := p.issue(nil)
	renewed := p.issue(func(c *x509.Certificate) { c.SerialNumber = big.NewInt(3) })
	colons := func(sum string) string {
		var b strings.Builder
		for i := 0; i < len(sum); i += 2 {
			b.WriteString(":" + strings.ToUpper(sum[i:i+2]))
		}
		return b.String()[1:]
	}
	for name, test := range map[string]struct {
		binding               CertificateBinding
		isBound, isRenewedToo bool
	}{
		"certificate":              {CertificateBinding{SHA256: hexSHA256(c.Raw)}, true, false},
		"as openssl prints it":     {CertificateBinding{SHA256: colons(hexSHA256(c.Raw))}, true, false},
		"key":                      {CertificateBinding{SPKI: hexSHA256(c.RawSubjectPublicKeyInfo)}, true, true},
		"key's hash for the whole": {CertificateBinding{SHA256: hexSHA256(c.RawSubjectPublicKeyInfo)}, false, false},
		"URI":                      {CertificateBinding{URI: "spiffe://example.org/ci"}, true, true},
		"URI above":                {CertificateBinding{URI: "spiffe://example.org/"}, false, false},
		"URI in capitals":          {CertificateBinding{URI: "spiffe://example.org/CI"}, false, false},
		"host":                     {CertificateBinding{DNS: "ci.example.org"}, true, true},
		"host above":               {CertificateBinding{DNS: "example.org"}, false, false},
		"common name":              {CertificateBinding{DNS: "ci"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.binding.Role, test.binding.Instances = Contributor, []string{"contoso"}
			a := newAuthenticator(t, Config{Certificates: []CertificateBinding{test.binding}, Clock: newClock().Now})
			for cert, want := range map[*x509.Certificate]bool{c: test.isBound, renewed: test.isRenewedToo} {
				got := wantCaller(t, a, withCertificate(cert))
				if got.May(Write, "contoso") != want || got.May(Read, "fabrikam") || got.IsAnonymous() {
					t.Errorf("%+v, want bound %v, to contoso alone", got, want)
				}
				if want := "cert:" + hexSHA256(cert.Raw)[:16] + " CN=ci"; got.Name() != want {
					t.Errorf("%s, want %s", got, want)
				}
			}
		})
	}
}

func TestCertificatesThatDoNotCount(t *testing.T) {
	t.Parallel()
	p, clock := newPKI(), newClock()
	good := p.issue(nil)
	a := newAuthenticator(t, Config{
		Certificates: []CertificateBinding{{URI: "spiffe://example.org/ci", Role: Contributor}}, Clock: clock.Now,
	})
	for name, c := range map[string]*x509.Certificate{
		"for servers":   p.issue(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }),
		"for anything":  p.issue(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }),
		"for nothing":   p.issue(func(c *x509.Certificate) { c.ExtKeyUsage = nil }),
		"expired":       p.issue(func(c *x509.Certificate) { c.NotAfter = day.Add(-time.Second) }),
		"not yet valid": p.issue(func(c *x509.Certificate) { c.NotBefore = day.Add(time.Second) }),
	} {
		_, err := a.Caller(t.Context(), withCertificate(c))
		t.Run(name, func(t *testing.T) { wantReason(t, err, ReasonCertificate, "") })
	}
	for name, state := range map[string]*tls.ConnectionState{
		"not verified":  {PeerCertificates: []*x509.Certificate{good}},
		"no chains":     {PeerCertificates: []*x509.Certificate{good}, VerifiedChains: [][]*x509.Certificate{}},
		"empty chain":   {PeerCertificates: []*x509.Certificate{good}, VerifiedChains: [][]*x509.Certificate{{}}},
		"none":          {},
		"no TLS at all": nil,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.TLS = state
		r.Header.Set("X-Forwarded-Client-Cert", "Hash="+hexSHA256(good.Raw))
		if c := wantCaller(t, a, r); !c.IsAnonymous() {
			t.Errorf("%s: %s, want anonymous", name, c)
		}
	}
	// A connection may outlive the certificate that it began with.
	wantCaller(t, a, withCertificate(good))
	clock.Advance(25 * time.Hour)
	_, err := a.Caller(t.Context(), withCertificate(good))
	wantReason(t, err, ReasonCertificate, "")
}

func TestTokenDecidesBesideACertificate(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	config := p.config(newClock())
	config.Certificates = []CertificateBinding{{URI: "spiffe://example.org/ci", Role: Contributor}}
	a := newAuthenticator(t, config)
	both := func(token string) *http.Request {
		r := withCertificate(newPKI().issue(nil))
		r.Header.Set("Authorization", "Bearer "+token)
		return r
	}
	if c := wantCaller(t, a, both(p.token(map[string]any{"sub": "bob"}))); c.May(Read, "x") || c.Subject != "bob" {
		t.Errorf("%s may read by a certificate beside a token", c)
	}
	expired := p.token(map[string]any{"exp": day.Add(-time.Hour).Unix()})
	_, err := a.Caller(t.Context(), both(expired))
	wantReason(t, err, ReasonExpired, expired)
}

// TestCertificateOverRealTLS: what the TLS stack verifies reaches the caller.
func TestCertificateOverRealTLS(t *testing.T) {
	t.Parallel()
	p := newPKI()
	now := time.Now()
	leaf := p.issue(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(-time.Hour), now.Add(time.Hour) })
	a := newAuthenticator(t, Config{Certificates: []CertificateBinding{{SHA256: hexSHA256(leaf.Raw), Role: Reader}}})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := a.Caller(r.Context(), r)
		if err != nil || !c.May(Read, "x") {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	server.TLS = &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: p.pool, Time: func() time.Time { return now }}
	server.StartTLS()
	t.Cleanup(server.Close)
	for name, want := range map[string]int{"with": http.StatusOK, "without": http.StatusUnauthorized} {
		transport := server.Client().Transport.(*http.Transport).Clone()
		if name == "with" {
			transport.TLSClientConfig.Certificates = []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: p256Key()}}
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		transport.CloseIdleConnections()
		if res.StatusCode != want {
			t.Errorf("%s a certificate: status %d, want %d", name, res.StatusCode, want)
		}
	}
}
