package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/policy"
)

// currentDefault names the default that is in force.
const currentDefault = "current"

// defaultPolicy is a policy that the service applies, or applied once, where a
// customer has set none.
type defaultPolicy struct{ version, text string }

// defaultsOf returns the defaults of a kind of attestation that are known, from
// the current one back.
func defaultsOf(kind string) []defaultPolicy {
	current, ok := policy.Default(kind)
	if !ok {
		return nil
	}
	known := []defaultPolicy{{currentDefault, current}}
	switch kind {
	case "SgxEnclave", "OpenEnclave":
		known = append(known, defaultPolicy{"until-2022-11", policy.DefaultSGX2022}, defaultPolicy{"preview-2020", policy.DefaultSGXPreview})
	case "SevSnpVm":
		known = append(known, defaultPolicy{"sandbox-2022-04", policy.DefaultSEVSNP2022})
	}
	return known
}

func versionsOf(known []defaultPolicy) []string {
	versions := []string{}
	for _, p := range known {
		versions = append(versions, p.version)
	}
	return versions
}

func newPolicyShowDefault(s Streams) *cobra.Command {
	version := currentDefault
	cmd := &cobra.Command{
		Use:   "show-default TYPE",
		Short: "Print the policy that holds where nobody has set one",
		Long: `show-default prints the policy that Azure Attestation and 'azattest serve' apply to a
kind of attestation until somebody sets another, byte for byte: its hash is what
tokens under it carry as x-ms-policy-hash. --version names one that the service
applied earlier, as old tokens show.

A type without a default, Tpm or VbsEnclave, prints nothing but a line on stderr,
and is no failure: nothing is attested there until somebody sets a policy.`,
		Example: `  azattest policy show-default SgxEnclave
  azattest policy show-default SgxEnclave --version until-2022-11 --json
  azattest policy show-default AzureGuest > policy.txt`,
		Args: usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return policy.AttestationTypes(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	var all []string
	for _, kind := range policy.AttestationTypes() {
		all = append(all, versionsOf(defaultsOf(kind))...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	cmd.Flags().StringVar(&version, "version", version, "which default: "+strings.Join(all, ", "))
	mustComplete(cmd, "version", all...)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		kind, err := policyTypeOf(cmd, args[0])
		if err != nil {
			return err
		}
		if kind == "" {
			return usage(cmd.CommandPath(), "the attestation type is empty")
		}
		p, err := newShownDefault(cmd, kind, version)
		if err != nil {
			return err
		}
		return p.print(s, *asJSON)
	}
	return cmd
}

// shownDefault is what policy show-default --json prints.
type shownDefault struct {
	AttestationType string   `json:"attestationType"`
	Version         string   `json:"version"`
	Versions        []string `json:"versions"`
	Policy          string   `json:"policy"`
	PolicyHash      string   `json:"policyHash,omitempty"`
	PolicyHashHex   string   `json:"policyHashHex,omitempty"`
}

func newShownDefault(cmd *cobra.Command, kind, version string) (*shownDefault, error) {
	known := defaultsOf(kind)
	p := &shownDefault{AttestationType: kind, Version: version, Versions: versionsOf(known)}
	i := slices.Index(p.Versions, version)
	if i < 0 {
		if version != currentDefault {
			return nil, usage(cmd.CommandPath(), "%s has no default of version %q: want one of %s", kind, version, strings.Join(p.Versions, ", "))
		}
		return p, nil
	}
	p.Policy = known[i].text
	p.PolicyHash, p.PolicyHashHex = policyHash(p.Policy)
	return p, nil
}

func (p *shownDefault) print(s Streams, asJSON bool) error {
	if asJSON {
		return printJSON(s.Out, p)
	}
	if len(p.Versions) == 0 {
		_, err := fmt.Fprintf(s.Err, "azattest: %s has no default: its evidence is not attested until a policy is set\n", p.AttestationType)
		return err
	}
	if _, err := io.WriteString(s.Out, p.Policy); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
