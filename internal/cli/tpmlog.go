package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newTPMShowLog(s Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show-log FILE",
		Short: "Show a log of measurements, event by event",
		Long: `show-log reads a log of measurements and shows its events: number, PCR, type, the
beginning of the digest, whether the digest is that of the event's data, and what
the data says. It finds out the format: a TCG log, crypto-agile (TPM 2.0
firmware) or of SHA-1 alone, as Windows keeps it too (WBCL); the CCEL of a trust
domain, whose registers are counted from MRTD, 0; IMA's log, binary or ASCII.
- is standard input.

A log proves nothing by itself: anybody can write one. 'azattest tpm show-quote
--log' holds it against quoted PCRs. Even then the data of an event is proven
only where it is what was hashed, and the type of an event never.`,
		Example: `  azattest tpm show-log /sys/kernel/security/tpm0/binary_bios_measurements
  azattest tpm show-log eventlog.bin --pcr 7 --pcr 4
  azattest tpm show-log eventlog.bin --pcrs --json`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
	}
	withPCRs := cmd.Flags().Bool("pcrs", false, "print also what the events make of the PCRs of each bank")
	only := cmd.Flags().IntSlice("pcr", nil, "show this PCR alone; may stand several times")
	asJSON := jsonFlag(cmd)
	mustTakeText(cmd, "pcr")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, pcr := range *only {
			if pcr < 0 || pcr > maxShownPCR {
				return usage(cmd.CommandPath(), "--pcr %d: want 0 to %d", pcr, maxShownPCR)
			}
		}
		l, err := loadLog(s, args[0])
		if err != nil {
			return err
		}
		shown, err := newShownLog(l, *only, *withPCRs)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if *asJSON {
			return printJSON(s.Out, shown)
		}
		return shown.print(s.Out)
	}
	return cmd
}

// maxShownPCR is the last PCR that a log may extend.
const maxShownPCR = 31
