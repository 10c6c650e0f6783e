package cli

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/azattest/azattest/policy/syntax"
)

// The part of SARIF 2.1.0 that policy check --sarif prints. The numbers are the
// sections of the standard:
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
const (
	sarifVersion = "2.1.0"
	sarifSchema  = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

// sarifLog is the document (3.13).
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

// sarifRun is one run of the tool (3.14).
type sarifRun struct {
	Tool       sarifTool       `json:"tool"`
	Artifacts  []sarifArtifact `json:"artifacts"`
	ColumnKind string          `json:"columnKind"`
	Results    []sarifResult   `json:"results"`
}

type sarifTool struct { // 3.18
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct { // 3.19
	Name           string      `json:"name"`
	Version        string      `json:"version"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifRule struct { // 3.49
	ID                   string       `json:"id"`
	ShortDescription     sarifMessage `json:"shortDescription"`
	DefaultConfiguration sarifLevel   `json:"defaultConfiguration"`
}

type sarifLevel struct { // 3.50
	Level string `json:"level"`
}

type sarifMessage struct { // 3.11
	Text string `json:"text"`
}

type sarifArtifact struct { // 3.24
	Location sarifURI `json:"location"`
}

type sarifURI struct { // 3.4
	URI   string `json:"uri"`
	Index int    `json:"index"`
}

type sarifResult struct { // 3.27
	RuleID           string          `json:"ruleId"`
	RuleIndex        int             `json:"ruleIndex"`
	Level            string          `json:"level"`
	Message          sarifMessage    `json:"message"`
	Locations        []sarifLocation `json:"locations"`
	RelatedLocations []sarifLocation `json:"relatedLocations,omitempty"`
}

type sarifLocation struct { // 3.28
	Message          *sarifMessage `json:"message,omitempty"`
	PhysicalLocation sarifPhysical `json:"physicalLocation"`
}

type sarifPhysical struct { // 3.29
	ArtifactLocation sarifURI    `json:"artifactLocation"`
	Region           sarifRegion `json:"region"`
}

// sarifRegion counts lines and columns from 1; the end column is the one behind
// the region (3.30).
type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn"`
	EndLine     int `json:"endLine"`
	EndColumn   int `json:"endColumn"`
}

func newSARIF(c *checkedPolicies) *sarifLog {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{
			Name: "azattest", Version: release, InformationURI: "https://github.com/azattest/azattest", Rules: []sarifRule{},
		}},
		Artifacts: []sarifArtifact{}, ColumnKind: "unicodeCodePoints", Results: []sarifResult{},
	}
	for i := range c.Files {
		f := &c.Files[i]
		at := sarifURI{URI: uriOf(f.File), Index: i}
		run.Artifacts = append(run.Artifacts, sarifArtifact{at})
		for j := range f.Diagnostics {
			run.add(at, &f.Diagnostics[j])
		}
	}
	return &sarifLog{Schema: sarifSchema, Version: sarifVersion, Runs: []sarifRun{run}}
}

func (r *sarifRun) add(at sarifURI, d *shownDiagnostic) {
	rules := &r.Tool.Driver.Rules
	rule := slices.IndexFunc(*rules, func(known sarifRule) bool { return known.ID == string(d.Code) })
	if rule < 0 {
		rule = len(*rules)
		*rules = append(*rules, sarifRule{ID: string(d.Code), ShortDescription: sarifMessage{inWords(d.Code)}, DefaultConfiguration: sarifLevel{d.Severity}})
	}
	text := d.Message
	if d.Hint != "" {
		text += ". Hint: " + d.Hint
	}
	result := sarifResult{
		RuleID: string(d.Code), RuleIndex: rule, Level: d.Severity, Message: sarifText(text),
		Locations: []sarifLocation{{PhysicalLocation: sarifPhysical{at, regionOf(d.Range)}}},
	}
	for _, other := range d.Related {
		result.RelatedLocations = append(result.RelatedLocations, sarifLocation{
			Message: new(sarifText(other.Message)), PhysicalLocation: sarifPhysical{at, regionOf(other.Range)},
		})
	}
	r.Results = append(r.Results, result)
}

// sarifText makes a message of text: braces would be placeholders (3.11.5).
func sarifText(text string) sarifMessage {
	return sarifMessage{strings.NewReplacer("{", "{{", "}", "}}").Replace(text)}
}

func regionOf(r shownRange) sarifRegion {
	return sarifRegion{StartLine: r.Start.Line, StartColumn: r.Start.Column + 1, EndLine: r.End.Line, EndColumn: r.End.Column + 1}
}

// inWords is a code as a sentence: "Missing semicolon.".
func inWords(code syntax.Code) string {
	words := strings.ReplaceAll(string(code), "-", " ")
	return strings.ToUpper(words[:1]) + words[1:] + "."
}

// uriOf is a file as a URI: relative as it was named, or absolute.
func uriOf(name string) string {
	path := filepath.ToSlash(name)
	if !filepath.IsAbs(name) {
		// A colon in the first segment would make it a scheme; String sees to it.
		return (&url.URL{Path: path}).String()
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}
