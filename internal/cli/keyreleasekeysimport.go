package cli

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func newKeyReleaseKeysImport(s Streams) *cobra.Command {
	var f vaultFlags
	var settings newKeyFlags
	var kind string
	cmd := &cobra.Command{
		Use:   "import NAME FILE",
		Short: "Bring a key into a vault that may be released",
		Long: `import sends a key to the vault: a private key in PEM (PKCS #8, PKCS #1 or SEC 1), a
JSON Web Key with its private half, or, with --type oct, the bytes of a symmetric key.
- is standard input. The key is overwritten in memory afterwards, as far as a Go
program can; FILE stays.

A --type that ends with -HSM has Azure's vaults keep the key in a hardware module:
they release no others.`,
		Example: `  azattest keyrelease keys import payroll payroll.pem --type RSA-HSM --policy release.json --vault https://contoso.vault.azure.net
  head -c 32 /dev/urandom | azattest keyrelease keys import disk - --type oct --policy release.json`,
		Args:              usageArgs(cobra.ExactArgs(2)),
		ValidArgsFunction: completeSecondFile,
	}
	f.add(cmd)
	settings.add(cmd)
	cmd.Flags().StringVar(&kind, "type", "", "kind of key: "+strings.Join(keyTypes, ", ")+" (default: that of the key in FILE)")
	mustComplete(cmd, "type", keyTypes...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if kind != "" && !slices.Contains(keyTypes, kind) {
			return usage(cmd.CommandPath(), "--type %q: want one of %s", kind, strings.Join(keyTypes, ", "))
		}
		if err := settings.check(cmd); err != nil {
			return err
		}
		request, err := settings.request(s)
		if err != nil {
			return err
		}
		if request.Key, err = loadSecretKey(cmd, s, args[1], kind); err != nil {
			return err
		}
		defer request.Key.clear()
		if request.Operations != nil {
			request.Key.Operations, request.Operations = request.Operations, nil
		}
		request.IsHSM = strings.HasSuffix(request.Key.Type, "-HSM")
		return f.make(cmd, s, &settings, args[0], http.MethodPut, []string{args[0]}, request)
	}
	return cmd
}

// loadSecretKey reads the key to import. The kind, if it is not empty, must be that of
// the key, but for where it is to be kept.
func loadSecretKey(cmd *cobra.Command, s Streams, name, kind string) (*wirePrivateKey, error) {
	raw, err := readInput(s, name)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	defer clear(raw)
	base := strings.TrimSuffix(kind, "-HSM")
	key, err := parseSecretKey(raw, base == "oct")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shownFile(name), err)
	}
	if found := strings.TrimSuffix(key.Type, "-HSM"); kind != "" && base != found {
		key.clear()
		return nil, usage(cmd.CommandPath(), "--type %s: %s has a key of type %s", kind, shownFile(name), found)
	}
	if kind != "" {
		key.Type = kind
	}
	return key, nil
}

// completeSecondFile offers files for the second argument alone.
func completeSecondFile(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 1 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}
