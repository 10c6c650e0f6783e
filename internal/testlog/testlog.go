// Package testlog makes logs of measurements for tests out of real ones.
//
// Which function do I want? The only log of a Windows machine that is public is
// from firmware that measured with SHA-1 alone. [Agile] writes it as firmware of
// today would have, with SHA-256 as well.
package testlog

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // G505: the logs that it reads were made with it
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// Windows returns the log of a real Windows machine, of SHA-1 digests, out of the
// corpus' file evidence/tpm/goattestation-windows-gcp/windows_gcp_shielded_vm.json.
func Windows(tb testing.TB, raw []byte) []byte {
	tb.Helper()
	var dump struct{ Log struct{ Raw []byte } }
	if err := json.Unmarshal(raw, &dump); err != nil || len(dump.Log.Raw) == 0 {
		tb.Fatalf("no log: %v", err)
	}
	return dump.Log.Raw
}

// Agile writes a log of SHA-1 digests as a crypto-agile one, of SHA-1 and SHA-256.
// Where the old digest is that of the event's data, so is the new one; where it is
// of something that is not in the log, such as a program, the new one stands for
// that in the place of what nobody has.
func Agile(tb testing.TB, raw []byte) []byte {
	tb.Helper()
	log, err := eventlog.Parse(raw)
	if err != nil {
		tb.Fatal(err)
	}
	le := binary.LittleEndian
	b := header()
	for i := range log.Events {
		e := &log.Events[i]
		b = le.AppendUint32(b, uint32(e.PCR)) //nolint:gosec // G115: 0 to 23
		b = le.AppendUint32(b, uint32(e.Type))
		b = le.AppendUint32(b, 2)
		old := e.Digest(eventlog.SHA1)
		b = append(le.AppendUint16(b, uint16(eventlog.SHA1)), old...)
		digest := sha256.Sum256(old)
		if sum := sha1.Sum(e.Data); bytes.Equal(sum[:], old) { //nolint:gosec // G401: see the import
			digest = sha256.Sum256(e.Data)
		} else if measured := measuredPart(e.Data, old); measured != nil {
			digest = sha256.Sum256(measured)
		}
		if e.Type == eventlog.EvNoAction {
			clear(digest[:])
		}
		b = append(le.AppendUint16(b, uint16(eventlog.SHA256)), digest[:]...)
		b = le.AppendUint32(b, uint32(len(e.Data))) //nolint:gosec // G115: it was read out of four bytes
		b = append(b, e.Data...)
	}
	return b
}

// measuredPart is the end of an event's data that the digest is of, nil if none is:
// firmware measures the value of a boot variable without its name.
func measuredPart(data, digest []byte) []byte {
	for i := 1; i < len(data); i++ {
		if sum := sha1.Sum(data[i:]); bytes.Equal(sum[:], digest) { //nolint:gosec // G401: see the import
			return data[i:]
		}
	}
	return nil
}

// header is the first event of a crypto-agile log (TCG_EfiSpecIDEvent).
func header() []byte {
	le := binary.LittleEndian
	spec := append([]byte("Spec ID Event03\x00"), 0, 0, 0, 0, 0, 2, 0, 2)
	spec = le.AppendUint32(spec, 2)
	for _, bank := range []eventlog.Bank{eventlog.SHA1, eventlog.SHA256} {
		spec = le.AppendUint16(le.AppendUint16(spec, uint16(bank)), uint16(bank.Size())) //nolint:gosec // G115: 20 and 32
	}
	spec = append(spec, 0)
	b := make([]byte, 4, 32+len(spec))
	b = le.AppendUint32(b, uint32(eventlog.EvNoAction))
	b = append(b, make([]byte, sha1.Size)...)
	b = le.AppendUint32(b, uint32(len(spec))) //nolint:gosec // G115: some forty
	return append(b, spec...)
}
