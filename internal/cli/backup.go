package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/store"
)

// writeNewFile writes a file that must not exist yet, readable by its owner alone.
func writeNewFile(name string, content []byte) error {
	f, err := createNew(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func createNew(name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Clean(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, withHint(err, "choose another name, or remove that file")
	}
	return f, err
}

func newBackup(s Streams) *cobra.Command {
	var operator operatorFlags
	var out string
	cmd := &cobra.Command{
		Use:   "backup --out FILE",
		Short: "Write the state of a service into a file",
		Long: `backup writes everything that a service keeps in its store, as of one moment, into
one file: instances, policies with their history, certificates, keys. The service may
be running. The keys in it are encrypted with the wrapping key, which is not in it.

It is good for any kind of store: what was kept in SQLite can be restored into
PostgreSQL.`,
		Example: `  azattest backup --out azattest-2026-11-26.backup --config azattest.yaml`,
		Args:    usageArgs(cobra.NoArgs),
	}
	operator.add(cmd)
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write; one that exists is not replaced")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if out == "" {
			return usage(cmd.CommandPath(), "--out is missing: the file to write")
		}
		records, _, err := operator.openStore(cmd.Context(), s)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, records.Close()) }()
		f, err := createNew(out)
		if err != nil {
			return err
		}
		summary, err := store.Backup(cmd.Context(), records, f)
		if err == nil {
			err = f.Sync()
		}
		if err = errors.Join(err, f.Close()); err != nil {
			// Half a backup must not lie there under the name of a whole one.
			return errors.Join(err, os.Remove(out))
		}
		return printSummary(s, *asJSON, "backed up", summary)
	}
	return cmd
}

func newRestore(s Streams) *cobra.Command {
	var operator operatorFlags
	var isCheck bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup into an empty store, or check one",
		Long: `restore reads a backup to its end, checks it, and puts it into the store of the
configuration, which must be empty: a new file, or a database in which no service
has run. No service may use the store meanwhile.

With --check it reads and checks the file, and nothing else.`,
		Example: `  azattest restore azattest-2026-11-26.backup --config azattest.yaml
  azattest restore azattest-2026-11-26.backup --check`,
		Args: usageArgs(cobra.ExactArgs(1)),
	}
	operator.add(cmd)
	cmd.Flags().BoolVar(&isCheck, "check", false, "check the file and change nothing")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		f, err := os.Open(filepath.Clean(args[0]))
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // opened for reading only
		if isCheck {
			summary, err := store.CheckBackup(f)
			if err != nil {
				return err
			}
			return printSummary(s, *asJSON, "whole", summary)
		}
		c, err := operator.loadEmpty(s)
		if err != nil {
			return err
		}
		records, err := openStore(cmd.Context(), c)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, records.Close()) }()
		summary, err := store.Restore(cmd.Context(), records, f)
		if err != nil {
			return err
		}
		return printSummary(s, *asJSON, "restored", summary)
	}
	return cmd
}

func printSummary(s Streams, asJSON bool, what string, summary store.Summary) error {
	if asJSON {
		return printJSON(s.Out, summary)
	}
	_, err := fmt.Fprintf(s.Out, "%s: %d records as of revision %d, SHA-256 %s\n", what, summary.Records, summary.Revision, summary.SHA256)
	return err
}
