package eventlog

import (
	"bytes"
	"fmt"
	"slices"
)

// localityPrefix begins the EV_NO_ACTION event that says where the TPM was
// started from (TCG_EfiStartupLocalityEvent).
const localityPrefix = "StartupLocality\x00"

// Replay computes what the log's events make of the PCRs of a bank: those that
// it extends, by index. PCRs 17 to 22 begin as a dynamic launch leaves them,
// all zeros. In banks other than SHA-1, IMA's entries count as kernels extend
// them since 5.8. The values say what the log claims and prove nothing.
func (l *Log) Replay(bank Bank) (map[int][]byte, error) {
	if err := l.canReplay(bank); err != nil {
		return nil, err
	}
	locality, err := l.locality()
	if err != nil {
		return nil, err
	}
	pcrs := map[int][]byte{}
	var scratch [maxDigest]byte
	for i := range l.Events {
		e := &l.Events[i]
		if !e.extends() {
			continue
		}
		digest, err := l.extended(e, bank, imaNative, scratch[:0])
		if err != nil {
			return nil, err
		}
		pcr, ok := pcrs[e.PCR]
		if !ok {
			pcr = l.start(e.PCR, bank, locality)
			pcrs[e.PCR] = pcr
		}
		bank.extend(pcr, digest)
	}
	return pcrs, nil
}

// PCRs are the indexes of the registers that the log extends, in order.
func (l *Log) PCRs() []int {
	var list []int
	for index, mask := 0, l.mask(); mask != 0; index, mask = index+1, mask>>1 {
		if mask&1 != 0 {
			list = append(list, index)
		}
	}
	return list
}

// mask has bit i set if the log extends PCR i.
func (l *Log) mask() uint32 {
	var mask uint32
	for i := range l.Events {
		if e := &l.Events[i]; e.extends() {
			mask |= 1 << e.PCR
		}
	}
	return mask
}

func (l *Log) canReplay(bank Bank) error {
	if !bank.CanProve() {
		return &Error{Code: CodeUnsupported, PCR: -1, Part: "bank", Found: bank.String(), Expected: "SHA1, SHA256, SHA384 or SHA512"}
	}
	if !l.Format.isIMA() && !slices.Contains(l.Banks, bank) {
		return &Error{Code: CodeMissing, PCR: -1, Part: "bank", Found: bank.String(), Expected: fmt.Sprintf("one that the log has: %v", l.Banks)}
	}
	return nil
}

// extends says whether an event was extended into a PCR.
func (e *Event) extends() bool { return e.Type != EvNoAction && e.PCR >= 0 }

// How kernels extend IMA's entries into banks other than SHA-1: with the
// template's data hashed anew, or before 5.8 with the SHA-1 and zeros behind.
type imaMode int

const (
	imaNative imaMode = iota
	imaPaddedSHA1
)

// extended gives the digest that went into a bank. It may use scratch.
func (l *Log) extended(e *Event, bank Bank, mode imaMode, scratch []byte) ([]byte, error) {
	if e.ima != nil {
		return e.imaExtended(bank, mode, scratch), nil
	}
	if digest := e.Digest(bank); digest != nil {
		return digest, nil
	}
	return nil, &Error{Code: CodeMissing, Log: e.Log, Event: e.Number, Offset: e.Offset, PCR: e.PCR, Part: "digests", Found: "none of " + bank.String(), Expected: "one for each bank of the header"}
}

func (e *Event) imaExtended(bank Bank, mode imaMode, scratch []byte) []byte {
	switch {
	case e.ima.IsViolation:
		return append(scratch, bytes.Repeat([]byte{0xff}, bank.Size())...)
	case bank == SHA1:
		return e.Digests[0].Value
	case mode == imaPaddedSHA1:
		scratch = append(scratch, e.Digests[0].Value...)
		return append(scratch, make([]byte, bank.Size()-imaHash)...)
	default:
		return bank.sum(scratch, e.Data)
	}
}

// imaProof says what an entry's digest proves of its data. In banks where kernels
// hash the data anew, the digest was made of it.
func (e *Event) imaProof(bank Bank, mode imaMode) Proof {
	switch {
	case e.ima.IsViolation:
		return ProofDigest
	case bank != SHA1 && mode == imaNative, SHA1.isSum(e.Digests[0].Value, e.Data):
		return ProofData
	default:
		return ProofDigest
	}
}

// start is what a PCR holds before its first event.
func (l *Log) start(pcr int, bank Bank, locality byte) []byte {
	value := make([]byte, bank.Size())
	if pcr == 0 && l.Format == FormatCryptoAgile || pcr == 0 && l.Format == FormatSHA1 {
		value[len(value)-1] = locality
	}
	return value
}

// locality finds the event that says from which locality the TPM was started,
// which is what PCR 0 then begins with. The event is not extended; a false one
// makes PCR 0 differ.
func (l *Log) locality() (byte, error) {
	locality, found, extended := byte(0), false, false
	for i := range l.Events {
		e := &l.Events[i]
		if e.PCR != 0 || l.Format == FormatCCEL || l.Format.isIMA() {
			continue
		}
		if e.Type != EvNoAction {
			extended = true
			continue
		}
		if !bytes.HasPrefix(e.Data, []byte(localityPrefix)) {
			continue
		}
		fail := func(found, expected string) error {
			return &Error{Code: CodeMalformed, Log: e.Log, Event: e.Number, Offset: e.Offset, PCR: 0, Part: "StartupLocality", Found: found, Expected: expected}
		}
		switch {
		case len(e.Data) != len(localityPrefix)+1:
			return 0, fail(fmt.Sprintf("%d bytes", len(e.Data)), fmt.Sprintf("%d", len(localityPrefix)+1))
		case found || extended:
			return 0, fail("again, or after PCR 0 was extended", "one, before all events of PCR 0")
		}
		locality, found = e.Data[len(localityPrefix)], true
		// 0 and 3 start a TPM; 4 is a start by the hardware (H-CRTM).
		if locality != 0 && locality != 3 && locality != 4 {
			return 0, fail(fmt.Sprintf("locality %d", locality), "0, 3 or 4")
		}
	}
	return locality, nil
}
