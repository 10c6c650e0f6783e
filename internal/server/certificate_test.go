package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority makes certificates for tests.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	serial      int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotBefore: newWatch().now.Add(-time.Hour), NotAfter: newWatch().now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{certificate: certificate, key: key, serial: 1}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// issue makes a certificate that holds from an hour ago for so long.
func (a *authority) issue(t *testing.T, holds time.Duration) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.serial++
	from := newWatch().now.Add(-time.Hour)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: "leaf"}, NotBefore: from, NotAfter: from.Add(holds),
		DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// served is a certificate in files that handshakes are made with.
type served struct {
	*Certificate
	*watch
	files CertificateFiles
	ca    *authority
	log   *bytes.Buffer
}

func serve(t *testing.T, change ...func(*served)) *served {
	t.Helper()
	dir := t.TempDir()
	s := &served{watch: newWatch(), ca: newAuthority(t), log: new(bytes.Buffer)}
	s.files = CertificateFiles{
		Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"),
		Clock: s.time, Log: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	for _, f := range change {
		f(s)
	}
	s.renew(t)
	c, err := OpenCertificate(s.files)
	if err != nil {
		t.Fatal(err)
	}
	s.Certificate = c
	return s
}

// renew puts a new pair in place, and returns its serial number.
func (s *served) renew(t *testing.T) int64 {
	t.Helper()
	certificate, key := s.ca.issue(t, 24*time.Hour)
	put(t, s.files.Certificate, certificate)
	put(t, s.files.Key, key)
	return s.ca.serial
}

func put(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// shake makes a handshake and returns what the client saw.
func (s *served) shake(t *testing.T, change ...func(*tls.Config)) (*tls.ConnectionState, error) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(s.ca.certificate)
	config := &tls.Config{ServerName: "localhost", RootCAs: roots, NextProtos: []string{"h2"}, Time: s.time, MinVersion: tls.VersionTLS12}
	for _, f := range change {
		f(config)
	}
	near, far := net.Pipe()
	t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	client := tls.Client(near, config)
	served := s.TLS()
	served.Time = s.time
	server := tls.Server(far, served)
	failed := make(chan error, 1)
	go func() {
		err := server.HandshakeContext(t.Context())
		if err == nil {
			// A client learns of a certificate that is not accepted when it reads.
			_, err = server.Write([]byte("!"))
		}
		_ = far.Close()
		failed <- err
	}()
	err := client.HandshakeContext(t.Context())
	if err == nil {
		_, err = client.Read(make([]byte, 1))
	}
	_ = near.Close()
	if serverErr := <-failed; err == nil {
		err = serverErr
	}
	state := client.ConnectionState()
	return &state, err
}

// serial is that of the certificate that a client sees.
func (s *served) serial(t *testing.T) int64 {
	t.Helper()
	state, err := s.shake(t)
	if err != nil {
		t.Fatal(err)
	}
	return state.PeerCertificates[0].SerialNumber.Int64()
}

func (s *served) wantSerial(t *testing.T, want int64, when string) {
	t.Helper()
	if got := s.serial(t); got != want {
		t.Errorf("%s: serial %d, want %d", when, got, want)
	}
}

func TestNewCertificateIsServedWithinSeconds(t *testing.T) {
	t.Parallel()
	s := serve(t)
	before := s.ca.serial
	s.wantSerial(t, before, "at first")
	after := s.renew(t)
	s.wantSerial(t, before, "before the files are looked at again")
	s.turn(checkEvery)
	s.wantSerial(t, after, "after")
	if !strings.Contains(s.log.String(), "certificate loaded") {
		t.Errorf("logged %q", s.log)
	}
	// At once, if somebody asks for it.
	after = s.renew(t)
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.wantSerial(t, after, "after Reload")
	// And if the clock goes back.
	after = s.renew(t)
	s.turn(-10 * time.Minute)
	s.wantSerial(t, after, "after the clock went back")
}

func TestConnectionsAreAsNewAsTheyShouldBe(t *testing.T) {
	t.Parallel()
	s := serve(t)
	state, err := s.shake(t)
	if err != nil {
		t.Fatal(err)
	}
	if state.Version != tls.VersionTLS13 || state.NegotiatedProtocol != "h2" {
		t.Errorf("%s with %q, want TLS 1.3 with h2", tls.VersionName(state.Version), state.NegotiatedProtocol)
	}
	if _, err := s.shake(t, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }); err != nil {
		t.Errorf("TLS 1.2: %v", err)
	}
	if _, err := s.shake(t, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	if err := checkTLS(s.TLS()); err != nil {
		t.Error(err)
	}
	if got := s.Expires(); !got.Equal(s.time().Add(23 * time.Hour)) {
		t.Errorf("expires %s", got)
	}
}

// Whatever the files hold meanwhile, the last good pair is served, and the log says
// so once.
func TestBrokenFilesLeaveTheCertificateInUse(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(t *testing.T, s *served){
		"new certificate, old key": func(t *testing.T, s *served) {
			t.Helper()
			c, _ := s.ca.issue(t, 24*time.Hour)
			put(t, s.files.Certificate, c)
		},
		"old certificate, new key": func(t *testing.T, s *served) {
			t.Helper()
			_, k := s.ca.issue(t, 24*time.Hour)
			put(t, s.files.Key, k)
		},
		"half a certificate": func(t *testing.T, s *served) {
			t.Helper()
			c, k := s.ca.issue(t, 24*time.Hour)
			put(t, s.files.Certificate, c[:len(c)/2])
			put(t, s.files.Key, k)
		},
		"half a key": func(t *testing.T, s *served) {
			t.Helper()
			c, k := s.ca.issue(t, 24*time.Hour)
			put(t, s.files.Certificate, c)
			put(t, s.files.Key, k[:len(k)/2])
		},
		"empty":   func(t *testing.T, s *served) { t.Helper(); put(t, s.files.Certificate, nil) },
		"too big": func(t *testing.T, s *served) { t.Helper(); put(t, s.files.Key, make([]byte, maxCertificateFile+1)) },
		"missing": func(t *testing.T, s *served) {
			t.Helper()
			if err := os.Remove(s.files.Key); err != nil {
				t.Fatal(err)
			}
		},
		"expired": func(t *testing.T, s *served) {
			t.Helper()
			c, k := s.ca.issue(t, time.Minute)
			put(t, s.files.Certificate, c)
			put(t, s.files.Key, k)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			before := s.ca.serial
			breakIt(t, s)
			if err := s.Reload(t.Context()); err == nil {
				t.Error("Reload says that all is well")
			}
			for range 3 {
				s.turn(checkEvery)
				s.wantSerial(t, before, "with broken files")
			}
			if got := strings.Count(s.log.String(), "stays in use"); got != 1 {
				t.Errorf("logged %d times, want once: %s", got, s.log)
			}
			if strings.Contains(s.log.String(), "PRIVATE") {
				t.Errorf("the log holds a key: %s", s.log)
			}
			after := s.renew(t)
			s.turn(checkEvery)
			s.wantSerial(t, after, "with whole files")
		})
	}
}

// A certificate that has expired gives way even to another that has: it may be
// renewed in steps.
func TestExpiredCertificateGivesWay(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.turn(48 * time.Hour)
	s.renew(t)
	if err := s.Reload(t.Context()); err != nil {
		t.Error(err)
	}
}

func withClientCAs(t *testing.T, ca *authority) func(*served) {
	t.Helper()
	return func(s *served) {
		s.files.ClientCAs = filepath.Join(filepath.Dir(s.files.Key), "clients.pem")
		put(t, s.files.ClientCAs, ca.pem())
	}
}

// shows lets a client show a certificate, whatever the server asks for.
func shows(t *testing.T, ca *authority) func(*tls.Config) {
	t.Helper()
	c, k := ca.issue(t, 24*time.Hour)
	pair, err := tls.X509KeyPair(c, k)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *tls.Config) {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
}

func TestClientCertificatesAreCheckedWhereGiven(t *testing.T) {
	t.Parallel()
	old, other := newAuthority(t), newAuthority(t)
	s := serve(t, withClientCAs(t, old))
	ofOld, ofOther := shows(t, old), shows(t, other)
	check := func(when string, change func(*tls.Config), want bool) {
		t.Helper()
		if _, err := s.shake(t, change); (err == nil) != want {
			t.Errorf("%s: error %v, accepted %t wanted", when, err, want)
		}
	}
	check("none", func(*tls.Config) {}, true)
	check("of the CA", ofOld, true)
	check("of another", ofOther, false)

	// The CA is replaced; nobody comes in by a session of before.
	cache := tls.NewLRUClientSessionCache(10)
	resuming := func(c *tls.Config) { ofOld(c); c.ClientSessionCache = cache }
	check("a session", resuming, true)
	put(t, s.files.ClientCAs, other.pem())
	s.turn(checkEvery)
	check("a session of before", resuming, false)
	check("of the CA of before", ofOld, false)
	check("of the new CA", ofOther, true)

	// What is not whole is no list of CAs.
	for _, broken := range [][]byte{nil, []byte("?"), append(old.pem(), other.pem()[:100]...)} {
		put(t, s.files.ClientCAs, broken)
		if err := s.Reload(t.Context()); err == nil {
			t.Errorf("%q is accepted", broken)
		}
	}
	check("of the new CA", ofOther, true)
}

func TestFilesThatMakeNoCertificate(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	for field, files := range map[string]CertificateFiles{
		"CertificateFiles.Certificate": {Key: "k", Log: log},
		"CertificateFiles.Key":         {Certificate: "c", Log: log},
		"CertificateFiles.Log":         {Certificate: "c", Key: "k"},
	} {
		_, err := OpenCertificate(files)
		if e, ok := errors.AsType[*ConfigError](err); !ok || e.Field != field {
			t.Errorf("error %v, want one of %s", err, field)
		}
	}
	missing := filepath.Join(t.TempDir(), "missing.pem")
	if _, err := OpenCertificate(CertificateFiles{Certificate: missing, Key: missing, Log: log}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("error %v, want that %s is missing", err, missing)
	}
}

// Handshakes, renewals and reloads at once.
func TestCertificateIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	s := serve(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				s.turn(checkEvery)
				if _, err := s.shake(t); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Go(func() {
		for range 20 {
			// It may meet half of a renewal.
			_ = s.Reload(context.WithoutCancel(t.Context()))
		}
	})
	for range 10 {
		s.renew(t)
	}
	all.Wait()
	s.turn(checkEvery)
	s.wantSerial(t, s.ca.serial, "in the end")
}

func TestNobodySpeaksAnOlderTLSThanIsAskedFor(t *testing.T) {
	t.Parallel()
	oldest := func(version uint16) func(*served) { return func(s *served) { s.files.MinVersion = version } }
	speaks := func(version uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, version }
	}
	for _, test := range []struct {
		server, client uint16
		want           bool
	}{
		{0, tls.VersionTLS11, false},
		{0, tls.VersionTLS12, true},
		{tls.VersionTLS12, tls.VersionTLS12, true},
		{tls.VersionTLS13, tls.VersionTLS12, false},
		{tls.VersionTLS13, tls.VersionTLS13, true},
	} {
		s := serve(t, oldest(test.server))
		if _, err := s.shake(t, speaks(test.client)); (err == nil) != test.want {
			t.Errorf("%s of a client, %#04x wanted: %v", tls.VersionName(test.client), test.server, err)
		}
	}
	files := serve(t).files
	files.MinVersion = tls.VersionTLS11
	if _, err := OpenCertificate(files); err == nil {
		t.Error("TLS 1.1 may be asked for")
	}
}
