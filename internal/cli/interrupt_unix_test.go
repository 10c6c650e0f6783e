//go:build unix

package cli

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/testtpm"
)

// start runs the command as a process of its own.
func start(t *testing.T, args ...string) (*exec.Cmd, *strings.Builder) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "azattest", args...) //nolint:gosec // the command under test, with arguments of the test
	stderr := new(strings.Builder)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended, unless the test failed
	return cmd, stderr
}

func mkfifo(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// The first signal ends even a read that cannot end by itself.
func TestSignalEndsReading(t *testing.T) {
	t.Parallel()
	pipe := mkfifo(t)
	cmd, stderr := start(t, "quote", "show", pipe)
	// Opening waits for the one who reads.
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close() //nolint:errcheck // nothing was written
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	failed, ok := errors.AsType[*exec.ExitError](cmd.Wait())
	if !ok || failed.ExitCode() != exitFailed || !strings.Contains(stderr.String(), "pipe: interrupted\n") {
		t.Errorf("%v, stderr %q; want exit code %d, interrupted", failed, stderr, exitFailed)
	}
}

// The second signal ends what the first has only asked to end.
func TestSecondSignalKills(t *testing.T) {
	t.Parallel()
	pipe := mkfifo(t)
	cmd, stderr := start(t, "serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir(),
		"--algorithm", "ES256", "--linger", "1h", "--ready-file", pipe)
	r, err := os.Open(pipe)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // opened for reading only
	if raw, err := io.ReadAll(r); err != nil || !strings.Contains(string(raw), "endpoint") {
		t.Fatalf("ready file %q (%v)", raw, err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	// Two at once are one to the kernel, so that it takes more until the first one
	// was taken note of.
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case err := <-done:
			failed, ok := errors.AsType[*exec.ExitError](err)
			if !ok {
				t.Fatalf("%v; want it killed; %s", err, stderr)
			}
			if status, ok := failed.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM {
				t.Errorf("%v; want it killed by the signal", failed)
			}
			return
		case <-again.C:
			_ = cmd.Process.Signal(syscall.SIGTERM) // until it has ended
		}
	}
}

// The first signal ends what waits for a TPM behind a socket that does not answer.
func TestSignalEndsWaitingForATPM(t *testing.T) {
	t.Parallel()
	dir := testtpm.SocketDir(t)
	listener, err := net.Listen("unix", filepath.Join(dir, "tpm")) //nolint:noctx // It listens at once, or not at all.
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // nobody is asked any more
	cmd, stderr := start(t, "tpm", "enroll", "--tpm", "unix:"+filepath.Join(dir, "tpm"), "--aik", filepath.Join(dir, "aik.json"),
		"--endpoint", "https://attest.example.com", "--credential", "none")
	for {
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() }) // nothing was written
		// The first connection is only to see whether somebody listens.
		if n, err := conn.Read(make([]byte, 4096)); err == nil && n > 0 {
			break
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	failed, ok := errors.AsType[*exec.ExitError](cmd.Wait())
	if !ok || failed.ExitCode() != exitFailed || !strings.HasSuffix(stderr.String(), "/tpm: interrupted\n") {
		t.Errorf("%v, stderr %q; want exit code %d, interrupted", failed, stderr, exitFailed)
	}
}
