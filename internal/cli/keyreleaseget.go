package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/keyrelease"
)

// keyReleaseGetOptions are the flags of keyrelease get.
type keyReleaseGetOptions struct {
	connect              connectFlags
	vault, caFile, scope string
	version, algorithm   string
	policies             []string
	anyPolicy            bool
	evidence             releaseEvidenceFlags
	secret               secretFlags
	asJSON               *bool
}

func newKeyReleaseGet(s Streams) *cobra.Command {
	o := new(keyReleaseGetOptions)
	cmd := &cobra.Command{
		Use:   "get NAME",
		Short: "Get a key that is released to attested parties, in an enclave",
		Long: `get has the party attested in which it runs, and gets the key NAME from a vault: it
makes a key for this one release, whose public half the evidence is bound to, sends
the evidence to the attestation service at --endpoint and its token to the vault at
--vault, verifies the vault's response, and unwraps. The vault is Azure Key Vault, a
Managed HSM, or another that speaks their API.

The evidence is that of the machine: a quote by Gramine within an SGX enclave, by
configfs-tsm within a TDX virtual machine. Outside of both nothing keeps the secret
from whoever rules the machine. --simulate makes a quote of a simulated enclave
instead, for tests.

The response must be signed by a certificate of the vault, answer this request, and
name a release policy that one of the files of --policy holds, byte for byte: a key
under another policy may be known to others. --any-policy takes whichever it has.

The secret goes to --out or --fd and nowhere else: as PEM if it is an RSA or EC key,
as its bytes if it is symmetric, or as --format says. It is overwritten in memory
afterwards, as far as a Go program can. --json prints which key it is.

No credential is sent to the attestation service. That of --credential is for the
vault, where the caller needs a role such as Key Vault Crypto Service Release User; a
token for Azure's vaults is sent to Azure's hosts only, others want --scope.

Exit code 1 if the key is not released to this party, or if the vault's response
does not hold.`,
		Example: `  azattest keyrelease get payroll --vault https://contoso.vault.azure.net --policy release.json --out payroll.pem
  azattest keyrelease get payroll --vault https://vault.example --no-credential --any-policy --fd 3 3>secret
  azattest keyrelease get payroll --vault https://127.0.0.1:8444 --vault-ca-file ca.pem --credential bearer --any-policy --simulate --out - | ./program`,
		Args: usageArgs(cobra.ExactArgs(1)),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.connect.add(cmd, credentialDefault)
	f := cmd.Flags()
	f.StringVar(&o.vault, "vault", "", "URL of the vault (default: the environment variable "+vaultVariable+")")
	f.StringVar(&o.caFile, "vault-ca-file", "", "PEM file with the CA certificates to trust for the vault, its TLS and its signatures (default: the system's)")
	f.StringVar(&o.scope, "scope", "", "scope of the bearer tokens that the vault takes (default: that of Azure's vaults, for their hosts)")
	f.StringVar(&o.version, "version", "", "version of the key (default: the current one)")
	f.StringVar(&o.algorithm, "algorithm", string(keyrelease.RSAAESKeyWrap256), "how the key is wrapped on its way: "+strings.Join(wrapAlgorithms(), ", ")+"; Key Vault knows the first three")
	f.StringArrayVar(&o.policies, "policy", nil, "file with a release policy that the key may have; may stand several times")
	f.BoolVar(&o.anyPolicy, "any-policy", false, "take a key whatever its release policy: whoever runs the vault may have chosen one that others get, too")
	o.evidence.add(cmd)
	o.secret.add(cmd)
	o.asJSON = jsonFlag(cmd)
	mustComplete(cmd, "algorithm", wrapAlgorithms()...)
	mustTakeText(cmd, "vault", "scope", "version")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(cmd, s); err != nil {
			return err
		}
		return o.run(cmd, s, args[0])
	}
	return cmd
}

func wrapAlgorithms() []string {
	var names []string
	for _, a := range keyrelease.WrapAlgorithms() {
		names = append(names, string(a))
	}
	return names
}

// check finds what the command line cannot mean, before anybody is asked.
func (o *keyReleaseGetOptions) check(cmd *cobra.Command, s Streams) error {
	command := cmd.CommandPath()
	o.vault = cmp.Or(o.vault, s.env(vaultVariable))
	switch {
	case o.vault == "":
		return usage(command, "--vault is missing: the URL of the vault, here or in %s", vaultVariable)
	case !slices.Contains(wrapAlgorithms(), o.algorithm):
		return usage(command, "--algorithm %q: want one of %s", o.algorithm, strings.Join(wrapAlgorithms(), ", "))
	case len(o.policies) == 0 && !o.anyPolicy:
		return usage(command, "--policy is missing: the release policy that the key must have, or --any-policy")
	case len(o.policies) > 0 && o.anyPolicy:
		return usage(command, "--policy and --any-policy exclude each other")
	}
	if err := o.evidence.check(cmd); err != nil {
		return err
	}
	if err := o.secret.check(cmd, s, *o.asJSON); err != nil {
		return err
	}
	return o.connect.complete(cmd, s)
}

func (o *keyReleaseGetOptions) run(cmd *cobra.Command, s Streams, name string) error {
	out, err := o.secret.open(cmd.CommandPath(), s)
	if err != nil {
		return err
	}
	defer out.close()
	get := keyrelease.GetOptions{Version: o.version, Algorithm: keyrelease.WrapAlgorithm(o.algorithm), AnyPolicy: o.anyPolicy, Now: s.Now}
	for _, file := range o.policies {
		p, err := loadReleasePolicy(s, file)
		if err != nil {
			return err
		}
		get.Policies = append(get.Policies, p)
	}
	client, err := o.client(cmd, s, &get)
	if err != nil {
		return err
	}
	source, err := o.evidence.attester(cmd, s, &o.connect)
	if err != nil {
		return err
	}
	get.Attest = source.attest
	released, err := client.Get(cmd.Context(), name, get)
	if err != nil {
		return o.fault(err)
	}
	defer released.Clear()
	shown := newReleasedKey(client.Vault(), o.connect.endpoint, source, released)
	if shown.Format, shown.Size, err = out.write(released); err != nil {
		return err
	}
	shown.Out = o.secret.out
	if *o.asJSON {
		return printJSON(s.Out, shown)
	}
	if s.IsTerminal && o.secret.out != "-" {
		_, err = fmt.Fprintf(s.Err, "azattest: got %s, %s\n", clean(released.KeyID), shown.Type)
	}
	return err
}

// client returns a client of the vault, and lets its response be verified by the same
// authorities.
func (o *keyReleaseGetOptions) client(cmd *cobra.Command, s Streams, get *keyrelease.GetOptions) (*keyrelease.Client, error) {
	transport, roots, err := transportTrusting(s, o.caFile)
	if err != nil {
		return nil, err
	}
	get.Roots = roots
	credential, err := o.connect.identity.open(s)
	if err != nil {
		return nil, serviceFault(err)
	}
	options := &keyrelease.ClientOptions{ClientOptions: clientOptions(s, transport, "", o.connect.identity).ClientOptions, Scope: o.scope}
	if o.connect.identity.name == credentialBearer {
		// Whoever named it has chosen the vault that gets it.
		options.Scope = cmp.Or(options.Scope, "bearer")
	}
	client, err := keyrelease.NewClient(o.vault, credential, options)
	if e, ok := errors.AsType[*keyrelease.ArgumentError](err); ok {
		return nil, usage(cmd.CommandPath(), "%w", releaseArgument(e))
	}
	return client, err
}
