package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/keyrelease"
)

func newKeyReleasePolicy(s Streams) *cobra.Command {
	return group("policy", "Check and explain release policies",
		newKeyReleasePolicyCheck(s),
		newKeyReleasePolicyExplain(s),
	)
}

func newKeyReleasePolicyCheck(s Streams) *cobra.Command {
	var asJSON *bool
	var isStrict bool
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Check release policies",
		Long: `check reads release policies in the grammar of Azure Key Vault and prints what is
wrong with them and what is doubtful, all of it at once, each with its line and
column. - is standard input. Nothing outside this machine is asked.

Errors end with exit code 1, warnings only with --strict: of measurements that no
token has, such as those in capitals.`,
		Example: `  azattest keyrelease policy check release.json
  azattest keyrelease policy check --json policies/*.json`,
		Args:              usageArgs(cobra.MinimumNArgs(1)),
		ValidArgsFunction: completeFiles,
	}
	cmd.Flags().BoolVar(&isStrict, "strict", false, "let warnings fail, too")
	asJSON = jsonFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		files, err := readPolicyFiles(s, args)
		if err != nil {
			return err
		}
		c := newCheckedReleasePolicies(files, isStrict)
		if *asJSON {
			err = printJSON(s.Out, c)
		} else {
			err = c.print(s)
		}
		if err == nil && !c.OK {
			err = &reportedError{&refusedError{errors.New(c.summary())}}
		}
		return err
	}
	return cmd
}

func newCheckedReleasePolicies(files []*policyFile, isStrict bool) *checkedReleasePolicies {
	c := &checkedReleasePolicies{OK: true, Files: []checkedReleasePolicy{}}
	for _, f := range files {
		p, err := keyrelease.ParsePolicy([]byte(f.text))
		one := checkedReleasePolicy{File: f.name, Faults: releaseFaults(err), Warnings: []releaseFault{}, Authorities: []string{}}
		if err == nil {
			one.Warnings, one.Authorities = newReleaseFaults(p.Warnings()), list(p.Authorities())
		}
		one.OK = len(one.Faults) == 0 && (len(one.Warnings) == 0 || !isStrict)
		c.OK = c.OK && one.OK
		c.Errors += len(one.Faults)
		c.Warnings += len(one.Warnings)
		c.Files = append(c.Files, one)
	}
	return c
}

// releaseFaults are those of an error of ParsePolicy, none of nil.
func releaseFaults(err error) []releaseFault {
	if e, ok := errors.AsType[*keyrelease.PolicyError](err); ok {
		return newReleaseFaults(e.Faults)
	}
	if err != nil {
		return []releaseFault{{1, 1, err.Error()}}
	}
	return []releaseFault{}
}

func newReleaseFaults(of []keyrelease.Fault) []releaseFault {
	faults := []releaseFault{}
	for _, f := range of {
		faults = append(faults, releaseFault{f.Position.Line, f.Position.Column, f.Problem})
	}
	return faults
}

// print writes what was found, and to stderr how much it was.
func (c *checkedReleasePolicies) print(s Streams) error {
	for i := range c.Files {
		f := &c.Files[i]
		if err := errors.Join(printReleaseFaults(s.Out, f.File, "error", f.Faults), printReleaseFaults(s.Out, f.File, "warning", f.Warnings)); err != nil {
			return err
		}
	}
	if c.Errors+c.Warnings == 0 {
		return nil
	}
	_, err := fmt.Fprintf(s.Err, "azattest: %s\n", c.summary())
	return err
}

func printReleaseFaults(w io.Writer, name, severity string, faults []releaseFault) error {
	for _, f := range faults {
		if _, err := fmt.Fprintf(w, "%s:%d:%d: %s: %s\n", clean(name), f.Line, f.Column, severity, onlyText(f.Message)); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	return nil
}

func (c *checkedReleasePolicies) summary() string {
	return fmt.Sprintf("%s, %s in %s", counted(c.Errors, "error"), counted(c.Warnings, "warning"), counted(len(c.Files), "release policy file"))
}

// loadReleasePolicy reads a release policy that is to be used. Its faults and what is
// doubtful go to stderr, and refuse nothing.
func loadReleasePolicy(s Streams, name string) (*keyrelease.Policy, error) {
	f, err := readPolicyFile(s, name)
	if err != nil {
		return nil, err
	}
	p, err := keyrelease.ParsePolicy([]byte(f.text))
	if err != nil {
		faults := releaseFaults(err)
		if err := printReleaseFaults(s.Err, f.name, "error", faults); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("release policy %s cannot be used: it has %s", f.name, counted(len(faults), "fault"))
	}
	if err := printReleaseFaults(s.Err, f.name, "warning", newReleaseFaults(p.Warnings())); err != nil {
		return nil, err
	}
	return p, nil
}
