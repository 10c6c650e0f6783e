package tpm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// dial connects to a TPM by its name, and returns the name of what was found.
func dial(ctx context.Context, name string) (to wire, found string, isOwn bool, err error) {
	for _, network := range []string{"unix", "tcp"} {
		address, ok := strings.CutPrefix(name, network+":")
		if !ok {
			continue
		}
		s := socket{network: network, address: address}
		// Whether somebody listens is known before the first command.
		conn, err := s.connect(ctx)
		if err != nil {
			e := &Error{Op: "open " + name, Err: err, Hint: "is the TPM running there?"}
			if ctx.Err() != nil || errors.Is(err, syscall.EAGAIN) {
				e.Hint = hintFor(err)
			}
			return nil, name, false, e
		}
		if err := conn.Close(); err != nil {
			return nil, name, false, &Error{Op: "open " + name, Err: err}
		}
		return s, name, false, nil
	}
	opened, found, err := openDevice(name)
	return device{opened}, found, true, err
}

// socket is a TPM that takes commands as they are, each over a connection of its
// own: so it does not matter that a swtpm serves one at a time.
type socket struct{ network, address string }

var _ wire = socket{}

func (s socket) connect(ctx context.Context) (net.Conn, error) {
	bounded, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(bounded, s.network, s.address)
		if err == nil || !errors.Is(err, syscall.EAGAIN) {
			return conn, ended(ctx, err)
		}
		// The queue before a Unix socket is full, and Linux does not wait for room: a
		// swtpm serves one at a time, and others stand there.
		if sleep(bounded, queueWait) != nil {
			return nil, ended(ctx, err)
		}
	}
}

// ended is the context's error if that is why something ended, and else what is known
// of it.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// send sends one command over a connection and returns its answer.
func (s socket) send(ctx context.Context, command []byte, linger time.Duration) ([]byte, error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := exchange(ctx, conn, command, linger)
	return answer, errors.Join(err, conn.Close())
}

// Close has nothing to end.
func (socket) Close() error { return nil }

// responseHeader is tag, size and code of an answer (part 3, 4.4).
const responseHeader = 10

func exchange(ctx context.Context, conn net.Conn, command []byte, linger time.Duration) ([]byte, error) {
	if err := conn.SetDeadline(time.Now().Add(commandPatience)); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() {
		// A connection that is closed by now has no deadline, and needs none.
		_ = conn.SetDeadline(time.Now().Add(linger))
	})
	defer stop()
	if _, err := conn.Write(command); err != nil {
		return nil, err
	}
	answer := make([]byte, responseHeader, maxResponse)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(answer[2:])
	if size < responseHeader || size > maxResponse {
		return nil, fmt.Errorf("an answer of %d bytes, want %d to %d: this is no TPM, or not its data channel", size, responseHeader, maxResponse)
	}
	answer = answer[:size]
	_, err := io.ReadFull(conn, answer[responseHeader:])
	return answer, err
}
