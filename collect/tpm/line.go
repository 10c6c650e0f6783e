package tpm

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// wire takes commands to a TPM and brings the answers.
type wire interface {
	// send sends one command. The answer is waited for as long as the context is not
	// done, and for a while more if linger says so.
	send(ctx context.Context, command []byte, linger time.Duration) ([]byte, error)
	Close() error
}

// device is a TPM that an operating system has. It cannot be interrupted.
type device struct{ transport.TPMCloser }

var _ wire = device{}

func (d device) send(_ context.Context, command []byte, _ time.Duration) ([]byte, error) {
	return d.Send(command)
}

// line is the TPM as go-tpm knows one: without a context, so that it is told which
// operation the commands are of. It is for one operation at a time.
type line struct {
	wire

	ctx context.Context // of the operation
}

var _ transport.TPM = (*line)(nil)

// Send sends one command, and sends it again if the TPM was not able to start it.
// Nothing is begun once the operation's context is done, but what the operation has
// put into the TPM is put away all the same.
func (l *line) Send(command []byte) ([]byte, error) {
	ctx, code := l.ctx, commandOf(command)
	if code == tpm2.TPMCCFlushContext {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushPatience)
		defer cancel()
		ctx = own
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	answer, err := l.persist(ctx, command, lingers[code])
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err() // what came of it says less
	}
	return answer, err
}

// lingers say how long the answers of commands are waited for that nobody needs any
// more. Most of these commands put into the TPM's memory what only their answer names:
// without the answer it would stay there. Create puts nothing there, but keeps the TPM
// from putting away the parent for longer than a flush waits.
var lingers = map[tpm2.TPMCC]time.Duration{
	tpm2.TPMCCCreatePrimary:     makingPatience,
	tpm2.TPMCCCreate:            makingPatience,
	tpm2.TPMCCLoad:              lingerPatience,
	tpm2.TPMCCContextLoad:       lingerPatience,
	tpm2.TPMCCHashSequenceStart: lingerPatience,
	tpm2.TPMCCStartAuthSession:  lingerPatience,
}

func (l *line) persist(ctx context.Context, command []byte, linger time.Duration) ([]byte, error) {
	for wait := firstWait; ; wait *= 2 {
		answer, err := l.send(ctx, command, linger)
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
			if err := sleep(ctx, wait); err != nil {
				return nil, err
			}
		default:
			return answer, nil
		}
	}
}

// commandOf is the code of a command, which follows tag and size (part 3, 4.3).
func commandOf(command []byte) tpm2.TPMCC {
	const end = 10
	if len(command) < end {
		return 0
	}
	return tpm2.TPMCC(binary.BigEndian.Uint32(command[6:end]))
}

// sleep waits, unless the context is done before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
