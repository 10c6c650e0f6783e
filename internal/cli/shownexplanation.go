package cli

import (
	"slices"

	"github.com/azattest/azattest/policy"
)

// explainedPolicy is what policy explain --json prints.
type explainedPolicy struct {
	File       string `json:"file"`
	PolicyHash string `json:"policyHash"`
	*policy.Explanation
}

func newExplainedPolicy(f *policyFile, x *policy.Explanation) *explainedPolicy {
	e := &explainedPolicy{File: f.name, Explanation: x}
	e.PolicyHash, _ = policyHash(f.text)
	return e
}

// forPeople is the explanation in text, with columns that count from 1, as in
// editors and in what policy check prints.
func forPeople(x *policy.Explanation) string {
	shown := *x
	shown.Rules = slices.Clone(x.Rules)
	for i := range shown.Rules {
		shown.Rules[i].Column++
	}
	if x.Deciding != nil {
		deciding := *x.Deciding
		deciding.Column++
		shown.Deciding = &deciding
	}
	return shown.String()
}
