package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/internal/ticket"
)

// authorityPEM makes the certificate of an authority, valid for an hour.
func authorityPEM(t *testing.T, from time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "vendor"}, NotBefore: from, NotAfter: from.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// tpmFolder is a folder with authorities, and what is none.
func tpmFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	leaf, _ := selfSigned(t, testTime.Add(-time.Minute))
	good, old := authorityPEM(t, testTime.Add(-time.Minute)), authorityPEM(t, testTime.Add(-2*time.Hour))
	for name, text := range map[string]string{"good.pem": good, "old.pem": old, "both.pem": old + good, "leaf.pem": good + leaf, "text": "hello"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTPMAuthorities(t *testing.T) {
	t.Parallel()
	dir := tpmFolder(t)
	file := func(name string) []string { return []string{filepath.Join(dir, name)} }
	extra := func() *x509.Certificate {
		found, err := authorityCertificates([]byte(authorityPEM(t, testTime)))
		if err != nil {
			t.Fatal(err)
		}
		return found[0]
	}
	for name, tt := range map[string]struct {
		tpm            config.TPM
		extra          []*x509.Certificate
		hasAIK, hasEK  bool
		refused, other string
	}{
		"none":                {},
		"both":                {tpm: config.TPM{AIKRootFiles: file("good.pem"), EKRootFiles: file("both.pem"), EKIntermediateFiles: file("good.pem")}, hasAIK: true, hasEK: true},
		"enrollment alone":    {extra: []*x509.Certificate{extra()}, hasAIK: true},
		"a leaf":              {tpm: config.TPM{EKRootFiles: file("leaf.pem")}, refused: "tpm.ekRootFiles: ", other: "is not an authority's"},
		"a leaf between":      {tpm: config.TPM{AIKIntermediateFiles: file("leaf.pem")}, refused: "tpm.aikIntermediateFiles: ", other: "is not an authority's"},
		"no certificate":      {tpm: config.TPM{AIKRootFiles: file("text")}, refused: "tpm.aikRootFiles: ", other: "no PEM block"},
		"a file that is lost": {tpm: config.TPM{EKIntermediateFiles: file("lost")}, refused: "tpm.ekIntermediateFiles: ", other: "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aik, ek, err := tpmAuthorities(&config.Config{TPM: tt.tpm}, tt.extra...)
			if tt.refused != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tt.refused) || !strings.Contains(err.Error(), tt.other) {
					t.Errorf("got %v, want %s…%s", err, tt.refused, tt.other)
				}
				return
			}
			if err != nil || (aik != nil) != tt.hasAIK || (ek != nil) != tt.hasEK {
				t.Errorf("AIKs %v, EKs %v, %v", aik, ek, err)
			}
		})
	}
}

func TestOpenTickets(t *testing.T) {
	t.Parallel()
	c := config.Default()
	now := func() time.Time { return testTime }
	wrapping, err := keyring.ParseWrapping(keyring.GenerateWrappingKey())
	if err != nil {
		t.Fatal(err)
	}
	open := func(w *keyring.Wrapping) *ticket.Sealer {
		s, err := openTickets(c, w, now)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	sealed, err := open(wrapping).Seal(ticket.Challenge, "https://a.example", []byte("challenge"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := open(wrapping).Open(ticket.Challenge, "https://a.example", sealed); err != nil || !bytes.Equal(got, []byte("challenge")) {
		t.Errorf("another replica: %q, %v", got, err)
	}
	if _, err := open(nil).Open(ticket.Challenge, "https://a.example", sealed); err == nil {
		t.Error("a service without the wrapping key opens it")
	}
	if got := open(wrapping).Lifetime(); got != 5*time.Minute {
		t.Errorf("lifetime %s", got)
	}
}

func TestConfigCheckLooksAtAuthorities(t *testing.T) {
	t.Parallel()
	dir := tpmFolder(t)
	name := filepath.Join(dir, "azattest.yaml")
	text := "behindProxy: true\nstore: {driver: memory}\ncollateral: {source: 'https://api.example'}\ntpm:\n" +
		"  aikRootFiles: [DIR/good.pem, DIR/old.pem, DIR/both.pem]\n  ekRootFiles: [DIR/leaf.pem]\n  ekIntermediateFiles: [DIR/lost]\n"
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	checked, err := checkConfig(Streams{Now: func() time.Time { return testTime }, Err: new(bytes.Buffer)}, name)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range checked.Faults {
		got = append(got, f.Key+": "+f.Message)
	}
	for i, want := range []string{"tpm.aikRootFiles[1]: the certificate of CN=vendor ended", "tpm.ekRootFiles[0]: ", "tpm.ekIntermediateFiles[0]: "} {
		if len(got) != 3 || !strings.HasPrefix(got[i], want) {
			t.Fatalf("fault %d: got\n%s\nwant %s", i, strings.Join(got, "\n"), want)
		}
	}
}
