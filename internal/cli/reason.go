package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence"
)

// reason says why something was refused, for programs.
type reason struct {
	Code     evidence.Code  `json:"code"`
	Stage    evidence.Stage `json:"stage"`
	Message  string         `json:"message"`
	Part     string         `json:"part,omitempty"`
	Expected string         `json:"expected,omitempty"`
	Found    string         `json:"found,omitempty"`
	Hint     string         `json:"hint,omitempty"`
}

// reasonOf returns the reason of a refusal; ok is false for an error that
// decides nothing.
func reasonOf(err error) (r *reason, ok bool) {
	if isUndecided(err) {
		return nil, false
	}
	e, ok := errors.AsType[*evidence.Error](err)
	if !ok {
		return nil, false
	}
	plain := *e
	plain.Hint = ""
	r = &reason{
		Code: e.Code, Stage: e.Stage, Message: plain.Error(), Part: e.Part, Expected: e.Expected, Found: e.Found, Hint: e.Hint,
	}
	if _, unknown := errors.AsType[*collateral.NotFoundError](err); unknown && r.Hint == "" {
		r.Hint = "get it with 'azattest collateral fetch --quote FILE', or for simulated evidence with 'azattest simulate collateral'"
	}
	return r, true
}

// isUndecided tells a service that gave no usable answer from one that answered
// that it has nothing.
func isUndecided(err error) bool {
	_, failed := errors.AsType[*collateral.HTTPError](err)
	_, answered := errors.AsType[*collateral.NotFoundError](err)
	return failed && !answered
}

// print writes a verdict that begins with what, and a table.
func (r *reason) print(w io.Writer, what string) error {
	if _, err := fmt.Fprintf(w, "%s: %s\n\n", what, clean(r.Message)); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	t := newTable(w)
	t.row("stage", r.Stage)
	t.row("code", r.Code)
	for _, f := range []struct{ name, value string }{
		{"part", r.Part}, {"found", r.Found}, {"expected", r.Expected}, {"hint", r.Hint},
	} {
		if f.value != "" {
			t.row(f.name, clean(f.value))
		}
	}
	return t.flush()
}

// undecidedError says that a question found no answer, whatever lies beneath: a
// service whose answer cannot be read has refused nothing, although the parser
// of that answer has. So it does not unwrap, and ends with exit code 3.
type undecidedError struct{ err error }

func (e *undecidedError) Error() string { return e.err.Error() }

// undecided hides from the exit code what a service's unusable answer was
// refused for.
func undecided(err error) error {
	if isUndecided(err) {
		return &undecidedError{err}
	}
	return err
}
