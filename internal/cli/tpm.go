package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

func newTPM(s Streams) *cobra.Command {
	cmd := group("tpm", "Enroll a TPM, and look at what it signed and what was measured into it",
		newTPMEnroll(s),
		newTPMShowLog(s),
		newTPMShowQuote(s),
		newTPMMakeAuthority(s),
	)
	cmd.Long = `enroll opens a TPM 2.0 and gets its attestation key a certificate from a service;
'azattest attest tpm' then has the machine attested. The other commands read the
logs and the signed statements of a TPM from files, and ask nobody.`
	cmd.Example = `  azattest tpm show-log binary_bios_measurements
  azattest tpm show-quote quote.attest`
	return cmd
}

// logError gives what is wrong with a log the form of all other evidence.
func logError(stage evidence.Stage, err error) error {
	e, ok := errors.AsType[*eventlog.Error](err)
	if !ok {
		return err
	}
	part := e.Part
	if e.Event > 0 {
		part = fmt.Sprintf("event %d: %s", e.Event, part)
	}
	return &evidence.Error{Stage: stage, Code: evidence.Code(e.Code), Part: part, Offset: e.Offset, Expected: e.Expected, Found: e.Found}
}

// loadLog reads a log of any format from a file.
func loadLog(s Streams, name string) (*eventlog.Log, error) {
	raw, err := readInput(s, name)
	if err != nil {
		return nil, err
	}
	l, err := eventlog.Parse(raw)
	if err != nil {
		return nil, logError(evidence.StageParse, err)
	}
	return l, nil
}
