package testtpm

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// Measurement is what is extended into one bank of a PCR.
type Measurement struct {
	// Algorithm is the bank, a TPM_ALG_ID.
	Algorithm uint16
	Digest    []byte
}

// Extend extends a PCR, in all banks that are given, as one TPM2_PCR_Extend does.
//
//nolint:gosec // G115: PCRs are below 32, and a command has some hundred bytes.
func (t *TPM) Extend(tb testing.TB, pcr int, into ...Measurement) {
	tb.Helper()
	big := binary.BigEndian
	// A session of the empty password (part 1, 19.4).
	command := []byte{0x80, 0x02, 0, 0, 0, 0, 0, 0, 0x01, 0x82, 0, 0, 0, byte(pcr), 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0}
	command = big.AppendUint32(command, uint32(len(into)))
	for _, m := range into {
		command = append(big.AppendUint16(command, m.Algorithm), m.Digest...)
	}
	big.PutUint32(command[2:], uint32(len(command)))
	answer, err := t.Send(command)
	if err == nil && big.Uint32(answer[6:]) != 0 {
		err = fmt.Errorf("response code %#x", big.Uint32(answer[6:]))
	}
	if err != nil {
		tb.Fatalf("testtpm: TPM2_PCR_Extend of PCR %d: %v", pcr, err)
	}
}
