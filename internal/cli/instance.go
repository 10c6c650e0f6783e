package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/token"
)

func newInstance(s Streams) *cobra.Command {
	cmd := group("instance", "Make, list, show and delete instances of a service",
		newInstanceCreate(s),
		newInstanceList(s),
		newInstanceShow(s),
		newInstanceDelete(s),
	)
	cmd.Long = `An instance is what Azure calls an attestation provider: a URL, a mode, policies and
certificates of its own. One service has many. These commands change the state of
a service, whether it is running or not; it notices within a second.

Instances that stand in the configuration file are made by the service itself.`
	return cmd
}

// defaultTokenLifetime is that of Azure's tokens.
const defaultTokenLifetime = 8 * time.Hour

// instanceCreateOptions are the flags of instance create.
type instanceCreateOptions struct {
	operator     operatorFlags
	settings     instance.Settings
	mode         string
	certificates []string
	types        []string
	tcb          tcbFlag
	algorithm    string
	asJSON       *bool
}

func newInstanceCreate(s Streams) *cobra.Command {
	o := new(instanceCreateOptions)
	cmd := &cobra.Command{
		Use:   "create NAME --url URL",
		Short: "Make an instance",
		Long: `create makes an instance. The URL is the issuer of its tokens for ever; its host and
its path say which requests are for the instance.

With --policy-cert the instance is isolated: whoever changes a policy must sign it
with a key that one of the certificates names. That cannot be undone, only deleted.
Otherwise the mode is aad, where the role suffices, or shared, where the policies
are fixed.`,
		Example: `  azattest instance create contoso --url https://contoso.example.com --config azattest.yaml
  azattest instance create vault --url https://vault.example.com --policy-cert signer.pem --config azattest.yaml
  azattest instance create trial --url https://localhost:8443/trial --data-dir azattest-data`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.operator.add(cmd)
	f := cmd.Flags()
	f.StringVar(&o.settings.URL, "url", "", "URL by which clients know the instance, the issuer of its tokens")
	f.StringArrayVar(&o.settings.Hosts, "host", nil, "further host name at which it answers; may be repeated")
	f.StringVar(&o.mode, "mode", "", "who may change policies: aad, isolated or shared (default aad, with --policy-cert isolated)")
	f.StringArrayVar(&o.certificates, "policy-cert", nil, "PEM file with policy management certificates, which makes the instance isolated; may be repeated")
	f.StringSliceVar(&o.types, "types", nil, "types of evidence that it attests, separated by commas (default all)")
	f.Var(&o.tcb, "accept-tcb-status", "TCB statuses that get a token, separated by commas (default UpToDate,SWHardeningNeeded)")
	f.IntVar(&o.settings.AzureDefaultTCB, "azure-default-tcb", 0, "TCB evaluation data number that \"azuredefault\" demands; 0 for current collateral")
	f.StringVar(&o.algorithm, "algorithm", string(token.RS256), "algorithm that signs tokens: RS256, PS256 or ES256")
	f.DurationVar(&o.settings.TokenLifetime, "token-lifetime", defaultTokenLifetime, "how long tokens are valid")
	f.BoolVar(&o.settings.AttestationNeedsReader, "attest-needs-reader", false, "let nobody attest without the role Attestation Reader")
	f.BoolVar(&o.settings.RefuseReplayedPolicies, "refuse-replayed-policies", false, "refuse a signed policy that was in force before")
	o.asJSON = jsonFlag(cmd)
	mustTakeText(cmd, "url", "host", "azure-default-tcb", "token-lifetime")
	mustComplete(cmd, "types", storedTypes()...)
	mustComplete(cmd, "mode", "aad", "isolated", "shared")
	mustComplete(cmd, "algorithm", signingAlgorithms...)
	mustComplete(cmd, "accept-tcb-status", tcbStatuses()...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.settings.Name = args[0]
		return o.run(cmd, s)
	}
	return cmd
}

func (o *instanceCreateOptions) run(cmd *cobra.Command, s Streams) error {
	command := cmd.CommandPath()
	if o.settings.URL == "" {
		return usage(command, "--url is missing: the URL by which clients know the instance")
	}
	for _, text := range o.types {
		t, err := storedTypeOf(command, text)
		if err != nil {
			return err
		}
		o.settings.Types = append(o.settings.Types, t)
	}
	if o.settings.TokenLifetime < time.Second || o.settings.TokenLifetime%time.Second != 0 {
		return usage(command, "--token-lifetime %s: want whole seconds, one or more", o.settings.TokenLifetime)
	}
	o.settings.Algorithm, o.settings.AcceptedTCB = token.Algorithm(o.algorithm), o.tcb
	if err := o.chooseMode(command); err != nil {
		return err
	}
	certificates, err := policyCertificates(o.certificates, s.Now())
	if err != nil {
		return err
	}
	op, err := o.operator.open(cmd.Context(), s)
	if err != nil {
		return err
	}
	defer op.Close()
	if err := op.Create(cmd.Context(), o.settings, certificates, operatorName()); err != nil {
		return asInstanceUsage(command, err)
	}
	shown, err := showInstance(cmd.Context(), op, o.settings.Name)
	if err != nil {
		return err
	}
	return shown.print(s, *o.asJSON)
}

// chooseMode reads the mode, which certificates imply.
func (o *instanceCreateOptions) chooseMode(command string) error {
	if o.mode == "" && len(o.certificates) > 0 {
		o.mode = "isolated"
	}
	o.settings.Mode = modeOf(cmp.Or(o.mode, "aad"))
	switch isIsolated := o.settings.Mode == instance.Isolated; {
	case !slices.Contains(instance.Modes(), o.settings.Mode):
		return usage(command, "--mode %q: want aad, isolated or shared", o.mode)
	case isIsolated && len(o.certificates) == 0:
		return usage(command, "--policy-cert is missing: an isolated instance takes policies that the key of a certificate signed, and no others")
	case !isIsolated && len(o.certificates) > 0:
		return usage(command, "--policy-cert is for --mode isolated, not %s", strings.ToLower(o.mode))
	}
	return nil
}

// settingsFlags are the flags of instance create by the settings that they make.
var settingsFlags = map[string]string{
	"Name": "NAME", "URL": "--url", "Hosts": "--host", "Mode": "--mode", "Types": "--types", "AcceptedTCB": "--accept-tcb-status",
	"AzureDefaultTCB": "--azure-default-tcb", "Algorithm": "--algorithm", "TokenLifetime": "--token-lifetime",
}

// asInstanceUsage makes a usage error of settings that are refused.
func asInstanceUsage(command string, err error) error {
	e, ok := errors.AsType[*instance.SettingsError](err)
	if !ok {
		return operatorFault(err)
	}
	flag, known := settingsFlags[e.Field]
	if !known {
		return &usageError{err: err, command: command}
	}
	return usage(command, "%s: %s", flag, strings.TrimPrefix(e.Problem, "token: "))
}

// deletedInstance is what instance delete --json prints.
type deletedInstance struct {
	Deleted string `json:"deleted"`
}

func newInstanceDelete(s Streams) *cobra.Command {
	var operator operatorFlags
	var isSure bool
	cmd := &cobra.Command{
		Use:   "delete NAME --yes",
		Short: "Delete an instance, its certificates and its policies",
		Long: `delete removes an instance. Its URL answers no more. The history of its policies
stays, and an instance made later with the same name continues it.`,
		Example: `  azattest instance delete trial --yes --config azattest.yaml`,
		Args:    usageArgs(cobra.ExactArgs(1)),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	operator.add(cmd)
	cmd.Flags().BoolVar(&isSure, "yes", false, "do it: tokens of the instance cannot be verified any more")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !isSure {
			return usage(cmd.CommandPath(), "--yes is missing: it cannot be undone")
		}
		op, err := operator.open(cmd.Context(), s)
		if err != nil {
			return err
		}
		defer op.Close()
		if err := op.Delete(cmd.Context(), args[0]); err != nil {
			return operatorFault(err)
		}
		if *asJSON {
			return printJSON(s.Out, deletedInstance{args[0]})
		}
		_, err = fmt.Fprintf(s.Out, "deleted %s\n", args[0])
		return err
	}
	return cmd
}
