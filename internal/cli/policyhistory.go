package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
)

// storedTypeOf reads the kind of evidence that a policy is for.
func storedTypeOf(command, text string) (attest.Type, error) {
	t, ok := attest.ParseType(text)
	if !ok {
		return "", usage(command, "attestation type %q: want one of %s", text, strings.Join(storedTypes(), ", "))
	}
	return t, nil
}

func storedTypes() []string {
	var names []string
	for _, t := range attest.Types() {
		names = append(names, string(t))
	}
	return names
}

// policyHistoryOptions are the flags of policy history and policy rollback.
type policyHistoryOptions struct {
	operator operatorFlags
	instance string
	asJSON   *bool
}

func (o *policyHistoryOptions) add(cmd *cobra.Command) {
	o.operator.add(cmd)
	cmd.Flags().StringVar(&o.instance, "instance", defaultInstance, "name of the instance")
	o.asJSON = jsonFlag(cmd)
}

// shownVersion is one version of policy history --json.
type shownVersion struct {
	Version   int64           `json:"version"`
	Action    instance.Action `json:"action"`
	By        string          `json:"by"`
	At        time.Time       `json:"at"`
	Hash      string          `json:"hash,omitempty"`
	TokenHash string          `json:"tokenHash,omitempty"`
	// Signer is the subject of the certificate that signed, "" for an unsigned
	// policy.
	Signer string `json:"signer,omitempty"`
	Policy string `json:"policy,omitempty"`
	Token  string `json:"token,omitempty"`
}

func newShownVersion(p instance.Policy) shownVersion {
	v := shownVersion{
		Version: p.Version, Action: p.Action, By: p.By, At: p.At, Hash: p.Hash, TokenHash: p.TokenHash, Policy: p.Text, Token: p.Token,
	}
	if jws, err := policytoken.Parse([]byte(p.Token)); err == nil {
		if chain := jws.Chain(); len(chain) > 0 {
			v.Signer = chain[0].Subject.String()
		}
	}
	return v
}

func newPolicyHistory(s Streams) *cobra.Command {
	o := new(policyHistoryOptions)
	cmd := &cobra.Command{
		Use:   "history TYPE",
		Short: "List every version of a policy in a service of your own",
		Long: `history reads the state of a service on this machine, or in its database, and
lists all versions that a policy ever had: who set it, when, and its hash. The texts
are in --json.`,
		Example: `  azattest policy history SgxEnclave --instance contoso --config azattest.yaml
  azattest policy history SgxEnclave --json | jq -r '.versions[-1].policy'`,
		Args: usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return storedTypes(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	o.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		t, err := storedTypeOf(cmd.CommandPath(), args[0])
		if err != nil {
			return err
		}
		op, err := o.operator.open(cmd.Context(), s)
		if err != nil {
			return err
		}
		defer op.Close()
		versions, err := op.History(cmd.Context(), o.instance, t)
		if err != nil {
			return err
		}
		return o.print(s, t, versions)
	}
	return cmd
}

func (o *policyHistoryOptions) print(s Streams, t attest.Type, versions []instance.Policy) error {
	shown := []shownVersion{}
	for _, v := range versions {
		shown = append(shown, newShownVersion(v))
	}
	if *o.asJSON {
		return printJSON(s.Out, struct {
			Instance        string         `json:"instance"`
			AttestationType attest.Type    `json:"attestationType"`
			Versions        []shownVersion `json:"versions"`
		}{o.instance, t, shown})
	}
	if len(shown) == 0 {
		_, err := fmt.Fprintf(s.Err, "azattest: the policy of %s was never changed in instance %s\n", t, o.instance)
		return err
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "VERSION\tAT\tACTION\tBY\tSIGNER\tHASH")
	for _, v := range shown {
		_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", v.Version, v.At.UTC().Format(time.RFC3339), v.Action, clean(v.By), orDash(clean(v.Signer)), orDash(v.Hash))
	}
	return w.Flush()
}

func orDash(text string) string {
	if text == "" || text == `""` {
		return "-"
	}
	return text
}

func newPolicyRollback(s Streams) *cobra.Command {
	o := new(policyHistoryOptions)
	var to int64
	cmd := &cobra.Command{
		Use:   "rollback TYPE --to VERSION",
		Short: "Set a policy to an earlier version, in a service of your own",
		Long: `rollback sets the very token of an earlier version again. It is a change like any
other, with a version of its own: on an isolated instance the certificate that signed
the earlier version must still be listed and valid.`,
		Example: `  azattest policy rollback SgxEnclave --to 3 --instance contoso --config azattest.yaml`,
		Args:    usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return storedTypes(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	o.add(cmd)
	cmd.Flags().Int64Var(&to, "to", 0, "version to go back to, from azattest policy history")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		t, err := storedTypeOf(cmd.CommandPath(), args[0])
		if err != nil {
			return err
		}
		if to <= 0 {
			return usage(cmd.CommandPath(), "--to is missing: the version to go back to")
		}
		op, err := o.operator.open(cmd.Context(), s)
		if err != nil {
			return err
		}
		defer op.Close()
		versions, err := op.History(cmd.Context(), o.instance, t)
		if err != nil {
			return err
		}
		n := slices.IndexFunc(versions, func(p instance.Policy) bool { return p.Version == to })
		if n < 0 {
			return withHint(fmt.Errorf("policy of %s in instance %s: no version %d", t, o.instance, to), "azattest policy history lists them")
		}
		made, err := rollBack(cmd, op, o.instance, t, versions[n])
		if err != nil {
			return err
		}
		return o.print(s, t, []instance.Policy{made})
	}
	return cmd
}

func rollBack(cmd *cobra.Command, op *operator, name string, t attest.Type, to instance.Policy) (instance.Policy, error) {
	if to.Action != instance.ActionSet {
		return instance.Policy{}, withHint(errors.New("that version is a reset, which has no token"), "azattest policy reset does the same again")
	}
	jws, err := policytoken.Parse([]byte(to.Token))
	if err != nil {
		return instance.Policy{}, err
	}
	return op.SetPolicy(cmd.Context(), instance.PolicyChange{Instance: name, Type: t, Token: jws, By: operatorName()})
}
