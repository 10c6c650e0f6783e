package cli

import (
	"cmp"
	"context"
	"crypto/x509"
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
	cmd.Flags().StringVar(&o.instance, "instance", "", "name of the instance (default: the only one, or else \"default\")")
	mustTakeText(cmd, "instance")
	o.asJSON = jsonFlag(cmd)
}

// shownVersion is one version of policy history --json. Its names are those of
// policy get.
type shownVersion struct {
	Version int64           `json:"version"`
	Action  instance.Action `json:"action"`
	By      string          `json:"by"`
	At      time.Time       `json:"at"`
	// Policy, its hash and the token with which it was set are absent of a reset.
	Policy     string `json:"policy,omitempty"`
	PolicyHash string `json:"policyHash,omitempty"`
	Token      string `json:"policyToken,omitempty"`
	TokenHash  string `json:"policyTokenHash"`
	// Signer is the certificate whose key signed the change, null of an unsigned one.
	Signed bool               `json:"signed"`
	Signer *publicCertificate `json:"signer"`
}

func newShownVersion(p instance.Policy) (shownVersion, error) {
	v := shownVersion{
		Version: p.Version, Action: p.Action, By: p.By, At: p.At,
		Policy: p.Text, PolicyHash: p.Hash, Token: p.Token, TokenHash: p.TokenHash, Signed: len(p.Signer) > 0,
	}
	if v.Signed {
		c, err := x509.ParseCertificate(p.Signer[0])
		if err != nil {
			return shownVersion{}, fmt.Errorf("version %d: certificate of its signer: %w", p.Version, err)
		}
		v.Signer = newPublicCertificate(c)
	}
	return v, nil
}

// shownHistory is what policy history and policy rollback print with --json.
type shownHistory struct {
	Instance        string         `json:"instance"`
	AttestationType attest.Type    `json:"attestationType"`
	Versions        []shownVersion `json:"versions"`
}

// history reads all versions of the policy of a type, and finds out of which
// instance if no flag says so.
func (o *policyHistoryOptions) history(ctx context.Context, op *operator, t attest.Type) ([]instance.Policy, error) {
	list, err := op.List(ctx)
	if err != nil {
		return nil, err
	}
	if o.instance == "" {
		o.instance = defaultInstance
		if len(list) == 1 {
			o.instance = list[0].Name
		}
	}
	versions, err := op.History(ctx, o.instance, t)
	if err != nil {
		return nil, err
	}
	// The history of one that was deleted is still there.
	isThere := slices.ContainsFunc(list, func(s instance.Settings) bool { return s.Name == o.instance })
	if len(versions) == 0 && !isThere {
		return nil, withHint(fmt.Errorf("%w: %s", instance.ErrNoInstance, o.instance), "name one with --instance: 'azattest instance list' shows those that there are")
	}
	return versions, nil
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
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeType(false),
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
		versions, err := o.history(cmd.Context(), op, t)
		if err != nil {
			return err
		}
		return o.print(s, t, versions)
	}
	return cmd
}

func (o *policyHistoryOptions) print(s Streams, t attest.Type, versions []instance.Policy) error {
	shown := shownHistory{o.instance, t, []shownVersion{}}
	for _, p := range versions {
		v, err := newShownVersion(p)
		if err != nil {
			return err
		}
		shown.Versions = append(shown.Versions, v)
	}
	if *o.asJSON {
		return printJSON(s.Out, shown)
	}
	if len(versions) == 0 {
		_, err := fmt.Fprintf(s.Err, "azattest: the policy of %s was never changed in instance %s\n", t, o.instance)
		return err
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "VERSION\tAT\tACTION\tBY\tSIGNER\tHASH")
	for _, v := range shown.Versions {
		signer := "-"
		if v.Signer != nil {
			signer = clean(v.Signer.Subject)
		}
		_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", v.Version, stamp(v.At), v.Action, clean(v.By), signer, cmp.Or(v.PolicyHash, "-"))
	}
	return w.Flush()
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
		Example:           `  azattest policy rollback SgxEnclave --to 3 --instance contoso --config azattest.yaml`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeType(false),
	}
	o.add(cmd)
	cmd.Flags().Int64Var(&to, "to", 0, "version to go back to, from azattest policy history")
	mustTakeText(cmd, "to")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		t, err := storedTypeOf(cmd.CommandPath(), args[0])
		if err != nil {
			return err
		}
		if !cmd.Flags().Changed("to") {
			return usage(cmd.CommandPath(), "--to is missing: the version to go back to")
		}
		if to < 1 {
			return usage(cmd.CommandPath(), "--to %d: want a version, from 1", to)
		}
		op, err := o.operator.open(cmd.Context(), s)
		if err != nil {
			return err
		}
		defer op.Close()
		versions, err := o.history(cmd.Context(), op, t)
		if err != nil {
			return err
		}
		n := slices.IndexFunc(versions, func(p instance.Policy) bool { return p.Version == to })
		if n < 0 {
			return withHint(fmt.Errorf("policy of %s in instance %s: no version %d", t, o.instance, to), "'azattest policy history' lists them")
		}
		made, err := rollBack(cmd.Context(), op, o.instance, t, versions[n])
		if err != nil {
			return operatorFault(err)
		}
		if made.Version == versions[len(versions)-1].Version {
			_, _ = fmt.Fprintf(s.Err, "azattest: nothing to do: version %d has this token and is in force\n", made.Version)
		}
		return o.print(s, t, []instance.Policy{made})
	}
	return cmd
}

func rollBack(ctx context.Context, op *operator, name string, t attest.Type, to instance.Policy) (instance.Policy, error) {
	if to.Action != instance.ActionSet {
		return instance.Policy{}, withHint(errors.New("that version is a reset, which has no token"), "'azattest policy reset' does the same again")
	}
	jws, err := policytoken.Parse([]byte(to.Token))
	if err != nil {
		return instance.Policy{}, err
	}
	return op.SetPolicy(ctx, instance.PolicyChange{Instance: name, Type: t, Token: jws, By: operatorName()})
}
