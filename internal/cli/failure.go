package cli

import (
	"errors"

	"github.com/spf13/cobra"
)

// failure is what every command prints with --json instead of its result, exit
// codes 1 and 3, unless it has a document of its own for that. Programs read it:
// members are added, never renamed.
type failure struct {
	Error failureReason `json:"error"`
}

// failureReason says what went wrong. What is not known is absent.
type failureReason struct {
	// Message is what stands on stderr.
	Message string `json:"message"`
	// Code is the service's word for it, or that of the evidence's verification
	// with its stage.
	Code  string `json:"code,omitempty"`
	Stage string `json:"stage,omitempty"`
	// InnerCode is a vault's word for why.
	InnerCode string `json:"innerCode,omitempty"`
	// Status and Request are those of the service's answer.
	Status  int    `json:"status,omitempty"`
	Request string `json:"request,omitempty"`
	// Check is the one that a token failed.
	Check    string `json:"check,omitempty"`
	Part     string `json:"part,omitempty"`
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found,omitempty"`
	Hint     string `json:"hint,omitempty"`
}

func newFailure(err error) failure {
	r := failureReason{Message: err.Error(), Hint: hintFor(err)}
	// Questions that found no answer hide what lies beneath from the exit code. A
	// service's answer is no verdict either way.
	beneath := err
	if e, ok := errors.AsType[*undecidedError](err); ok {
		beneath = e.err
	}
	if e, ok := errors.AsType[*responseError](beneath); ok {
		r.Code, r.InnerCode, r.Status, r.Request = e.code, e.inner, e.status, e.request
	}
	if e, ok := errors.AsType[*tokenError](err); ok {
		r.Check, r.Part, r.Expected, r.Found = string(e.Check), e.Part, e.Expected, e.Found
	}
	if e, ok := reasonOf(err); ok {
		r.Code, r.Stage = string(e.Code), string(e.Stage)
		r.Part, r.Expected, r.Found = e.Part, e.Expected, e.Found
		if r.Hint == "" {
			r.Hint = e.Hint
		}
	}
	return failure{r}
}

// wantsJSON says whether a command was given --json. Of a command line that could
// not be read nobody knows.
func wantsJSON(cmd *cobra.Command) bool {
	f := cmd.Flags().Lookup("json")
	return f != nil && f.Value.String() == "true"
}
