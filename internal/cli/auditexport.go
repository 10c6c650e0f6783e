package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/internal/audit"
)

// auditExportOptions are the flags of audit export.
type auditExportOptions struct {
	expect       expectFlags
	since, until timeFlag
	operation    string
	instance     string
	result       string
	format       string
	out          string
}

func newAuditExport(s Streams) *cobra.Command {
	o := new(auditExportOptions)
	cmd := &cobra.Command{
		Use:   "export DIR",
		Short: "Export records of an audit trail, and verify it meanwhile",
		Long: `export prints the records of the trail in DIR, all or those that the flags choose,
as lines of JSON to the letter, as one JSON array, or as CSV with one column for each
part. In CSV a cell that a spreadsheet would take for a formula begins with '.

The whole trail is verified meanwhile, as by 'audit verify'. Exit code 1 if the chain
is broken: what was printed up to there held, and a file for --out is not written.`,
		Example: `  azattest audit export ./audit --since 2026-01-01 --until 2026-02-01 --format csv --out january.csv
  azattest audit export ./audit --operation SetCurrentPolicy --instance contoso
  azattest audit export ./audit --result Failed --format json`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFolder,
	}
	f := cmd.Flags()
	f.Var(&o.since, "since", "only records of this time or later")
	f.Var(&o.until, "until", "only records before this time")
	f.StringVar(&o.operation, "operation", "", "only records of this operation, such as SetCurrentPolicy; letter case does not matter")
	f.StringVar(&o.instance, "instance", "", "only records of this instance")
	f.StringVar(&o.result, "result", "", "only records that ended so: Succeeded or Failed")
	f.StringVar(&o.format, "format", "jsonl", "jsonl, json or csv")
	f.StringVar(&o.out, "out", "-", "file to write, - for standard output")
	o.expect.add(cmd)
	mustComplete(cmd, "result", results...)
	mustComplete(cmd, "format", formats...)
	mustTakeText(cmd, "since", "until", "operation", "instance")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		expect, err := o.check(cmd)
		if err != nil {
			return err
		}
		return streamFile(s, o.out, func(w io.Writer) error {
			return o.export(cmd, args[0], expect, w)
		})
	}
	return cmd
}

var (
	results = []string{string(audit.Succeeded), string(audit.Failed)}
	formats = []string{"jsonl", "json", "csv"}
)

func (o *auditExportOptions) check(cmd *cobra.Command) (audit.Expect, error) {
	command := cmd.CommandPath()
	switch {
	case o.result != "" && !slices.Contains(results, o.result):
		return audit.Expect{}, usage(command, "--result %q: want one of %s", o.result, strings.Join(results, ", "))
	case !slices.Contains(formats, o.format):
		return audit.Expect{}, usage(command, "--format %q: want one of %s", o.format, strings.Join(formats, ", "))
	case !o.since.IsZero() && !o.until.IsZero() && !o.since.Before(o.until.Time):
		return audit.Expect{}, usage(command, "--since %s is not before --until %s", o.since.String(), o.until.String())
	}
	return o.expect.expect(cmd)
}

// chooses reports whether the flags want a record.
func (o *auditExportOptions) chooses(r *audit.Record) bool {
	switch {
	case !o.since.IsZero() && r.Time.Before(o.since.Time),
		!o.until.IsZero() && !r.Time.Before(o.until.Time),
		o.operation != "" && !strings.EqualFold(r.OperationName, o.operation),
		o.instance != "" && r.Properties.Details.Instance != o.instance,
		o.result != "" && string(r.ResultType) != o.result:
		return false
	}
	return true
}

func (o *auditExportOptions) export(cmd *cobra.Command, dir string, expect audit.Expect, w io.Writer) error {
	to := newAuditWriter(o.format, w)
	if err := to.begin(); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	_, err := audit.Verify(dir, expect, func(e audit.Entry) error {
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		if !o.chooses(&e.Record) {
			return nil
		}
		if err := to.record(e); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		return nil
	})
	if err == nil {
		if err = to.end(); err != nil {
			err = fmt.Errorf("write the result: %w", err)
		}
	}
	return errors.Join(refusedTrail(err), to.flush())
}
