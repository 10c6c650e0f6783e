package eventlog

import (
	"errors"
	"fmt"
	"slices"
)

// ProveAll holds all logs that a machine sent against the PCRs of one bank that
// were quoted. Firmware's logs are merged in their order, see [Merge]; of IMA's
// there may be one, anywhere. The first Proven is what firmware's logs prove, of
// no event where there is none; a second is that of IMA's log.
//
// What [Log.Prove] demands is demanded of the logs together, and of no log as
// well: PCRs 0 to 9 and 12 to 14 that are not as they began are refused if no
// firmware's log explains them, or a boot could be hidden by sending nothing.
// IMA's entries cannot explain them: they must be in other PCRs, in none that
// firmware's log extends, and in none that can be reset while the system runs.
// Where IMA's log is sent, it must explain PCR 10, too: root can extend PCR 11 or 15
// with whatever entries he likes, and would send those in place of what the kernel
// measured. Unexplained of the first Proven lists what is in no log at all. PCRs
// that were not quoted hide what they hold: which ones must be is for the caller to
// say.
//
// Errors are *Error, of which Log says which one of logs is wrong, if it is one
// of several.
func ProveAll(logs []*Log, bank Bank, pcrs map[int][]byte) ([]*Proven, error) {
	at, err := findIMA(logs)
	if err != nil {
		return nil, err
	}
	firmware, err := firmwareOf(logs, bank)
	if err != nil {
		return nil, err
	}
	if at >= 0 {
		if err := logs[at].checkIMA(firmware.mask()); err != nil {
			return nil, inLog(err, at, logs)
		}
	}
	proven, err := firmware.Prove(bank, pcrs)
	if err != nil {
		return nil, err
	}
	if at < 0 {
		return []*Proven{proven}, nil
	}
	ima, err := logs[at].Prove(bank, pcrs)
	if err != nil {
		return nil, inLog(err, at, logs)
	}
	proven.Unexplained = slices.DeleteFunc(proven.Unexplained, func(index int) bool { return slices.Contains(ima.PCRs, index) })
	// It is not enough that firmware's log explains it: events there may hold anything.
	if value, ok := pcrs[pcrIMA]; ok && !isStart(value) && !slices.Contains(ima.PCRs, pcrIMA) {
		return nil, inLog(logs[at].differs(pcrIMA, bank, make([]byte, bank.Size()), pcrs[pcrIMA]), at, logs)
	}
	return []*Proven{proven, ima}, nil
}

// findIMA returns where the log of IMA is among logs, -1 if there is none.
func findIMA(logs []*Log) (int, error) {
	at := -1
	for i, l := range logs {
		switch {
		case l == nil || l.isFirmware():
		case !l.Format.isIMA():
			return 0, &Error{Code: CodeUnsupported, PCR: -1, Log: i + 1, Part: "format", Found: l.Format.String(), Expected: "logs of a TPM: TCG and IMA"}
		case at >= 0:
			return 0, &Error{Code: CodeUnsupported, PCR: -1, Log: i + 1, Part: "format", Found: l.Format.String() + " again", Expected: "one log of IMA"}
		default:
			at = i
		}
	}
	return at, nil
}

// firmwareOf merges firmware's logs. Of none it makes one without events, which
// has to explain what others have to.
func firmwareOf(logs []*Log, bank Bank) (*Log, error) {
	isOne := func(l *Log) bool { return l == nil || l.isFirmware() }
	if !slices.ContainsFunc(logs, isOne) {
		return &Log{Format: FormatCryptoAgile, Banks: []Bank{bank}}, nil
	}
	if len(logs) == 1 {
		return Merge(logs...)
	}
	return join(logs)
}

const (
	// pcrIMA is what Linux measures into unless it was built to use another.
	pcrIMA = 10
	// pcrResettable is the first of those that need no restart to begin anew: 16 and
	// 23 whoever may use the TPM can reset, those between a dynamic launch.
	pcrResettable = 16
)

// checkIMA refuses a log of IMA with entries in PCRs that are firmware's. Linux
// can be built to measure into others than 10. But in a SHA-1 bank entries can
// have any digests, and in PCR 7 or 12 they could pass for what was measured
// there.
func (l *Log) checkIMA(firmware uint32) error {
	for i := range l.Events {
		e := &l.Events[i]
		var found string
		switch {
		case isOfFirmware(e.PCR):
			found = "an entry of IMA"
		case firmware&(1<<e.PCR) != 0:
			found = "an entry of IMA beside events of firmware"
		case e.PCR >= pcrResettable:
			found = "an entry of IMA in a PCR that can be reset"
		default:
			continue
		}
		return &Error{Code: CodeMismatch, Event: e.Number, Offset: e.Offset, PCR: e.PCR, Part: fmt.Sprintf("PCR %d", e.PCR), Found: found, Expected: "a PCR of IMA's own, which is 10 as a rule"}
	}
	return nil
}

// inLog says of an error which of several logs it is about.
func inLog(err error, at int, logs []*Log) error {
	if e, ok := errors.AsType[*Error](err); ok && len(logs) > 1 {
		e.Log = at + 1
	}
	return err
}
