package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/keyring"
)

// selfSigned makes a certificate for hosts, valid for an hour from a time on, and
// its key.
func selfSigned(t *testing.T, from time.Time, hosts ...string) (string, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "service"}, NotBefore: from, NotAfter: from.Add(time.Hour), DNSNames: hosts}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
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

// configFolder is a folder with all that a configuration may name.
func configFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	good, key := selfSigned(t, testTime.Add(-time.Minute), "a.example")
	_, other := selfSigned(t, testTime)
	old, oldKey := selfSigned(t, testTime.Add(-2*time.Hour), "a.example")
	early, _ := selfSigned(t, testTime.Add(2*time.Hour))
	for name, text := range map[string]string{
		"good.pem": good, "key.pem": key, "other.pem": other, "old.pem": old, "old-key.pem": oldKey, "early.pem": early,
		"wrap": keyring.GenerateWrappingKey() + "\n", "wrap2": keyring.GenerateWrappingKey(),
		"secret": "hunter2\n", "blank": " \n", "huge": strings.Repeat("x", 1<<17),
		"policy": "version= 1.0;authorizationrules{=> permit();};issuancerules{};",
		"faulty": "version= 1.0;\nauthorizationrules{=> permit()};issuancerules{};",
		"utf16":  "\xff\xfev\x00",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// configCheck is a configuration, with $ for a folder, and what is wrong with it: the
// beginning of each line, behind its place.
type configCheck struct {
	text string
	want []string
}

// wantConfigChecks has config check look at each.
func wantConfigChecks(t *testing.T, dir string, tests map[string]configCheck, flags ...string) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runAt(t, testTime, strings.ReplaceAll(tt.text, "$", dir), append([]string{"config", "check", "-"}, flags...)...)
			if want := map[bool]int{true: exitDone, false: exitRefused}[tt.want == nil]; got.code != want {
				t.Errorf("exit code %d, want %d", got.code, want)
			}
			lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(got.stdout, dir, "$"), "\n"), "\n")
			if len(tt.want) != len(lines) && (tt.want != nil || got.stdout != "") {
				t.Fatalf("got %d lines:\n%s\nwant %d", len(lines), strings.Join(lines, "\n"), len(tt.want))
			}
			for i, want := range tt.want {
				if _, behind, _ := strings.Cut(lines[i], ": "); !strings.HasPrefix(behind, want) {
					t.Errorf("line %d:\n got %s\nwant %s", i, behind, want)
				}
			}
			if strings.Contains(got.stdout+got.stderr, "hunter2") {
				t.Error("prints what stands in the file of a secret")
			}
		})
	}
}

func TestConfigCheckOpensEveryFile(t *testing.T) {
	t.Parallel()
	dir := configFolder(t)
	const (
		tls      = "tls: {certificateFile: $/good.pem, keyFile: $/key.pem}\n"
		keys     = "keys: {wrappingKeyFile: $/wrap}\n"
		instance = "instances: [{name: a, url: 'https://a.example', "
		missing  = "no such file or directory"
	)
	tests := map[string]configCheck{
		"all is well":            {tls + keys + instance + "policies: {SgxEnclave: $/policy}}]", nil},
		"key of another":         {"tls: {certificateFile: $/good.pem, keyFile: $/other.pem}\n" + keys, []string{"tls.certificateFile: tls: private key does not match"}},
		"no PEM":                 {"tls: {certificateFile: $/secret, keyFile: $/key.pem}\n" + keys, []string{"tls.certificateFile: tls: failed to find any PEM"}},
		"no key":                 {"tls: {certificateFile: $/good.pem, keyFile: $/missing}\n" + keys, []string{"tls.keyFile: open $/missing: " + missing}},
		"certificate that ended": {"tls: {certificateFile: $/old.pem, keyFile: $/old-key.pem}\n" + keys, []string{"tls.certificateFile: the certificate of CN=service ended at 2026-01-31T11:00:00Z"}},
		"certificate of another host": {tls + keys + "instances: [{name: a, url: 'https://b.example', hosts: [c.example]}]", []string{
			"instances[0].url: the certificate in tls.certificateFile is not for b.example",
			"instances[0].hosts[0]: the certificate in tls.certificateFile is not for c.example",
		}},
		"certificate that only proxies see": {tls + keys + "trustedProxies: [10.0.0.0/8]\ninstances: [{name: a, url: 'https://b.example'}]", nil},
		"secrets": {tls + "keys: {wrappingKeyFile: $/blank, previousWrappingKeyFiles: [$/huge, $/missing, $/]}", []string{
			"keys.wrappingKeyFile: $/blank is empty", "keys.previousWrappingKeyFiles[0]: $/huge has 131072 bytes, want at most 65536",
			"keys.previousWrappingKeyFiles[1]: open $/missing: " + missing, "keys.previousWrappingKeyFiles[2]: read $",
		}},
		"wrapping keys of a change": {tls + "keys: {wrappingKeyFile: $/wrap, previousWrappingKeyFiles: [$/wrap2]}", nil},
		"secrets that are none": {tls + "keys: {wrappingKeyFile: $/secret}\nstore: {driver: postgres, dsnFile: $/secret}\ntelemetry: {otlpEndpoint: 'https://h', otlpHeadersFile: $/secret}", []string{
			"keys.wrappingKeyFile: $/secret: key 1: not base64", "store.dsnFile: $/secret: want postgres://", "telemetry.otlpHeadersFile: $/secret: want name=value",
		}},
		"wrapping key in place": {tls + "keys: {wrappingKey: hunter2}", []string{"keys.wrappingKey: key 1: not base64"}},
		"wrapping keys that are one": {tls + "keys: {wrappingKeyFile: $/wrap, previousWrappingKeyFiles: [$/../" + filepath.Base(dir) + "/wrap]}", []string{
			"keys.previousWrappingKeyFiles: key 2: there twice",
		}},
		"signers that cannot sign": {tls + keys + instance + "mode: isolated, policyCertificateFiles: [$/good.pem, $/old.pem, $/key.pem]}]", []string{
			"instances[0].policyCertificateFiles[1]: $/old.pem: certificate: valid from ", "instances[0].policyCertificateFiles[2]: $/key.pem: a PEM block PRIVATE KEY",
		}},
		"no signer at all": {tls + keys + instance + "mode: isolated, policyCertificateFiles: [$/good.pem]}]", []string{
			"instances[0].policyCertificateFiles: none can sign a policy: ",
		}},
		"files of the rest": {tls + "keys: {wrappingKeyFile: $/wrap, pkcs11: {module: $/missing, tokenLabel: a, pinFile: $/missing, keyLabel: a}}\n" +
			"store: {driver: postgres, dsnFile: $/missing}\ntelemetry: {otlpEndpoint: 'https://h', otlpHeadersFile: $/missing}", []string{
			"keys.pkcs11.module: open $/missing: " + missing, "keys.pkcs11.pinFile: open $/missing: " + missing,
			"store.dsnFile: open $/missing: " + missing, "telemetry.otlpHeadersFile: open $/missing: " + missing,
		}},
		"authorities": {"tls: {certificateFile: $/good.pem, keyFile: $/key.pem, clientCAFile: $/early.pem}\n" + keys +
			"auth: {issuers: [{name: a, url: 'https://i', audiences: [a], caFile: $/secret}]}", []string{
			"tls.clientCAFile: the certificate of CN=service begins at 2026-01-31T14:00:00Z", "auth.issuers[0].caFile: $/secret: ",
		}},
		"policies and their signers": {tls + keys + instance + "mode: isolated, policyCertificateFiles: [$/good.pem, $/missing], policies: {SgxEnclave: $/faulty, OpenEnclave: $/utf16}}]", []string{
			"instances[0].policyCertificateFiles[1]: open $/missing: " + missing,
			"instances[0].policies.SgxEnclave: $/faulty:2:", "instances[0].policies.OpenEnclave: $/utf16: this is UTF-16, want UTF-8",
		}},
		"folder of collateral": {tls + keys + "collateral: {source: $/missing}", []string{"collateral.source: "}},
		"text alone":           {"lisen: x", []string{`unknown key "lisen", did you mean listen?`}},
	}
	wantConfigChecks(t, dir, tests)
}

// The room of the configuration imports nothing of ours, so that it has words and
// defaults of its own for the same things.
func TestConfigurationAgreesWithServe(t *testing.T) {
	t.Parallel()
	c := config.Default()
	if c.Collateral.Source != collateral.IntelPCS {
		t.Errorf("collateral.source %q, want %q", c.Collateral.Source, collateral.IntelPCS)
	}
	flags := newServe(Streams{}).Flags()
	for flag, got := range map[string]string{
		"listen": c.Listen, "data-dir": c.DataDir, "linger": c.Shutdown.Linger.String(), "log-format": c.Log.Format, "log-level": c.Log.Level,
	} {
		if want := flags.Lookup(flag).DefValue; got != want {
			t.Errorf("default %q, that of --%s is %q", got, flag, want)
		}
	}
}

func TestLoadConfigTellsEveryFault(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	s := Streams{Err: &stderr, Now: time.Now}
	name := inFile(t, "azattest.yaml", "listen: nowhere\nbehindProxy: true\nkeys: {bits: 1}\n")
	c, err := (&serveOptions{configFile: name}).configuration(s)
	if c != nil || exitCode(err) != exitRefused || !strings.HasSuffix(err.Error(), ": 3 faults") {
		t.Errorf("got %v, %v", c, err)
	}
	if got := strings.Count(stderr.String(), "\n"); got != 3 {
		t.Errorf("%d lines on stderr:\n%s", got, stderr.String())
	}
	if _, err := (&serveOptions{configFile: name + ".missing"}).configuration(s); exitCode(err) != exitFailed || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	good := inFile(t, "azattest.yaml", "behindProxy: true\nkeys: {wrappingKeyFile: k}\n")
	if c, err := (&serveOptions{configFile: good}).configuration(s); err != nil || c.Keys.WrappingKeyFile != "k" {
		t.Errorf("got %v, %v", c, err)
	}
}
