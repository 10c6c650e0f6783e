package tpm_test

import (
	"encoding/binary"
	"errors"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/internal/testtpm"
)

// proxy is a socket before a TPM. Its hook sees each command and may answer it
// itself.
type proxy struct {
	name string

	mu   sync.Mutex
	hook func(code tpm2.TPMCC, command []byte) []byte
}

func startProxy(t *testing.T, running *testtpm.TPM, hook func(code tpm2.TPMCC, command []byte) []byte) *proxy {
	t.Helper()
	dir := testtpm.SocketDir(t)
	listener := must[net.Listener](t)(net.Listen("unix", filepath.Join(dir, "tpm")))
	p := &proxy{name: "unix:" + filepath.Join(dir, "tpm"), hook: hook}
	p.serve(t, running, listener)
	return p
}

// serve passes commands on, one connection at a time as a swtpm does, until the test
// ends.
func (p *proxy) serve(t *testing.T, running *testtpm.TPM, listener net.Listener) {
	t.Helper()
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			command := make([]byte, 4096)
			n, err := conn.Read(command)
			if err == nil && n > 0 {
				_, err = conn.Write(p.answer(t, running, command[:n]))
			}
			_ = errors.Join(err, conn.Close()) // the client says what is wrong
		}
	})
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
}

func (p *proxy) answer(t *testing.T, running *testtpm.TPM, command []byte) []byte {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hook != nil {
		if answer := p.hook(tpm2.TPMCC(binary.BigEndian.Uint32(command[6:])), command); answer != nil {
			return answer
		}
	}
	answer, err := running.Send(command)
	if err != nil {
		t.Error(err)
	}
	return answer
}

// set changes the hook.
func (p *proxy) set(hook func(code tpm2.TPMCC, command []byte) []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hook = hook
}

// code is an answer of nothing but a response code.
func code(rc tpm2.TPMRC) []byte {
	return binary.BigEndian.AppendUint32([]byte{0x80, 0x01, 0, 0, 0, 10}, uint32(rc))
}
