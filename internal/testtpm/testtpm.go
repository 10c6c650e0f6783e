// Package testtpm starts a throw-away software TPM for tests.
//
// Which function do I want? [Start] returns a TPM that ends with the test. It
// listens on a Unix socket, [TPM.Socket], beside which its control socket has the
// same name with ".ctrl"; tpm2-tools take it as TPM2TOOLS_TCTI=swtpm:path=SOCKET,
// collect/tpm opens it as [TPM.Name], and [TPM.Send] is the transport of go-tpm. Its
// endorsement keys have certificates by an authority of all TPMs of the process,
// [TPM.Roots], which lie in the TPM's NV memory. [TPM.Measure] extends what a log says, [TPM.Extend]
// one PCR. [TPM.ListenTCP] lets it be reached over TCP. [SocketDir] is a folder for
// sockets of a test's own.
package testtpm

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	// patience is how long a program or a command may take; a second on an idle
	// machine, where an RSA key is made.
	patience = 60 * time.Second
	// maxResponse bounds an answer of the TPM, which has 4096 bytes at most.
	maxResponse = 4096
)

// TPM is a running swtpm. It is not safe for concurrent use: its commands come one
// after the other.
type TPM struct {
	dir     string
	process *exec.Cmd
	ended   chan struct{}
	output  bytes.Buffer
}

// Start makes a TPM with endorsement keys and their certificates and starts it.
// Where there is no swtpm it skips the test; in CI it fails it.
func Start(tb testing.TB) *TPM {
	tb.Helper()
	for _, program := range []string{"swtpm", "swtpm_setup", "swtpm_localca"} {
		if _, err := exec.LookPath(program); err != nil {
			const text = "swtpm not found: install it (Debian: apt-get install swtpm swtpm-tools)"
			if os.Getenv("AZATTEST_CI") != "" {
				tb.Fatal(text)
			}
			tb.Skip(text)
		}
	}
	t := &TPM{dir: SocketDir(tb), ended: make(chan struct{})}
	tb.Cleanup(t.Stop)
	if err := t.create(tb.Context()); err != nil {
		tb.Fatalf("testtpm: %v", err)
	}
	if err := t.launch(tb.Context()); err != nil {
		tb.Fatalf("testtpm: %v", err)
	}
	return t
}

// SocketDir makes a folder for Unix sockets that goes with the test. A socket's path has
// 107 bytes at most, and one in the test's own folder may have more.
func SocketDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "socket") //nolint:usetesting // The name of the test would make the path too long.
	if err != nil {
		tb.Fatalf("testtpm: %v", err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Errorf("testtpm: %v", err)
		}
	})
	return dir
}

// Socket is the path of the Unix socket.
func (t *TPM) Socket() string { return filepath.Join(t.dir, "tpm") }

// Name is what collect/tpm opens.
func (t *TPM) Name() string { return "unix:" + t.Socket() }

// Roots returns the authority that issued the endorsement keys' certificates: the
// root and the intermediate below it.
func (t *TPM) Roots(tb testing.TB) (root, intermediate *x509.Certificate) {
	tb.Helper()
	read := func(name string) *x509.Certificate {
		raw, err := os.ReadFile(filepath.Join(t.dir, "ca", name)) //nolint:gosec // G304: A file of this package's own folder.
		if err != nil {
			tb.Fatalf("testtpm: %v", err)
		}
		block, _ := pem.Decode(raw)
		if block == nil {
			tb.Fatalf("testtpm: no PEM in %s", name)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			tb.Fatalf("testtpm: %v", err)
		}
		return c
	}
	return read(rootFile), read(issuerFile)
}

// Send sends one command and returns the TPM's answer, each as the TPM library
// specification has it, over a connection of its own. A command that the TPM was
// not able to start is sent again, as an operating system does.
func (t *TPM) Send(command []byte) ([]byte, error) {
	const tpmRCRetry = 0x922
	for tries := 1; ; tries++ {
		answer, err := t.send(command)
		if err != nil || tries == 10 || binary.BigEndian.Uint32(answer[6:]) != tpmRCRetry {
			return answer, err
		}
	}
}

func (t *TPM) send(command []byte) ([]byte, error) {
	conn, err := net.DialTimeout("unix", t.Socket(), patience)
	if err != nil {
		return nil, fmt.Errorf("testtpm: %w", err)
	}
	answer, err := exchange(conn, command)
	if err = errors.Join(err, conn.Close()); err != nil {
		return nil, fmt.Errorf("testtpm: %w", err)
	}
	return answer, nil
}

func exchange(conn net.Conn, command []byte) ([]byte, error) {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(command); err != nil {
		return nil, err
	}
	// Tag, size, code.
	answer := make([]byte, 10, maxResponse)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(answer[2:])
	if size < 10 || size > maxResponse {
		return nil, fmt.Errorf("an answer of %d bytes", size)
	}
	answer = answer[:size]
	_, err := io.ReadFull(conn, answer[10:])
	return answer, err
}

// Stop ends the TPM, if it runs.
func (t *TPM) Stop() {
	if t.process == nil {
		return
	}
	// Nothing of it is kept, so that it need not be asked.
	_ = t.process.Process.Kill()
	<-t.ended
	t.process = nil
}

// create writes the configuration of a local authority and makes the TPM's state.
func (t *TPM) create(ctx context.Context) error {
	ca, state := filepath.Join(t.dir, "ca"), filepath.Join(t.dir, "state")
	for _, dir := range []string{ca, state} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	localca, err := exec.LookPath("swtpm_localca")
	if err != nil {
		return err
	}
	files := map[string]string{
		"setup.conf": "create_certs_tool=" + localca + "\n" +
			"create_certs_tool_config=" + filepath.Join(t.dir, "localca.conf") + "\n" +
			"create_certs_tool_options=" + filepath.Join(t.dir, "localca.options") + "\n",
		"localca.conf": "statedir=" + ca + "\nsigningkey=" + filepath.Join(ca, "signkey.pem") + "\n" +
			"issuercert=" + filepath.Join(ca, issuerFile) + "\ncertserial=" + filepath.Join(ca, "certserial") + "\n",
		"localca.options": "--platform-manufacturer azattest\n--platform-version 1\n--platform-model test\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(t.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return vendor.certify(ca, func() error { return t.manufacture(ctx, state) })
}

// manufacture has swtpm_setup make the TPM's state.
func (t *TPM) manufacture(ctx context.Context, state string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	args := []string{
		"--tpm2", "--tpmstate", state, "--create-ek-cert",
		"--config", filepath.Join(t.dir, "setup.conf"), "--pcr-banks", "sha1,sha256,sha384,sha512", "--overwrite",
	}
	if os.Getuid() == 0 {
		// As root it would become another user, who cannot read the folder. Others may
		// not become even who they are.
		args = append(args, "--runas", "root")
	}
	setup := exec.CommandContext(ctx, "swtpm_setup", args...) //nolint:gosec // G204: The arguments are this package's own.
	if out, err := setup.CombinedOutput(); err != nil {
		return fmt.Errorf("swtpm_setup: %w\n%s", err, out)
	}
	return nil
}

// launch starts the TPM and waits until it answers.
func (t *TPM) launch(ctx context.Context) error {
	socket := t.Socket()
	//nolint:gosec // G204: The arguments are this package's own.
	t.process = exec.Command("swtpm", "socket", "--tpm2", "--tpmstate", "dir="+filepath.Join(t.dir, "state"),
		"--server", "type=unixio,path="+socket, "--ctrl", "type=unixio,path="+socket+".ctrl", "--flags", "not-need-init,startup-clear")
	t.process.Stdout, t.process.Stderr = &t.output, &t.output
	t.process.SysProcAttr = attributes()
	if err := t.process.Start(); err != nil {
		t.process = nil
		return fmt.Errorf("swtpm: %w", err)
	}
	go func(p *exec.Cmd) {
		_ = p.Wait()
		close(t.ended)
	}(t.process)
	deadline := time.After(patience)
	for {
		// TPM2_GetRandom, of one byte.
		if _, err := t.Send([]byte{0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7b, 0, 1}); err == nil {
			return nil
		}
		select {
		case <-t.ended:
			return fmt.Errorf("swtpm ended:\n%s", t.output.String())
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			return fmt.Errorf("swtpm does not answer after %s", patience)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
