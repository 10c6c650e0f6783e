package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/vault"
)

// vaultStoreFlags say whose store a command works on: that of the key release server
// with this configuration, or of one without, in its data directory. The server may be
// running.
type vaultStoreFlags struct {
	configFile, dataDir string
	dev                 bool
	asJSON              *bool
}

func (f *vaultStoreFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.configFile, "config", "", "file with the configuration of the key release server")
	flags.StringVar(&f.dataDir, "data-dir", "", "data directory of a server without a configuration, that is with --dev; beside --config in place of the one there (default "+defaultKeyReleaseDataDir+")")
	flags.BoolVar(&f.dev, "dev", false, "the server with this --config runs with --dev, and may have its wrapping key in its data directory")
	f.asJSON = jsonFlag(cmd)
	mustTakeFolder(cmd, "data-dir")
}

// load returns the configuration of a server that has run.
func (f *vaultStoreFlags) load(s Streams) (*config.KeyRelease, error) {
	c := config.DefaultKeyRelease()
	if f.configFile != "" {
		var err error
		if c, err = readKeyReleaseConfig(s, f.configFile); err != nil {
			return nil, tellFaults(s, f.configFile, err)
		}
	}
	if f.dataDir != "" {
		c.DataDir = f.dataDir
	}
	if f.configFile == "" {
		return c, nil
	}
	// It must hold, but for what a server with --dev does without.
	if err := c.ValidateDevelopment(); err != nil {
		return nil, tellFaults(s, f.configFile, err)
	}
	return c, nil
}

// with opens the vault for what do does. It makes neither a store nor a wrapping key:
// the command may run as somebody else than the server does.
func (f *vaultStoreFlags) with(ctx context.Context, s Streams, do func(*vault.Vault) error) (err error) {
	c, err := f.load(s)
	if err != nil {
		return err
	}
	v := &vaultParts{config: c, configFile: f.configFile, dev: f.dev || f.configFile == "", log: slog.New(slog.DiscardHandler)}
	shared := v.shared()
	if shared.Store.Driver == driverSQLite {
		if _, err := os.Stat(storePath(shared)); err != nil {
			return withHint(fmt.Errorf("store: %w", err), "start the server once, or name its --config or its --data-dir")
		}
	}
	secrets, err := v.secrets(shared)
	if err != nil {
		return operatorFault(err)
	}
	records, err := openLasting(ctx, shared)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	keys, err := vault.Open(vault.Config{Store: records, Secrets: secrets, Clock: s.Now})
	if err != nil {
		return err
	}
	return vaultStoreFault(do(keys))
}

// vaultStoreFault says what to do about a store of keys.
func vaultStoreFault(err error) error {
	switch {
	case isType[*vault.RewrapError](err):
		return withHint(err, "give the wrapping keys before it as keys.previousWrappingKeyFiles; a key of which none is left goes with 'azattest keyrelease discard'")
	case isType[*vault.NotFoundError](err):
		return withHint(err, "'azattest keyrelease keys list' shows those that there are")
	}
	return operatorFault(err)
}

func newKeyReleaseRewrap(s Streams) *cobra.Command {
	var f vaultStoreFlags
	cmd := &cobra.Command{
		Use:   "rewrap",
		Short: "Encrypt all keys of a vault's store with the first wrapping key",
		Long: `rewrap ends a change of the wrapping key of 'azattest keyrelease serve': put the new
one into the configuration, the old one beside it as a previous one, restart the
server, run rewrap, take the old one away, and restart the server again. Older copies
of the store open no more then.`,
		Example: `  azattest keyrelease rewrap --config keyrelease.yaml`,
		Args:    usageArgs(cobra.NoArgs),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return f.with(cmd.Context(), s, func(v *vault.Vault) error {
			n, err := v.Rewrap(cmd.Context())
			if err != nil {
				return err
			}
			if *f.asJSON {
				return printJSON(s.Out, rewrappedKeys{n})
			}
			_, err = fmt.Fprintf(s.Out, "rewrapped %s\n", counted(n, "record"))
			return err
		})
	}
	return cmd
}

func newKeyReleaseDiscard(s Streams) *cobra.Command {
	var f vaultStoreFlags
	var isSure bool
	cmd := &cobra.Command{
		Use:   "discard NAME --yes",
		Short: "Remove a key of a vault's store that cannot be read",
		Long: `discard is the way out where a record of a key was damaged, or was sealed with a
wrapping key that is lost: it removes all records of the key, whatever is in them.
One that can be read is deleted with 'azattest keyrelease keys delete', which the
audit trail then shows.`,
		Example: `  azattest keyrelease discard payroll --yes --config keyrelease.yaml`,
		Args:    usageArgs(cobra.ExactArgs(1)),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&isSure, "yes", false, "do it: it cannot be undone")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !isSure {
			return usage(cmd.CommandPath(), "--yes is missing: it cannot be undone")
		}
		return f.with(cmd.Context(), s, func(v *vault.Vault) error {
			if err := v.Discard(cmd.Context(), args[0]); err != nil {
				return err
			}
			if *f.asJSON {
				return printJSON(s.Out, discardedKey{args[0]})
			}
			_, err := fmt.Fprintf(s.Out, "discarded %s\n", clean(args[0]))
			return err
		})
	}
	return cmd
}
