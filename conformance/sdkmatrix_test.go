package conformance_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// update rewrites the generated part of docs/conformance.md.
var update = flag.Bool("update", false, "write the matrix in docs/conformance.md anew")

// scenario is an entry of scenarios.json, which says what both suites must run.
type scenario struct {
	// ID is "group.name": the file and the name of the tests.
	ID string `json:"id"`
	// Says is the scenario in words, for the matrix.
	Says string `json:"says"`
	// Modes are the kinds of instance on which it makes sense.
	Modes []string `json:"modes"`
	// Clients are the kinds of client that have such a call, if not all do.
	Clients []string `json:"clients,omitempty"`
	// Cannot says, by kind of client, why the SDK makes it impossible. Its test
	// then shows that it is the SDK.
	Cannot map[string]string `json:"cannot,omitempty"`
}

// isFor reports whether a kind of client has such a call.
func (s scenario) isFor(client string) bool {
	return s.Clients == nil || slices.Contains(s.Clients, client)
}

func readScenarios(t *testing.T) []scenario {
	t.Helper()
	raw, err := os.ReadFile("scenarios.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []scenario
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

const (
	matrixFile  = "../docs/conformance.md"
	matrixBegin = "<!-- matrix: written by go test ./conformance -update -->\n"
	matrixEnd   = "<!-- matrix end -->\n"
)

// matrix is the table of all scenarios, with notes on those that an SDK cannot.
// TestOfficialSDKs fails where it would say what is not so.
func matrix(all []scenario) string {
	clients := []string{pythonSync, pythonAio, javaScript}
	var table, notes strings.Builder
	table.WriteString("| scenario | AAD | | | Isolated | | | Shared | | |\n|---|---|---|---|---|---|---|---|---|---|\n")
	table.WriteString("| |" + strings.Repeat(" sync | aio | JS |", 3) + "\n")
	var known []string
	for _, s := range all {
		fmt.Fprintf(&table, "| %s |", s.Says)
		for _, mode := range []string{aad, isolated, shared} {
			for _, client := range clients {
				reason := s.Cannot[client]
				switch {
				case !slices.Contains(s.Modes, mode):
					table.WriteString(" |")
				case !s.isFor(client):
					table.WriteString(" – |")
				case reason == "":
					table.WriteString(" ✓ |")
				default:
					if !slices.Contains(known, reason) {
						known = append(known, reason)
						fmt.Fprintf(&notes, "%d. %s\n", len(known), reason)
					}
					fmt.Fprintf(&table, " %d |", 1+slices.Index(known, reason))
				}
			}
		}
		table.WriteString("\n")
	}
	return "\n" + table.String() + "\nWhat an SDK cannot do, and why:\n\n" + notes.String() + "\n"
}

// TestMatrixIsWhatTheSuitesMustRun needs no SDK: TestOfficialSDKs holds the
// suites against the same list.
func TestMatrixIsWhatTheSuitesMustRun(t *testing.T) {
	t.Parallel()
	all := readScenarios(t)
	seen := make(map[string]bool)
	for _, s := range all {
		if seen[s.ID] || len(s.Modes) == 0 || s.Says == "" {
			t.Errorf("scenarios.json: %q stands there twice, or lacks words or modes", s.ID)
		}
		seen[s.ID] = true
	}
	raw, err := os.ReadFile(matrixFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, hasBegin := strings.Cut(string(raw), matrixBegin)
	_, after, hasEnd := strings.Cut(rest, matrixEnd)
	if !hasBegin || !hasEnd {
		t.Fatalf("%s lacks the lines %q and %q", matrixFile, matrixBegin, matrixEnd)
	}
	want := before + matrixBegin + matrix(all) + matrixEnd + after
	if want == string(raw) {
		return
	}
	if !*update {
		t.Fatalf("%s is not what scenarios.json says: go test ./conformance -update", matrixFile)
	}
	//nolint:gosec // G306: a document, for everybody to read
	if err := os.WriteFile(matrixFile, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
