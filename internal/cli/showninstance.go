package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/token"
)

// shownSettings are the settings of an instance, with every default filled in but
// for Types, where none means all that the service attests.
type shownSettings struct {
	Name                   string               `json:"name"`
	URL                    string               `json:"url"`
	Hosts                  []string             `json:"hosts"`
	Mode                   instance.Mode        `json:"mode"`
	Types                  []attest.Type        `json:"types"`
	AcceptedTCB            []evidence.TCBStatus `json:"acceptedTCB"`
	AzureDefaultTCB        int                  `json:"azureDefaultTCB"`
	Algorithm              token.Algorithm      `json:"algorithm"`
	TokenLifetime          string               `json:"tokenLifetime"`
	AttestationNeedsReader bool                 `json:"attestationNeedsReader"`
	RefuseReplayedPolicies bool                 `json:"refuseReplayedPolicies"`
}

func newShownSettings(s instance.Settings) shownSettings {
	shown := shownSettings{
		Name: s.Name, URL: s.URL, Hosts: notNil(s.Hosts), Mode: s.Mode, Types: notNil(s.Types), AcceptedTCB: s.AcceptedTCB,
		AzureDefaultTCB: s.AzureDefaultTCB, Algorithm: cmp.Or(s.Algorithm, token.RS256),
		TokenLifetime:          cmp.Or(s.TokenLifetime, defaultTokenLifetime).String(),
		AttestationNeedsReader: s.AttestationNeedsReader, RefuseReplayedPolicies: s.RefuseReplayedPolicies,
	}
	if len(shown.AcceptedTCB) == 0 {
		shown.AcceptedTCB = attest.DefaultAcceptedTCB()
	}
	return shown
}

// notNil makes [] of what JSON would show as null.
func notNil[S ~[]E, E any](list S) S {
	if list == nil {
		return S{}
	}
	return list
}

// listedInstances is what instance list --json prints.
type listedInstances struct {
	Instances []shownSettings `json:"instances"`
}

// shownInstance is what instance create and instance show print with --json.
type shownInstance struct {
	shownSettings
	Certificates []shownPolicyCertificate `json:"certificates"`
	Policies     []shownInstancePolicy    `json:"policies"`
}

// shownPolicyCertificate is a policy management certificate.
type shownPolicyCertificate struct {
	publicCertificate
	AddedBy string    `json:"addedBy"`
	AddedAt time.Time `json:"addedAt"`
}

// shownInstancePolicy is the policy in force for a type.
type shownInstancePolicy struct {
	Type attest.Type `json:"type"`
	// Source is set, default, configuration or none.
	Source  string    `json:"source"`
	Version int64     `json:"version,omitempty"`
	Hash    string    `json:"policyHash,omitempty"`
	By      string    `json:"by,omitempty"`
	At      time.Time `json:"at,omitzero"`
}

func newInstanceShow(s Streams) *cobra.Command {
	var operator operatorFlags
	cmd := &cobra.Command{
		Use:     "show NAME",
		Short:   "Show an instance: settings, certificates, policies in force",
		Example: `  azattest instance show contoso --config azattest.yaml`,
		Args:    usageArgs(cobra.ExactArgs(1)),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	operator.add(cmd)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		op, err := operator.open(cmd.Context(), s)
		if err != nil {
			return err
		}
		defer op.Close()
		shown, err := showInstance(cmd.Context(), op, args[0])
		if err != nil {
			return operatorFault(err)
		}
		return shown.print(s, *asJSON)
	}
	return cmd
}

func newInstanceList(s Streams) *cobra.Command {
	var operator operatorFlags
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the instances of a service",
		Example: `  azattest instance list --config azattest.yaml`,
		Args:    usageArgs(cobra.NoArgs),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	operator.add(cmd)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		op, err := operator.open(cmd.Context(), s)
		if err != nil {
			return err
		}
		defer op.Close()
		list, err := op.List(cmd.Context())
		if err != nil {
			return err
		}
		if *asJSON {
			listed := listedInstances{Instances: []shownSettings{}}
			for _, i := range list {
				listed.Instances = append(listed.Instances, newShownSettings(i))
			}
			return printJSON(s.Out, listed)
		}
		w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "NAME\tMODE\tURL")
		for _, i := range list {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", i.Name, i.Mode, i.URL)
		}
		return w.Flush()
	}
	return cmd
}

func showInstance(ctx context.Context, op *operator, name string) (*shownInstance, error) {
	settings, err := op.Settings(ctx, name)
	if err != nil {
		return nil, err
	}
	shown := &shownInstance{shownSettings: newShownSettings(settings), Certificates: []shownPolicyCertificate{}}
	certificates, err := op.Certificates(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, c := range certificates {
		shown.Certificates = append(shown.Certificates, shownPolicyCertificate{*newPublicCertificate(c.X509()), c.By, c.At})
	}
	for _, t := range attest.Types() {
		p, err := showPolicy(ctx, op, name, t)
		if err != nil {
			return nil, err
		}
		shown.Policies = append(shown.Policies, p)
	}
	return shown, nil
}

func showPolicy(ctx context.Context, op *operator, name string, t attest.Type) (shownInstancePolicy, error) {
	shown := shownInstancePolicy{Type: t, Source: "none"}
	inForce, err := op.InForce(ctx, name, t)
	if err != nil {
		return shown, err
	}
	if inForce.Text != "" {
		shown.Hash = policy.Hash(inForce.Text)
	}
	shown.Source, shown.Version, shown.By, shown.At = string(inForce.Source), inForce.Version, inForce.By, inForce.At
	return shown, nil
}

func (i *shownInstance) print(s Streams, asJSON bool) error {
	if asJSON {
		return printJSON(s.Out, i)
	}
	t := newTable(s.Out)
	t.row("name", i.Name)
	t.row("url", i.URL)
	t.row("mode", i.Mode)
	if len(i.Hosts) > 0 {
		t.row("hosts", strings.Join(i.Hosts, ", "))
	}
	t.row("types", listOr(i.Types, "all"))
	t.row("accepted TCB", listOr(i.AcceptedTCB, ""))
	if i.AzureDefaultTCB != 0 {
		t.row("azuredefault TCB", i.AzureDefaultTCB)
	}
	t.row("algorithm", i.Algorithm)
	t.row("token lifetime", i.TokenLifetime)
	if i.AttestationNeedsReader {
		t.row("attestation", "needs the role Attestation Reader")
	}
	if i.RefuseReplayedPolicies {
		t.row("replayed policies", "refused")
	}
	for _, c := range i.Certificates {
		t.row("certificate", fmt.Sprintf("%s %s, until %s", c.Thumbprint, clean(c.Subject), c.NotAfter.UTC().Format(time.DateOnly)))
	}
	for _, p := range i.Policies {
		text := p.Source
		if p.Source == string(instance.SourceSet) {
			text = fmt.Sprintf("version %d, set by %s at %s", p.Version, clean(p.By), p.At.UTC().Format(time.RFC3339))
		}
		if p.Hash != "" {
			text += ", hash " + p.Hash
		}
		t.row("policy of "+string(p.Type), text)
	}
	return t.flush()
}

func listOr[S ~string](list []S, none string) string {
	if len(list) == 0 {
		return none
	}
	texts := make([]string, 0, len(list))
	for _, text := range list {
		texts = append(texts, string(text))
	}
	return strings.Join(texts, ", ")
}
