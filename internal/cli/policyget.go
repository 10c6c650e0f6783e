package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/azattestation"
)

// policyGetOptions are the flags of policy get.
type policyGetOptions struct {
	connect connectFlags
	out     string
	asJSON  *bool
}

func newPolicyGet(s Streams) *cobra.Command {
	o := new(policyGetOptions)
	cmd := &cobra.Command{
		Use:   "get TYPE",
		Short: "Print the policy of an attestation type",
		Long: `get prints the text of a policy, byte for byte: what it prints can be changed and
given to 'azattest policy set'. The token in which the service answers is
verified. Text with control characters, which could play with a terminal, goes to
--out or into --json only.

A type without a policy, as Tpm is in the beginning, prints nothing but a line on
stderr, and is no failure.`,
		Example: `  azattest policy get SgxEnclave --endpoint https://contoso.eus.attest.azure.net
  azattest policy get Tpm --credential managed-identity --json
  azattest policy get SgxEnclave --out policy.txt`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeType(false),
	}
	o.connect.add(cmd, credentialDefault)
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "file to write the policy to; - is standard output, as without it")
	o.asJSON = jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		kind, err := attestationTypeOf(cmd, args[0])
		if err != nil {
			return err
		}
		if o.out == "-" {
			if *o.asJSON {
				return usage(cmd.CommandPath(), "--json and --out - both want standard output")
			}
			o.out = "" // where the policy goes anyway
		}
		c, err := o.connect.administration(cmd, s)
		if err != nil {
			return err
		}
		answer, err := c.GetPolicy(cmd.Context(), kind, nil)
		if err != nil {
			return serviceFault(err)
		}
		return o.print(s, newShownPolicy(c.Endpoint(), kind, answer))
	}
	return cmd
}

// shownPolicy is what policy get --json prints.
type shownPolicy struct {
	Endpoint        string                        `json:"endpoint"`
	AttestationType azattestation.AttestationType `json:"attestationType"`
	Policy          string                        `json:"policy"`
	policyDigest
	// Token is the service's answer.
	Token string `json:"token"`
}

func newShownPolicy(endpoint string, kind azattestation.AttestationType, answer azattestation.AdministrationClientGetPolicyResponse) *shownPolicy {
	return &shownPolicy{
		Endpoint: endpoint, AttestationType: kind, Policy: answer.Policy,
		policyDigest: newPolicyDigest(answer.PolicyToken, answer.Policy != ""), Token: answer.Token.String(),
	}
}

func (o *policyGetOptions) print(s Streams, p *shownPolicy) error {
	if o.out != "" {
		if err := writeFile(o.out, []byte(p.Policy)); err != nil {
			return err
		}
	}
	if *o.asJSON {
		return printJSON(s.Out, p)
	}
	switch {
	case p.Policy == "":
		_, err := fmt.Fprintf(s.Err, "azattest: no policy is set for %s\n", p.AttestationType)
		return err
	case o.out != "":
		return nil
	case !isPlainText(p.Policy):
		return withHint(errors.New("the policy has characters that are no text"), "give --out FILE or --json")
	}
	if _, err := io.WriteString(s.Out, p.Policy); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// isPlainText reports whether text of several lines shows as what it is. A
// carriage return that ends no line would let what follows overwrite it.
func isPlainText(text string) bool {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.IsPrint(r) && !strings.ContainsRune("\n\t\uFEFF", r)
	})
}
