package tpm_test

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"testing"

	"github.com/google/go-tpm/tpm2"

	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/internal/testtpm"
)

// Whichever command of an operation the TPM refuses, and wherever an operation is
// given up, nothing of it stays in the TPM: three keys that were forgotten, and it has
// no room for others.
func TestNothingStaysInTheTPM(t *testing.T) {
	t.Parallel()
	running := testtpm.Start(t)
	p := startProxy(t, running, nil)
	opened := must[*collect.TPM](t)(collect.Open(t.Context(), p.name))
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
	aik := newAIK(t, opened, collect.ECC)
	key := must[*collect.Key](t)(opened.NewKey(t.Context(), collect.ECC))
	s, i := startService(t), startIssuer(t, running)
	client := s.client()
	for name, operate := range map[string]func(context.Context) error{
		"AIK": func(ctx context.Context) error {
			_, err := opened.AIK(ctx, collect.AIKConfig{File: filepath.Join(t.TempDir(), "aik.json"), Algorithm: collect.ECC})
			return err
		},
		"certified": func(ctx context.Context) error {
			_, err := collect.Attest(ctx, client, opened, &collect.AttestOptions{AIK: aik, RequestKey: key, NoLogs: true})
			return err
		},
		"by the AIK": func(ctx context.Context) error {
			_, err := collect.Attest(ctx, client, opened, &collect.AttestOptions{AIK: aik, NoRequestKey: true, NoLogs: true})
			return err
		},
		"enrolled": func(ctx context.Context) error {
			_, err := collect.Enroll(ctx, i.server.URL, nil, aik, i.options(running, collect.RSA))
			return err
		},
	} {
		for n := 1; ; n++ {
			isRefused := false
			p.set(onCommand(n, func() []byte {
				isRefused = true
				return code(tpm2.TPMRCFailure)
			}))
			err := operate(t.Context())
			p.set(nil)
			if left := left(t, running); left != 0 {
				t.Errorf("%s: %d handles are left after command %d failed (%v)", name, left, n, err)
			}
			if !isRefused {
				break // it has no more commands
			}
			if err == nil {
				t.Errorf("%s: command %d failed, and all was well", name, n)
			}
		}
		for n := 1; ; n++ {
			ctx, cancel := context.WithCancel(t.Context())
			after := 0
			p.set(onCommand(n, func() []byte {
				cancel()
				p.hook = onCommand(1, func() []byte { after++; return nil })
				return nil
			}))
			err := operate(ctx)
			p.set(nil)
			if left := left(t, running); left != 0 {
				t.Errorf("%s: %d handles are left after it was given up at command %d (%v)", name, left, n, err)
			}
			if after != 0 {
				t.Errorf("%s: it went on after it was given up at command %d", name, n)
			}
			isOver := ctx.Err() == nil
			cancel()
			if isOver {
				break
			}
		}
	}
}

// onCommand is a hook that acts on one command, the first being 1. To put something
// away is none: it is never refused, for nobody could do better.
func onCommand(n int, act func() []byte) func(tpm2.TPMCC, []byte) []byte {
	count := 0
	return func(cc tpm2.TPMCC, _ []byte) []byte {
		if cc == tpm2.TPMCCFlushContext {
			return nil
		}
		if count++; count == n {
			return act()
		}
		return nil
	}
}

// left counts the objects, sequences and sessions in the TPM's memory.
func left(t *testing.T, running *testtpm.TPM) int {
	t.Helper()
	count := 0
	for _, kind := range []byte{0x80, 0x02} { // TPM_HT_TRANSIENT, TPM_HT_LOADED_SESSION
		command := []byte{0x80, 0x01, 0, 0, 0, 22, 0, 0, 0x01, 0x7a, 0, 0, 0, 1, kind, 0, 0, 0, 0, 0, 0, 64}
		answer := must[[]byte](t)(running.Send(command))
		if rc := binary.BigEndian.Uint32(answer[6:]); rc != 0 {
			t.Fatalf("TPM2_GetCapability: %#x", rc)
		}
		count += int(binary.BigEndian.Uint32(answer[15:]))
	}
	return count
}
