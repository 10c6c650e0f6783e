//go:build unix

package cli

import (
	"io"
	"os"
	"strconv"
	"syscall"
	"testing"
)

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
