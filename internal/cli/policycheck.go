package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/policy/syntax"
)

// policyCheckOptions are the flags of policy check.
type policyCheckOptions struct {
	kind          *string
	strict, sarif bool
	asJSON        *bool
}

func newPolicyCheck(s Streams) *cobra.Command {
	o := new(policyCheckOptions)
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Check policies without a service",
		Long: `check prints what is wrong with policies and what is doubtful, all of it at once,
each with its line and what to write instead. - is standard input. What it refuses,
'azattest serve' refuses too; nothing outside this machine is asked.

--type says for which kind of attestation the policy is meant: claims that such
evidence never has are then warned of.

Errors end with exit code 1, warnings only with --strict. --sarif prints the same
as SARIF 2.1.0, for code scanning.`,
		Example: `  azattest policy check policy.txt
  azattest policy check --type SgxEnclave --strict policies/*.txt
  azattest policy check --sarif policies/*.txt > policies.sarif`,
		Args:              usageArgs(cobra.MinimumNArgs(1)),
		ValidArgsFunction: completeFiles,
	}
	o.kind = addPolicyType(cmd, "kind of attestation that the policies are for")
	cmd.Flags().BoolVar(&o.strict, "strict", false, "let warnings fail, too")
	cmd.Flags().BoolVar(&o.sarif, "sarif", false, "print one SARIF 2.1.0 document instead of text")
	o.asJSON = jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		kind, err := policyTypeOf(cmd, *o.kind)
		if err != nil {
			return err
		}
		if *o.asJSON && o.sarif {
			return usage(cmd.CommandPath(), "--json and --sarif exclude each other")
		}
		files, err := readPolicyFiles(s, args)
		if err != nil {
			return err
		}
		return o.print(s, files, newCheckedPolicies(files, kind, o.strict))
	}
	return cmd
}

func (o *policyCheckOptions) print(s Streams, files []*policyFile, c *checkedPolicies) error {
	var err error
	switch {
	case *o.asJSON:
		err = printJSON(s.Out, c)
	case o.sarif:
		err = printJSON(s.Out, newSARIF(c))
	default:
		err = c.print(s, files)
	}
	if err == nil && !c.OK {
		err = &reportedError{&refusedError{errors.New(c.summary())}}
	}
	return err
}

// print writes what was found, and to stderr how much it was.
func (c *checkedPolicies) print(s Streams, files []*policyFile) error {
	separator := ""
	for i := range c.Files {
		if len(c.Files[i].found) == 0 {
			continue
		}
		if _, err := fmt.Fprint(s.Out, separator, syntax.Render(files[i].name, files[i].text, c.Files[i].found)); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		separator = "\n"
	}
	if c.Errors+c.Warnings == 0 {
		return nil
	}
	_, err := fmt.Fprintf(s.Err, "azattest: %s\n", c.summary())
	return err
}

func (c *checkedPolicies) summary() string {
	return fmt.Sprintf("%s, %s in %s", counted(c.Errors, "error"), counted(c.Warnings, "warning"), counted(len(c.Files), "policy file"))
}

func newCheckedPolicies(files []*policyFile, kind string, strict bool) *checkedPolicies {
	c := &checkedPolicies{OK: true, Files: []checkedPolicy{}}
	for _, f := range files {
		one := checkedPolicy{File: f.name, Diagnostics: []shownDiagnostic{}, found: policy.Check(f.text, policy.CheckOptions{Type: kind})}
		one.PolicyHash, one.PolicyHashHex = policyHash(f.text)
		for i := range one.found {
			one.Diagnostics = append(one.Diagnostics, newShownDiagnostic(&one.found[i]))
			if one.found[i].Severity == syntax.SeverityError {
				one.Errors++
			} else {
				one.Warnings++
			}
		}
		one.OK = one.Errors == 0 && (one.Warnings == 0 || !strict)
		c.OK = c.OK && one.OK
		c.Errors += one.Errors
		c.Warnings += one.Warnings
		c.Files = append(c.Files, one)
	}
	return c
}
