package cli

import (
	"net/http"

	"github.com/spf13/cobra"
)

func newKeyReleaseKeys(s Streams) *cobra.Command {
	cmd := group("keys", "Look after the keys of a vault: make, import, rotate, change and delete them",
		newKeyReleaseKeysCreate(s),
		newKeyReleaseKeysImport(s),
		newKeyReleaseKeysRotate(s),
		newKeyReleaseKeysList(s),
		newKeyReleaseKeysVersions(s),
		newKeyReleaseKeysShow(s),
		newKeyReleaseKeysUpdate(s),
		newKeyReleaseKeysDelete(s),
	)
	cmd.Long = `keys is for a key officer of a vault: Azure Key Vault, a Managed HSM, or one that
'azattest keyrelease serve' runs. None of these commands has a key released, and none
shows a secret.`
	cmd.Example = `  azattest keyrelease keys create payroll --type RSA-HSM --policy release.json --vault https://contoso.vault.azure.net
  azattest keyrelease keys list`
	return cmd
}

func newKeyReleaseKeysList(s Streams) *cobra.Command {
	var f vaultFlags
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the keys of a vault",
		Example: `  azattest keyrelease keys list --vault https://contoso.vault.azure.net`,
		Args:    usageArgs(cobra.NoArgs),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return f.list(cmd, s) }
	return cmd
}

func newKeyReleaseKeysVersions(s Streams) *cobra.Command {
	var f vaultFlags
	cmd := &cobra.Command{
		Use:     "versions NAME",
		Short:   "List the versions of a key",
		Example: `  azattest keyrelease keys versions payroll --vault https://contoso.vault.azure.net`,
		Args:    usageArgs(cobra.ExactArgs(1)),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f.list(cmd, s, args[0], "versions") }
	return cmd
}

// list prints all of what the vault lists at a path.
func (f *vaultFlags) list(cmd *cobra.Command, s Streams, path ...string) error {
	v, err := f.open(cmd, s)
	if err != nil {
		return err
	}
	items, err := v.pages(cmd.Context(), path...)
	if err != nil {
		return keyVaultFault(err)
	}
	listed := &listedVaultKeys{Vault: v.url, Keys: []vaultKey{}}
	for i := range items {
		listed.Keys = append(listed.Keys, newVaultKey(items[i].KeyID, &items[i].Attributes, items[i].Tags))
	}
	if *f.asJSON {
		return printJSON(s.Out, listed)
	}
	return listed.print(s.Out)
}

func newKeyReleaseKeysShow(s Streams) *cobra.Command {
	var f vaultFlags
	var version string
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show what is public of a key, and its release policy",
		Long: `show prints what a vault says of a key: its attributes, its tags, and the release
policy that says who may have it. The member releasePolicy of --json is the policy
byte for byte, as 'azattest keyrelease get --policy' wants it.`,
		Example: `  azattest keyrelease keys show payroll --vault https://contoso.vault.azure.net
  azattest keyrelease keys show payroll --json | jq -j .releasePolicy > release.json`,
		Args: usageArgs(cobra.ExactArgs(1)),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	addKeyVersion(cmd, &version)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return f.carryOut(cmd, s, http.MethodGet, keyPath(args[0], version), nil)
	}
	return cmd
}

func addKeyVersion(cmd *cobra.Command, version *string) {
	cmd.Flags().StringVar(version, "version", "", "version of the key (default: the current one)")
	mustTakeText(cmd, "version")
}

// keyPath leads to a version of a key. Azure's clients write the current one as an empty
// segment.
func keyPath(name, version string) []string { return []string{name, version} }

// carryOut has the vault do something with one key, and prints what came of it.
func (f *vaultFlags) carryOut(cmd *cobra.Command, s Streams, method string, path []string, body *wireKeyRequest) error {
	v, err := f.open(cmd, s)
	if err != nil {
		return err
	}
	shown, err := v.key(cmd.Context(), method, path, body)
	if err != nil {
		return keyVaultFault(err)
	}
	return f.print(s, shown)
}

func (f *vaultFlags) print(s Streams, shown *shownVaultKey) error {
	if *f.asJSON {
		return printJSON(s.Out, shown)
	}
	return shown.print(s.Out)
}
