package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// policyTestOptions are the flags of policy test.
type policyTestOptions struct {
	coverage, verbose bool
	failUnder         float64
	asJSON            *bool
}

func newPolicyTest(s Streams) *cobra.Command {
	o := new(policyTestOptions)
	cmd := &cobra.Command{
		Use:   "test DIR|FILE...",
		Short: "Run tests of policies: claims in, verdict and issued claims out",
		Long: `test runs tables of tests, YAML files such as

    policy: policy.txt               # beside this file
    type: SgxEnclave                 # optional, also in a case
    cases:
      - name: release enclaves pass
        claims: &release             # or the name of a file; see 'azattest policy eval'
          x-ms-sgx-is-debuggable: false
          x-ms-sgx-svn: 3
        want: permit                 # or deny, or error: a rule cannot be carried out
        issued: {svn: 3}             # optional: exactly these claims
        properties: {}               # optional: exactly these properties
      - name: debug enclaves do not
        claims: {<<: *release, x-ms-sgx-is-debuggable: true}
        want: deny

In folders, and in those below, files named *_test.yaml or *_test.yml are tests.
Members that are unknown or stand twice are refused, and so are values that are no
text, boolean or integer.

--coverage adds which rules never fired. --fail-under fails if fewer of a policy's
rules fired than so many percent.

Exit code 1 if a test fails; 3 if one could not be run, or if there is none.`,
		Example: `  azattest policy test policies
  azattest policy test sgx_test.yaml --coverage --fail-under 100
  azattest policy test policies --json`,
		Args:              usageArgs(cobra.MinimumNArgs(1)),
		ValidArgsFunction: completeFiles,
	}
	f := cmd.Flags()
	f.BoolVar(&o.coverage, "coverage", false, "show which rules fired, and which never did")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "show the tests that pass, too")
	f.Float64Var(&o.failUnder, "fail-under", 0, "fail if fewer of the rules of a policy fired, in percent")
	o.asJSON = jsonFlag(cmd)
	mustTakeText(cmd, "fail-under")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !(o.failUnder >= 0 && o.failUnder <= 100) { // so that NaN is none
			return usage(cmd.CommandPath(), "--fail-under %v: want 0 to 100", o.failUnder)
		}
		result, err := runTests(s, args)
		if err != nil {
			return err
		}
		result.judge(o.failUnder)
		if *o.asJSON {
			err = printJSON(s.Out, result)
		} else {
			err = o.print(s.Out, result)
		}
		if err == nil && !result.OK {
			err = &reportedError{&refusedError{errors.New("tests fail")}}
		}
		return err
	}
	return cmd
}

// runTests runs all tests that arguments name, or none: a table that cannot be
// read must not go by as one that passes.
func runTests(s Streams, args []string) (*testedPolicies, error) {
	names, err := findTests(args)
	if err != nil {
		return nil, err
	}
	files := make([]*testFile, len(names))
	for i, name := range names {
		if files[i], err = readTests(s, name); err != nil {
			return nil, err
		}
	}
	r := &testRun{streams: s, programs: map[string]*testedProgram{}}
	result := &testedPolicies{Files: []testedFile{}}
	for _, f := range files {
		tested, err := r.run(f)
		if err != nil {
			return nil, fmt.Errorf("tests %s: %w", f.name, err)
		}
		result.Files = append(result.Files, *tested)
	}
	result.Coverage = r.coverage()
	return result, nil
}

// judge counts, and says whether all is well.
func (r *testedPolicies) judge(failUnder float64) {
	r.OK = true
	for i := range r.Files {
		for j := range r.Files[i].Cases {
			if r.Files[i].Cases[j].OK {
				r.Passed++
			} else {
				r.Failed++
				r.OK = false
			}
		}
	}
	for i := range r.Coverage {
		r.Coverage[i].OK = r.Coverage[i].Percent >= failUnder
		r.OK = r.OK && r.Coverage[i].OK
	}
}
