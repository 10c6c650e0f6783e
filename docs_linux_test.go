package readme_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/testtpm"
)

// walk runs blocks of docs/tpm.md in one bash that begins in this folder, in a home
// of its own, and returns what was printed.
func walk(t *testing.T, blocks ...string) []byte {
	t.Helper()
	home := testtpm.SocketDir(t)
	env := []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOFLAGS", "GOPROXY", "GOTOOLCHAIN"} {
		value, err := exec.CommandContext(t.Context(), "go", "env", name).Output() //nolint:gosec // G204: the names are those above
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(value)))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	// What the blocks start ends with them, even where one fails.
	script := "set -euo pipefail\ntrap 'for p in ~/tpm-walk/*/pid; do test ! -e \"$p\" || kill \"$(cat \"$p\")\" || true; done' EXIT\n" + strings.Join(blocks, "")
	//nolint:gosec // G204: the script is that of our own document
	shell := exec.CommandContext(ctx, "bash", "-c", script)
	shell.Env = env
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	shell.WaitDelay = 10 * time.Second
	out, err := shell.CombinedOutput()
	_ = syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) // none is left if all went well
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

func needWalk(t *testing.T, programs ...string) {
	t.Helper()
	for program, pack := range map[string]string{"swtpm": "swtpm", "swtpm_setup": "swtpm-tools", "tpm2_pcrextend": "tpm2-tools"} {
		if _, err := exec.LookPath(program); err != nil {
			without(t, pack)
		}
	}
	for _, program := range append(programs, "bash") {
		if _, err := exec.LookPath(program); err != nil {
			without(t, program)
		}
	}
}

// TestWalkThroughOfTPMMD runs the walk-through of docs/tpm.md word for word.
func TestWalkThroughOfTPMMD(t *testing.T) {
	t.Parallel()
	needWalk(t)
	out := walk(t, markedBlocks(t, "docs/tpm.md", "run")...)
	for _, want := range []string{
		`"aikValidated": true`, `"secureBootEnabled": false`, `"rp_data": "NDcxMQ"`, "(chain/missing)", "(chain/untrusted-root)", "(log/mismatch)",
		"(quote/missing)", "No Permit claim was issued", `"kernel": "linux /vmlinuz root=/dev/vda1 ro lockdown=integrity"`, "made by another TPM",
	} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("nothing printed %q:\n%s", want, out)
		}
	}
	if bytes.Contains(out, []byte("not refused")) {
		t.Errorf("%s", out)
	}
}

// TestOwnLogOfTPMMD puts a log of a machine into a TPM in software, as docs/tpm.md
// tells people to do with that of theirs, and has it attested.
func TestOwnLogOfTPMMD(t *testing.T) {
	t.Parallel()
	needWalk(t, "jq")
	log := filepath.Join(corpus.Dir(t), "evidence", "tpm-eventlog", "gotpmtools", "rhel8-uefi.bin")
	var blocks []string
	for _, block := range markedBlocks(t, "docs/tpm.md", "run") {
		if strings.HasPrefix(block, "bytes()") {
			break // what follows has measurements of its own
		}
		blocks = append(blocks, block)
	}
	blocks = append(blocks, "boot laptop\ncp '"+log+"' machine.log\n")
	blocks = append(blocks, markedBlocks(t, "docs/tpm.md", "own")...)
	out := walk(t, append(blocks, "laptop attest tpm --log machine.log > token.jwt\nazattest token show token.jwt\nkill \"$service\"\nwait \"$service\"\n")...)
	if !bytes.Contains(out, []byte("secureBootEnabled     true")) {
		t.Errorf("Secure Boot was on:\n%s", out)
	}
}
