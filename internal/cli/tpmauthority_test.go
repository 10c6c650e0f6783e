package cli

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/enroll"
	"github.com/azattest/azattest/internal/testport"
	"github.com/azattest/azattest/internal/testtpm"
)

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMakeAuthority(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "here")
	got := runAt(t, testTime, "", "tpm", "make-authority", "--out", dir, "--algorithm", "ecdsa", "--name", "Contoso TPMs", "--lifetime", "24h")
	certificate, key := filepath.Join(dir, "authority.pem"), filepath.Join(dir, "authority-key.pem")
	want := fmt.Sprintf("# CN=Contoso TPMs, until %s\ntpm:\n  enrollment:\n    certificateFile: %q\n    keyFile: %q\n", stamp(testTime.Add(24*time.Hour)), certificate, key)
	if got.code != exitDone || got.stdout != want || got.stderr != "" {
		t.Fatalf("exit code %d, %s\nstdout %s\nwant %s", got.code, got.stderr, got.stdout, want)
	}
	// The certificate is for others to read, the key is not.
	for name, mode := range map[string]fs.FileMode{key: 0o600, certificate: 0o644, dir: fs.ModeDir | 0o755} {
		if info, err := os.Stat(name); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, mode)
		}
	}
	first := readText(t, key)
	issuer, err := enroll.ParseIssuer([]byte(readText(t, certificate)), []byte(first))
	if err != nil {
		t.Fatal(err)
	}
	if err := issuer.Check(testTime); err != nil {
		t.Error(err)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", issuer, issuer, issuer), "D:") {
		t.Error("an issuer shows its key")
	}

	got = runAt(t, testTime, "", "tpm", "make-authority", "--out", dir)
	if got.code != exitFailed || !strings.Contains(got.stderr, "is there already") || readText(t, key) != first {
		t.Errorf("once more: exit code %d, %s", got.code, got.stderr)
	}
	got = runAt(t, testTime, "", "tpm", "make-authority", "--out", dir, "--force", "--algorithm", "ecdsa", "--json")
	var made madeAuthority
	if err := json.Unmarshal([]byte(got.stdout), &made); err != nil || made.CertificateFile != certificate || made.KeyFile != key || made.Authority.Key != "ECDSA P-256" {
		t.Errorf("with --force: %v, %s", err, got.stdout)
	}
	if readText(t, key) == first || strings.Contains(got.stdout, "PRIVATE") {
		t.Error("with --force: the key is the old one, or printed")
	}
}

// An authority is a key with a certificate: where one of them cannot be written, all is
// as it was.
func TestMakeAuthorityMakesNoHalfOfOne(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{"none before": "", "another before": "the key before"} {
		dir := t.TempDir()
		key, certificate := filepath.Join(dir, "authority-key.pem"), filepath.Join(dir, "authority.pem")
		if err := os.Mkdir(certificate, 0o700); err != nil {
			t.Fatal(err)
		}
		if before != "" {
			if err := os.WriteFile(key, []byte(before), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got := runAt(t, testTime, "", "tpm", "make-authority", "--out", dir, "--force", "--algorithm", "ecdsa")
		wantFault(t, got, exitFailed, "write "+certificate+": this is a folder")
		switch text, err := os.ReadFile(key); {
		case before == "" && !errors.Is(err, fs.ErrNotExist):
			t.Errorf("%s: a key without a certificate (%v)", name, err)
		case before != "" && string(text) != before:
			t.Errorf("%s: the key is another (%v)", name, err)
		}
	}
}

func TestMakeAuthorityRefuses(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                            "--out is missing",
		"--out=x --lifetime=1m":       "--lifetime 1m0s: want an hour or more",
		"--out=x --algorithm=ed25519": "want rsa or ecdsa",
		"--out=x --algorithm=ecdsa --name=" + strings.Repeat("n", 65): "want up to 64 bytes",
	} {
		got := runAt(t, testTime, "", append([]string{"tpm", "make-authority"}, strings.Fields(args)...)...)
		if got.code != exitUsage || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: exit code %d, %s, want %q", args, got.code, got.stderr, want)
		}
	}
}

// vendorFile is a TPM with the file of its vendor's authority.
func vendorFile(t *testing.T) (*testtpm.Soft, string) {
	t.Helper()
	s := testtpm.NewSoft(t, testTime.Add(-time.Hour), testTime.Add(time.Hour))
	name := filepath.Join(t.TempDir(), "vendor.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Root().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, name
}

// post sends JSON with the bearer and returns the answer's strings in base64url.
func (r *served) post(path string, request map[string]any) map[string]any {
	r.t.Helper()
	text, err := json.Marshal(request)
	if err != nil {
		r.t.Fatal(err)
	}
	transport, err := transportTo(Streams{Now: func() time.Time { return testTime }}, r.CAFile)
	if err != nil {
		r.t.Fatal(err)
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.Endpoint+path, bytes.NewReader(text))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+r.devToken("reader"))
	response, err := transport.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		r.t.Fatalf("status %d, %v: %s\n%s", response.StatusCode, err, body, r.log)
	}
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		r.t.Fatal(err)
	}
	return answer
}

func decoded(t *testing.T, v any) []byte {
	t.Helper()
	text, _ := v.(string)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) == 0 {
		t.Fatalf("%v: %v", v, err)
	}
	return raw
}

// enrolls has a TPM enroll a key, and returns the chain of its certificate.
func (r *served) enrolls(s *testtpm.Soft) []*x509.Certificate {
	r.t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	aik := s.NewAIK(r.t, testtpm.AIKAttributes)
	c := r.post("/tpm/enroll", map[string]any{"ekCertificates": []string{b64(s.Certificate().Raw)}, "aikPublic": b64(aik)})
	secret, err := s.Activate(aik, decoded(r.t, c["idObject"]), decoded(r.t, c["encryptedSecret"]))
	if err != nil {
		r.t.Fatal(err)
	}
	answer := r.post("/tpm/activate", map[string]any{"context": c["context"], "secret": b64(secret), "aikPublic": b64(aik)})
	list, _ := answer["certificates"].([]any)
	var chain []*x509.Certificate
	for _, one := range list {
		certificate, err := tpm.ParseCertificate(decoded(r.t, one))
		if err != nil {
			r.t.Fatal(err)
		}
		chain = append(chain, certificate)
	}
	return chain
}

func TestServeEnrollsTPMs(t *testing.T) {
	t.Parallel()
	s, vendor := vendorFile(t)
	r := startDev(t, t.TempDir(), "--tpm-ek-root", vendor)
	chain := r.enrolls(s)
	if len(chain) != 2 || chain[1].Subject.CommonName != "azattest development TPM enrollment" || !strings.Contains(r.log.String(), `msg="TPMs are enrolled"`) ||
		!strings.Contains(r.log.String(), "in_memory=true") {
		t.Fatalf("a chain of %d, log %s", len(chain), r.log)
	}
	if err := chain[0].CheckSignatureFrom(chain[1]); err != nil {
		t.Error(err)
	}

	// An authority that is configured.
	dir := t.TempDir()
	if got := runAt(t, testTime, "", "tpm", "make-authority", "--out", dir, "--algorithm", "ecdsa", "--lifetime", "48h"); got.code != exitDone {
		t.Fatal(got.stderr)
	}
	file := filepath.Join(dir, "azattest.yaml")
	port := testport.Free(t)
	text := fmt.Sprintf("listen: localhost:%d\ninstances: [{name: a, url: 'https://localhost:%d'}]\ntpm:\n  ekRootFiles: [%q]\n  enrollment:\n    certificateFile: %q\n    keyFile: %q\n",
		port, port, vendor, filepath.Join(dir, "authority.pem"), filepath.Join(dir, "authority-key.pem"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r = startServe(t, t.TempDir(), "--dev", "--config", file)
	chain = r.enrolls(s)
	if len(chain) != 2 || chain[1].Subject.CommonName != defaultAuthorityName || chain[0].NotAfter.After(chain[1].NotAfter) {
		t.Errorf("a chain of %d", len(chain))
	}
	if !strings.Contains(r.log.String(), "level=WARN msg=\"TPMs are enrolled\"") {
		t.Errorf("an authority that ends tomorrow is no cause for alarm: %s", r.log)
	}
}

// What is out of its time enrolls nobody; attestation goes on.
func TestServeGoesOnWithAnAuthorityOutOfItsTime(t *testing.T) {
	t.Parallel()
	_, vendor := vendorFile(t)
	dir := t.TempDir()
	if got := runAt(t, testTime.Add(-3*time.Hour), "", "tpm", "make-authority", "--out", dir, "--algorithm", "ecdsa", "--lifetime", "1h"); got.code != exitDone {
		t.Fatal(got.stderr)
	}
	file := filepath.Join(dir, "azattest.yaml")
	port := testport.Free(t)
	text := fmt.Sprintf("listen: localhost:%d\ninstances: [{name: a, url: 'https://localhost:%d'}]\ntpm:\n  ekRootFiles: [%q]\n  enrollment:\n    certificateFile: %q\n    keyFile: %q\n",
		port, port, vendor, filepath.Join(dir, "authority.pem"), filepath.Join(dir, "authority-key.pem"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startServe(t, t.TempDir(), "--dev", "--config", file)
	if log := r.log.String(); !strings.Contains(log, `level=ERROR msg="no TPMs are enrolled: make another authority`) {
		t.Errorf("nothing said of an authority that has ended: %s", log)
	}
	// Whoever asks beforehand is told that this is no state to start in.
	got := runAt(t, testTime, "", "config", "check", file)
	if got.code != exitRefused || !strings.Contains(got.stdout, "tpm.enrollment") || !strings.Contains(got.stdout, "ended at") {
		t.Errorf("config check: exit code %d, %s", got.code, got.stdout)
	}
}

func TestServeRefusesAuthorities(t *testing.T) {
	t.Parallel()
	_, vendor := vendorFile(t)
	dir := t.TempDir()
	if got := runAt(t, testTime.Add(-3*time.Hour), "", "tpm", "make-authority", "--out", dir, "--algorithm", "ecdsa", "--lifetime", "1h"); got.code != exitDone {
		t.Fatal(got.stderr)
	}
	leaf, leafKey := selfSigned(t, testTime)
	for name, text := range map[string]string{"leaf.pem": leaf, "leaf-key.pem": leafKey} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		certificate, key string
		code             int
		want             string
	}{
		"no authority":     {"leaf.pem", "leaf-key.pem", exitRefused, "CA:TRUE"},
		"keys of two":      {"authority.pem", "leaf-key.pem", exitRefused, "does not match"},
		"a file not there": {"authority.pem", "lost.pem", exitFailed, "lost.pem"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "azattest.yaml")
			text := fmt.Sprintf("listen: 127.0.0.1:0\ndataDir: %q\ntpm:\n  ekRootFiles: [%q]\n  enrollment:\n    certificateFile: %q\n    keyFile: %q\n",
				t.TempDir(), vendor, filepath.Join(dir, tt.certificate), filepath.Join(dir, tt.key))
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			got := runAt(t, testTime, "", "serve", "--dev", "--config", file)
			if got.code != tt.code || !strings.Contains(got.stderr, tt.want) {
				t.Errorf("serve: exit code %d, %s, want %d and %q", got.code, got.stderr, tt.code, tt.want)
			}
			got = runAt(t, testTime, "", "config", "check", file)
			if got.code != exitRefused || !strings.Contains(got.stdout, "tpm.enrollment.") || !strings.Contains(got.stdout, tt.want) {
				t.Errorf("config check: exit code %d, %s, want %q", got.code, got.stdout, tt.want)
			}
		})
	}
	got := runAt(t, testTime, "", "serve", "--url", "https://a.example", "--behind-proxy", "--tpm-ek-root", vendor)
	if got.code != exitUsage || !strings.Contains(got.stderr, "--tpm-ek-root is for --dev only") {
		t.Errorf("without --dev: exit code %d, %s", got.code, got.stderr)
	}
}
