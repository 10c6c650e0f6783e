package tpm_test

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-tpm/tpm2"

	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/internal/testtpm"
)

// Whichever command of an operation the TPM refuses, nothing of the operation stays
// in it: three keys that were forgotten, and it has no room for others.
func TestNothingStaysInTheTPM(t *testing.T) {
	t.Parallel()
	running := testtpm.Start(t)
	p := startProxy(t, running, nil)
	opened := must[*collect.TPM](t)(collect.Open(p.name))
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
	aik := newAIK(t, opened, collect.ECC)
	key := must[*collect.Key](t)(opened.NewKey(t.Context(), collect.ECC))
	s := startService(t)
	client := s.client()
	for name, operate := range map[string]func() error{
		"AIK": func() error { _, err := opened.AIK(t.Context(), collect.AIKConfig{Algorithm: collect.ECC}); return err },
		"certified": func() error {
			_, err := collect.Attest(t.Context(), client, opened, &collect.AttestOptions{AIK: aik, RequestKey: key, NoLogs: true})
			return err
		},
		"by the AIK": func() error {
			_, err := collect.Attest(t.Context(), client, opened, &collect.AttestOptions{AIK: aik, NoRequestKey: true, NoLogs: true})
			return err
		},
	} {
		for n := 1; ; n++ {
			count, failed := 0, false
			p.set(func(cc tpm2.TPMCC, _ []byte) []byte {
				// To put something away is not refused: nobody could do better.
				if cc == tpm2.TPMCCFlushContext {
					return nil
				}
				if count++; count == n {
					failed = true
					return code(tpm2.TPMRCFailure)
				}
				return nil
			})
			err := operate()
			p.set(nil)
			if left := loadedHandles(t, running); left != 0 {
				t.Errorf("%s: %d handles are left after command %d failed (%v)", name, left, n, err)
			}
			if !failed {
				break // it has no more commands
			}
			if err == nil {
				t.Errorf("%s: command %d failed, and all was well", name, n)
			}
		}
	}
}

// loadedHandles counts the objects and sequences in the TPM's memory.
func loadedHandles(t *testing.T, running *testtpm.TPM) int {
	t.Helper()
	command := []byte{0x80, 0x01, 0, 0, 0, 22, 0, 0, 0x01, 0x7a, 0, 0, 0, 1, 0x80, 0, 0, 0, 0, 0, 0, 64}
	answer := must[[]byte](t)(running.Send(command))
	if rc := binary.BigEndian.Uint32(answer[6:]); rc != 0 {
		t.Fatalf("TPM2_GetCapability: %#x", rc)
	}
	return int(binary.BigEndian.Uint32(answer[15:]))
}
