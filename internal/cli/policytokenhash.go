package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/azattestation"
)

// policyTokenHashOptions are the flags of policy token-hash.
type policyTokenHashOptions struct {
	signing          policySigningFlags
	policyToken, out string
	reset            bool
	asJSON           *bool
}

func newPolicyTokenHash(s Streams) *cobra.Command {
	o := new(policyTokenHashOptions)
	cmd := &cobra.Command{
		Use:   "token-hash [FILE]",
		Short: "Make the token of a policy, and the hashes by which services name it",
		Long: `token-hash makes the token in which a policy is sent, from the text in FILE, and
prints the hashes by which the service names both. Nothing outside this machine is
asked. - is standard input. With --reset it makes the token that resets a policy.

  policy token hash  x-ms-policy-token-hash, which a change of policy reports
  policy hash        x-ms-policy-hash, which attestation tokens carry

With --out the token itself is written: sign it where the key is, and send it from
elsewhere with 'azattest policy set --policy-token', or 'policy reset'. An ECDSA
key never signs alike twice, so that the hash is that of this token only; RSA keys
do.

A token in --policy-token that is signed must be signed by the key of the
certificate in it, else it is refused. Whose certificate that is, read yourself.`,
		Example: `  azattest policy token-hash policy.txt
  azattest policy token-hash policy.txt --signing-key key.pem --signing-cert cert.pem --out policy.jwt
  azattest policy token-hash --reset --signing-key key.pem --signing-cert cert.pem --out reset.jwt
  azattest policy token-hash --policy-token policy.jwt --json`,
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeFile,
	}
	o.signing.add(cmd)
	f := cmd.Flags()
	f.StringVar(&o.policyToken, "policy-token", "", "file with a token to look at, in place of FILE")
	f.BoolVar(&o.reset, "reset", false, "make the token that resets a policy, which holds none, in place of FILE")
	f.StringVarP(&o.out, "out", "o", "", "file to write the token to; - is standard output, in place of the hashes")
	o.asJSON = jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(cmd, args); err != nil {
			return err
		}
		p, err := o.token(s, args)
		if err != nil {
			return err
		}
		return o.print(s, p, args)
	}
	return cmd
}

func (o *policyTokenHashOptions) check(cmd *cobra.Command, args []string) error {
	sources := len(args)
	for _, isGiven := range []bool{o.policyToken != "", o.reset} {
		if isGiven {
			sources++
		}
	}
	switch command := cmd.CommandPath(); {
	case sources != 1:
		return usage(command, "give either FILE, --policy-token or --reset")
	case o.policyToken != "" && o.signing.isGiven():
		return usage(command, "--policy-token is signed already, or not at all: it excludes --signing-key and --signing-cert")
	case o.out == "-" && *o.asJSON:
		return usage(command, "--json and --out - both want standard output")
	}
	return o.signing.check(cmd)
}

func (o *policyTokenHashOptions) token(s Streams, args []string) (*azattestation.PolicyToken, error) {
	if o.policyToken != "" {
		return loadPolicyToken(s, o.policyToken)
	}
	if o.reset {
		key, err := o.signing.open(s)
		if err != nil {
			return nil, err
		}
		p, err := azattestation.NewResetToken(key)
		return p, serviceFault(err)
	}
	text, err := readPolicyText(s, args[0])
	if err != nil {
		return nil, err
	}
	key, err := o.signing.open(s)
	if err != nil {
		return nil, err
	}
	p, err := azattestation.NewPolicyToken(text, key)
	return p, serviceFault(err)
}

// hashedPolicy is what policy token-hash --json prints.
type hashedPolicy struct {
	policyDigest
	// Out is the file to which the token was written.
	Out string `json:"out,omitempty"`
}

func (o *policyTokenHashOptions) print(s Streams, p *azattestation.PolicyToken, args []string) error {
	switch o.out {
	case "":
	case "-":
		_, err := fmt.Fprintln(s.Out, p)
		return err
	default:
		if err := writeFile(o.out, []byte(p.String())); err != nil {
			return err
		}
	}
	h := hashedPolicy{policyDigest: newPolicyDigest(p, len(args) > 0 || p.Policy() != ""), Out: o.out}
	if *o.asJSON {
		return printJSON(s.Out, h)
	}
	t := newTable(s.Out)
	h.rows(t)
	if o.out != "" {
		t.row("token", o.out)
	}
	return t.flush()
}
