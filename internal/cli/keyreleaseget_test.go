package cli

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/relyingparty"
)

// releaseVault is a vault at the tests' time, which trusts one attestation service.
type releaseVault struct {
	t          *testing.T
	service    *served
	server     *httptest.Server
	caFile     string
	policyFile string
	require    relyingparty.Config
	keys       map[string]*keyrelease.Key
	bearer     string
	answer     http.Handler // in place of the vault's, nil for that
}

const releasedMeasurement = "1111111111111111111111111111111111111111111111111111111111111111"

var symmetricSecret = []byte("a secret of thirty-two bytes now")

// startFakeVault starts a vault with an RSA, an EC and a symmetric key.
func startFakeVault(t *testing.T, service *served) *releaseVault {
	t.Helper()
	v := &releaseVault{t: t, service: service, keys: map[string]*keyrelease.Key{}}
	v.server = httptest.NewUnstartedServer(v)
	v.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	v.server.StartTLS()
	t.Cleanup(v.server.Close)
	v.caFile = inFile(t, "vault-ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: v.server.Certificate().Raw})))
	text := fmt.Sprintf(`{"version":"1.0.0","anyOf":[{"authority":%q,"allOf":[{"claim":"x-ms-sgx-mrenclave","equals":%q}]}]}`, service.Endpoint, releasedMeasurement)
	v.policyFile = inFile(t, "release.json", text)
	policy, err := keyrelease.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	attributes := keyrelease.Attributes{Enabled: true, Exportable: true}
	v.keys["signing"] = &keyrelease.Key{Name: "signing", Version: "1", Type: "EC-HSM", Material: der, Public: private.Public(), Attributes: attributes, Policy: policy}
	v.keys["disk"] = &keyrelease.Key{Name: "disk", Version: "2", Type: "oct-HSM", Material: symmetricSecret, Attributes: attributes, Policy: policy}
	attributes.Enabled = false
	v.keys["old"] = &keyrelease.Key{Name: "old", Version: "3", Type: "oct-HSM", Material: symmetricSecret, Attributes: attributes, Policy: policy}

	transport, err := transportTo(Streams{Now: func() time.Time { return testTime }}, service.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := newClient(service.Endpoint, nil, clientOptions(Streams{Now: service.clock}, transport, "", credentialFlags{}))
	if err != nil {
		t.Fatal(err)
	}
	v.require = relyingparty.Config{Sources: []*azattestation.KeySource{client.KeySource()}, AllowAnyEnclave: true, AllowSimulated: true, Now: service.clock}
	return v
}

func (r *served) clock() time.Time { return r.now }

// ReleaseKey makes it a KeySource.
func (v *releaseVault) ReleaseKey(_ context.Context, name, _ string) (*keyrelease.Key, error) {
	key, ok := v.keys[name]
	if !ok {
		return nil, keyrelease.ErrKeyNotFound
	}
	copied := *key
	copied.Material = bytes.Clone(key.Material)
	return &copied, nil
}

// ServeHTTP lets callers with the bearer in, if there is one.
func (v *releaseVault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case v.answer != nil:
		v.answer.ServeHTTP(w, r)
		return
	case v.bearer != "" && r.Header.Get("Authorization") != "Bearer "+v.bearer:
		keyrelease.WriteRefusal(w, &keyrelease.RefusalError{Status: http.StatusUnauthorized, Code: "Unauthorized", Message: "AKV10000: Request is missing a Bearer or PoP token."})
		return
	}
	certificate := v.server.TLS.Certificates[0]
	signer, err := keyrelease.NewSigner(certificate.PrivateKey.(crypto.Signer), []*x509.Certificate{v.server.Certificate()})
	if err != nil {
		v.t.Error(err)
		return
	}
	verifier, err := relyingparty.New(v.require)
	if err != nil {
		v.t.Error(err)
		return
	}
	releaser, err := keyrelease.NewReleaser(keyrelease.Config{
		Verifier: verifier, Keys: v, Vault: v.server.URL, RequireNonce: true, Now: v.service.clock,
		Signer: func(context.Context) (*keyrelease.Signer, error) { return signer, nil },
	})
	if err != nil {
		v.t.Error(err)
		return
	}
	keyrelease.NewHandler(releaser).ServeHTTP(w, r)
}

// get runs keyrelease get for the simulated enclave to which the keys are released,
// unless the arguments say otherwise.
func (v *releaseVault) get(env map[string]string, name string, args ...string) outcome {
	v.t.Helper()
	line := []string{
		"keyrelease", "get", name, "--vault", v.server.URL, "--endpoint", v.service.Endpoint, "--ca-file", v.service.CAFile,
		"--simulate", "--data-dir", v.service.dir, "--mrenclave", releasedMeasurement,
	}
	if !strings.Contains(strings.Join(args, " "), "--vault-ca-file") {
		line = append(line, "--vault-ca-file", v.caFile)
	}
	if env == nil {
		line = append(line, "--no-credential")
	}
	return runWith(v.t, env, append(line, args...)...)
}

// An enclave gets its keys, in every form and by every algorithm.
func TestKeyReleaseGet(t *testing.T) {
	t.Parallel()
	v := startFakeVault(t, startDev(t, t.TempDir(), "--algorithm", "ES256"))
	file := filepath.Join(t.TempDir(), "secret")

	got := v.get(nil, "signing", "--policy", v.policyFile, "--out", file)
	secret, err := os.ReadFile(file)
	if block, _ := pem.Decode(secret); got.code != exitDone || got.stdout != "" || err != nil || block == nil || !bytes.Equal(block.Bytes, v.keys["signing"].Material) {
		t.Fatalf("%+v, %d bytes, %v", got, len(secret), err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}

	for _, algorithm := range keyrelease.WrapAlgorithms() {
		got := v.get(nil, "disk", "--policy", v.policyFile, "--out", "-", "--algorithm", string(algorithm))
		if got.code != exitDone || got.stdout != string(symmetricSecret) || got.stderr != "" {
			t.Errorf("%s: %+v", algorithm, got)
		}
	}

	// Forms that take no new key to test: the rest is told in what is printed.
	for format, want := range map[string]string{
		"raw": string(symmetricSecret), "base64": base64.StdEncoding.EncodeToString(symmetricSecret) + "\n",
		"jwk": `"k":"` + base64.RawURLEncoding.EncodeToString(symmetricSecret) + `"`,
	} {
		if got := v.get(nil, "disk", "--any-policy", "--algorithm", "ECDH-ES+A256KW", "--format", format, "--out", "-"); !strings.Contains(got.stdout, want) || format != "jwk" && got.stdout != want {
			t.Errorf("%s: %+v", format, got)
		}
	}
	wantFault(t, v.get(nil, "disk", "--any-policy", "--algorithm", "ECDH-ES+A256KW", "--format", "pem", "--out", "-"), exitFailed, "the key is symmetric", "hint: leave --format out")

	shown := wantDone[releasedKey](t, v.get(nil, "disk", "--policy", inFile(t, "other.json", `{"version":"1.0.0","anyOf":[{"authority":"https://x.example","allOf":[{"claim":"a","equals":1}]}]}`),
		"--policy", v.policyFile, "--version", "2", "--out", file, "--json"))
	if shown.KeyID != v.server.URL+"/keys/disk/2" || shown.Type != "oct-HSM" || !shown.Simulated || shown.Format != "raw" || shown.Size != len(symmetricSecret) || shown.Out != file {
		t.Errorf("%+v", shown)
	}
	if text, err := json.Marshal(shown); err != nil || strings.Contains(string(text), string(symmetricSecret)) {
		t.Errorf("%s, %v", text, err)
	}

	// The credential goes to the vault.
	v.bearer = "of-the-vault"
	env := map[string]string{bearerVariable: v.bearer}
	if got := v.get(env, "disk", "--any-policy", "--credential", "bearer", "--out", "-"); got.code != exitDone {
		t.Errorf("%+v", got)
	}
	wantFault(t, v.get(nil, "disk", "--any-policy", "--out", "-"), exitFailed, "the vault answered with status 401, Unauthorized: AKV10000", "hint: the vault wants a credential")
	wantFault(t, v.get(env, "disk", "--any-policy", "--credential", "azure-cli", "--out", "-"), exitUsage, "--scope: missing", "127.0.0.1 is none of Azure's hosts")
	if strings.Contains(v.service.log.String(), v.bearer) {
		t.Error("the bearer stands in the log of the attestation service")
	}
}

// What is not released, or does not hold, writes nothing and says what to do.
func TestKeyReleaseGetRefuses(t *testing.T) {
	t.Parallel()
	v := startFakeVault(t, startDev(t, t.TempDir(), "--algorithm", "ES256"))
	other := inFile(t, "other.json", `{"version":"1.0.0","anyOf":[{"authority":"https://x.example","allOf":[{"claim":"a","equals":1}]}]}`)
	faulty := inFile(t, "faulty.json", `{"version":"1.0.0","anyOf":[]}`)
	file := filepath.Join(t.TempDir(), "secret")
	answering := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Location", "https://elsewhere.example/")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for _, tt := range []struct {
		name   string
		args   []string
		change func(*releaseVault)
		code   int
		said   []string
	}{
		{name: "disk", args: []string{"--mrenclave", strings.Repeat("2", 64), "--any-policy"}, code: exitRefused, said: []string{
			"the vault refused with status 403, Forbidden (AccessDenied): Target environment attestation does not meet", "hint: the key's release policy wants another party", "azattest keyrelease policy explain",
		}},
		{name: "disk", args: []string{"--any-policy"}, change: func(v *releaseVault) { v.require.AllowSimulated = false }, code: exitRefused, said: []string{
			"attestation statement cannot be verified", "hint: the vault does not take the token of " + v.service.Endpoint, "not simulated unless",
		}},
		{name: "disk", args: []string{"--any-policy", "--debug"}, code: exitRefused, said: []string{"cannot be verified", "hint: "}},
		{name: "disk", args: []string{"--policy", other}, code: exitRefused, said: []string{"policy: another than those expected", "hint: read that policy"}},
		{name: "disk", args: []string{"--policy", faulty}, code: exitFailed, said: nil},
		{name: "old", args: []string{"--any-policy"}, code: exitFailed, said: []string{"status 403, Forbidden (KeyDisabled)", "hint: whoever runs the vault"}},
		{name: "missing", args: []string{"--any-policy"}, code: exitFailed, said: []string{"status 404, KeyNotFound", "hint: look the key's name"}},
		{name: "../disk", args: []string{"--any-policy"}, code: exitUsage, said: []string{`NAME: "../disk", want 1 to 127 letters`}},
		{name: "disk", args: []string{"--any-policy", "--version", "a/b"}, code: exitUsage, said: []string{`--version: "a/b"`}},
		{name: "disk", args: []string{"--any-policy", "--vault-ca-file", v.service.CAFile}, code: exitFailed, said: []string{"certificate", "hint: name the CA of the vault with --vault-ca-file"}},
		{name: "disk", args: []string{"--any-policy", "--endpoint", v.service.Endpoint + "/nowhere"}, code: exitFailed, said: []string{"the service answered with status 404"}},
		{name: "disk", args: []string{"--any-policy"}, change: func(v *releaseVault) {
			v.answer = answering(http.StatusTemporaryRedirect, "text/html", "")
		}, code: exitFailed, said: []string{"the vault answered with status 307", "hint: redirects are not followed"}},
		{name: "disk", args: []string{"--any-policy"}, change: func(v *releaseVault) {
			v.answer = answering(http.StatusOK, "text/html", "<h1>Welcome</h1>")
		}, code: exitFailed, said: []string{"content type", "hint: is --vault the URL of a vault?"}},
		{name: "disk", args: []string{"--any-policy"}, change: func(v *releaseVault) {
			v.answer = answering(http.StatusOK, "application/json", `{"value":"eyJhbGciOiJub25lIn0.e30."}`)
		}, code: exitRefused, said: []string{"signature", "hint: somebody answers in the vault's place"}},
		{name: "disk", args: []string{"--any-policy"}, change: func(v *releaseVault) {
			v.answer = answering(http.StatusForbidden, "application/json", `{"error":{"code":"Forbidden","message":"The user \u001b[2J may not.","innererror":{"code":"ForbiddenByRbac"}}}`)
		}, code: exitFailed, said: []string{"Forbidden (ForbiddenByRbac)", "hint: the caller needs a role"}},
	} {
		v.require.AllowSimulated, v.answer = true, nil
		if tt.change != nil {
			tt.change(v)
		}
		got := v.get(nil, tt.name, append(tt.args, "--out", file)...)
		if tt.said == nil {
			if got.code != tt.code || !strings.Contains(got.stderr, "faulty.json:1:28: error: ") || !strings.Contains(got.stderr, "cannot be used: it has 1 fault") {
				t.Errorf("%v: %+v", tt.args, got)
			}
			continue
		}
		wantFault(t, got, tt.code, tt.said...)
		if t.Failed() {
			t.Fatalf("%v", tt.args)
		}
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("there is a secret: %v", err)
	}

	v.require.AllowSimulated, v.answer = true, nil
	got := v.get(nil, "disk", "--any-policy", "--mrenclave", strings.Repeat("2", 64), "--out", file, "--json")
	var f failure
	if err := json.Unmarshal([]byte(got.stdout), &f); err != nil || got.code != exitRefused || f.Error.Status != 403 || f.Error.Code != "Forbidden" || f.Error.InnerCode != "AccessDenied" || f.Error.Hint == "" {
		t.Errorf("%+v, %v", got, err)
	}
}

// What the command line cannot mean is said before anybody is asked.
func TestKeyReleaseGetUsage(t *testing.T) {
	t.Parallel()
	base := []string{"keyrelease", "get", "disk", "--vault", "https://vault.example", "--endpoint", "https://attest.example"}
	for said, args := range map[string][]string{
		"--policy is missing":                     {"--out", "x"},
		"--policy and --any-policy":               {"--out", "x", "--policy", "p", "--any-policy"},
		"--out is missing":                        {"--any-policy"},
		"--out and --fd exclude":                  {"--any-policy", "--out", "x", "--fd", "3"},
		"--fd 1: want 3 or more":                  {"--any-policy", "--fd", "1"},
		"--json and --out - both":                 {"--any-policy", "--out", "-", "--json"},
		"--force goes with --out -":               {"--any-policy", "--out", "x", "--force"},
		`--format "der": want`:                    {"--any-policy", "--out", "x", "--format", "der"},
		`--algorithm "RSA1_5": want`:              {"--any-policy", "--out", "x", "--algorithm", "RSA1_5"},
		"--mrenclave goes with --simulate":        {"--any-policy", "--out", "x", "--mrenclave", strings.Repeat("1", 64)},
		"--credential \"me\": want one of":        {"--any-policy", "--out", "x", "--credential", "me"},
		"want https (http for this machine only)": {"--any-policy", "--out", "x", "--vault", "http://vault.example", "--no-credential"},
	} {
		wantFault(t, runWith(t, nil, append(base, args...)...), exitUsage, said)
	}
	wantFault(t, runWith(t, nil, "keyrelease", "get", "disk", "--endpoint", "https://attest.example", "--any-policy", "--out", "x"), exitUsage, "--vault is missing")
	wantFault(t, runWith(t, nil, "keyrelease", "get", "disk", "--vault", "https://vault.example", "--any-policy", "--out", "x"), exitUsage, "--endpoint is missing")
	wantFault(t, runWith(t, nil, append(base, "--policy", "no such file", "--fd", "9999")...), exitUsage, "--fd 9999: ", "open for writing", "hint: whoever starts the command opens it")
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing")
	wantFault(t, runWith(t, nil, append(base, "--policy", "no such file", "--out", filepath.Join(missing, "x"))...), exitFailed, "write "+filepath.Join(missing, "x")+": there is no folder "+missing)
	wantFault(t, runWith(t, nil, append(base, "--policy", "no such file", "--out", dir)...), exitFailed, "write "+dir+": this is a folder")

	var out, errs bytes.Buffer
	s := Streams{In: strings.NewReader(""), Out: &out, Err: &errs, Now: func() time.Time { return testTime }, OutIsTerminal: true}
	code := run(t.Context(), append(base, "--any-policy", "--out", "-"), s)
	wantFault(t, outcome{code, out.String(), errs.String()}, exitUsage, "--out - is a terminal")
}
