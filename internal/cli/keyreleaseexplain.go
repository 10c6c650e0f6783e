package cli

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/keyrelease"
)

// keyReleaseExplainOptions are the flags of keyrelease policy explain.
type keyReleaseExplainOptions struct {
	claims, token string
	asJSON        *bool
}

func newKeyReleasePolicyExplain(s Streams) *cobra.Command {
	o := new(keyReleaseExplainOptions)
	cmd := &cobra.Command{
		Use:   "explain FILE",
		Short: "Say of each condition of a release policy whether it is met",
		Long: `explain holds the release policy in FILE against the claims of an attestation token
and prints what became of each condition, at its line and column: "met", or "NOT"
with what the token has instead. - is standard input.

The claims are those of --token, a token in its compact form, or of --claims, the JSON
object within one. Whether they are genuine is not asked: nothing is verified.

Exit code 0 if the policy is met, 1 if it is not, 3 if that cannot be told.`,
		Example: `  azattest keyrelease policy explain release.json --token token.jwt
  azattest keyrelease policy explain release.json --claims claims.json --json`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
	}
	f := cmd.Flags()
	f.StringVar(&o.claims, "claims", "", "file with the claims of a token, a JSON object")
	f.StringVar(&o.token, "token", "", "file with a token, whose claims are read and not verified")
	o.asJSON = jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch command := cmd.CommandPath(); {
		case o.claims == "" && o.token == "":
			return usage(command, "--token is missing, or --claims")
		case o.claims != "" && o.token != "":
			return usage(command, "--token and --claims exclude each other")
		}
		outcome, err := o.explain(s, args[0])
		if err != nil {
			return err
		}
		if *o.asJSON {
			err = printJSON(s.Out, explainedRelease{outcome.Met, newReleaseOutcome(outcome)})
		} else if _, err = fmt.Fprintln(s.Out, onlyText(outcome.String())); err != nil {
			err = fmt.Errorf("write the result: %w", err)
		}
		if err == nil && !outcome.Met {
			err = &reportedError{&refusedError{errors.New("the release policy is not met")}}
		}
		return err
	}
	return cmd
}

func (o *keyReleaseExplainOptions) explain(s Streams, name string) (*keyrelease.Outcome, error) {
	p, err := loadReleasePolicy(s, name)
	if err != nil {
		return nil, err
	}
	claims, from, err := o.payload(s)
	if err != nil {
		return nil, err
	}
	outcome, err := p.Evaluate(claims)
	if e, ok := errors.AsType[*keyrelease.ClaimsError](err); ok {
		return nil, fmt.Errorf("claims %s: byte %d: %s", from, e.Offset, e.Problem)
	}
	return outcome, err
}

// payload returns the claims, and the name of the file that they are from.
func (o *keyReleaseExplainOptions) payload(s Streams) (claims []byte, from string, err error) {
	if o.claims != "" {
		raw, err := readInput(s, o.claims)
		if err != nil {
			return nil, "", fmt.Errorf("claims: %w", err)
		}
		return bytes.TrimPrefix(raw, []byte("\uFEFF")), o.claims, nil
	}
	t, err := loadToken(s, o.token)
	if err != nil {
		return nil, "", plainError(fmt.Errorf("token %s: %w", o.token, err))
	}
	return t.Payload(), o.token, nil
}
