package cli

import "github.com/azattest/azattest/policy/syntax"

// formattedPolicies is what policy fmt --json prints.
type formattedPolicies struct {
	Files []formattedPolicy `json:"files"`
}

// formattedPolicy is a policy in the one layout. One with faults has only these.
type formattedPolicy struct {
	File    string `json:"file"`
	Changed bool   `json:"changed"`
	Written bool   `json:"written"`
	// OldPolicyHash is the hash of the text as it was.
	OldPolicyHash string            `json:"oldPolicyHash"`
	PolicyHash    string            `json:"policyHash,omitempty"`
	PolicyHashHex string            `json:"policyHashHex,omitempty"`
	Policy        string            `json:"policy,omitempty"`
	Diagnostics   []shownDiagnostic `json:"diagnostics"`

	found []syntax.Diagnostic
}

func newFormattedPolicy(f *policyFile) *formattedPolicy {
	p := &formattedPolicy{File: f.name, Diagnostics: []shownDiagnostic{}}
	p.OldPolicyHash, _ = policyHash(f.text)
	p.Policy, p.found = syntax.Format(f.text)
	for i := range p.found {
		p.Diagnostics = append(p.Diagnostics, newShownDiagnostic(&p.found[i]))
	}
	if len(p.found) > 0 {
		return p
	}
	p.Changed = p.Policy != f.text
	p.PolicyHash, p.PolicyHashHex = policyHash(p.Policy)
	return p
}
