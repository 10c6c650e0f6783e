package conformance_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// pair is a key with its certificate.
type pair struct {
	key         crypto.Signer
	certificate *x509.Certificate
}

// makeKeys makes the keys that sign policies: "isolated" is the Isolated
// instance's own, "issued" has a certificate by it, "candidate" is for the list
// that the SDKs change, and "stranger" and "ec" are nobody's.
func makeKeys(t *testing.T) map[string]pair {
	t.Helper()
	keys := make(map[string]pair)
	for _, name := range []string{"isolated", "candidate", "stranger", "issued"} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		keys[name] = certify(t, name, key, keys[map[string]string{"issued": "isolated"}[name]])
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys["ec"] = certify(t, "ec", key, pair{})
	return keys
}

// certify makes a certificate by an issuer, or one that is its own. Only the
// latter is a CA's. With hosts it is one for servers of these names.
func certify(t *testing.T, name string, key crypto.Signer, by pair, hosts ...string) pair {
	t.Helper()
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "azattest conformance " + name},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		DNSNames:              hosts,
	}
	if len(hosts) > 0 {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	if by.key == nil {
		template.IsCA, template.KeyUsage = true, template.KeyUsage|x509.KeyUsageCertSign
		by = pair{key, template}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return pair{key, certificate}
}

// write writes both halves as PEM files and returns their names.
func (p pair) write(t *testing.T, dir, name string) map[string]string {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"key": filepath.Join(dir, name+"-key.pem"), "certificate": filepath.Join(dir, name+".pem")}
	for file, block := range map[string]*pem.Block{
		files["key"]:         {Type: "PRIVATE KEY", Bytes: key},
		files["certificate"]: {Type: "CERTIFICATE", Bytes: p.certificate.Raw},
	} {
		writeAll(t, file, pem.EncodeToMemory(block))
	}
	return files
}

func writeAll(t *testing.T, file string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}
