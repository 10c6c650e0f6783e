package tpm

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-tpm/tpm2"
)

// maker is a TPM behind a socket whose primary keys take long. It counts what is in it;
// whatever else it is asked for is a flush.
type maker struct {
	takes  time.Duration
	loaded int
}

func (m *maker) send(ctx context.Context, command []byte, linger time.Duration) ([]byte, error) {
	ours, theirs := net.Pipe()
	served := make(chan error, 1)
	go func() {
		asked := make([]byte, maxResponse)
		n, err := theirs.Read(asked)
		answer := header(uint32(tpm2.TPMRCSuccess))
		if commandOf(asked[:n]) == tpm2.TPMCCCreatePrimary {
			time.Sleep(m.takes)
			m.loaded++
		} else {
			m.loaded--
		}
		_, failed := theirs.Write(answer)
		served <- errors.Join(err, failed)
	}()
	answer, err := exchange(ctx, ours, command, linger)
	return answer, errors.Join(err, ours.Close(), <-served)
}

func (*maker) Close() error { return nil }

// A key that takes long to make is put away although the operation was given up.
func TestSlowlyMadeKeyIsPutAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := &maker{takes: 50 * time.Second}
		opened := newTPM("slow", to, false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := opened.do(ctx, func() error {
			if _, err := opened.device.Send(header(uint32(tpm2.TPMCCCreatePrimary))); err != nil {
				return err
			}
			_, err := opened.device.Send(header(uint32(tpm2.TPMCCFlushContext)))
			return err
		})
		if err != nil || to.loaded != 0 {
			t.Errorf("%v, and %d keys are left", err, to.loaded)
		}
	})
}
