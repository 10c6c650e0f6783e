package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/policy"
)

// policyDiffOptions are the flags of policy diff.
type policyDiffOptions struct {
	claims []string
	kind   *string
	asJSON *bool
}

func newPolicyDiff(s Streams) *cobra.Command {
	o := new(policyDiffOptions)
	cmd := &cobra.Command{
		Use:   "diff A B --claims CLAIMS.json...",
		Short: "Say which claims two policies judge otherwise",
		Long: `diff runs the policies in A and B over sets of claims, one in each file, and says
which of them are judged otherwise: another verdict, other claims issued, other
properties. It also says whether the texts differ in more than layout and comments. -
is standard input. That two policies agree on the claims given does not show that they
agree on all.

` + claimForms + `

Exit code 0 if both policies judge all the claims alike, 1 if not, 3 if one of them
could not be read or is no policy.`,
		Example: `  azattest policy diff old.txt new.txt --claims claims.json
  azattest policy diff old.txt new.txt --claims tokens/*.jwt
  azattest policy diff old.txt new.txt --claims a.json --claims b.json --json`,
		Args:              usageArgs(cobra.MinimumNArgs(2)),
		ValidArgsFunction: completeFiles,
	}
	cmd.Flags().StringArrayVar(&o.claims, "claims", nil, "file with claims to judge (required); may be repeated, and files behind A and B are more of them")
	o.kind = addPolicyType(cmd, "kind of attestation, to be warned of what its evidence never has")
	o.asJSON = jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		kind, err := policyTypeOf(cmd, *o.kind)
		if err != nil {
			return err
		}
		if len(o.claims) == 0 {
			return usage(cmd.CommandPath(), "--claims is missing")
		}
		d, err := newPolicyDifference(s, kind, args[0], args[1], append(o.claims, args[2:]...))
		if err != nil {
			return err
		}
		if *o.asJSON {
			err = printJSON(s.Out, d)
		} else {
			err = d.print(s.Out)
		}
		if err == nil && d.Differ > 0 {
			err = &reportedError{&refusedError{errors.New("the policies judge claims otherwise")}}
		}
		return err
	}
	return cmd
}

func newPolicyDifference(s Streams, kind, a, b string, names []string) (*policyDifference, error) {
	files, err := readPolicyFiles(s, []string{a, b})
	if err != nil {
		return nil, err
	}
	given := make([]*givenClaims, len(names))
	for i, name := range names {
		if given[i], err = readClaims(s, name); err != nil {
			return nil, err
		}
		if err := given[i].fit(kind); err != nil {
			return nil, fmt.Errorf("claims %s: %w", name, err)
		}
		if err := given[i].warn(s, name); err != nil {
			return nil, err
		}
	}
	d := &policyDifference{Texts: compareTexts(files[0].text, files[1].text), Claims: []judgedClaims{}}
	var programs [2]*policy.Program
	for i, f := range files {
		if programs[i], err = f.compile(s); err != nil {
			return nil, err
		}
		if err := f.warn(s, kind); err != nil {
			return nil, err
		}
	}
	d.A, d.B = newComparedPolicy(files[0]), newComparedPolicy(files[1])
	for i, name := range names {
		j := judgedClaims{
			File: name,
			A:    newEvaluatedPolicy(files[0], programs[0].ExplainWith(given[i].incoming, given[i].custom)),
			B:    newEvaluatedPolicy(files[1], programs[1].ExplainWith(given[i].incoming, given[i].custom)),
		}
		if j.compare(); j.Differs {
			d.Differ++
		}
		d.Claims = append(d.Claims, j)
	}
	return d, nil
}

// compare notes in what the judgements differ. Which rule decided, and the words
// of a failure, are not part of them.
func (j *judgedClaims) compare() {
	j.In = []string{}
	if j.A.Verdict != j.B.Verdict {
		j.In = append(j.In, "verdict")
	}
	if !j.A.Issued.Equal(j.B.Issued) {
		j.In = append(j.In, "issued")
	}
	if !j.A.Properties.Equal(j.B.Properties) {
		j.In = append(j.In, "properties")
	}
	j.Differs = len(j.In) > 0
}

// textsInWords say how texts differ.
var textsInWords = map[string]string{
	textsIdentical: "the texts are the same, byte for byte",
	textsLayout:    "the texts differ in layout and comments only",
	textsRules:     "the texts differ in what they say",
}
