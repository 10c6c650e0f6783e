package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	// What the programs are made of: go test runs them anew when it changes.
	_ "github.com/azattest/azattest/collect"
	_ "github.com/azattest/azattest/internal/cli"
)

// bound is how long all of this may take, which is a matter of seconds: a test that
// hangs should say where.
const bound = time.Minute

// TestExample runs the example as its README says.
func TestExample(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	temporary := t.TempDir()
	cmd := exec.CommandContext(ctx, "go", "run", ".")
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary, "TMP="+temporary)
	cmd.WaitDelay = time.Second
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &out, &complaints)
	}
	for _, want := range []string{
		"1. start the attestation service", "2. start the relying party", "3. the officer keeps a secret", "4. the enclave gets it", "got oct key payroll, 32 bytes, SHA-256",
		"5. a changed enclave does not", "status 403, Forbidden (AccessDenied)", "6. the vault's log says why", "the policy is not met", "all as told",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nothing says %q:\n%s", want, &out)
		}
	}
	if left, err := filepath.Glob(filepath.Join(temporary, "secure-key-release-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestEnclaveCompilesElsewhere compiles the enclave's program in a module of its own,
// as who copies it does.
func TestEnclaveCompilesElsewhere(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, from := range map[string]string{"main.go": filepath.Join("enclave", "main.go"), "go.sum": filepath.Join(root, "go.sum")} {
		text, err := os.ReadFile(filepath.Clean(from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	module := "module example.com/enclave\n\ngo 1.26.0\n\nrequire (\n" +
		"\tgithub.com/azattest/azattest v0.0.0\n\tgithub.com/azattest/azattest/azattestation v0.0.0\n)\n\nreplace (\n" +
		"\tgithub.com/azattest/azattest => " + root + "\n\tgithub.com/azattest/azattest/azattestation => " + filepath.Join(root, "azattestation") + "\n)\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(module), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "go", "vet", "-mod=mod", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
