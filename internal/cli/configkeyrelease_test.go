package cli

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/config"
)

// selfSignedEd25519 is selfSigned with a key that TLS takes and Key Vault's clients do
// not.
func selfSignedEd25519(t *testing.T, from time.Time, host string) (string, string) {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: from.Add(time.Hour), DNSNames: []string{host}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

func TestConfigCheckOpensEveryFileOfKeyRelease(t *testing.T) {
	t.Parallel()
	dir := configFolder(t)
	b, bKey := selfSigned(t, testTime.Add(-time.Minute), "b.example")
	ed, edKey := selfSignedEd25519(t, testTime.Add(-time.Minute), "a.example")
	for name, text := range map[string]string{"b.pem": b, "b-key.pem": bKey, "ed.pem": ed, "ed-key.pem": edKey} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const (
		least = "url: https://a.example\nkeys: {wrappingKeyFile: $/wrap}\n"
		tls   = "tls: {certificateFile: $/good.pem, keyFile: $/key.pem}\n"
		trust = "authorities: [{url: https://attest.example}]\n"
	)
	wantConfigChecks(t, dir, map[string]configCheck{
		"all is well": {least + "tls: {certificateFile: $/good.pem, keyFile: $/key.pem, clientCAFile: $/good.pem}\n" +
			"signing: {certificateFile: $/good.pem, keyFile: $/key.pem}\nauthorities: [{url: https://attest.example, caFile: $/good.pem}]", nil},
		"certificate of another host": {strings.Replace(least, "a.example", "b.example", 1) + tls + trust, []string{
			"url: the certificate in tls.certificateFile is not for b.example",
		}},
		"certificate that only proxies see": {
			strings.Replace(least, "a.example", "b.example", 1) + tls + trust + "trustedProxies: [10.0.0.0/8]\nsigning: {certificateFile: $/b.pem, keyFile: $/b-key.pem}", nil,
		},
		// Clients look for the host of the vault in what signs, proxy or not.
		"signature of another host": {strings.Replace(least, "a.example", "b.example", 1) + tls + trust + "trustedProxies: [10.0.0.0/8]", []string{
			"url: the certificate in tls.certificateFile is not for b.example",
		}},
		"both of other hosts": {strings.Replace(least, "a.example", "c.example", 1) + tls + trust + "signing: {certificateFile: $/b.pem, keyFile: $/b-key.pem}", []string{
			"url: the certificate in tls.certificateFile is not for c.example", "url: the certificate in signing.certificateFile is not for c.example",
		}},
		"a key that signs nothing": {least + tls + trust + "signing: {certificateFile: $/ed.pem, keyFile: $/ed-key.pem}", []string{"signing.keyFile: "}},
		"a pair that is none":      {least + tls + trust + "signing: {certificateFile: $/good.pem, keyFile: $/other.pem}", []string{"signing.certificateFile: tls: private key does not match"}},
		"a certificate that ended": {least + tls + trust + "signing: {certificateFile: $/old.pem, keyFile: $/old-key.pem}", []string{"signing.certificateFile: the certificate of CN=service ended at"}},
		"a key that is not there":  {least + tls + trust + "signing: {certificateFile: $/good.pem, keyFile: $/missing}", []string{"signing.keyFile: open $/missing: "}},
		"authorities of TLS": {least + tls + "authorities: [{url: https://attest.example, caFile: $/secret}, {url: https://b.example, caFile: $/missing}]", []string{
			"authorities[0].caFile: $/secret: ", "authorities[1].caFile: open $/missing: ",
		}},
		"secrets": {"url: https://a.example\n" + tls + trust + "keys: {wrappingKeyFile: $/secret, previousWrappingKeyFiles: [$/missing]}\nstore: {driver: postgres, dsnFile: $/secret}\n" +
			"auth: {issuers: [{name: a, url: 'https://i', audiences: [a], caFile: $/missing}]}", []string{
			"keys.wrappingKeyFile: $/secret: key 1: not base64", "keys.previousWrappingKeyFiles[0]: open $/missing: ",
			"store.dsnFile: $/secret: want postgres://", "auth.issuers[0].caFile: open $/missing: ",
		}},
		"text alone": {"instance: []", []string{`unknown key "instance"`}},
		// What does not hold by itself is told beside what is wrong with files.
		"both": {least + tls + "authorities: [{caFile: $/missing}]", []string{"authorities[0].url: missing", "authorities[0].caFile: open $/missing"}},
	}, "--keyrelease")
}

// The tokens of dev-token are for the server whose default folder they come from.
func TestConfigurationAgreesWithDevToken(t *testing.T) {
	t.Parallel()
	if got := config.DefaultKeyRelease().DataDir; got != defaultKeyReleaseDataDir {
		t.Errorf("dataDir %q, want %q", got, defaultKeyReleaseDataDir)
	}
}
