package cli

import (
	"fmt"
	"io"

	"github.com/azattest/azattest/claims"
)

// policyDifference is what policy diff --json prints.
type policyDifference struct {
	A comparedPolicy `json:"a"`
	B comparedPolicy `json:"b"`
	// Texts says in what the texts differ: see the constants.
	Texts  string         `json:"texts"`
	Differ int            `json:"differ"`
	Claims []judgedClaims `json:"claims"`
}

// What texts differ in.
const (
	textsIdentical = "identical"
	textsLayout    = "layout"
	textsRules     = "rules"
)

// comparedPolicy is one of the two.
type comparedPolicy struct {
	File       string `json:"file"`
	PolicyHash string `json:"policyHash"`
}

func newComparedPolicy(f *policyFile) comparedPolicy {
	c := comparedPolicy{File: f.name}
	c.PolicyHash, _ = policyHash(f.text)
	return c
}

// judgedClaims is what both make of one set of claims.
type judgedClaims struct {
	File    string           `json:"file"`
	Differs bool             `json:"differs"`
	In      []string         `json:"in"`
	A       *evaluatedPolicy `json:"a"`
	B       *evaluatedPolicy `json:"b"`
}

// print writes each set of claims with what differs, and how much it was.
func (d *policyDifference) print(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "--- %s  %s\n+++ %s  %s\n%s\n", clean(d.A.File), d.A.PolicyHash, clean(d.B.File), d.B.PolicyHash, textsInWords[d.Texts]); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	for i := range d.Claims {
		if err := d.Claims[i].print(w); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%s, %d judged otherwise\n", counted(len(d.Claims), "claim set"), d.Differ)
	return err
}

func (j *judgedClaims) print(w io.Writer) error {
	verdict := "the same: " + j.A.Verdict
	if j.Differs {
		verdict = "DIFFERS"
	}
	if _, err := fmt.Fprintf(w, "\n%s: %s\n", clean(j.File), verdict); err != nil || !j.Differs {
		return err
	}
	t := newTable(w)
	if j.A.Verdict != j.B.Verdict {
		t.row("  - verdict", j.A.Verdict)
		t.row("  + verdict", j.B.Verdict)
	}
	changesOf(t, "issued", j.A.Issued, j.B.Issued)
	changesOf(t, "properties", j.A.Properties, j.B.Properties)
	return t.flush()
}

// changesOf writes the claims that differ.
func changesOf(t *table, what string, a, b *claims.Set) {
	names := a.Clone()
	names.AddAll(b)
	for _, name := range names.Names() {
		before, after := onlyText(string(claimInJSON(a, name))), onlyText(string(claimInJSON(b, name)))
		if before == after {
			continue
		}
		if before != "" {
			t.row("  - "+what+" "+clean(name), before)
		}
		if after != "" {
			t.row("  + "+what+" "+clean(name), after)
		}
	}
}
