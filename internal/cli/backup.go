package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/internal/config"
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
		Example: `  azattest backup --out azattest-2026-11-26.backup --config azattest.yaml
  azattest backup --out - --config azattest.yaml | gzip > azattest.backup.gz`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	operator.add(cmd)
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write; one that exists is not replaced; - is standard output")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if out == "" {
			return usage(cmd.CommandPath(), "--out is missing: the file to write")
		}
		if out == "-" && *asJSON {
			return usage(cmd.CommandPath(), "--json and --out - both want standard output")
		}
		records, _, err := operator.openStore(cmd.Context(), s)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, records.Close()) }()
		if out == "-" {
			summary, err := store.Backup(cmd.Context(), records, s.Out)
			if err != nil {
				return err
			}
			return printSummary(s.Err, false, "backed up", summary)
		}
		summary, err := backUp(cmd.Context(), records, out)
		if err != nil {
			return err
		}
		return printSummary(s.Out, *asJSON, "backed up", summary)
	}
	return cmd
}

// backUp writes a new file. Half a backup must not lie there under the name of a
// whole one.
func backUp(ctx context.Context, records store.Store, name string) (store.Summary, error) {
	f, err := createNew(name)
	if err != nil {
		return store.Summary{}, err
	}
	summary, err := store.Backup(ctx, records, f)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = os.Remove(name) // whatever it says, err says more
	}
	return summary, err
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

With --check it reads and checks the file, and nothing else; - is then
standard input.`,
		Example: `  azattest restore azattest-2026-11-26.backup --config azattest.yaml
  azattest restore azattest-2026-11-26.backup --check`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
	}
	operator.add(cmd)
	cmd.Flags().BoolVar(&isCheck, "check", false, "check the file and change nothing")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if isCheck {
			summary, err := checkBackup(s, args[0])
			if err != nil {
				return operatorFault(err)
			}
			return printSummary(s.Out, *asJSON, "whole", summary)
		}
		if args[0] == "-" {
			return usage(cmd.CommandPath(), "a backup is read twice, first to check it: give it as a file")
		}
		c, err := operator.loadEmpty(s)
		if err != nil {
			return err
		}
		summary, err := restore(cmd.Context(), c, args[0])
		if err != nil {
			return operatorFault(err)
		}
		return printSummary(s.Out, *asJSON, "restored", summary)
	}
	return cmd
}

// restore puts a backup into the store, which reads it to its end before it writes.
func restore(ctx context.Context, c *config.Config, name string) (summary store.Summary, err error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return store.Summary{}, err
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	records, err := openLasting(ctx, c)
	if err != nil {
		return store.Summary{}, err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	return store.Restore(ctx, records, f)
}

// checkBackup reads a backup from a file, or from standard input.
func checkBackup(s Streams, name string) (store.Summary, error) {
	if name == "-" {
		return store.CheckBackup(s.In)
	}
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return store.Summary{}, err
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	return store.CheckBackup(f)
}

// shownBackup is what backup and restore print with --json.
type shownBackup struct {
	Records  int64  `json:"records"`
	Bytes    int64  `json:"bytes"`
	Revision int64  `json:"revision"`
	SHA256   string `json:"sha256"`
}

func printSummary(w io.Writer, asJSON bool, what string, summary store.Summary) error {
	if asJSON {
		return printJSON(w, shownBackup(summary))
	}
	_, err := fmt.Fprintf(w, "%s: %s as of revision %d, SHA-256 %s\n", what, counted(int(summary.Records), "record"), summary.Revision, summary.SHA256)
	return err
}
