package testpg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// launch runs the server and returns when it answers. The first time it finds
// a port, which it keeps.
func (s *Server) launch() error {
	var err error
	for range 5 {
		isNew := s.port == 0
		if isNew {
			if s.port, err = freePort(); err != nil {
				return fmt.Errorf("testpg: %w", err)
			}
		}
		if err = s.tryLaunch(); err == nil {
			return nil
		}
		// Somebody may have been faster to take the port.
		if isNew {
			s.port = 0
		}
	}
	return err
}

func (s *Server) tryLaunch() error {
	s.output.Reset()
	s.process = s.command("postgres", "-D", s.data(), "-k", s.dir, "-p", fmt.Sprint(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "shared_buffers=32MB",
		"-c", "wal_level=replica", "-c", "max_wal_senders=0", "-c", "log_min_messages=fatal")
	s.process.Stdout, s.process.Stderr = &s.output, &s.output
	if err := s.process.Start(); err != nil {
		return fmt.Errorf("testpg: %w", err)
	}
	ended := make(chan struct{})
	s.ended = ended
	go func(process interface{ Wait() error }) {
		// How it ended is known by those who ended it.
		_ = process.Wait()
		close(ended)
	}(s.process)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := s.exec(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("testpg: the server ended:\n%s", s.output.String())
		case <-ctx.Done():
			s.signal(syscall.SIGKILL)
			return fmt.Errorf("testpg: no answer in %s: %w", patience, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// freePort returns a port that was free a moment ago.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("a listener without a port")
	}
	return address.Port, listener.Close()
}

// signal sends a signal and waits for the end, which it enforces in the end.
func (s *Server) signal(how syscall.Signal) {
	if s.process == nil {
		return
	}
	// It may have ended by itself.
	_ = s.process.Process.Signal(how)
	select {
	case <-s.ended:
	case <-time.After(patience):
		_ = s.process.Process.Kill()
		<-s.ended
	}
	s.process = nil
}

// Kill ends the server in the middle of whatever it does, as a crash would: it
// comes back by recovering what was committed.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signal(syscall.SIGQUIT)
}

// Restart starts the server again at the same address, after ending it if it
// runs.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signal(syscall.SIGINT)
	if err := s.launch(); err != nil {
		tb.Fatal(err)
	}
}

// Stop ends the server and removes all of it. For a server that never started it
// does nothing.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		return nil
	}
	s.signal(syscall.SIGINT)
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("testpg: %w", err)
	}
	s.dir = ""
	return nil
}
