package tpm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// dial connects to a TPM by its name, and returns the name of what was found.
func dial(name string) (device transport.TPMCloser, found string, isOwn bool, err error) {
	for _, network := range []string{"unix", "tcp"} {
		address, ok := strings.CutPrefix(name, network+":")
		if !ok {
			continue
		}
		s := socket{network: network, address: address}
		// Whether somebody listens is known before the first command.
		conn, err := s.connect()
		if err != nil {
			return nil, name, false, &Error{Op: "open " + name, Err: err, Hint: "is the TPM running there?"}
		}
		if err := conn.Close(); err != nil {
			return nil, name, false, &Error{Op: "open " + name, Err: err}
		}
		return s, name, false, nil
	}
	device, found, err = openDevice(name)
	return device, found, true, err
}

// socket is a TPM that takes commands as they are, each over a connection of its
// own: so it does not matter that a swtpm serves one at a time.
type socket struct{ network, address string }

var _ transport.TPMCloser = socket{}

func (s socket) connect() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), connectPatience)
	defer cancel()
	return new(net.Dialer).DialContext(ctx, s.network, s.address)
}

// Send sends one command and returns its answer.
func (s socket) Send(command []byte) ([]byte, error) {
	conn, err := s.connect()
	if err != nil {
		return nil, err
	}
	answer, err := exchange(conn, command)
	return answer, errors.Join(err, conn.Close())
}

// Close has nothing to end.
func (socket) Close() error { return nil }

// responseHeader is tag, size and code of an answer (part 3, 4.4).
const responseHeader = 10

func exchange(conn net.Conn, command []byte) ([]byte, error) {
	if err := conn.SetDeadline(time.Now().Add(commandPatience)); err != nil {
		return nil, err
	}
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

// patient sends a command again that the TPM was not able to start.
type patient struct{ transport.TPMCloser }

// Send sends one command and returns its answer.
func (p patient) Send(command []byte) ([]byte, error) {
	wait := firstWait
	for {
		answer, err := p.TPMCloser.Send(command)
		if err != nil {
			return nil, err
		}
		if len(answer) < responseHeader {
			// This is how go-tpm's own patience ends.
			return nil, tpm2.TPMRCRetry
		}
		switch tpm2.TPMRC(binary.BigEndian.Uint32(answer[6:])) {
		case tpm2.TPMRCRetry, tpm2.TPMRCYielded, tpm2.TPMRCTesting, tpm2.TPMRCNVRate:
			if wait > lastWait {
				return answer, nil
			}
			time.Sleep(wait)
			wait *= 2
		default:
			return answer, nil
		}
	}
}
