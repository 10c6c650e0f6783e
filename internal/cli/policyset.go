package cli

import (
	"github.com/spf13/cobra"

	"github.com/azattest/azattest/azattestation"
)

// policyChangeOptions are the flags of policy set and policy reset.
type policyChangeOptions struct {
	connect     connectFlags
	signing     policySigningFlags
	policyToken string
	asJSON      *bool
}

func (o *policyChangeOptions) add(cmd *cobra.Command, policyToken string) {
	o.connect.add(cmd, credentialDefault)
	o.signing.add(cmd)
	cmd.Flags().StringVar(&o.policyToken, "policy-token", "", policyToken)
	o.asJSON = jsonFlag(cmd)
}

func (o *policyChangeOptions) check(cmd *cobra.Command) error {
	if o.policyToken != "" && o.signing.isGiven() {
		return usage(cmd.CommandPath(), "--policy-token is signed already, or not at all: it excludes --signing-key and --signing-cert")
	}
	return o.signing.check(cmd)
}

func newPolicySet(s Streams) *cobra.Command {
	o := new(policyChangeOptions)
	cmd := &cobra.Command{
		Use:   "set TYPE [FILE]",
		Short: "Set the policy of an attestation type",
		Long: `set sends a policy, the text in FILE or a token in --policy-token, and makes sure
that the service received those very bytes: the hash that it reports is compared,
and its signer if there is one. - is standard input.

What the service reports otherwise is a refusal, exit code 1; the service may
have changed something then.`,
		Example: `  azattest policy set SgxEnclave policy.txt --endpoint https://contoso.eus.attest.azure.net
  azattest policy set SgxEnclave policy.txt --signing-key key.pem --signing-cert cert.pem
  azattest policy token-hash policy.txt --signing-key key.pem --signing-cert cert.pem --out policy.jwt
  azattest policy set SgxEnclave --policy-token policy.jwt`,
		Args:              usageArgs(cobra.RangeArgs(1, 2)),
		ValidArgsFunction: completeType(true),
	}
	o.add(cmd, "file with the policy's token, made by 'azattest policy token-hash --out', in place of FILE")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		kind, err := attestationTypeOf(cmd, args[0])
		if err != nil {
			return err
		}
		if (len(args) == 1) == (o.policyToken == "") {
			return usage(cmd.CommandPath(), "give either FILE or --policy-token")
		}
		if err := o.check(cmd); err != nil {
			return err
		}
		policy, change, err := o.read(s, args[1:])
		if err != nil {
			return err
		}
		c, err := o.connect.administration(cmd, s)
		if err != nil {
			return err
		}
		answer, err := c.SetPolicy(cmd.Context(), kind, policy, change)
		if err != nil {
			return serviceFault(err)
		}
		return o.print(s, newChangedPolicy(c.Endpoint(), kind, answer.PolicyResult))
	}
	return cmd
}

// read returns the policy, and how to send it.
func (o *policyChangeOptions) read(s Streams, files []string) (string, *azattestation.AdministrationClientSetPolicyOptions, error) {
	change := new(azattestation.AdministrationClientSetPolicyOptions)
	if o.policyToken != "" {
		p, err := loadPolicyToken(s, o.policyToken)
		if err != nil {
			return "", nil, err
		}
		change.PolicyToken = p
		return p.Policy(), change, nil
	}
	text, err := readPolicyText(s, files[0])
	if err != nil {
		return "", nil, err
	}
	change.SigningKey, err = o.signing.open(s)
	return text, change, err
}

func newPolicyReset(s Streams) *cobra.Command {
	o := new(policyChangeOptions)
	cmd := &cobra.Command{
		Use:   "reset TYPE",
		Short: "Set the policy of an attestation type back to the service's own",
		Long: `reset removes the policy of an attestation type, so that the service's default is
in force again: for Tpm none at all. An instance in isolated mode wants this
signed too.`,
		Example: `  azattest policy reset SgxEnclave --endpoint https://contoso.eus.attest.azure.net
  azattest policy reset SgxEnclave --signing-key key.pem --signing-cert cert.pem
  azattest policy token-hash --reset --signing-key key.pem --signing-cert cert.pem --out reset.jwt
  azattest policy reset SgxEnclave --policy-token reset.jwt`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeType(false),
	}
	o.add(cmd, "file with a token without a policy, made by 'azattest policy token-hash --reset --out', to send instead of one made here")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		kind, err := attestationTypeOf(cmd, args[0])
		if err != nil {
			return err
		}
		if err := o.check(cmd); err != nil {
			return err
		}
		change := new(azattestation.AdministrationClientResetPolicyOptions)
		if o.policyToken != "" {
			if change.PolicyToken, err = loadPolicyToken(s, o.policyToken); err != nil {
				return err
			}
		}
		if change.SigningKey, err = o.signing.open(s); err != nil {
			return err
		}
		c, err := o.connect.administration(cmd, s)
		if err != nil {
			return err
		}
		answer, err := c.ResetPolicy(cmd.Context(), kind, change)
		if err != nil {
			return serviceFault(err)
		}
		return o.print(s, newChangedPolicy(c.Endpoint(), kind, answer.PolicyResult))
	}
	return cmd
}

// changedPolicy is what policy set and policy reset print with --json.
type changedPolicy struct {
	Endpoint        string                           `json:"endpoint"`
	AttestationType azattestation.AttestationType    `json:"attestationType"`
	Result          azattestation.PolicyModification `json:"result"`
	policyDigest
	// Token is the service's answer.
	Token string `json:"token"`
}

func newChangedPolicy(endpoint string, kind azattestation.AttestationType, r azattestation.PolicyResult) *changedPolicy {
	return &changedPolicy{
		Endpoint: endpoint, AttestationType: kind, Result: *r.Resolution,
		policyDigest: newPolicyDigest(r.PolicyToken, *r.Resolution == azattestation.PolicyModificationUpdated), Token: r.Token.String(),
	}
}

func (o *policyChangeOptions) print(s Streams, p *changedPolicy) error {
	if *o.asJSON {
		return printJSON(s.Out, p)
	}
	t := newTable(s.Out)
	t.row("instance", p.Endpoint)
	t.row("policy of "+string(p.AttestationType), string(p.Result))
	p.rows(t)
	return t.flush()
}
