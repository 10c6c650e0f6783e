package eventlog_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"testing"
	"unicode/utf16"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// entry is an event to write. Where hashed is nil the digest is data's.
type entry struct {
	pcr    uint32
	kind   eventlog.EventType
	data   []byte
	hashed []byte
}

var le = binary.LittleEndian

// agile writes a crypto-agile log of SHA-1 and SHA-256.
func agile(entries ...entry) []byte {
	spec := append([]byte("Spec ID Event03\x00"), 0, 0, 0, 0, 0, 2, 0, 2, 2, 0, 0, 0, 4, 0, 20, 0, 0x0b, 0, 32, 0, 0)
	b := head(0, eventlog.EvNoAction)
	b = append(b, make([]byte, 20)...)
	b = sized(b, spec)
	for _, e := range entries {
		h := e.hash()
		s1, s256 := sha1.Sum(h), sha256.Sum256(h)
		b = append(b, head(e.pcr, e.kind)...)
		b = append(b, 2, 0, 0, 0, 4, 0)
		b = append(b, s1[:]...)
		b = append(b, 0x0b, 0)
		b = append(b, s256[:]...)
		b = sized(b, e.data)
	}
	return b
}

// old writes a SHA-1 log.
func old(entries ...entry) []byte {
	var b []byte
	for _, e := range entries {
		s1 := sha1.Sum(e.hash())
		b = append(b, head(e.pcr, e.kind)...)
		b = sized(append(b, s1[:]...), e.data)
	}
	return b
}

func (e entry) hash() []byte {
	if e.hashed != nil {
		return e.hashed
	}
	return e.data
}

func head(pcr uint32, t eventlog.EventType) []byte {
	return le.AppendUint32(le.AppendUint32(nil, pcr), uint32(t))
}

func sized(b, data []byte) []byte {
	return append(le.AppendUint32(b, uint32(len(data))), data...)
}

var (
	globalGUID   = []byte("\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c")
	securityGUID = []byte("\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f")
)

func variable(guid []byte, name string, value ...byte) []byte {
	u := utf16.Encode([]rune(name))
	b := append([]byte{}, guid...)
	b = le.AppendUint64(b, uint64(len(u)))
	b = le.AppendUint64(b, uint64(len(value)))
	for _, c := range u {
		b = le.AppendUint16(b, c)
	}
	return append(b, value...)
}

func wide(s string) []byte {
	var b []byte
	for _, c := range utf16.Encode([]rune(s + "\x00")) {
		b = le.AppendUint16(b, c)
	}
	return b
}

func tag(id uint32, data ...[]byte) []byte {
	var all []byte
	for _, d := range data {
		all = append(all, d...)
	}
	return sized(le.AppendUint32(nil, id), all)
}

// secureBoot are the events of PCR 7 that firmware has.
func secureBoot(enabled byte) []entry {
	config := eventlog.EvEFIVariableDriverConfig
	return []entry{
		{7, config, variable(globalGUID, "SecureBoot", enabled), nil},
		{7, config, variable(globalGUID, "PK"), nil},
		{7, config, variable(globalGUID, "KEK"), nil},
		{7, config, variable(securityGUID, "db"), nil},
		{7, config, variable(securityGUID, "dbx"), nil},
		separator(7),
	}
}

func separator(pcr uint32) entry {
	return entry{pcr, eventlog.EvSeparator, []byte{0, 0, 0, 0}, nil}
}

// wbcl ends what Windows measures into PCR 12.
func wbcl() entry { return entry{12, eventlog.EvSeparator, []byte("WBCL"), nil} }

// prove proves a log by its own PCRs.
func prove(t *testing.T, bank eventlog.Bank, raw []byte) (*eventlog.Proven, error) {
	t.Helper()
	log := parse(t, raw)
	pcrs, err := log.Replay(bank)
	if err != nil {
		return nil, err
	}
	return log.Prove(bank, pcrs)
}

func mustProve(t *testing.T, raw []byte) *eventlog.Proven {
	t.Helper()
	p, err := prove(t, eventlog.SHA256, raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// extendWith is what a TPM does, said once more.
func extendWith(bank eventlog.Bank, pcr, digest []byte) []byte {
	all := append(append([]byte{}, pcr...), digest...)
	switch bank {
	case eventlog.SHA1:
		s := sha1.Sum(all)
		return s[:]
	case eventlog.SHA256:
		s := sha256.Sum256(all)
		return s[:]
	default:
		s := sha512.Sum512(all)
		return s[:]
	}
}
