package cli

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// The kinds of keys in a vault, each with those that a hardware module keeps.
var (
	keyTypes  = []string{"RSA", "RSA-HSM", "EC", "EC-HSM", "oct", "oct-HSM"}
	keyCurves = []string{"P-256", "P-384", "P-521"}
)

func newKeyReleaseKeysCreate(s Streams) *cobra.Command {
	var f vaultFlags
	var settings newKeyFlags
	var kind, curve string
	var size int
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Have a vault make a key that may be released",
		Long: `create has the vault make a key. Nobody sees its secret until it is released to who
meets the release policy in the file of --policy.

Azure's vaults release keys of the types that end with -HSM only. To the vault of
'azattest keyrelease serve' they are the same as those without.`,
		Example: `  azattest keyrelease keys create payroll --type RSA-HSM --size 3072 --policy release.json --vault https://contoso.vault.azure.net
  azattest keyrelease keys create disk --type oct --policy release.json --immutable-policy --tag team=payroll`,
		Args: usageArgs(cobra.ExactArgs(1)),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	settings.add(cmd)
	cmd.Flags().StringVar(&kind, "type", "", "kind of key: "+strings.Join(keyTypes, ", ")+" (required)")
	cmd.Flags().IntVar(&size, "size", 0, "bits of an RSA or symmetric key (default: the vault's, 2048 or 256 as a rule)")
	cmd.Flags().StringVar(&curve, "curve", "", "curve of an EC key: "+strings.Join(keyCurves, ", ")+" (default: the vault's, P-256 as a rule)")
	mustComplete(cmd, "type", keyTypes...)
	mustComplete(cmd, "curve", keyCurves...)
	mustTakeText(cmd, "size")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		isCurve := strings.HasPrefix(kind, "EC")
		switch command := cmd.CommandPath(); {
		case kind == "":
			return usage(command, "--type is missing: want one of %s", strings.Join(keyTypes, ", "))
		case !slices.Contains(keyTypes, kind):
			return usage(command, "--type %q: want one of %s", kind, strings.Join(keyTypes, ", "))
		case isCurve && cmd.Flags().Changed("size"):
			return usage(command, "--size is for RSA and symmetric keys: an EC key has a --curve")
		case !isCurve && curve != "":
			return usage(command, "--curve is for EC keys: others have a --size")
		case size < 0:
			return usage(command, "--size %d: want a number of bits", size)
		}
		if err := settings.check(cmd); err != nil {
			return err
		}
		request, err := settings.request(s)
		if err != nil {
			return err
		}
		request.Type, request.Size, request.Curve = kind, size, curve
		return f.make(cmd, s, &settings, args[0], http.MethodPost, []string{args[0], "create"}, request)
	}
	return cmd
}

// make brings a new version into a vault, unless the name is taken. A vault itself
// would make another version of that key the current one, and who uses it would notice.
func (f *vaultFlags) make(cmd *cobra.Command, s Streams, settings *newKeyFlags, name, method string, path []string, request *wireKeyRequest) error {
	v, err := f.open(cmd, s)
	if err != nil {
		return err
	}
	if !settings.isNewVersion {
		_, err := v.key(cmd.Context(), http.MethodGet, keyPath(name, ""), nil)
		if err == nil {
			return withHint(fmt.Errorf("the vault has a key %s already", clean(name)), "name another one, or give --new-version, or 'azattest keyrelease keys rotate' it")
		}
		if e, ok := errors.AsType[*responseError](err); !ok || e.status != http.StatusNotFound || !strings.HasPrefix(e.code, "Key") {
			return keyVaultFault(err)
		}
	}
	shown, err := v.key(cmd.Context(), method, path, request)
	if err != nil {
		return newKeyFault(err)
	}
	return f.print(s, shown)
}
