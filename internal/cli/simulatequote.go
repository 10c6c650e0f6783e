package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/simulator"
)

// simulateQuoteOptions are the flags of simulate quote.
type simulateQuoteOptions struct {
	dataDir                   string
	runtimeData, initTimeData string
	report                    simulator.Report
	fault                     string
	openEnclave               bool
	out                       string
	asJSON                    *bool
}

func newSimulateQuote(s Streams) *cobra.Command {
	o := new(simulateQuoteOptions)
	cmd := &cobra.Command{
		Use:   "quote",
		Short: "Make a quote of a simulated enclave",
		Long: `quote makes an SGX quote that says of its enclave whatever the flags say, signed
by the simulated platform of the data directory.`,
		Example: `  azattest simulate quote --runtime-data key.pem -o quote.bin
  azattest simulate quote --product-id 7 --svn 2 --debug --open-enclave -o report.bin
  azattest simulate quote --fault quote-signature -o bad.bin`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.StringVar(&o.dataDir, "data-dir", defaultDataDir, dataDirUsage)
	f.StringVar(&o.runtimeData, "runtime-data", "", "file with the data to bind: its SHA-256 becomes the report data")
	f.Var(&hexFlag{dst: o.report.ReportData[:], isPadded: true}, "report-data", "report data itself: at most 64 bytes, zero bytes follow")
	f.StringVar(&o.initTimeData, "init-time-data", "", "file with the data whose SHA-256 becomes the CONFIGID; implies --kss")
	addEnclave(cmd, &o.report)
	f.BoolVar(&o.report.KSS, "kss", false, "the enclave uses key separation and sharing")
	f.StringVar(&o.fault, "fault", "", "what is wrong with the quote; see 'azattest simulate faults'")
	f.BoolVar(&o.openEnclave, "open-enclave", false, "wrap the quote in an Open Enclave report")
	f.StringVarP(&o.out, "out", "o", "", "file to write; - is standard output (required)")
	o.asJSON = jsonFlag(cmd)
	mustComplete(cmd, "fault", faultsOf(simulator.ArtifactQuote)...)
	mustTakeFolder(cmd, "data-dir")
	mustTakeText(cmd, "report-data")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		return o.run(s)
	}
	return cmd
}

// enclaveFlags are those that say which enclave is simulated.
var enclaveFlags = []string{"mrenclave", "mrsigner", "product-id", "svn", "debug"}

func addEnclave(cmd *cobra.Command, r *simulator.Report) {
	f := cmd.Flags()
	f.Var(&hexFlag{dst: r.MRENCLAVE[:]}, "mrenclave", "measurement of the enclave, 32 bytes (default zero)")
	f.Var(&hexFlag{dst: r.MRSIGNER[:]}, "mrsigner", "hash of its signer's key, 32 bytes (default zero)")
	f.Uint16Var(&r.ISVProdID, "product-id", 0, "product ID of the enclave")
	f.Uint16Var(&r.ISVSVN, "svn", 0, "security version of the enclave")
	f.BoolVar(&r.Debug, "debug", false, "the enclave can be debugged")
	mustTakeText(cmd, "mrenclave", "mrsigner", "product-id", "svn")
}

func (o *simulateQuoteOptions) check(cmd *cobra.Command) error {
	command := cmd.CommandPath()
	switch {
	case o.out == "":
		return usage(command, "--out is missing: the file to write")
	case o.out == "-" && *o.asJSON:
		return usage(command, "--json and --out - both want standard output")
	case o.runtimeData != "" && cmd.Flags().Changed("report-data"):
		return usage(command, "--runtime-data and --report-data exclude each other")
	}
	return checkFault(command, o.fault, simulator.ArtifactQuote)
}

func (o *simulateQuoteOptions) run(s Streams) error {
	if err := o.bind(s); err != nil {
		return err
	}
	genuine, err := openSimulator(o.dataDir, s.Now())
	if err != nil {
		return err
	}
	platform, err := withFault(genuine, o.fault)
	if err != nil {
		return err
	}
	quote, format := platform.Quote, formatQuote
	if o.openEnclave {
		quote, format = platform.OpenEnclaveReport, formatReport
	}
	raw, err := quote(o.report)
	if err != nil {
		return err
	}
	if o.out == "-" {
		_, err := s.Out.Write(raw)
		return err
	}
	if err := writeFile(o.out, raw); err != nil {
		return err
	}
	made := simulated{Out: o.out, Format: format, Size: len(raw), Simulated: true, Fault: o.fault, Root: simulatorRoot(o.dataDir)}
	made.FMSPC, made.CA = platform.Identity().FMSPC.String(), platform.Identity().CA
	if *o.asJSON {
		return printJSON(s.Out, made)
	}
	return made.print(s.Out)
}

// bind puts the hashes of runtime and init-time data into the report.
func (o *simulateQuoteOptions) bind(s Streams) error {
	if o.runtimeData != "" {
		data, err := readInput(s, o.runtimeData)
		if err != nil {
			return fmt.Errorf("runtime data: %w", err)
		}
		o.report.ReportData = simulator.Bind(data)
	}
	if o.initTimeData != "" {
		data, err := readInput(s, o.initTimeData)
		if err != nil {
			return fmt.Errorf("init-time data: %w", err)
		}
		o.report.ConfigID, o.report.KSS = simulator.Bind(data), true
	}
	return nil
}

// simulated is what simulate quote and simulate collateral print with --json.
type simulated struct {
	Out    string `json:"out"`
	Format string `json:"format"`
	// Size in bytes, of a quote only.
	Size      int     `json:"size,omitempty"`
	Simulated bool    `json:"simulated"`
	FMSPC     string  `json:"fmspc"`
	CA        dcap.CA `json:"ca"`
	Fault     string  `json:"fault,omitempty"`
	// Root is the file for --simulator-root.
	Root string `json:"root"`
}

func (m *simulated) print(w io.Writer) error {
	t := newTable(w)
	t.row("SIMULATED "+m.Format, m.Out)
	t.row("platform", fmt.Sprintf("FMSPC %s, %s CA", m.FMSPC, m.CA))
	if m.Fault != "" {
		t.row("fault", fmt.Sprintf("%s: %s", m.Fault, simulator.Fault(m.Fault).Description()))
	}
	t.row("root", m.Root)
	return t.flush()
}
