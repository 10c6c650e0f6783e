package tpm

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-tpm/tpm2"
)

// header is a command, or an answer, of nothing but its header.
func header(code uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{0x80, 0x01, 0, 0, 0, responseHeader}, code)
}

// canned is a TPM that gives one answer, and says what it was asked.
type canned struct {
	code  tpm2.TPMRC
	asked []tpm2.TPMCC
	after func()
}

func (c *canned) send(_ context.Context, command []byte, _ time.Duration) ([]byte, error) {
	c.asked = append(c.asked, commandOf(command))
	if c.after != nil {
		c.after()
	}
	return header(uint32(c.code)), nil
}

func (*canned) Close() error { return nil }

// A busy TPM is asked again for as long as limits.go says.
func TestBusyTPMIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, rc := range []tpm2.TPMRC{tpm2.TPMRCRetry, tpm2.TPMRCYielded, tpm2.TPMRCTesting, tpm2.TPMRCNVRate} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			opened := newTPM("busy", &canned{code: rc}, false)
			err := opened.do(t.Context(), opened.identify)
			if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, rc) || !strings.Contains(e.Hint, "again") {
				t.Errorf("%v: %v, want that one tries again", rc, err)
			}
			if took, want := time.Since(begin), 4095*time.Millisecond; took != want {
				t.Errorf("%v: asked for %s, want %s", rc, took, want)
			}
		})
	}
}

// Waiting for a busy TPM ends with the operation.
func TestBusyTPMIsNotWaitedForInVain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		begin := time.Now()
		opened := newTPM("busy", &canned{code: tpm2.TPMRCRetry}, false)
		if err := opened.do(ctx, opened.identify); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 100*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
	})
}

// Once the operation's context is done nothing is begun, but what is in the TPM is put
// away.
func TestOnlyFlushesOutliveTheOperation(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	asked := &canned{after: cancel}
	l := &line{wire: asked, ctx: ctx}
	for _, test := range []struct {
		code tpm2.TPMCC
		want error
	}{
		{tpm2.TPMCCLoad, nil}, // the answer was there
		{tpm2.TPMCCSign, context.Canceled},
		{tpm2.TPMCCFlushContext, nil},
	} {
		if _, err := l.Send(header(uint32(test.code))); !errors.Is(err, test.want) {
			t.Errorf("%#x: %v, want %v", uint32(test.code), err, test.want)
		}
	}
	if len(asked.asked) != 2 || asked.asked[1] != tpm2.TPMCCFlushContext {
		t.Errorf("the TPM was asked for %#x", asked.asked)
	}
}

// piped is a TPM behind a connection that takes commands and never answers.
type piped struct{ t *testing.T }

func (p piped) send(ctx context.Context, command []byte, linger time.Duration) ([]byte, error) {
	ours, theirs := net.Pipe()
	go func() {
		if _, err := theirs.Read(make([]byte, maxResponse)); err != nil {
			p.t.Error(err)
		}
	}()
	answer, err := exchange(ctx, ours, command, linger)
	return answer, errors.Join(err, ours.Close(), theirs.Close())
}

func (piped) Close() error { return nil }

// How long a TPM is waited for that does not answer.
func TestSilentTPM(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		code tpm2.TPMCC
		when time.Duration // the operation is given up
		want time.Duration
	}{
		"never given up":         {tpm2.TPMCCSign, time.Hour, commandPatience},
		"given up":               {tpm2.TPMCCSign, time.Second, time.Second},
		"given up while loading": {tpm2.TPMCCLoad, time.Second, time.Second + lingerPatience},
		"given up while making":  {tpm2.TPMCCCreate, time.Second, time.Second + makingPatience},
		"and a primary key":      {tpm2.TPMCCCreatePrimary, time.Second, time.Second + makingPatience},
		"given up, and flushed":  {tpm2.TPMCCFlushContext, 0, flushPatience},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), test.when)
			defer cancel()
			begin := time.Now()
			_, err := (&line{wire: piped{t}, ctx: ctx}).Send(header(uint32(test.code)))
			if took := time.Since(begin); err == nil || took != test.want {
				t.Errorf("%s: %v after %s, want it after %s", name, err, took, test.want)
			}
			if given := test.when <= test.want; given != errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// What never says that it is a TPM is given up soon, with a reason.
func TestSilentTPMIsNoTPM(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		opened := newTPM("silent", piped{t}, false)
		err := opened.identifySoon(t.Context())
		if took := time.Since(begin); took != identifyPatience {
			t.Errorf("given up after %s", took)
		}
		if e, ok := errors.AsType[*Error](err); !ok || !strings.Contains(e.Error(), "ask silent: no answer within 1m0s, want a TPM") || !strings.Contains(e.Hint, "listen there") {
			t.Error(err)
		}
	})
}

// Who waits for the operation of another can give up, while that one still waits for the
// TPM; and passwords are set without waiting.
func TestTurnIsNotWaitedForInVain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opened := newTPM("silent", piped{t}, false)
		first, giveUp := context.WithCancel(t.Context())
		atWork := make(chan error, 1)
		go func() { atWork <- opened.do(first, opened.identify) }()
		synctest.Wait()
		second, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		err := opened.do(second, func() error {
			t.Error("two operations at once")
			return nil
		})
		if _, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("%v after %s, want that it was given up", err, time.Since(begin))
		}
		opened.Authorize(Authorization{Owner: []byte("owner")})
		if took := time.Since(begin); took != time.Second {
			t.Errorf("passwords were set after %s", took)
		}
		select {
		case err := <-atWork:
			t.Fatalf("%v, want that the first is still at work", err)
		default:
		}
		giveUp()
		if err := <-atWork; !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want that the first was given up", err)
		}
		// The turn is free, and whoever has it has the passwords.
		if err := opened.do(t.Context(), func() error { return nil }); err != nil || string(opened.auth.Owner) != "owner" {
			t.Errorf("%v, with the password %q", err, opened.auth.Owner)
		}
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
}
