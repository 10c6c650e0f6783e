package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/policy"
)

// policyRunFlags say over what a policy is run.
type policyRunFlags struct {
	claims string
	kind   *string
	asJSON *bool
}

func (f *policyRunFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.claims, "claims", "", "file with the claims to run the policy over (required); - is standard input")
	f.kind = addPolicyType(cmd, "kind of attestation, to be warned of what its evidence never has")
	f.asJSON = jsonFlag(cmd)
}

// claimForms says what --claims takes. It is part of the help of each command
// that has it.
const claimForms = `The claims are JSON, strings, booleans and integers of 64 bits, in one of these forms:

    {"type": value or [values], ...}
    [{"type": ..., "value": ..., "issuer": ...}, ...]; the issuer is AttestationService
        unless it says CustomClaim, as of claims that a TPM's client states itself
    a token, decoded or not (nothing is verified): its claims without those about the
        token itself and without those that a policy issued (x-ms-policy)
    what 'azattest quote verify --json' prints`

// run explains the policy in a file.
func (f *policyRunFlags) run(cmd *cobra.Command, s Streams, name string) (*policyFile, *policy.Explanation, error) {
	kind, err := policyTypeOf(cmd, *f.kind)
	if err != nil {
		return nil, nil, err
	}
	if f.claims == "" {
		return nil, nil, usage(cmd.CommandPath(), "--claims is missing")
	}
	file, err := readPolicyFile(s, name)
	if err != nil {
		return nil, nil, err
	}
	given, err := readClaims(s, f.claims)
	if err != nil {
		return nil, nil, err
	}
	if err := given.fit(kind); err != nil {
		return nil, nil, fmt.Errorf("claims %s: %w", f.claims, err)
	}
	program, err := file.compile(s)
	if err != nil {
		return nil, nil, err
	}
	if err := given.warn(s, f.claims); err != nil {
		return nil, nil, err
	}
	if err := file.warn(s, kind); err != nil {
		return nil, nil, err
	}
	return file, program.ExplainWith(given.incoming, given.custom), nil
}

// warn writes to stderr what is not known of the claims.
func (g *givenClaims) warn(s Streams, name string) error {
	if g.doubt == "" {
		return nil
	}
	_, err := fmt.Fprintf(s.Err, "azattest: claims %s: %s\n", clean(name), g.doubt)
	return err
}

// policyVerdict is the error that a verdict on stdout ends with: a rule that cannot
// be carried out decides nothing.
func policyVerdict(x *policy.Explanation) error {
	switch {
	case x.Permitted:
		return nil
	case x.Verdict == verdictError:
		return &reportedError{errors.New(x.Problem)}
	}
	return &reportedError{&refusedError{errors.New(x.Verdict)}}
}

func newPolicyEval(s Streams) *cobra.Command {
	o := new(policyRunFlags)
	cmd := &cobra.Command{
		Use:   "eval --claims CLAIMS.json FILE",
		Short: "Run a policy over claims, without a service",
		Long: `eval runs the policy in FILE over claims and prints the verdict, the rule that
decided, and what the token would say. - is standard input. Whether the claims are
true is not asked.

` + claimForms + `

Exit code 0 if the policy permits, 1 if it does not, 3 if it could not be run.`,
		Example: `  azattest policy eval --claims claims.json policy.txt
  azattest quote verify quote.bin --json | azattest policy eval --claims - policy.txt
  azattest policy eval --claims token.jwt --type SgxEnclave --json policy.txt`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
	}
	o.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		file, x, err := o.run(cmd, s, args[0])
		if err != nil {
			return err
		}
		e := newEvaluatedPolicy(file, x)
		if *o.asJSON {
			err = printJSON(s.Out, e)
		} else {
			err = e.print(s.Out, file)
		}
		if err != nil {
			return err
		}
		return policyVerdict(x)
	}
	return cmd
}
