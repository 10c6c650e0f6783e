package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/internal/audit"
)

func newAudit(s Streams) *cobra.Command {
	cmd := group("audit", "Verify and export the audit trail of a service",
		newAuditExport(s),
		newAuditVerify(s),
	)
	cmd.Long = `A service writes down each attestation and each change: one line of JSON, in the
shape of Azure Attestation's diagnostic logs, in the files of a folder. Each line
names the SHA-256 of the line before it, so that none can be changed, removed or
moved without breaking the chain.

What the chain cannot show: a trail whose end was cut off looks like one that ended
there, and whoever may write the files can compute a whole new chain. So keep the
head that 'audit verify' prints in another place, and give it with --head next time.`
	cmd.Example = `  azattest audit verify ./audit
  azattest audit export ./audit --since 2026-01-01 --format csv --out january.csv`
	return cmd
}

// expectFlags say what is known of a trail from elsewhere.
type expectFlags struct {
	head, after string
	count       int64
}

func (f *expectFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.head, "head", "", "hash of a head that was noted before: it must stand in the trail, which may have grown since")
	flags.Int64Var(&f.count, "count", 0, "how many records there were when that head was noted; without --head the trail must have as many")
	flags.StringVar(&f.after, "after", "", "hash of the last line of older files that were archived and removed; without it the trail must begin with its first record")
	mustTakeText(cmd, "head", "count", "after")
}

// expect returns what the flags say.
func (f *expectFlags) expect(cmd *cobra.Command) (audit.Expect, error) {
	for name, hash := range map[string]string{"head": f.head, "after": f.after} {
		if hash != "" && !isSHA256(hash) {
			return audit.Expect{}, usage(cmd.CommandPath(), "--%s %q: want a SHA-256 in 64 lower-case hexadecimal digits", name, hash)
		}
	}
	if f.count < 0 {
		return audit.Expect{}, usage(cmd.CommandPath(), "--count %d: want how many records there were", f.count)
	}
	return audit.Expect{
		Head:  audit.Head{Sequence: f.count, Hash: f.head},
		After: audit.Head{Hash: f.after},
	}, nil
}

func isSHA256(text string) bool {
	if len(text) != 64 {
		return false
	}
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// refusedTrail makes a broken chain a refusal; whatever else went wrong is none.
func refusedTrail(err error) error {
	if _, ok := errors.AsType[*audit.ChainError](err); ok {
		return &refusedError{err}
	}
	return err
}
