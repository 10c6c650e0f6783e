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
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Check release policies",
		Long: `check reads release policies in the grammar of Azure Key Vault and prints what is
wrong with them, all of it at once, each with its line and column. - is standard
input. Nothing outside this machine is asked.

Exit code 0 if there is nothing wrong, 1 if there is.`,
		Example: `  azattest keyrelease policy check release.json
  azattest keyrelease policy check --json policies/*.json`,
		Args:              usageArgs(cobra.MinimumNArgs(1)),
		ValidArgsFunction: completeFiles,
	}
	asJSON = jsonFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		files, err := readPolicyFiles(s, args)
		if err != nil {
			return err
		}
		c := newCheckedReleasePolicies(files)
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

func newCheckedReleasePolicies(files []*policyFile) *checkedReleasePolicies {
	c := &checkedReleasePolicies{Files: []checkedReleasePolicy{}}
	for _, f := range files {
		p, err := keyrelease.ParsePolicy([]byte(f.text))
		one := checkedReleasePolicy{File: f.name, OK: err == nil, Faults: releaseFaults(err), Authorities: []string{}}
		if err == nil {
			one.Authorities = list(p.Authorities())
		}
		c.Errors += len(one.Faults)
		c.Files = append(c.Files, one)
	}
	c.OK = c.Errors == 0
	return c
}

// releaseFaults are those of an error of ParsePolicy, none of nil.
func releaseFaults(err error) []releaseFault {
	faults := []releaseFault{}
	if e, ok := errors.AsType[*keyrelease.PolicyError](err); ok {
		for _, f := range e.Faults {
			faults = append(faults, releaseFault{f.Position.Line, f.Position.Column, f.Problem})
		}
		return faults
	}
	if err != nil {
		faults = append(faults, releaseFault{1, 1, err.Error()})
	}
	return faults
}

// print writes the faults, and to stderr how many they are.
func (c *checkedReleasePolicies) print(s Streams) error {
	for i := range c.Files {
		if err := printReleaseFaults(s.Out, c.Files[i].File, c.Files[i].Faults); err != nil {
			return err
		}
	}
	if c.OK {
		return nil
	}
	_, err := fmt.Fprintf(s.Err, "azattest: %s\n", c.summary())
	return err
}

func printReleaseFaults(w io.Writer, name string, faults []releaseFault) error {
	for _, f := range faults {
		if _, err := fmt.Fprintf(w, "%s:%d:%d: error: %s\n", clean(name), f.Line, f.Column, onlyText(f.Message)); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	return nil
}

func (c *checkedReleasePolicies) summary() string {
	return fmt.Sprintf("%s in %s", counted(c.Errors, "error"), counted(len(c.Files), "release policy file"))
}

// loadReleasePolicy reads a release policy that is to be used. Its faults go to stderr,
// and refuse nothing.
func loadReleasePolicy(s Streams, name string) (*keyrelease.Policy, error) {
	f, err := readPolicyFile(s, name)
	if err != nil {
		return nil, err
	}
	p, err := keyrelease.ParsePolicy([]byte(f.text))
	if err != nil {
		faults := releaseFaults(err)
		if err := printReleaseFaults(s.Err, f.name, faults); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("release policy %s cannot be used: it has %s", f.name, counted(len(faults), "fault"))
	}
	return p, nil
}
