package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/internal/config"
)

func newConfigCheck(s Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a configuration and the files that it names",
		Long: `check prints what is wrong with the configuration in FILE with the environment over
it, all of it at once, each with its place. It also opens the files that the
configuration names, parses certificates, compiles policies and looks whether there
is collateral in a folder. Nothing outside this machine is asked. - is standard
input.

Faults end with exit code 1. Where there are none, nothing is printed.`,
		Example: `  azattest config check azattest.yaml
  azattest config check azattest.yaml --json
  azattest config check --keyrelease keyrelease.yaml`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
	}
	isKeyRelease := keyReleaseFlag(cmd)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		check := checkConfig
		if *isKeyRelease {
			check = checkKeyReleaseConfig
		}
		checked, err := check(s, args[0])
		if err != nil {
			return err
		}
		if *asJSON {
			err = printJSON(s.Out, checked)
		} else {
			err = checked.print(s)
		}
		if err == nil && !checked.OK {
			err = &reportedError{&refusedError{errors.New(checked.summary())}}
		}
		return err
	}
	return cmd
}

// checkedConfig is what config check --json prints.
type checkedConfig struct {
	File   string        `json:"file"`
	OK     bool          `json:"ok"`
	Faults []configFault `json:"faults"`
	// Omitted is how many more faults there are.
	Omitted int `json:"omitted"`
}

// configFault is one fault. What is not known is absent.
type configFault struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Variable string `json:"variable,omitempty"`
	Key      string `json:"key,omitempty"`
	Message  string `json:"message"`

	text string // all of it on one line
}

// checkConfig finds the faults of a configuration. The error says that it could
// not be read at all.
func checkConfig(s Streams, name string) (*checkedConfig, error) {
	c, err := readConfig(s, name)
	if err != nil {
		return checkedOf(name, err, nil)
	}
	f := &configFiles{s: s, c: c}
	f.service(c)
	return checkedOf(name, c.Validate(), f.found)
}

// checkedOf joins the faults of a configuration with those that were found in its
// files.
func checkedOf(name string, err error, found []config.Problem) (*checkedConfig, error) {
	checked := &checkedConfig{File: name, Faults: []configFault{}}
	if err != nil {
		faulty, ok := errors.AsType[*config.Error](err)
		if !ok {
			return nil, err
		}
		found = append(faulty.Problems, found...)
		checked.Omitted = faulty.Omitted
	}
	slices.SortStableFunc(found, func(a, b config.Problem) int {
		return cmp.Or(cmp.Compare(a.Variable, b.Variable), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	for _, p := range found {
		checked.Faults = append(checked.Faults, configFault{p.File, p.Line, p.Column, p.Variable, p.Path, p.Text, p.String()})
	}
	checked.OK = len(found) == 0
	return checked, nil
}

// print writes the faults, and to stderr how many they are.
func (c *checkedConfig) print(s Streams) error {
	for i := range c.Faults {
		if _, err := fmt.Fprintln(s.Out, escaped(c.Faults[i].text)); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	if c.OK {
		return nil
	}
	_, err := fmt.Fprintf(s.Err, "azattest: %s\n", escaped(c.summary()))
	return err
}

func (c *checkedConfig) summary() string {
	return fmt.Sprintf("configuration %s: %s", c.File, counted(len(c.Faults)+c.Omitted, "fault"))
}

// printConfig writes what is in force.
func printConfig(s Streams, c configuration, asJSON bool) error {
	var b bytes.Buffer
	if err := c.Print(&b, asJSON); err != nil {
		return err
	}
	text := b.Bytes()
	if asJSON {
		text = harmless(text)
	}
	if _, err := s.Out.Write(text); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
