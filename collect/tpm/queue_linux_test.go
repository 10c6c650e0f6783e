package tpm_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"

	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/internal/testtpm"
)

// listenNarrow listens on a Unix socket whose queue has room for one.
func listenNarrow(t *testing.T, path string) net.Listener {
	t.Helper()
	fd := must[int](t)(syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0))
	file := os.NewFile(uintptr(fd), path)
	defer func() {
		if err := file.Close(); err != nil { // the listener has one of its own
			t.Error(err)
		}
	}()
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	return must[net.Listener](t)(net.FileListener(file))
}

// A full queue is no error as long as somebody waits: room comes.
func TestFullQueueIsWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(testtpm.SocketDir(t), "tpm")
	listener := listenNarrow(t, path)
	first := must[net.Conn](t)(net.Dial("unix", path))
	if _, err := net.Dial("unix", path); !errors.Is(err, syscall.EAGAIN) {
		t.Fatalf("%v, want that the queue is full", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := collect.Open(ctx, "unix:"+path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want that it was waited for", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}

	running := testtpm.Start(t)
	p := &proxy{name: "unix:" + path}
	p.serve(t, running, listener)
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			opened, err := collect.Open(t.Context(), p.name)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := opened.NewKey(t.Context(), collect.ECC); err != nil && !errors.Is(err, tpm2.TPMRCObjectMemory) {
				t.Error(err)
			}
			if err := opened.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	clients.Wait()
	if left := left(t, running); left != 0 {
		t.Errorf("%d handles are left", left)
	}
}
