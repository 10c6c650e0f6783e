package deploy_test

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/cli"
	"github.com/azattest/azattest/internal/config"
)

// server is one of the two that are deployed, each in the same ways.
type server struct {
	// name is that of its unit, its folders and its objects.
	name string
	// config is the name of its configuration file.
	config string
	// port is where it listens.
	port string
	// variables are those that stand in for its configuration; all begin with prefix.
	variables []string
	prefix    string
	// serve and check are the commands that run it and check its configuration,
	// without the name of that.
	serve, check []string
	// read reads a configuration, and finds its faults.
	read func(name string, env func(string) string) (*settings, error)
	// manifests is the folder of those for Kubernetes, in which workload reads what
	// keeps the pods running.
	manifests string
	workload  func(*testing.T, *server) *workload
}

// settings are what a deployment must fit, whichever server they configure.
type settings struct {
	listen, metricsListen string
	dataDir, trail        string
	driver                string
	shutdown              config.Shutdown
	// files are the pair of TLS, the wrapping key and the DSN.
	files []string
}

var (
	attestationService = server{
		name: "azattest", config: "azattest.yaml", port: "8443", variables: config.Variables(), prefix: "AZATTEST_",
		serve: []string{"serve", "--config"}, check: []string{"config", "check"}, read: readService, manifests: "kubernetes", workload: deploymentOf,
	}
	keyReleaseServer = server{
		name: "azattest-keyrelease", config: "keyrelease.yaml", port: "8444", variables: config.KeyReleaseVariables(), prefix: "AZATTEST_KEYRELEASE_",
		serve: []string{"keyrelease", "serve", "--config"}, check: []string{"config", "check", "--keyrelease"}, read: readVault, manifests: "kubernetes-keyrelease", workload: statefulSetOf,
	}
	servers = []*server{&attestationService, &keyReleaseServer}
)

func readService(name string, env func(string) string) (*settings, error) {
	c, err := config.Load(name, env)
	if err != nil {
		return nil, err
	}
	return &settings{
		listen: c.Listen, metricsListen: c.Telemetry.MetricsListen, dataDir: c.DataDir, trail: c.Audit.Dir, driver: c.Store.Driver, shutdown: c.Shutdown,
		files: []string{c.TLS.CertificateFile, c.TLS.KeyFile, c.Keys.WrappingKeyFile, c.Store.DSNFile},
	}, c.Validate()
}

func readVault(name string, env func(string) string) (*settings, error) {
	c, err := config.LoadKeyRelease(name, env)
	if err != nil {
		return nil, err
	}
	return &settings{
		listen: c.Listen, metricsListen: c.Telemetry.MetricsListen, dataDir: c.DataDir, trail: cmp.Or(c.Audit.Dir, filepath.Join(c.DataDir, "audit")), driver: c.Store.Driver, shutdown: c.Shutdown,
		files: []string{c.TLS.CertificateFile, c.TLS.KeyFile, c.Keys.WrappingKeyFile, c.Store.DSNFile},
	}, c.Validate()
}

// settingsOf reads a configuration that must hold.
func (s *server) settingsOf(t *testing.T, name string, env func(string) string) *settings {
	t.Helper()
	c, err := s.read(name, env)
	if err != nil {
		t.Fatal(err)
	}
	if c.listen != ":"+s.port {
		t.Errorf("%s listens on %s, want port %s, as it does elsewhere", name, c.listen, s.port)
	}
	return c
}

// run runs the program, and returns its exit code and all that it said.
func run(env func(string) string, args ...string) (int, string) {
	var said bytes.Buffer
	code := cli.Main(args, cli.Streams{In: strings.NewReader(""), Out: &said, Err: &said, Now: time.Now, Env: env})
	return code, said.String()
}

// startsWith checks that a command line runs the server with the configuration at a
// place, and that the program takes it: nothing is at that place here, which must be
// all that it finds wrong.
func (s *server) startsWith(t *testing.T, line []string, name string) {
	t.Helper()
	if want := append(slices.Clone(s.serve), name); !slices.Equal(line, want) {
		t.Fatalf("runs %v, want %v", line, want)
	}
	nowhere := filepath.Join(t.TempDir(), s.config)
	if code, said := run(nil, append(slices.Clone(s.serve), nowhere)...); code != 3 || !strings.Contains(said, nowhere) {
		t.Errorf("%v: exit code %d: %s", line, code, said)
	}
}

// accepts checks a configuration with the files that it names, as operators do.
func (s *server) accepts(t *testing.T, name string, env func(string) string) {
	t.Helper()
	if code, said := run(env, append(slices.Clone(s.check), name)...); code != 0 {
		t.Errorf("%v %s: exit code %d: %s", s.check, name, code, said)
	}
}

// secretsFor makes the files that operators have: a certificate for the hosts of the
// configurations and its key, a wrapping key, and how to reach a database.
func secretsFor(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "example.com"}, DNSNames: []string{"attest.example.com", "vault.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	wrapping := make([]byte, 32)
	_, _ = rand.Read(wrapping) // never fails
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"tls.crt":      pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		"tls.key":      pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		"wrapping.key": []byte(base64.StdEncoding.EncodeToString(wrapping)),
		"dsn":          []byte("postgres://azattest@db.example.com/azattest"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
