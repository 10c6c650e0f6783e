package attest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/azattest/azattest/evidence"
)

// TCBError says that the operator does not accept the state of the platform. The
// evidence is genuine all the same.
type TCBError struct {
	// TCB is what the verifier found.
	TCB *evidence.TCB
	// Accepted is what the operator accepts.
	Accepted []evidence.TCBStatus
}

// Error says all there is to know on one line: the verdict and what it is made
// of, what falls short, and what would be accepted.
func (e *TCBError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "attest: TCB status %s (platform %s, quoting enclave %s", e.TCB.Status, e.TCB.Platform, e.TCB.QE)
	if !e.TCB.Date.IsZero() {
		fmt.Fprintf(&b, "; TCB date %s", e.TCB.Date.UTC().Format(time.DateOnly))
	}
	fmt.Fprintf(&b, "; TCB evaluation data number %d", e.TCB.EvaluationDataNumber)
	if len(e.TCB.Advisories) > 0 {
		fmt.Fprintf(&b, "; advisories %s", strings.Join(e.TCB.Advisories, ", "))
	}
	if len(e.TCB.Behind) > 0 {
		fmt.Fprintf(&b, "; behind: %s", strings.Join(e.TCB.Behind, "; "))
	}
	accepted := make([]string, len(e.Accepted))
	for i, status := range e.Accepted {
		accepted[i] = string(status)
	}
	fmt.Fprintf(&b, "), want %s", strings.Join(accepted, " or "))
	return b.String()
}

func (s *Service) acceptTCB(tcb *evidence.TCB) error {
	if slices.Contains(s.accepted, tcb.Status) {
		return nil
	}
	return &TCBError{TCB: tcb, Accepted: slices.Clone(s.accepted)}
}
