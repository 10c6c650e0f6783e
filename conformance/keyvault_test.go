package conformance_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/testport"
)

// keyVault is the kind of instance that a key release server is: there is one.
const keyVault = "vault"

// keyReleaseServe is the command that runs it.
var keyReleaseServe = []string{"keyrelease", "serve"}

// vaultSuites drive the key release server with Microsoft's clients of Key Vault,
// which ask for keys, beside those that attest.
func vaultSuites() []suite {
	return []suite{
		{
			name: "python", dir: filepath.Join("python", "keyvault"), clients: []string{pythonSync, pythonAio},
			needs: filepath.Join("python", ".venv", "lib", "*", "site-packages", "azure", "keyvault", "keys", "__init__.py"),
			command: func(results string) []string {
				return []string{filepath.Join("..", ".venv", "bin", "pytest"), "-q", "--junitxml", results}
			},
			env: func(string) []string { return nil },
		},
		{
			name: "javascript", dir: filepath.Join("javascript", "keyvault"), clients: []string{javaScript},
			needs: filepath.Join("javascript", "node_modules", "@azure", "keyvault-keys", "package.json"),
			// Named one by one: the other suite takes what ends in .test.mjs.
			command: func(results string) []string { return node(results, "keys.mjs", "errors.mjs", "release.mjs") },
			env:     trustInNode,
		},
	}
}

// vaultWorld is what such a suite needs to know. Its CAs are those of all services.
type vaultWorld struct {
	*world

	// Algorithm is how the vault signs what it releases, SigningCAFile who vouches for
	// the key.
	Algorithm     string `json:"algorithm"`
	SigningCAFile string `json:"signingCAFile"`
	// Platforms are commands that make quotes of simulated enclaves, for the service of
	// that name: whoever plays an enclave adds flags.
	Platforms map[string][]string `json:"platforms"`
}

// Names of the attestation services: the vault trusts the first alone.
const (
	authority = "authority"
	stranger  = "stranger"
)

// TestOfficialSDKsOfKeyVault has Microsoft's own clients of Key Vault, unmodified,
// drive the key release server as users run it: the command, over TLS, beside an
// attestation service. Each scenario is a subtest.
func TestOfficialSDKsOfKeyVault(t *testing.T) {
	t.Parallel()
	all := readScenarios(t, "keyvault.json")
	needSDKs(t, vaultSuites())
	binary := buildCommand(t)
	for _, algorithm := range []string{"ES256", "RS256"} {
		for _, s := range vaultSuites() {
			t.Run(algorithm+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				w := startVaultWorld(t, binary, algorithm)
				report(t, all, s, w.world, run(t, s, w.world))
			})
		}
	}
}

// startVaultWorld starts a vault and two attestation services.
func startVaultWorld(t *testing.T, binary, algorithm string) *vaultWorld {
	t.Helper()
	w := &vaultWorld{
		world:     &world{Endpoints: make(map[string]string), Bearers: make(map[string]string), dir: t.TempDir()},
		Algorithm: algorithm, Platforms: make(map[string][]string),
	}
	service := func(name string) *process {
		p := &process{binary: binary, dir: filepath.Join(w.dir, name), dataDir: filepath.Join(w.dir, name, "data")}
		if err := os.Mkdir(p.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		return p
	}
	var cas []byte
	trust := func(name string, at ready) {
		w.Endpoints[name] = at.Endpoint
		pem, err := os.ReadFile(at.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		cas = append(cas, pem...)
	}
	var caFile string
	for _, name := range []string{authority, stranger} {
		s := service(name)
		at := s.start(t, serve, "--data-dir", s.dataDir, "--listen", "127.0.0.1:0")
		trust(name, at)
		w.Platforms[name] = []string{binary, "simulate", "quote", "--data-dir", s.dataDir}
		w.bearers(t, s, map[string]string{name: "reader"})
		if name == authority {
			caFile = at.CAFile
		}
	}
	v := service(keyVault)
	at := v.start(t, keyReleaseServe, w.vaultFlags(t, v, caFile)...)
	trust(keyVault, at)
	if w.SigningCAFile == "" {
		w.SigningCAFile = at.CAFile
	}
	w.bearers(t, v, map[string]string{"officer": "crypto-officer", "reader": "key-reader", "user": "release-user"})
	w.CAFile = filepath.Join(w.dir, "cas.pem")
	writeAll(t, w.CAFile, cas)
	w.write(t, w)
	return w
}

// bearers takes bearers for roles from a service.
func (w *vaultWorld) bearers(t *testing.T, s *process, roles map[string]string) {
	t.Helper()
	for name, role := range roles {
		w.Bearers[name] = filepath.Join(w.dir, name+".bearer")
		bearer := s.azattest(t, "dev-token", "--role", role, "--data-dir", s.dataDir)
		writeAll(t, w.Bearers[name], []byte(bearer))
		s.secrets = append(s.secrets, strings.TrimSpace(bearer))
	}
}

// vaultFlags are those of the shortest way to a vault, which signs with the key of
// its TLS certificate (ES256); or name a configuration with a key of its own for that.
func (w *vaultWorld) vaultFlags(t *testing.T, s *process, authorityCA string) []string {
	t.Helper()
	if w.Algorithm == "ES256" {
		return []string{"--data-dir", s.dataDir, "--listen", "127.0.0.1:0", "--authority", w.Endpoints[authority], "--authority-ca-file", authorityCA}
	}
	var keys [2]*rsa.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			t.Fatal(err)
		}
	}
	ca := certify(t, "signing CA", keys[0], pair{})
	w.SigningCAFile = ca.write(t, s.dir, "signing-ca")["certificate"]
	signing := certify(t, "vault", keys[1], ca, "localhost").write(t, s.dir, "signing")
	port := strconv.Itoa(testport.Free(t))
	var text strings.Builder
	fmt.Fprintf(&text, "listen: 127.0.0.1:%s\nurl: https://localhost:%s\ndataDir: %s\n", port, port, s.dataDir)
	fmt.Fprintf(&text, "authorities:\n- url: %s\n  caFile: %s\n", w.Endpoints[authority], authorityCA)
	fmt.Fprintf(&text, "signing:\n  certificateFile: %s\n  keyFile: %s\n", signing["certificate"], signing["key"])
	fmt.Fprintf(&text, "audit:\n  dir: %s\n", filepath.Join(s.dir, "audit"))
	file := filepath.Join(s.dir, "config.yaml")
	writeAll(t, file, []byte(text.String()))
	return []string{"--config", file}
}
