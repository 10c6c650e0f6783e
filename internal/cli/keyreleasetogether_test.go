package cli

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
)

// The two services of this command and the attested party go together: a key that the
// vault made is released to the enclave that its policy names, and to no other.
func TestKeyReleaseServeAndGet(t *testing.T) {
	t.Parallel()
	service := startDev(t, t.TempDir(), "--algorithm", "ES256")
	at := startKeyRelease(t, t.TempDir(), "--dev", "--listen", "127.0.0.1:0", "--authority", service.Endpoint, "--authority-ca-file", service.CAFile)
	bearer := at.devToken("release-user")
	policy := fmt.Sprintf(`{"version":"1.0.0","anyOf":[{"authority":%q,"allOf":[{"claim":"x-ms-sgx-mrenclave","equals":%q}]}]}`, service.Endpoint, releasedMeasurement)
	if made := at.keys("create", "signing", "--type", "EC", "--policy", inFile(t, "release.json", policy)); made.code != exitDone {
		t.Fatalf("%+v", made)
	}

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
		t.Fatalf("%+v\n%s", got, at.log)
	}
	if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
		t.Error(err)
	}
	wantFault(t, get(strings.Repeat("2", 64), "--any-policy"), exitRefused, "does not meet key release policy", "hint: the key's release policy wants another party")
	env[bearerVariable] = at.devToken("key-reader")
	wantFault(t, get(releasedMeasurement, "--any-policy"), exitFailed, "the vault answered with status 403", "hint: the caller needs a role that may release keys")
	env[bearerVariable] = "nobody's"
	wantFault(t, get(releasedMeasurement, "--any-policy"), exitFailed, "the vault answered with status 401", "hint: the vault wants a credential")
	if text := at.log.String(); strings.Contains(text, strings.Split(got.stdout, "\n")[1]) || strings.Contains(text, bearer) {
		t.Error("a secret stands in the log of the vault")
	}
}
