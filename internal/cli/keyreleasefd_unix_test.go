//go:build unix

package cli

import (
	"io"
	"os"
	"strconv"
	"syscall"
	"testing"
)

// A descriptor that takes no secret is told before anybody is asked for one, and stays
// open: it is not the command's.
func TestKeyReleaseGetRefusesADescriptorToRead(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	wantDescriptorRefused(t, int(r.Fd()))
	if _, err := w.WriteString("x"); err != nil {
		t.Error(err)
	}
	if _, err := r.Read(make([]byte, 1)); err != nil {
		t.Errorf("the command closed what is not its own: %v", err)
	}
	_, _ = r.Close(), w.Close()
}

func wantDescriptorRefused(t *testing.T, fd int) {
	t.Helper()
	got := runWith(t, nil, "keyrelease", "get", "disk", "--vault", "https://vault.example", "--endpoint", "https://attest.example", "--any-policy", "--fd", strconv.Itoa(fd))
	wantFault(t, got, exitUsage, "--fd "+strconv.Itoa(fd)+": ", "hint: whoever starts the command opens it")
}

// Whoever starts the command gets the secret through a pipe of its own.
func TestKeyReleaseGetWritesToADescriptor(t *testing.T) {
	t.Parallel()
	v := startFakeVault(t, startDev(t, t.TempDir(), "--algorithm", "ES256"))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Dup(int(w.Fd())) // the command closes its own
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	shown := wantDone[releasedKey](t, v.get(nil, "disk", "--policy", v.policyFile, "--algorithm", "ECDH-ES+A256KW", "--fd", strconv.Itoa(fd), "--json"))
	// It ends where the secret does.
	if secret, err := io.ReadAll(r); err != nil || string(secret) != string(symmetricSecret) || shown.Size != len(secret) || shown.Out != "" {
		t.Errorf("%d bytes, %v, %+v", len(secret), err, shown)
	}
}
