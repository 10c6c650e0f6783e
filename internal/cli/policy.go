package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/azattestation"
)

func newPolicy(s Streams) *cobra.Command {
	cmd := group("policy", "Check, try and test policies; read and change those of an instance",
		newPolicyCheck(s),
		newPolicyFmt(s),
		newPolicyEval(s),
		newPolicyExplain(s),
		newPolicyTest(s),
		newPolicyDiff(s),
		newPolicyHash(s),
		newPolicyShowDefault(s),
		newPolicyGet(s),
		newPolicySet(s),
		newPolicyReset(s),
		newPolicyTokenHash(s),
		newPolicyHistory(s),
		newPolicyRollback(s),
	)
	cmd.Long = `check, fmt, eval, explain, test, diff, hash, show-default and token-hash ask nothing
outside this machine.

An instance has a policy for each attestation type: SgxEnclave, OpenEnclave, Tpm,
SevSnpVm, TdxVm, AzureGuest. It decides who gets a token, and what stands in it.

Reading one needs the role Attestation Reader, changing one the role Attestation
Contributor. An instance in isolated mode also wants the change to be signed, by
the key of one of its policy management certificates (see 'azattest certs').`
	cmd.Example = `  azattest policy get SgxEnclave --endpoint https://contoso.eus.attest.azure.net
  azattest policy set SgxEnclave policy.txt --endpoint https://contoso.eus.attest.azure.net
  azattest policy check --type SgxEnclave policy.txt
  azattest policy eval --claims claims.json policy.txt`
	return cmd
}

// attestationTypeOf finds an attestation type, in whatever case it was typed.
func attestationTypeOf(cmd *cobra.Command, name string) (azattestation.AttestationType, error) {
	types := azattestation.PossibleAttestationTypeValues()
	i := slices.IndexFunc(types, func(t azattestation.AttestationType) bool { return strings.EqualFold(string(t), name) })
	if i < 0 {
		return "", usage(cmd.CommandPath(), "attestation type %q: want one of %s", name, strings.Join(attestationTypes(), ", "))
	}
	return types[i], nil
}

func attestationTypes() []string {
	names := []string{}
	for _, t := range azattestation.PossibleAttestationTypeValues() {
		names = append(names, string(t))
	}
	return names
}

// completeType offers attestation types for the first argument, and files for the
// next if there is one.
func completeType(files bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		switch {
		case len(args) == 0:
			return attestationTypes(), cobra.ShellCompDirectiveNoFileComp
		case len(args) == 1 && files:
			return nil, cobra.ShellCompDirectiveDefault
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// policySigningFlags say who signs a change.
type policySigningFlags struct{ key, certificate string }

func (f *policySigningFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.key, "signing-key", "", "PEM file with the private key that signs: RSA of 2048 bits or more, or ECDSA")
	flags.StringVar(&f.certificate, "signing-cert", "", "PEM file with the certificate of the signing key, and the chain above it if there is one")
}

func (f *policySigningFlags) isGiven() bool { return f.key != "" || f.certificate != "" }

func (f *policySigningFlags) check(cmd *cobra.Command) error {
	if (f.key == "") != (f.certificate == "") {
		return usage(cmd.CommandPath(), "--signing-key and --signing-cert go together")
	}
	return nil
}

// open returns the key, nil if none is named. Errors never show it.
func (f *policySigningFlags) open(s Streams) (*azattestation.SigningKey, error) {
	if f.key == "" {
		return nil, nil //nolint:nilnil // no key is no error
	}
	key, err := readInput(s, f.key)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	certificate, err := readInput(s, f.certificate)
	if err != nil {
		return nil, fmt.Errorf("signing certificate: %w", err)
	}
	k, err := azattestation.ParseSigningKey(key, certificate)
	if e, ok := errors.AsType[*azattestation.ArgumentError](err); ok {
		return nil, fmt.Errorf("signing key %s with certificate %s: %w", f.key, f.certificate, argumentFault(e))
	}
	if err != nil {
		return nil, fmt.Errorf("signing key %s with certificate %s: %s", f.key, f.certificate, plain(err))
	}
	return k, nil
}

// loadPolicyToken reads the token of a policy, such as one that was signed on
// another machine. One that is signed must be signed by the key whose certificate
// it names; whether anybody trusts that one is for the service to say.
func loadPolicyToken(s Streams, name string) (*azattestation.PolicyToken, error) {
	raw, err := readInput(s, name)
	if err != nil {
		return nil, fmt.Errorf("policy token: %w", err)
	}
	p, err := azattestation.ParsePolicyToken(strings.TrimSpace(string(raw)))
	if err != nil {
		return nil, fmt.Errorf("policy token %s: %w", name, serviceFault(err))
	}
	if isUnsigned(p) {
		return p, nil
	}
	if err := p.VerifySignature(); err != nil {
		return nil, withHint(fmt.Errorf("policy token %s: %w", name, serviceFault(err)),
			"somebody changed it, or it was signed by another key than that of its certificate: make it again")
	}
	return p, nil
}

// isUnsigned says whether a token pretends to no signer at all.
func isUnsigned(p *azattestation.PolicyToken) bool {
	t, err := azattestation.ParseToken(p.String())
	return err == nil && t.Algorithm() == "none" && len(p.Signer()) == 0
}
