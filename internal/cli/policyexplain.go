package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newPolicyExplain(s Streams) *cobra.Command {
	o := new(policyRunFlags)
	cmd := &cobra.Command{
		Use:   "explain --claims CLAIMS.json FILE",
		Short: "Say of each rule of a policy why it fired or did not",
		Long: `explain runs the policy in FILE over claims as 'azattest policy eval' does, and says
of each rule which conditions hold and of which claims, what the rule added, issued,
permitted or denied, and why it did not fire: the claim that came nearest, and the
comparison that failed. - is standard input.

` + claimForms + `

Exit code 0 if the policy permits, 1 if it does not, 3 if it could not be run.`,
		Example: `  azattest policy explain --claims claims.json policy.txt
  azattest quote verify quote.bin --json | azattest policy explain --claims - policy.txt
  azattest policy explain --claims token.jwt --json policy.txt`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
	}
	o.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		file, x, err := o.run(cmd, s, args[0])
		if err != nil {
			return err
		}
		if *o.asJSON {
			err = printJSON(s.Out, newExplainedPolicy(file, x))
		} else if _, err = fmt.Fprint(s.Out, onlyText(forPeople(x))); err != nil {
			err = fmt.Errorf("write the result: %w", err)
		}
		if err != nil {
			return err
		}
		return policyVerdict(x)
	}
	return cmd
}
