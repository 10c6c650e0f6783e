// Package eventlog reads the logs of what was measured into a TPM's platform
// configuration registers (PCRs) or a trust domain's measurement registers,
// and says which of their events a quote proves.
//
// [Parse] takes the bytes of a log, finds out which of the known formats they
// are, and gives a [Log]. Nothing in a Log is to be believed: whoever sent it
// may have written it. [Log.Prove] holds it against quoted PCRs of one bank and
// gives the events that they prove, or an error that names the first PCR that
// differs. [ProveAll] does so with all logs of a machine, or none. [Document] makes
// of proven events the JSON that attestation policies read as "events". [Describe]
// is a line for people about any event, proven or not, and [Event.Decode] its data
// as a Go value.
//
// Even a proven event is not proven whole. A PCR proves the digests that were
// extended, in their order within that PCR. It proves the data of an event only
// where the digest is the data's ([ProvenEvent.Proof] says so), and never the
// event's type, nor its order among events of other PCRs. Prove refuses logs
// that use this to lie about Secure Boot or a Windows boot; see its comment.
//
// The package holds no state, reads no clock and does not sign or verify: that
// the PCRs were quoted by a TPM is for its caller to know.
package eventlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Format is how a log is written.
type Format int

// The formats.
const (
	// FormatCryptoAgile is the TCG's log of TPM 2.0 firmware: a header event,
	// then events with a digest for each bank (TCG_PCR_EVENT2).
	FormatCryptoAgile Format = iota + 1
	// FormatSHA1 is the TCG's older log, of SHA-1 digests only
	// (TCG_PCClientPCREvent). A header in front as Windows once wrote it
	// (WBCL_LogHdr) is understood.
	FormatSHA1
	// FormatCCEL is the log of a trust domain: crypto-agile, and what is
	// elsewhere a PCR is an index of measurement registers (0 is MRTD, 1 to 4
	// are RTMR 0 to 3).
	FormatCCEL
	// FormatIMABinary is Linux IMA's binary_runtime_measurements.
	FormatIMABinary
	// FormatIMAASCII is Linux IMA's ascii_runtime_measurements.
	FormatIMAASCII
)

// String gives the format's name, for people.
func (f Format) String() string {
	switch f {
	case FormatCryptoAgile:
		return "TCG crypto-agile"
	case FormatSHA1:
		return "TCG SHA-1"
	case FormatCCEL:
		return "CCEL"
	case FormatIMABinary:
		return "IMA binary"
	case FormatIMAASCII:
		return "IMA ASCII"
	default:
		return fmt.Sprintf("Format(%d)", int(f))
	}
}

func (f Format) isIMA() bool { return f == FormatIMABinary || f == FormatIMAASCII }

// Log is a log as it was sent: well formed, and unproven.
type Log struct {
	Format Format
	// Banks are the algorithms that the log has digests of, as its header lists
	// them. For IMA it is SHA-1, though other banks can be proven as well.
	Banks []Bank
	// Events are in the log's order, without the header of a crypto-agile log.
	Events []Event

	size int // of the bytes that it was read from
}

// Event is one entry of a log. Its slices are parts of the log's bytes.
type Event struct {
	// Number counts the log's events from 1; a crypto-agile log's header is 0.
	Number int
	// Log is which of the logs that were merged the event is of, from 1. It is 0
	// in a log that was not; see [Merge].
	Log int
	// Offset is where the event begins, in bytes of the log that it is of.
	Offset int
	// PCR is the register's index, -1 for an event that says none.
	PCR  int
	Type EventType
	// Digests are what was extended, one for each bank at most.
	Digests []Digest
	// Data is what the log says was measured, or says about it.
	Data []byte

	ima *IMA
}

// Digest is what was extended into the PCR of one bank.
type Digest struct {
	Bank  Bank
	Value []byte
}

// Digest returns the digest of a bank, nil where the event has none.
func (e *Event) Digest(bank Bank) []byte {
	for i := range e.Digests {
		if e.Digests[i].Bank == bank {
			return e.Digests[i].Value
		}
	}
	return nil
}

// Parse finds out the format of a log and reads it whole: bytes that belong to
// no event are an error, apart from what pads a CCEL. The log keeps raw, which
// must not change afterwards. Errors are *Error.
func Parse(raw []byte) (*Log, error) {
	f, err := Detect(raw)
	if err != nil {
		return nil, err
	}
	return ParseAs(raw, f)
}

// ParseAs reads a log of a format that is known.
func ParseAs(raw []byte, f Format) (*Log, error) {
	if len(raw) > maxLog {
		return nil, &Error{Code: CodeTooLarge, Part: "log", Found: fmt.Sprintf("%d bytes", len(raw)), Expected: fmt.Sprintf("at most %d", maxLog)}
	}
	l := &Log{Format: f, size: len(raw)}
	var err error
	switch f {
	case FormatCryptoAgile, FormatCCEL:
		err = l.parseAgile(raw)
	case FormatSHA1:
		err = l.parseSHA1(raw)
	case FormatIMABinary:
		err = l.parseIMABinary(raw)
	case FormatIMAASCII:
		err = l.parseIMAASCII(raw)
	default:
		err = &Error{Code: CodeUnsupported, Part: "format", Found: f.String(), Expected: "one of the formats of this package"}
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Detect says which format a log seems to have, by its first bytes.
func Detect(raw []byte) (Format, error) {
	if looksLikeIMAASCII(raw) {
		return FormatIMAASCII, nil
	}
	if bytes.HasPrefix(raw, []byte(wbclSignature)) {
		return FormatSHA1, nil
	}
	if len(raw) < sha1HeaderSize {
		return 0, &Error{Code: CodeTruncated, Part: "first event", Found: fmt.Sprintf("%d bytes", len(raw)), Expected: fmt.Sprintf("at least %d", sha1HeaderSize)}
	}
	if looksLikeIMABinary(raw) {
		return FormatIMABinary, nil
	}
	pcr := binary.LittleEndian.Uint32(raw)
	if EventType(binary.LittleEndian.Uint32(raw[4:])) == EvNoAction && bytes.HasPrefix(raw[sha1HeaderSize:], []byte(specIDSignature)) {
		// A trust domain's firmware puts even the header into a measurement
		// register, the first that it may write. A TPM's puts it into PCR 0.
		if pcr == 1 {
			return FormatCCEL, nil
		}
		return FormatCryptoAgile, nil
	}
	if pcr > maxPCR {
		return 0, &Error{Code: CodeUnsupported, Part: "log", Found: fmt.Sprintf("first bytes % x", raw[:8]), Expected: "a TCG log (crypto-agile, SHA-1 or CCEL) or an IMA log (binary or ASCII)"}
	}
	return FormatSHA1, nil
}
