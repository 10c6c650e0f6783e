package enroll_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/enroll"
	"github.com/azattest/azattest/internal/testtpm"
)

// ca is an authority of a test.
type ca struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// newCA makes one, changed as a test wants it, self-signed or below another one.
func newCA(tb testing.TB, key crypto.Signer, parent *ca, change func(*x509.Certificate)) *ca {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(1, 0, 0),
	}
	if change != nil {
		change(template)
	}
	made := &ca{key: key}
	if parent == nil {
		parent = &ca{template, key}
	}
	der := must[[]byte](tb)(x509.CreateCertificate(rand.Reader, template, parent.certificate, key.Public(), parent.key))
	made.certificate = must[*x509.Certificate](tb)(x509.ParseCertificate(der))
	return made
}

func ecKey(tb testing.TB) crypto.Signer {
	tb.Helper()
	return must[*ecdsa.PrivateKey](tb)(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
}

// files are the PEM of an authority.
func files(tb testing.TB, key crypto.Signer, chain ...*x509.Certificate) (certificates, private []byte) {
	tb.Helper()
	for _, c := range chain {
		certificates = append(certificates, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	der := must[[]byte](tb)(x509.MarshalPKCS8PrivateKey(key))
	return certificates, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func TestParseIssuerRefuses(t *testing.T) {
	t.Parallel()
	root := newCA(t, ecKey(t), nil, nil)
	below := newCA(t, ecKey(t), root, nil)
	weak := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 1024)) //nolint:gosec // G403: It is to be refused.
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := newCA(t, ecKey(t), nil, func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature })
	silent := newCA(t, ecKey(t), nil, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })
	many := []*x509.Certificate{root.certificate}
	for range 8 {
		many = append(many, root.certificate)
	}
	for name, tt := range map[string]struct {
		key   crypto.Signer
		chain []*x509.Certificate
		want  string
	}{
		"no certificate":     {root.key, nil, "failed to find any PEM data"},
		"another key":        {below.key, []*x509.Certificate{root.certificate}, "private key does not match public key"},
		"the root first":     {below.key, []*x509.Certificate{root.certificate, below.certificate}, "private key does not match public key"},
		"a leaf":             {leaf.key, []*x509.Certificate{leaf.certificate}, "do not say CA:TRUE"},
		"no keyCertSign":     {silent.key, []*x509.Certificate{silent.certificate}, "lacks keyCertSign"},
		"a stranger above":   {below.key, []*x509.Certificate{below.certificate, silent.certificate}, "certificate 1 is not issued by the next one"},
		"a chain too long":   {root.key, many, "a chain of 9 certificates, want at most 8"},
		"a weak key":         {weak, []*x509.Certificate{newCA(t, weak, nil, nil).certificate}, "RSA of 1024 bits"},
		"a key of Edwards's": {edwards, []*x509.Certificate{newCA(t, edwards, nil, nil).certificate}, "want RSA, or ECDSA"},
	} {
		certificates, key := files(t, tt.key, tt.chain...)
		if i, err := enroll.ParseIssuer(certificates, key); err == nil || i != nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "enroll: authority: ") {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}

func TestNewRefusesIssuersThatNobodyAccepts(t *testing.T) {
	t.Parallel()
	vendor := softTPM(t).Root()
	for name, tt := range map[string]struct {
		change func(*x509.Certificate)
		want   string
	}{
		"for something else": {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, "want CAs for 2.23.133.8.3"},
		"ended, and for something else": {func(c *x509.Certificate) {
			c.NotAfter, c.ExtKeyUsage = noon.Add(-time.Second), []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}, "want CAs for 2.23.133.8.3"},
		"an unknown demand": {func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}, "its certificates do not hold"},
	} {
		authority := newCA(t, ecKey(t), nil, tt.change)
		certificates, key := files(t, authority.key, authority.certificate)
		c := configOf(t, noon, vendor)
		c.Issuer = must[*enroll.Issuer](t)(enroll.ParseIssuer(certificates, key))
		_, err := enroll.New(c)
		if e, ok := errors.AsType[*enroll.ConfigError](err); !ok || e.Field != "Issuer" || !strings.Contains(e.Problem, tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	for field, change := range map[string]func(*enroll.Config){
		"Issuer":   func(c *enroll.Config) { c.Issuer = nil },
		"EKs":      func(c *enroll.Config) { c.EKs = nil },
		"Tickets":  func(c *enroll.Config) { c.Tickets = nil },
		"Lifetime": func(c *enroll.Config) { c.Lifetime = 0 },
	} {
		c := configOf(t, noon, vendor)
		change(&c)
		_, err := enroll.New(c)
		if e, ok := errors.AsType[*enroll.ConfigError](err); !ok || e.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

// A service is not to stand still because it can enroll nobody.
func TestAnAuthorityOutOfItsTimeIsMadeAndEnrollsNobody(t *testing.T) {
	t.Parallel()
	s := softTPM(t)
	for name, tt := range map[string]struct {
		change func(*x509.Certificate)
		want   string
	}{
		"ended":     {func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Second) }, `certificate of authority "CN=authority" ended at 2026-11-26T11:59:59Z`},
		"not begun": {func(c *x509.Certificate) { c.NotBefore = noon.Add(time.Hour) }, `begins at 2026-11-26T13:00:00Z, and it is 2026-11-26T12:00:00Z`},
	} {
		ca := newCA(t, ecKey(t), nil, tt.change)
		certificates, key := files(t, ca.key, ca.certificate)
		c := configOf(t, noon, s.Root())
		c.Issuer = must[*enroll.Issuer](t)(enroll.ParseIssuer(certificates, key))
		if got := c.Issuer.Expires(); !got.Equal(ca.certificate.NotAfter) {
			t.Errorf("%s: expires at %v, want %v", name, got, ca.certificate.NotAfter)
		}
		a := must[*enroll.Authority](t)(enroll.New(c))
		_, err := a.Begin(t.Context(), instance, enroll.BeginRequest{EKCertificates: [][]byte{s.Certificate().Raw}, AIKPublic: s.NewAIK(t, testtpm.AIKAttributes)})
		if _, ok := errors.AsType[*enroll.PeriodError](err); !ok || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}

// An authority that was valid when the service began may end while it runs.
func TestAnAuthorityThatEndsEnrollsNobody(t *testing.T) {
	t.Parallel()
	s := softTPM(t)
	now := noon
	c := configOf(t, noon, s.Root())
	c.Issuer = must[*enroll.Issuer](t)(enroll.MakeIssuer(enroll.Template{Name: "short", Algorithm: enroll.ECDSA, Begin: noon, Lifetime: time.Minute}))
	c.Clock = func() time.Time { return now }
	a := must[*enroll.Authority](t)(enroll.New(c))
	aik := s.NewAIK(t, testtpm.AIKAttributes)
	challenge := begun(t, a, s, aik)
	found := must[[]byte](t)(s.Activate(aik, challenge.IDObject, challenge.EncryptedSecret))
	now = noon.Add(time.Minute + time.Second)
	_, err := a.Activate(t.Context(), instance, enroll.ActivateRequest{Context: challenge.Context, Secret: found, AIKPublic: aik})
	if _, ok := errors.AsType[*enroll.PeriodError](err); !ok || !strings.Contains(err.Error(), "ended at") {
		t.Errorf("activation: %v", err)
	}
	_, err = a.Begin(t.Context(), instance, enroll.BeginRequest{EKCertificates: [][]byte{s.Certificate().Raw}, AIKPublic: aik})
	if err == nil || !strings.Contains(err.Error(), "ended at") {
		t.Errorf("begin: %v", err)
	}
}

func TestMakeIssuer(t *testing.T) {
	t.Parallel()
	s := softTPM(t)
	for _, algorithm := range []enroll.Algorithm{enroll.RSA, enroll.ECDSA} {
		made := must[*enroll.Issuer](t)(enroll.MakeIssuer(enroll.Template{Name: "Contoso TPM enrollment", Algorithm: algorithm, Begin: noon, Lifetime: 10 * 365 * 24 * time.Hour}))
		certificates, key, err := made.PEM()
		if err != nil {
			t.Fatal(err)
		}
		read := must[*enroll.Issuer](t)(enroll.ParseIssuer(certificates, key))
		own := read.Certificate()
		if !bytes.Equal(own.Raw, made.Certificate().Raw) || own.KeyUsage != x509.KeyUsageCertSign || !own.MaxPathLenZero || len(own.SubjectKeyId) == 0 ||
			len(own.UnknownExtKeyUsage) != 1 || own.NotAfter.Sub(own.NotBefore) != 10*365*24*time.Hour {
			t.Errorf("%s: %+v", algorithm, own)
		}
		c := configOf(t, noon, s.Root())
		c.Issuer = read
		leaf := must[*x509.Certificate](t)(tpm.ParseCertificate(enrolled(t, must[*enroll.Authority](t)(enroll.New(c)), s).Chain[0]))
		must[*tpm.AIK](t)(authoritiesOf(t, own).VerifyAIK(leaf, nil, noon))
		if want := map[enroll.Algorithm]x509.SignatureAlgorithm{enroll.RSA: x509.SHA256WithRSA, enroll.ECDSA: x509.ECDSAWithSHA256}[algorithm]; leaf.SignatureAlgorithm != want {
			t.Errorf("%s: signed by %s", algorithm, leaf.SignatureAlgorithm)
		}
	}
	for name, template := range map[string]enroll.Template{
		"no name":            {Algorithm: enroll.RSA, Lifetime: time.Hour},
		"a long name":        {Name: strings.Repeat("n", 65), Algorithm: enroll.RSA, Lifetime: time.Hour},
		"a name with a bell": {Name: "a\a", Algorithm: enroll.RSA, Lifetime: time.Hour},
		"no lifetime":        {Name: "a", Algorithm: enroll.RSA},
		"no algorithm":       {Name: "a", Lifetime: time.Hour},
	} {
		if _, err := enroll.MakeIssuer(template); err == nil {
			t.Errorf("%s: made", name)
		}
	}
}
