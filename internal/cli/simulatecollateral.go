package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/simulator"
)

// simulateCollateralOptions are the flags of simulate collateral.
type simulateCollateralOptions struct {
	dataDir          string
	status, qeStatus string
	advisories       []string
	number           int
	fault            string
	at               *timeFlag
	out              string
	asJSON           *bool
}

func newSimulateCollateral(s Streams) *cobra.Command {
	o := new(simulateCollateralOptions)
	cmd := &cobra.Command{
		Use:   "collateral",
		Short: "Make the collateral that judges a simulated platform",
		Long: `collateral makes a set of collateral under which the simulated platform of the
data directory has the TCB status that the flags say, valid for 30 days. The set
replaces the one that is in the folder.`,
		Example: `  azattest simulate collateral --out ./set
  azattest simulate collateral --tcb-status OutOfDate --advisory INTEL-SA-00615 --out ./set
  azattest simulate collateral --fault pck-revoked --out ./set`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.StringVar(&o.dataDir, "data-dir", defaultDataDir, dataDirUsage)
	f.StringVar(&o.status, "tcb-status", string(evidence.TCBUpToDate), "TCB status of the platform")
	f.StringVar(&o.qeStatus, "qe-tcb-status", string(evidence.TCBUpToDate), "TCB status of its quoting enclave")
	f.StringSliceVar(&o.advisories, "advisory", nil, "ID of a security advisory that applies to the platform; may be repeated")
	f.IntVar(&o.number, "tcb-evaluation-number", 0, "TCB evaluation data number (default 17)")
	f.StringVar(&o.fault, "fault", "", "what is wrong with the collateral; see 'azattest simulate faults'")
	o.at = addAt(cmd, "issue the collateral at this time instead of now")
	f.StringVar(&o.out, "out", "", "folder to write the set to (required)")
	o.asJSON = jsonFlag(cmd)
	mustComplete(cmd, "tcb-status", tcbStatuses()...)
	mustComplete(cmd, "qe-tcb-status", tcbStatuses()...)
	mustComplete(cmd, "fault", faultsOf(simulator.ArtifactCollateral)...)
	mustTakeFolder(cmd, "data-dir")
	mustTakeFolder(cmd, "out")
	mustTakeText(cmd, "advisory", "tcb-evaluation-number", "at")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd.CommandPath()); err != nil {
			return err
		}
		return o.run(s)
	}
	return cmd
}

func (o *simulateCollateralOptions) check(command string) error {
	if o.out == "" {
		return usage(command, "--out is missing: the folder to write the set to")
	}
	for flag, status := range map[string]string{"tcb-status": o.status, "qe-tcb-status": o.qeStatus} {
		if !evidence.TCBStatus(status).Valid() {
			return usage(command, "--%s %q: want one of %v", flag, status, tcbStatuses())
		}
	}
	if err := o.options().Validate(); err != nil {
		return &usageError{err: err, command: command}
	}
	return checkFault(command, o.fault, simulator.ArtifactCollateral)
}

func (o *simulateCollateralOptions) options() simulator.CollateralOptions {
	return simulator.CollateralOptions{
		Status: evidence.TCBStatus(o.status), QEStatus: evidence.TCBStatus(o.qeStatus), Advisories: o.advisories,
		EvaluationDataNumber: o.number, IssueDate: o.at.Time,
	}
}

func (o *simulateCollateralOptions) run(s Streams) error {
	genuine, err := openSimulator(o.dataDir, s.Now())
	if err != nil {
		return err
	}
	platform, err := withFault(genuine, o.fault)
	if err != nil {
		return err
	}
	wanted := o.options()
	wanted.IssueDate = o.at.or(s.Now)
	set, err := platform.Collateral(wanted)
	if err != nil {
		return err
	}
	if err := writeSet(o.out, set.Parts()); err != nil {
		return fmt.Errorf("collateral set: %w", err)
	}
	made := simulated{Out: o.out, Format: "collateral", Simulated: true, Fault: o.fault, Root: simulatorRoot(o.dataDir)}
	made.FMSPC, made.CA = platform.Identity().FMSPC.String(), platform.Identity().CA
	if *o.asJSON {
		return printJSON(s.Out, made)
	}
	return made.print(s.Out)
}
