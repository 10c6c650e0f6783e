package eventlog

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// Proven is what quoted PCRs prove of a log.
type Proven struct {
	// Bank is the bank of the PCRs. What a SHA-1 bank proves is as good as SHA-1:
	// nobody finds other data for a digest, but who could choose what was measured
	// could prepare two that have the same.
	Bank Bank
	// Format is the log's.
	Format Format
	// PCRs are the indexes that were compared and have events, in order.
	PCRs []int
	// Unexplained are the indexes of PCRs that hold something of which the log has
	// no event. Prove refuses them where firmware, boot loader and Windows
	// measure; for the others the caller knows whether another log explains them.
	Unexplained []int
	// Events are those of PCRs, in the log's order. Events that are not extended
	// (EV_NO_ACTION) are proven by nothing and not among them.
	Events []ProvenEvent
	// Later counts the entries at the end of an IMA log that are not proven:
	// programs that ran after the quote and before the log was read.
	Later int
	// IsWindows says that tagged events of a Windows boot are among the proven
	// ones. Of a log that hides Windows' events from types and data altogether
	// nothing of Windows is proven, and IsWindows is false.
	IsWindows bool
	// IsPaddedSHA1 says that entries of IMA are proven by SHA-1 alone, whatever the
	// bank: kernels before 5.8 extend that with zeros behind.
	IsPaddedSHA1 bool

	// quotesWindows says that PCRs 12 to 14 were all quoted, measuresBoot that Windows
	// has measured there before it closed them. See IsWindowsBoot.
	quotesWindows, measuresBoot bool
}

// ProvenEvent is an event whose digest is proven.
type ProvenEvent struct {
	*Event
	// Extended is what was extended into the PCR.
	Extended []byte
	// Proof says how much of Data is proven.
	Proof Proof
	// DataProven is whether all of Data is: what Extended is the digest of.
	DataProven bool
	// AfterBoot says that the event comes after the separator with which Windows
	// ends its measurements in this PCR, so that any program may have extended it.
	AfterBoot bool

	windows []Tag // of an event of Windows in a place of Windows'
}

// Prove replays the log and compares it with the PCRs of one bank that were
// quoted, by index; of a CCEL the index is that of the measurement register (1
// is RTMR 0). It returns the events of these PCRs, or an *Error whose PCR is the
// first that differs. PCRs that the log extends and that were not quoted are
// left out with all their events.
//
// Types of events are not proven, and data is only where it was hashed. Prove
// therefore refuses firmware's logs in which an event cannot be what it says:
//
//   - in PCR 7 (Secure Boot) every event must be of a type that belongs there
//     and have its data proven; the variables that make up Secure Boot come once
//     each, before the separator, and in no other PCR;
//   - where Windows has measured, PCRs 12 to 14 hold tagged events and
//     separators only, whose data is proven;
//   - PCRs 0 to 9 and 12 to 14 that are not as they began must have events, for
//     a log that leaves out all of a PCR would hide what was measured.
//
// The one thing that may be missing are the events by which firmware ends its
// services, at the end of PCR 5.
func (l *Log) Prove(bank Bank, pcrs map[int][]byte) (*Proven, error) {
	if err := l.canReplay(bank); err != nil {
		return nil, err
	}
	for _, index := range slices.Sorted(maps.Keys(pcrs)) {
		if n := len(pcrs[index]); n != bank.Size() || index < 0 || index > maxPCR {
			return nil, &Error{Code: CodeMalformed, PCR: index, Part: fmt.Sprintf("quoted PCR %d", index), Found: fmt.Sprintf("%d bytes", n), Expected: fmt.Sprintf("an index up to %d and %d bytes of %s", maxPCR, bank.Size(), bank)}
		}
	}
	p := &Proven{Bank: bank, Format: l.Format}
	var err error
	if l.Format.isIMA() {
		err = l.proveIMA(p, pcrs)
	} else {
		err = l.proveTCG(p, pcrs)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (l *Log) proveTCG(p *Proven, pcrs map[int][]byte) error {
	replayed, err := l.Replay(p.Bank)
	if err != nil {
		return err
	}
	for _, index := range slices.Sorted(maps.Keys(pcrs)) {
		value, ok := replayed[index]
		switch {
		case ok && bytes.Equal(value, pcrs[index]), ok && l.fromOnes(index, p.Bank, pcrs[index]), ok && l.beforeExit(index, p.Bank, value, pcrs[index]):
			p.PCRs = append(p.PCRs, index)
		case ok:
			return l.differs(index, p.Bank, value, pcrs[index])
		case isStart(pcrs[index]):
		case l.Format == FormatCCEL && isOfCCEL(index), l.Format != FormatCCEL && isOfFirmware(index):
			return l.differs(index, p.Bank, make([]byte, p.Bank.Size()), pcrs[index])
		default:
			p.Unexplained = append(p.Unexplained, index)
		}
	}
	p.quotesWindows = true
	for index := pcrWindowsFirst; index <= pcrWindowsLast; index++ {
		p.quotesWindows = p.quotesWindows && pcrs[index] != nil
	}
	var proven [maxPCR + 1]bool
	for _, index := range p.PCRs {
		proven[index] = true
	}
	p.Events = make([]ProvenEvent, 0, len(l.Events))
	for i := range l.Events {
		e := &l.Events[i]
		if !e.extends() || !proven[e.PCR] {
			continue
		}
		digest := e.Digest(p.Bank)
		proof := proofOf(e, p.Bank, digest)
		p.Events = append(p.Events, ProvenEvent{Event: e, Extended: digest, Proof: proof, DataProven: proof == ProofData})
	}
	if l.Format == FormatCCEL {
		return nil
	}
	return p.check()
}

// isOfFirmware says of which PCRs a firmware's log must have the events, and no
// other log may.
func isOfFirmware(index int) bool {
	return index <= 9 || pcrWindowsFirst <= index && index <= pcrWindowsLast
}

// isOfCCEL says the same of a trust domain: RTMR 0 and 1 are firmware's, 2 the
// boot loader's; 3 is free to use. MRTD has no events.
func isOfCCEL(index int) bool { return 1 <= index && index <= 3 }

// isStart says whether a PCR holds what it does before anything is extended:
// zeros, ones in PCRs of dynamic launches, or the locality of the start.
func isStart(value []byte) bool {
	last := value[len(value)-1]
	if len(bytes.Trim(value, "\xff")) == 0 {
		return true
	}
	return len(bytes.Trim(value[:len(value)-1], "\x00")) == 0 && last <= 4
}

// fromOnes tries the other value that the PCRs of dynamic launches may have
// begun with, where events were extended without a launch.
func (l *Log) fromOnes(index int, bank Bank, quoted []byte) bool {
	if index < 17 || index > 22 || l.Format == FormatCCEL {
		return false
	}
	value := bytes.Repeat([]byte{0xff}, bank.Size())
	for i := range l.Events {
		if e := &l.Events[i]; e.PCR == index && e.extends() {
			bank.extend(value, e.Digest(bank))
		}
	}
	return bytes.Equal(value, quoted)
}

// beforeExit says whether PCR 5 is as quoted once the events are added with
// which firmware ends its services. They come after the loader has copied the
// log, and some systems never look for them. What they say is constant, so that
// nothing can hide behind them.
func (l *Log) beforeExit(index int, bank Bank, replayed, quoted []byte) bool {
	if index != 5 || l.Format == FormatCCEL {
		return false
	}
	const invocation, success, failure = "Exit Boot Services Invocation", "Exit Boot Services Returned with Success", "Exit Boot Services Returned with Failure"
	for _, texts := range [][]string{{invocation, success}, {invocation, failure}, {invocation, failure, success}} {
		value := bytes.Clone(replayed)
		for _, text := range texts {
			bank.extend(value, bank.sum(nil, []byte(text)))
		}
		if bytes.Equal(value, quoted) {
			return true
		}
	}
	return false
}

// differs is the error of a PCR that the log does not explain. It points at the
// first event of the PCR, which is all that can be said of where it differs.
func (l *Log) differs(index int, bank Bank, replayed, quoted []byte) error {
	err := &Error{
		Code: CodeMismatch, PCR: index, Part: fmt.Sprintf("PCR %d of %s", index, bank),
		Found: "the log's events make " + hex.EncodeToString(replayed), Expected: hex.EncodeToString(quoted) + " as quoted",
	}
	i := slices.IndexFunc(l.Events, func(e Event) bool { return e.PCR == index && e.extends() })
	if i < 0 {
		err.Found = "the log has no event"
		return err
	}
	err.Log, err.Event, err.Offset = l.Events[i].Log, l.Events[i].Number, l.Events[i].Offset
	return err
}

// proveIMA looks for the entries after which each PCR was as quoted. The log
// grows while it is read, so that it may have more than the quote.
func (l *Log) proveIMA(p *Proven, pcrs map[int][]byte) error {
	proven := map[int]int{} // number of the last proven entry, by PCR
	modes := map[int]imaMode{}
	mask := l.mask()
	for _, index := range slices.Sorted(maps.Keys(pcrs)) {
		if mask&(1<<index) == 0 {
			continue // it is another log's
		}
		last, mode, value := 0, imaNative, []byte(nil)
		for _, m := range []imaMode{imaNative, imaPaddedSHA1} {
			last, value = l.imaPrefix(index, p.Bank, m, pcrs[index])
			if mode = m; last > 0 || p.Bank == SHA1 {
				break
			}
		}
		if last == 0 && !isStart(pcrs[index]) {
			return l.differs(index, p.Bank, value, pcrs[index])
		}
		proven[index], modes[index] = last, mode
		p.IsPaddedSHA1 = p.IsPaddedSHA1 || last > 0 && mode == imaPaddedSHA1
		p.PCRs = append(p.PCRs, index)
	}
	p.Events = make([]ProvenEvent, 0, len(l.Events))
	size := p.Bank.Size()
	room := make([]byte, len(l.Events)*size) // for the digests that are made
	for i := range l.Events {
		e := &l.Events[i]
		last, quoted := proven[e.PCR]
		switch {
		case !quoted:
		case e.Number > last:
			p.Later++
		default:
			digest := e.imaExtended(p.Bank, modes[e.PCR], room[:0:size])
			room = room[size:]
			proof := e.imaProof(p.Bank, modes[e.PCR])
			p.Events = append(p.Events, ProvenEvent{Event: e, Extended: digest, Proof: proof, DataProven: proof == ProofData})
		}
	}
	return nil
}

// imaPrefix returns the number of the last entry after which the PCR was as
// quoted, 0 if there is none, and the value after all of them.
func (l *Log) imaPrefix(index int, bank Bank, mode imaMode, quoted []byte) (last int, value []byte) {
	value = make([]byte, bank.Size())
	var scratch [maxDigest]byte
	for i := range l.Events {
		e := &l.Events[i]
		if e.PCR != index {
			continue
		}
		bank.extend(value, e.imaExtended(bank, mode, scratch[:0]))
		if bytes.Equal(value, quoted) {
			last = e.Number
		}
	}
	return last, value
}
