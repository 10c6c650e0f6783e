package cli

import (
	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/policy/syntax"
)

// checkedPolicies is what policy check --json prints.
type checkedPolicies struct {
	OK       bool            `json:"ok"`
	Errors   int             `json:"errors"`
	Warnings int             `json:"warnings"`
	Files    []checkedPolicy `json:"files"`
}

// checkedPolicy is what is said of one policy.
type checkedPolicy struct {
	File          string            `json:"file"`
	OK            bool              `json:"ok"`
	Errors        int               `json:"errors"`
	Warnings      int               `json:"warnings"`
	PolicyHash    string            `json:"policyHash"`
	PolicyHashHex string            `json:"policyHashHex"`
	Diagnostics   []shownDiagnostic `json:"diagnostics"`

	found []syntax.Diagnostic
}

// shownDiagnostic is one fault of a policy's text.
type shownDiagnostic struct {
	Code     syntax.Code    `json:"code"`
	Severity string         `json:"severity"`
	Message  string         `json:"message"`
	Hint     string         `json:"hint,omitempty"`
	Range    shownRange     `json:"range"`
	Expected []string       `json:"expected"`
	Found    string         `json:"found"`
	Related  []shownRelated `json:"related"`
}

// shownRelated is another place that explains a fault.
type shownRelated struct {
	Range   shownRange `json:"range"`
	Message string     `json:"message"`
}

// shownRange is a piece of a text, up to but not including its end.
type shownRange struct {
	Start shownPosition `json:"start"`
	End   shownPosition `json:"end"`
}

// shownPosition counts lines from 1, bytes and columns (code points) from 0, as
// the service's messages do.
type shownPosition struct {
	Offset int `json:"offset"`
	Line   int `json:"line"`
	Column int `json:"column"`
}

func newShownDiagnostic(d *syntax.Diagnostic) shownDiagnostic {
	shown := shownDiagnostic{
		Code: d.Code, Severity: d.Severity.String(), Message: d.Message, Hint: d.Hint, Range: newShownRange(d.Range),
		Expected: list(d.Expected), Found: d.Found, Related: []shownRelated{},
	}
	for _, r := range d.Related {
		shown.Related = append(shown.Related, shownRelated{Range: newShownRange(r.Range), Message: r.Message})
	}
	return shown
}

func newShownRange(r syntax.Range) shownRange {
	return shownRange{Start: shownPosition(r.Start), End: shownPosition(r.End)}
}

// policyHash is the hash of a policy's text in both forms.
func policyHash(text string) (base64URL, hexadecimal string) {
	return bothForms(azattestation.PolicyHash(text))
}
