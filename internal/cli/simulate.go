package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/simulator"
)

// dataDirUsage is --data-dir of the commands that share a simulated platform
// with a service.
const dataDirUsage = "folder of the simulated platform; 'azattest serve --dev' with the same folder accepts its quotes"

func newSimulate(s Streams) *cobra.Command {
	cmd := group("simulate", "Make quotes and collateral of a simulated platform, good or faulty",
		newSimulateQuote(s),
		newSimulateCollateral(s),
		newSimulateFaults(s),
	)
	cmd.Long = `simulate makes evidence without SGX hardware, for development and tests. What it
makes proves nothing. Its root is no root of Intel's: verifiers refuse it unless
they are told to trust it, and then mark what they verified as simulated.

The platform is made on first use and kept in the data directory, together with
the certificate of its root (simulator/root.pem).`
	cmd.Example = `  azattest simulate quote -o quote.bin
  azattest simulate collateral --tcb-status OutOfDate --out ./set
  azattest quote verify quote.bin --collateral ./set --simulator-root azattest-data/simulator/root.pem`
	return cmd
}

func newSimulateFaults(s Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "faults",
		Short: "List the faults that quotes and collateral can be given",
		Long: `faults lists what --fault takes: what each spoils, quotes or collateral, and the
stage and code with which a verifier refuses it that trusts the simulated root
alone. One that trusts Intel's root as well may say untrusted-root where a
certificate is forged, for it cannot know which root was meant.`,
		Example: `  azattest simulate faults
  azattest simulate faults --json`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		if *asJSON {
			return printJSON(s.Out, shownFaults())
		}
		t := newTable(s.Out)
		for _, f := range shownFaults() {
			t.row(f.Fault, fmt.Sprintf("%s\t%s, %s\t%s", f.Artifact, f.Stage, f.Code, f.Description))
		}
		return t.flush()
	}
	return cmd
}

// shownFault is an element of what simulate faults --json prints.
type shownFault struct {
	Fault       string             `json:"fault"`
	Artifact    simulator.Artifact `json:"artifact"`
	Stage       evidence.Stage     `json:"stage"`
	Code        evidence.Code      `json:"code"`
	Description string             `json:"description"`
}

func shownFaults() []shownFault {
	var shown []shownFault
	for _, f := range simulator.Faults() {
		shown = append(shown, shownFault{string(f), f.Artifact(), f.Stage(), f.Code(), f.Description()})
	}
	return shown
}

// faultsOf are the names of the faults that spoil an artifact.
func faultsOf(a simulator.Artifact) []string {
	var names []string
	for _, f := range simulator.Faults() {
		if f.Artifact() == a {
			names = append(names, string(f))
		}
	}
	return names
}

// checkFault refuses a fault that does not exist or spoils something else.
func checkFault(command, name string, want simulator.Artifact) error {
	switch f := simulator.Fault(name); {
	case name == "":
		return nil
	case !f.Valid():
		return usage(command, "--fault %q: 'azattest simulate faults' lists those there are", name)
	case f.Artifact() != want:
		return usage(command, "--fault %s spoils %s, not %s", name, f.Artifact(), want)
	}
	return nil
}

// withFault gives the platform a fault, none for the empty name.
func withFault(p *simulator.Platform, name string) (*simulator.Platform, error) {
	if name == "" {
		return p, nil
	}
	return p.With(simulator.Fault(name))
}
