package testvbs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"unicode/utf16"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// Event is an event to write: its data is what was measured.
type Event struct {
	PCR  int
	Type eventlog.EventType
	Data []byte
}

// Tag writes a tagged event of Windows. Several data are those of others within.
func Tag(id uint32, data ...[]byte) []byte {
	all := bytes.Join(data, nil)
	return append(put32(binary.LittleEndian.AppendUint32(nil, id), len(all)), all...)
}

// trustBoundary is SIPAEVENT_TRUSTBOUNDARY, in which a boot application's tags are.
const trustBoundary = 0x40010001

// Boundary is what a boot application of Windows measured into a PCR.
func Boundary(pcr int, tags ...[]byte) Event {
	return Event{pcr, eventlog.EvEventTag, Tag(trustBoundary, tags...)}
}

// Tags are the switches of a boot as it should be, with VBS on.
func Tags() [][]byte {
	on, off := []byte{1}, []byte{0}
	return [][]byte{
		Tag(eventlog.TagBootDebugging, off), Tag(eventlog.TagOSKernelDebug, off), Tag(eventlog.TagCodeIntegrity, on),
		Tag(eventlog.TagTestSigning, off), Tag(eventlog.TagSafeMode, off), Tag(eventlog.TagWinPE, off),
		Tag(eventlog.TagVBSVSMRequired, on), Tag(eventlog.TagVBSIOMMURequired, on),
	}
}

// Boot gives the events of a boot of Windows with Secure Boot on, in which the
// kernel's key was measured beside the given tags, or those of [Tags] if there are
// none. As in a real log, the key is within a trust boundary in PCR 12, and
// separators "WBCL" close PCRs 12 to 14.
func (k *Kernel) Boot(tags ...[]byte) []Event {
	if len(tags) == 0 {
		tags = Tags()
	}
	events := []Event{
		{0, eventlog.EvSCRTMVersion, []byte("1.0")},
		secureBoot(globalVariable, "SecureBoot", 1), secureBoot(globalVariable, "PK"), secureBoot(globalVariable, "KEK"),
		secureBoot(imageSecurity, "db"), secureBoot(imageSecurity, "dbx"),
	}
	for pcr := range 8 {
		events = append(events, Event{pcr, eventlog.EvSeparator, make([]byte, 4)})
	}
	events = append(events, Boundary(12, append(slices.Clone(tags), Tag(eventlog.TagVSMIDKSInfo, k.Info()))...))
	for pcr := 12; pcr <= 14; pcr++ {
		events = append(events, Event{pcr, eventlog.EvSeparator, []byte("WBCL")})
	}
	return events
}

// EFI_GLOBAL_VARIABLE and EFI_IMAGE_SECURITY_DATABASE_GUID.
const (
	globalVariable = "\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c"
	imageSecurity  = "\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f"
)

// secureBoot is a UEFI variable in PCR 7 (UEFI_VARIABLE_DATA).
func secureBoot(guid, name string, value ...byte) Event {
	u := utf16.Encode([]rune(name))
	b := binary.LittleEndian.AppendUint64([]byte(guid), uint64(len(u)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
	for _, c := range u {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return Event{7, eventlog.EvEFIVariableDriverConfig, append(b, value...)}
}

// Log writes events as a crypto-agile log of SHA-256.
func Log(events ...Event) []byte {
	header := put32([]byte("Spec ID Event03\x00"), 0)
	header = put32(append(header, 0, 2, 0, 2), 1)
	header = append(header, 0x0b, 0, 32, 0, 0)
	b := append(put32(nil, 0, int(eventlog.EvNoAction)), make([]byte, 20)...)
	b = append(put32(b, len(header)), header...)
	for _, e := range events {
		digest := sha256.Sum256(e.Data)
		b = append(put32(b, e.PCR, int(e.Type), 1), 0x0b, 0)
		b = append(put32(append(b, digest[:]...), len(e.Data)), e.Data...)
	}
	return b
}

// PCRs are the 24 PCRs of bank SHA-256 after events.
func PCRs(events ...Event) map[int][]byte {
	pcrs := map[int][]byte{}
	for i := range 24 {
		pcrs[i] = make([]byte, sha256.Size)
		if i >= 17 && i <= 22 {
			pcrs[i] = bytes.Repeat([]byte{0xff}, sha256.Size) // no dynamic launch was made
		}
	}
	for _, e := range events {
		if e.Type == eventlog.EvNoAction {
			continue
		}
		digest := sha256.Sum256(e.Data)
		next := sha256.Sum256(append(pcrs[e.PCR], digest[:]...))
		pcrs[e.PCR] = next[:]
	}
	return pcrs
}
