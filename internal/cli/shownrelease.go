package cli

import (
	"encoding/json"

	"github.com/azattest/azattest/keyrelease"
)

// releasedKey is what keyrelease get --json prints. The secret is not in it.
type releasedKey struct {
	KeyID      string   `json:"keyId"`
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Type       string   `json:"type"`
	Operations []string `json:"operations"`
	// Policy is the release policy, as JSON.
	Policy    json.RawMessage `json:"policy"`
	Vault     string          `json:"vault"`
	Endpoint  string          `json:"endpoint"`
	Evidence  string          `json:"evidence"`
	Simulated bool            `json:"simulated"`
	Out       string          `json:"out,omitempty"`
	Format    string          `json:"format"`
	Size      int             `json:"size"`
}

func newReleasedKey(vault, endpoint string, source *attestingSource, r *keyrelease.Released) *releasedKey {
	return &releasedKey{
		KeyID: r.KeyID, Name: r.Name, Version: r.Version, Type: r.Type, Operations: list(r.Operations), Policy: r.Policy.Text(),
		Vault: vault, Endpoint: endpoint, Evidence: source.name, Simulated: source.simulated,
	}
}

// checkedReleasePolicies is what keyrelease policy check --json prints.
type checkedReleasePolicies struct {
	OK       bool                   `json:"ok"`
	Errors   int                    `json:"errors"`
	Warnings int                    `json:"warnings"`
	Files    []checkedReleasePolicy `json:"files"`
}

// checkedReleasePolicy is what is said of one release policy.
type checkedReleasePolicy struct {
	File     string         `json:"file"`
	OK       bool           `json:"ok"`
	Faults   []releaseFault `json:"faults"`
	Warnings []releaseFault `json:"warnings"`
	// Authorities are those whose tokens it takes.
	Authorities []string `json:"authorities"`
}

// releaseFault is one thing that is wrong with a release policy, or doubtful, its place
// from 1.
type releaseFault struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// explainedRelease is what keyrelease policy explain --json prints.
type explainedRelease struct {
	Met     bool           `json:"met"`
	Outcome releaseOutcome `json:"outcome"`
}

// releaseOutcome is what became of a part of a release policy.
type releaseOutcome struct {
	Met    bool             `json:"met"`
	Line   int              `json:"line"`
	Column int              `json:"column"`
	Text   string           `json:"text"`
	Found  string           `json:"found,omitempty"`
	Parts  []releaseOutcome `json:"parts,omitempty"`
}

func newReleaseOutcome(o *keyrelease.Outcome) releaseOutcome {
	shown := releaseOutcome{Met: o.Met, Line: o.Position.Line, Column: o.Position.Column, Text: o.Text, Found: o.Found}
	for i := range o.Parts {
		shown.Parts = append(shown.Parts, newReleaseOutcome(&o.Parts[i]))
	}
	return shown
}
