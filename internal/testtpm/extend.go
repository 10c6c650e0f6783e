package testtpm

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// Measure extends the events of a log, as the firmware did that wrote it, and
// returns the log. It must be of a TPM that was started at locality 0, else PCR 0
// becomes another.
func (t *TPM) Measure(tb testing.TB, raw []byte) *eventlog.Log {
	tb.Helper()
	l, err := eventlog.Parse(raw)
	if err != nil {
		tb.Fatalf("testtpm: %v", err)
	}
	for _, e := range l.Events {
		if e.Type != eventlog.EvNoAction {
			t.Extend(tb, e.PCR, e.Digests...)
		}
	}
	return l
}

// Extend extends a PCR, in all banks that are given, as one TPM2_PCR_Extend does.
//
//nolint:gosec // G115: PCRs are below 32, and a command has some hundred bytes.
func (t *TPM) Extend(tb testing.TB, pcr int, into ...eventlog.Digest) {
	tb.Helper()
	big := binary.BigEndian
	// A session of the empty password (part 1, 19.4).
	command := []byte{0x80, 0x02, 0, 0, 0, 0, 0, 0, 0x01, 0x82, 0, 0, 0, byte(pcr), 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0}
	command = big.AppendUint32(command, uint32(len(into)))
	for _, d := range into {
		command = append(big.AppendUint16(command, uint16(d.Bank)), d.Value...)
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
