package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/collect"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/simulator"
)

// releaseEvidenceFlags say what is attested.
type releaseEvidenceFlags struct {
	simulate bool
	dataDir  string
	report   simulator.Report
}

func (f *releaseEvidenceFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.simulate, "simulate", false, "attest a simulated enclave instead of the machine; it proves nothing, and vaults refuse it unless they are told otherwise")
	flags.StringVar(&f.dataDir, "data-dir", defaultDataDir, dataDirUsage)
	addEnclave(cmd, &f.report)
	mustTakeFolder(cmd, "data-dir")
}

func (f *releaseEvidenceFlags) check(cmd *cobra.Command) error {
	for _, name := range append(slices.Clone(enclaveFlags), "data-dir") {
		if !f.simulate && cmd.Flags().Changed(name) {
			return usage(cmd.CommandPath(), "--%s goes with --simulate: the evidence of the machine says itself what it is of", name)
		}
	}
	return nil
}

// attestingSource is what has this party attested.
type attestingSource struct {
	name      string
	simulated bool
	attest    keyrelease.Attester
}

// attester opens what gives evidence, and a client of the service that attests it.
func (f *releaseEvidenceFlags) attester(cmd *cobra.Command, s Streams, connect *connectFlags) (*attestingSource, error) {
	source, quote, attest, err := f.open(s)
	if err != nil {
		return nil, err
	}
	transport, err := transportTo(s, connect.caFile)
	if err != nil {
		return nil, err
	}
	// Evidence is what authorizes an attestation: the credential is the vault's.
	client, err := newClient(connect.endpoint, nil, clientOptions(s, transport, connect.apiVersion, credentialFlags{}))
	if err != nil {
		return nil, usageOf(cmd, err)
	}
	ask := attest(client, quote)
	source.attest = func(ctx context.Context, r keyrelease.AttestRequest) (string, error) {
		token, err := ask(ctx, r)
		if err != nil {
			return "", &attestError{err}
		}
		return token, nil
	}
	return source, nil
}

// open opens the simulated enclave, or finds what the machine offers.
func (f *releaseEvidenceFlags) open(s Streams) (*attestingSource, keyrelease.Quoter, func(*azattestation.Client, keyrelease.Quoter) keyrelease.Attester, error) {
	if f.simulate {
		platform, err := openSimulator(f.dataDir, s.Now())
		if err != nil {
			return nil, nil, nil, err
		}
		return &attestingSource{name: "simulated enclave", simulated: true}, func(_ context.Context, reportData [64]byte) ([]byte, error) {
			report := f.report
			report.ReportData = reportData
			return platform.Quote(report)
		}, keyrelease.SGXAttester, nil
	}
	machine, err := collect.Detect(collect.Config{})
	if errors.Is(err, collect.ErrNone) {
		return nil, nil, nil, withHint(err, "run it within an SGX enclave under Gramine or within a TDX virtual machine; for a test, --simulate attests a simulated enclave")
	}
	if err != nil {
		return nil, nil, nil, err
	}
	quote := func(ctx context.Context, reportData [64]byte) ([]byte, error) {
		e, err := machine.Quote(ctx, reportData)
		if err != nil {
			return nil, err
		}
		return e.Bytes, nil
	}
	switch machine.Kind() {
	case collect.SGXQuote:
		return &attestingSource{name: machine.String()}, quote, keyrelease.SGXAttester, nil
	case collect.TDXQuote:
		return &attestingSource{name: machine.String()}, quote, keyrelease.TDXAttester, nil
	case collect.SNPReport:
	}
	return nil, nil, nil, fmt.Errorf("%s gives an %s, which this command cannot have attested yet", machine, machine.Kind())
}

// attestError tells what went wrong at the attestation service from what did at the
// vault.
type attestError struct{ err error }

func (e *attestError) Error() string { return e.err.Error() }
func (e *attestError) Unwrap() error { return e.err }
