package eventlog

import (
	"fmt"
	"slices"
)

// Merge makes one log of firmware's logs that were measured into the same PCRs
// one after the other: that of a boot and that of a dynamic launch (DRTM) during
// it. A machine that resumes from hibernation begins its PCRs anew, so that the
// logs before and after are of two quotes and not for Merge: of what Windows'
// Tbsi_Get_TCG_Log_Ex gives, SRTM_BOOT and DRTM_BOOT belong together, and
// SRTM_RESUME and DRTM_RESUME.
//
// The events follow each other in the order of the arguments. Their Number
// counts on, Offset stays that within their own log, and Log says which that is.
// Banks are those that all logs have; the format is that of all, or SHA-1's
// where it is of one. A log alone is returned as it is.
//
// Logs that are not a firmware's with a TPM, have no bank in common, or are
// together more than one log may be, are refused with an *Error.
func Merge(logs ...*Log) (*Log, error) {
	if len(logs) == 0 {
		return nil, &Error{Code: CodeMissing, PCR: -1, Part: "logs", Found: "none", Expected: "at least one"}
	}
	for i, l := range logs {
		if l != nil && !l.isFirmware() {
			return nil, &Error{Code: CodeUnsupported, PCR: -1, Log: i + 1, Part: "format", Found: l.Format.String(), Expected: "a TCG log, as only these are of the same PCRs"}
		}
	}
	if len(logs) == 1 && logs[0] != nil {
		return logs[0], nil
	}
	return join(logs)
}

// join merges the firmware's logs among several, of which there is one at least.
// Their sizes are added up before anything is copied.
func join(logs []*Log) (*Log, error) {
	if n := len(logs); n > maxLogs {
		return nil, &Error{Code: CodeTooLarge, PCR: -1, Part: "logs", Found: fmt.Sprintf("%d", n), Expected: fmt.Sprintf("at most %d", maxLogs)}
	}
	all := &Log{Format: FormatCryptoAgile}
	events, first := 0, true
	for i, l := range logs {
		if l == nil {
			return nil, &Error{Code: CodeMissing, PCR: -1, Log: i + 1, Part: "log", Found: "none", Expected: "one that was parsed"}
		}
		if !l.isFirmware() {
			continue
		}
		if l.Format == FormatSHA1 {
			all.Format = FormatSHA1
		}
		if first {
			all.Banks, first = slices.Clone(l.Banks), false
		}
		all.Banks = slices.DeleteFunc(all.Banks, func(b Bank) bool { return !slices.Contains(l.Banks, b) })
		if len(all.Banks) == 0 {
			return nil, &Error{Code: CodeMismatch, PCR: -1, Log: i + 1, Part: "banks", Found: fmt.Sprintf("%v", l.Banks), Expected: "one that the logs before have, too"}
		}
		all.size += l.size
		events += len(l.Events)
		if all.size > maxLog || events > maxEvents {
			return nil, &Error{
				Code: CodeTooLarge, PCR: -1, Log: i + 1, Part: "logs up to this one",
				Found: fmt.Sprintf("%d bytes with %d events", all.size, events), Expected: fmt.Sprintf("at most %d with %d", maxLog, maxEvents),
			}
		}
	}
	all.Events = make([]Event, 0, events)
	for i, l := range logs {
		if !l.isFirmware() {
			continue
		}
		for _, e := range l.Events {
			e.Log, e.Number = i+1, len(all.Events)+1
			all.Events = append(all.Events, e)
		}
	}
	return all, nil
}

// isFirmware says whether a log is of firmware with a TPM, and of what that
// starts.
func (l *Log) isFirmware() bool { return l.Format == FormatCryptoAgile || l.Format == FormatSHA1 }
