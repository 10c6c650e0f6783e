package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/azattest/azattest/internal/wholefile"
)

// maxInput bounds a file given on the command line: evidence, tokens and
// policies are all far smaller.
const maxInput = 8 << 20

// shared is what the readers of one command line share.
type shared struct {
	// ctx ends what they wait for. It is that of the command, which every one of
	// them would otherwise have to hand down to where a file is read.
	ctx         context.Context
	isStdinRead bool

	mu         sync.Mutex
	transports []*http.Transport
}

// closeLater remembers what may keep connections open.
func (s *shared) closeLater(t *http.Transport) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transports = append(s.transports, t)
}

// hangUp closes the connections on which nothing is under way: a service that stops
// in order waits a second for whom it has told to leave.
func (s *shared) hangUp() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.transports {
		t.CloseIdleConnections()
	}
}

var errInterrupted = errors.New("interrupted")

// readInput reads a file, or stdin for "-", which can be read once. It waits no
// longer than the command's context lasts.
func readInput(s Streams, name string) ([]byte, error) {
	if name != "-" {
		return await(s, name, func() ([]byte, error) { return readFile(name) })
	}
	if s.shared != nil {
		if s.shared.isStdinRead {
			return nil, usage("", "standard input can be read once, and - stands twice: give one of the two as a file")
		}
		s.shared.isStdinRead = true
	}
	return await(s, "standard input", func() ([]byte, error) { return readBounded(s.In, "standard input") })
}

// await returns what a read gives, or gives up on it: a pipe that nobody writes
// to, and a terminal where nobody types, cannot be kept from blocking.
func await(s Streams, name string, read func() ([]byte, error)) ([]byte, error) {
	if s.shared == nil {
		return read()
	}
	type outcome struct {
		raw []byte
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		raw, err := read()
		done <- outcome{raw, err}
	}()
	select {
	case o := <-done:
		return o.raw, o.err
	case <-s.shared.ctx.Done():
		return nil, fmt.Errorf("read %s: %w", name, errInterrupted)
	}
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	return readBounded(f, name)
}

func readBounded(r io.Reader, name string) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, wholefile.Cause(err))
	}
	if len(raw) > maxInput {
		return nil, fmt.Errorf("read %s: more than %d bytes", name, maxInput)
	}
	return raw, nil
}
