package relyingparty_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/simulator"
)

// now is the time of everything that is simulated in these tests.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// The extensions in which certificates carry evidence, and two that carry none.
var (
	oidReport      = asn1.ObjectIdentifier{1, 2, 840, 113556, 10, 1, 1}
	oidReportNew   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 105, 1}
	oidEvidence    = asn1.ObjectIdentifier{1, 2, 840, 113556, 10, 1, 2}
	oidEvidenceNew = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 105, 2}
	oidSEVSNP      = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 105, 1000, 1}
	oidOther       = asn1.ObjectIdentifier{1, 2, 3}
)

// service is an attestation service in a simulated enclave.
type service struct {
	platform *simulator.Platform
	key      crypto.Signer
	report   simulator.Report // without report data
}

func newService(t testing.TB) *service {
	t.Helper()
	p, err := simulator.New(simulator.Config{Seed: simulator.Seed("relying party"), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return &service{
		platform: p, key: newKey(t),
		report: simulator.Report{MRENCLAVE: [32]byte{0xe1}, MRSIGNER: [32]byte{0x51}, ISVProdID: 1, ISVSVN: 4},
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// bound is what a report about a key hashes: the key as PEM, and a NUL.
func bound(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}), 0)
}

// keyID is the kid under which the service publishes its key.
func (s *service) keyID(t testing.TB) string {
	t.Helper()
	hash := sha256.Sum256(bound(t, s.key))
	return base64.StdEncoding.EncodeToString(hash[:])
}

// quote is that of the enclave about its key.
func (s *service) quote(t testing.TB) []byte {
	t.Helper()
	r := s.report
	r.ReportData = simulator.Bind(bound(t, s.key))
	return s.quoteOf(t, r)
}

func (s *service) quoteOf(t testing.TB, r simulator.Report) []byte {
	t.Helper()
	raw, err := s.platform.Quote(r)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// openEnclaveReport is the enclave's report about its key.
func (s *service) openEnclaveReport(t testing.TB) []byte {
	t.Helper()
	r := s.report
	r.ReportData = simulator.Bind(bound(t, s.key))
	raw, err := s.platform.OpenEnclaveReport(r)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (s *service) certificate(t testing.TB) *x509.Certificate {
	t.Helper()
	return issue(t, s.key.Public(), s.key, pkix.Extension{Id: oidReportNew, Value: s.openEnclaveReport(t)})
}

func (s *service) collateral(t testing.TB, o simulator.CollateralOptions) *dcap.Collateral {
	t.Helper()
	c, err := s.platform.Collateral(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// options trust the simulated platform, without collateral.
func (s *service) options() relyingparty.SigningCertificateOptions {
	return relyingparty.SigningCertificateOptions{Roots: []dcap.Root{s.platform.Root()}, At: now}
}

// issue makes a certificate for a public key that signer signs in the key's name.
func issue(t testing.TB, public crypto.PublicKey, signer crypto.Signer, extensions ...pkix.Extension) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "https://attest.example"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), ExtraExtensions: extensions,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, der)
}

func parse(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func wantRefusal(t *testing.T, err error, check relyingparty.Check) {
	t.Helper()
	e, ok := errors.AsType[*relyingparty.SigningCertificateError](err)
	if !ok {
		t.Fatalf("error %v, want a *SigningCertificateError", err)
	}
	if e.Check != check {
		t.Errorf("refused by %s (%v), want by %s", e.Check, e, check)
	}
}
