package cli

import (
	"cmp"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/keyrelease"
)

// vaultVariable stands in for --vault.
const vaultVariable = "AZATTEST_VAULT"

// vaultFlags say which vault, and who asks it.
type vaultFlags struct {
	vault, caFile, scope string
	identity             credentialFlags
	asJSON               *bool
}

func (f *vaultFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.vault, "vault", "", "URL of the vault (default: the environment variable "+vaultVariable+")")
	flags.StringVar(&f.caFile, "ca-file", "", "PEM file with the CA certificates to trust for TLS (default: the system's)")
	flags.StringVar(&f.scope, "scope", "", "scope of the bearer tokens that the vault takes (default: that of Azure's vaults, for their hosts)")
	mustTakeText(cmd, "vault", "scope")
	f.identity.add(cmd, credentialDefault)
	f.asJSON = jsonFlag(cmd)
}

// open returns a client of the vault. Nobody is asked anything yet.
func (f *vaultFlags) open(cmd *cobra.Command, s Streams) (*keyVault, error) {
	f.vault = cmp.Or(f.vault, s.env(vaultVariable))
	if f.vault == "" {
		return nil, usage(cmd.CommandPath(), "--vault is missing: the URL of the vault, here or in %s", vaultVariable)
	}
	if err := f.identity.check(cmd); err != nil {
		return nil, err
	}
	transport, err := transportTo(s, f.caFile)
	if err != nil {
		return nil, err
	}
	credential, err := f.identity.open(s)
	if err != nil {
		return nil, serviceFault(err)
	}
	scope := f.scope
	if f.identity.name == credentialBearer {
		// Whoever named it has chosen the vault that gets it.
		scope = cmp.Or(scope, "bearer")
	}
	options := clientOptions(s, transport, "", f.identity).ClientOptions
	// The two ask with the same rules: which URLs, and which vaults get which tokens.
	if _, err := keyrelease.NewClient(f.vault, credential, &keyrelease.ClientOptions{ClientOptions: options, Scope: scope}); err != nil {
		return nil, keyVaultFault(err)
	}
	return newKeyVault(f.vault, cmp.Or(scope, keyrelease.Scope(f.vault)), credential, options)
}
