package cli

import (
	"github.com/spf13/cobra"
)

func newQuoteShow(s Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Show what evidence says of itself, unverified",
		Long: `show takes evidence apart (see 'azattest quote') and shows its fields. Nothing is
verified and nothing outside this machine is asked: anybody can write evidence
that says so. - is standard input.`,
		Example: `  azattest quote show quote.bin
  azattest quote show report.bin --json
  pbpaste | azattest quote show -`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		q, err := showQuote(s, args[0])
		if err == nil {
			if *asJSON {
				return printJSON(s.Out, q)
			}
			return q.print(s.Out)
		}
		r, ok := reasonOf(err)
		if !ok || !*asJSON {
			return err
		}
		if err := printJSON(s.Out, unreadable{Error: r}); err != nil {
			return err
		}
		return &reportedError{&refusedError{err}}
	}
	return cmd
}

// unreadable is what quote show --json prints of what is no evidence.
type unreadable struct {
	Verified bool    `json:"verified"` // false
	Error    *reason `json:"error"`
}

func showQuote(s Streams, name string) (*shownQuote, error) {
	e, err := loadEvidence(s, name)
	if err != nil {
		return nil, err
	}
	p, err := e.parse()
	if err != nil {
		return nil, err
	}
	return newShownQuote(p)
}
