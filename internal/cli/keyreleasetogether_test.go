package cli

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The two services of this command and the attested party go together: a key that the
// vault made is released to the enclave that its policy names, and to no other.
func TestKeyReleaseServeAndGet(t *testing.T) {
	t.Parallel()
	service := startDev(t, t.TempDir(), "--algorithm", "ES256")
	dir := t.TempDir()
	at, log := startVaultServe(t, dir, "--authority", service.Endpoint, "--authority-ca-file", service.CAFile)
	as := func(role string) string {
		return strings.TrimSpace(runWith(t, nil, "dev-token", "--role", role, "--data-dir", dir).stdout)
	}
	bearer := as("release-user")
	policy := fmt.Sprintf(`{"version":"1.0.0","anyOf":[{"authority":%q,"allOf":[{"claim":"x-ms-sgx-mrenclave","equals":%q}]}]}`, service.Endpoint, releasedMeasurement)
	body, err := json.Marshal(map[string]any{
		"kty": "EC", "crv": "P-256", "attributes": map[string]any{"exportable": true},
		"release_policy": map[string]any{"data": base64.RawURLEncoding.EncodeToString([]byte(policy))},
	})
	if err != nil {
		t.Fatal(err)
	}
	createKey(t, at, as("crypto-officer"), "signing", body)

	env := map[string]string{bearerVariable: bearer}
	get := func(mrenclave string, args ...string) outcome {
		return runWith(t, env, append([]string{
			"keyrelease", "get", "signing", "--vault", at.Endpoint, "--vault-ca-file", at.CAFile, "--endpoint", service.Endpoint, "--ca-file", service.CAFile,
			"--credential", "bearer", "--simulate", "--data-dir", service.dir, "--mrenclave", mrenclave, "--out", "-",
		}, args...)...)
	}
	got := get(releasedMeasurement, "--policy", inFile(t, "release.json", policy))
	block, _ := pem.Decode([]byte(got.stdout))
	if got.code != exitDone || block == nil {
		t.Fatalf("%+v\n%s", got, log)
	}
	if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
		t.Error(err)
	}
	wantFault(t, get(strings.Repeat("2", 64), "--any-policy"), exitRefused, "does not meet key release policy", "hint: the key's release policy wants another party")
	env[bearerVariable] = as("key-reader")
	wantFault(t, get(releasedMeasurement, "--any-policy"), exitFailed, "the vault answered with status 403", "hint: the caller needs a role that may release keys")
	env[bearerVariable] = "nobody's"
	wantFault(t, get(releasedMeasurement, "--any-policy"), exitFailed, "the vault answered with status 401", "hint: the vault wants a credential")
	if text := log.String(); strings.Contains(text, strings.Split(got.stdout, "\n")[1]) || strings.Contains(text, bearer) {
		t.Error("a secret stands in the log of the vault")
	}
}

// startVaultServe runs keyrelease serve --dev until the test ends.
func startVaultServe(t *testing.T, dir string, args ...string) (ready, *safeBuffer) {
	t.Helper()
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	file, log, ended := filepath.Join(t.TempDir(), "ready.json"), new(safeBuffer), make(chan int, 1)
	args = append([]string{"keyrelease", "serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir", dir, "--ready-file", file}, args...)
	s := Streams{In: strings.NewReader(""), Out: io.Discard, Err: log, Now: func() time.Time { return testTime }}
	go func() { ended <- run(ctx, args, s) }()
	t.Cleanup(func() {
		end()
		<-ended
	})
	var at ready
	for {
		raw, err := readFile(file)
		if err == nil {
			if err := json.Unmarshal(raw, &at); err != nil {
				t.Fatal(err)
			}
			return at, log
		}
		select {
		case code := <-ended:
			ended <- code
			t.Fatalf("keyrelease serve ended with %d: %s", code, log)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func createKey(t *testing.T, at ready, bearer, name string, body []byte) {
	t.Helper()
	transport, err := transportTo(Streams{Now: func() time.Time { return testTime }}, at.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at.Endpoint+"/keys/"+name+"/create?api-version=7.4", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := transport.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // opened for reading only
	if answer, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v: %s", resp.StatusCode, err, answer)
	}
}
