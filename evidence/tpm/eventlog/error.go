package eventlog

import (
	"fmt"
	"strings"
)

// Code is the reason of a refusal, stable for programs to branch on. The words
// are those of evidence.Code.
type Code string

// The codes.
const (
	CodeTruncated    Code = "truncated"     // the log ends before the part does
	CodeMalformed    Code = "malformed"     // a part has a value it cannot have
	CodeTrailingData Code = "trailing-data" // bytes follow that belong to nothing
	CodeTooLarge     Code = "too-large"     // beyond a bound of this implementation
	CodeUnsupported  Code = "unsupported"   // well formed, of a kind not read here
	CodeMissing      Code = "missing"       // a part that is needed is absent
	CodeMismatch     Code = "mismatch"      // the log is not what the PCRs say
)

// Error says what is wrong with a log.
type Error struct {
	Code Code
	// Log is which of several logs, from 1, and 0 where there was one.
	Log int
	// Event is the number of the event, 0 for the header or the whole log. In
	// logs that were merged it counts on, as [Event.Number] does.
	Event int
	// Offset is the byte offset of the part within the log; of several, within
	// that one.
	Offset int
	// PCR is the register that differs, -1 where the error is not about one. It
	// is set by Prove, ProveAll and Replay only; of Parse's errors it means nothing.
	PCR int
	// Part names what was looked at, as the specification does.
	Part string
	// Found and Expected say what was there and what should have been; either
	// may be empty.
	Found, Expected string
}

// Error gives one line: log, event, offset, part, what was found and what was
// expected.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Log > 0 {
		fmt.Fprintf(&b, "log %d, ", e.Log)
	}
	if e.Event > 0 {
		fmt.Fprintf(&b, "event %d, ", e.Event)
	}
	fmt.Fprintf(&b, "%s at byte %d", e.Part, e.Offset)
	sep := ": "
	if e.Found != "" {
		b.WriteString(sep + e.Found)
		sep = ", "
	}
	if e.Expected != "" {
		b.WriteString(sep + "want " + e.Expected)
	}
	if e.Found == "" && e.Expected == "" {
		b.WriteString(sep + string(e.Code))
	}
	return b.String()
}
