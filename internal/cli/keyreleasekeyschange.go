package cli

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

func newKeyReleaseKeysRotate(s Streams) *cobra.Command {
	var f vaultFlags
	cmd := &cobra.Command{
		Use:   "rotate NAME",
		Short: "Have a vault make the next version of a key",
		Long: `rotate has the vault make another version like the current one: of the same type and
size, with the same operations, tags, and release policy, enabled or not and with the
same beginning as that one, but without an end. It becomes the current one; those
before stay and are released by their versions.`,
		Example: `  azattest keyrelease keys rotate payroll --vault https://contoso.vault.azure.net`,
		Args:    usageArgs(cobra.ExactArgs(1)),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return f.carryOut(cmd, s, http.MethodPost, []string{args[0], "rotate"}, nil)
	}
	return cmd
}

func newKeyReleaseKeysUpdate(s Streams) *cobra.Command {
	var f vaultFlags
	var settings keySettingsFlags
	var version string
	var enable, disable, noTags bool
	cmd := &cobra.Command{
		Use:   "update NAME",
		Short: "Change a key: whether it is released, to whom, and until when",
		Long: `update changes the attributes and the release policy of one version of a key. What no
flag names stays, but tags and operations are replaced all together. The key itself
does not change, and neither does whether it is exportable.`,
		Example: `  azattest keyrelease keys update payroll --disable --vault https://contoso.vault.azure.net
  azattest keyrelease keys update payroll --policy release.json --expires 2027-01-01`,
		Args: usageArgs(cobra.ExactArgs(1)),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	settings.add(cmd)
	addKeyVersion(cmd, &version)
	cmd.Flags().BoolVar(&enable, "enable", false, "let the key be released to who meets its policy")
	cmd.Flags().BoolVar(&disable, "disable", false, "keep the key from being released")
	cmd.Flags().BoolVar(&noTags, "no-tags", false, "take all tags away")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := settings.check(cmd); err != nil {
			return err
		}
		flags := cmd.Flags()
		isAnything := enable || disable || noTags
		for _, name := range []string{"policy", "ops", "not-before", "expires", "tag"} {
			isAnything = isAnything || flags.Changed(name)
		}
		switch command := cmd.CommandPath(); {
		case enable && disable:
			return usage(command, "--enable and --disable exclude each other")
		case noTags && flags.Changed("tag"):
			return usage(command, "--tag and --no-tags exclude each other: the tags given replace all")
		case !isAnything:
			return usage(command, "nothing to change: give --enable, --disable, --policy, --ops, --not-before, --expires, --tag or --no-tags")
		}
		request, err := settings.request(s)
		if err != nil {
			return err
		}
		if enable || disable {
			request.Attributes.Enabled = &enable
		}
		if noTags {
			request.Tags = &map[string]string{}
		}
		return f.carryOut(cmd, s, http.MethodPatch, keyPath(args[0], version), request)
	}
	return cmd
}

func newKeyReleaseKeysDelete(s Streams) *cobra.Command {
	var f vaultFlags
	var isSure bool
	cmd := &cobra.Command{
		Use:   "delete NAME --yes",
		Short: "Delete a key with all of its versions",
		Long: `delete ends a key: all of its versions. The vault of 'azattest keyrelease serve' keeps
nothing of it, but for its backups; Azure's keep it for some time, and say where it
can be had back.`,
		Example: `  azattest keyrelease keys delete payroll --yes --vault https://contoso.vault.azure.net`,
		Args:    usageArgs(cobra.ExactArgs(1)),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&isSure, "yes", false, "do it: what is encrypted with the key is lost with it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !isSure {
			return usage(cmd.CommandPath(), "--yes is missing: what is encrypted with the key is lost with it")
		}
		v, err := f.open(cmd, s)
		if err != nil {
			return err
		}
		shown, err := v.key(cmd.Context(), http.MethodDelete, args, nil)
		if err != nil {
			return keyVaultFault(err)
		}
		if *f.asJSON {
			return printJSON(s.Out, shown)
		}
		text := "deleted " + clean(shown.Name)
		if shown.RecoveryID != "" {
			text += ", to be had back at " + clean(shown.RecoveryID)
		}
		if shown.ScheduledPurge != nil {
			text += " until " + stamp(*shown.ScheduledPurge)
		}
		if _, err := fmt.Fprintln(s.Out, text); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		return nil
	}
	return cmd
}
