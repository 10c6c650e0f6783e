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

// update rewrites the generated parts of docs/conformance.md.
var update = flag.Bool("update", false, "write the matrices in docs/conformance.md anew")

// scenario is an entry of a list, which says what the suites must run.
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

func readScenarios(t *testing.T, list string) []scenario {
	t.Helper()
	raw, err := os.ReadFile(list)
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

const matrixFile = "../docs/conformance.md"

// matrix is a table of the document, made of a list of scenarios.
type matrix struct {
	list       string
	begin, end string
	// modes are its columns, with what stands above them.
	modes [][2]string
}

func matrices() []matrix {
	return []matrix{
		{
			list: "scenarios.json", begin: "<!-- matrix: written by go test ./conformance -update -->\n", end: "<!-- matrix end -->\n",
			modes: [][2]string{{aad, "AAD"}, {isolated, "Isolated"}, {shared, "Shared"}},
		},
		{
			list: "keyvault.json", begin: "<!-- matrix of keys: written by go test ./conformance -update -->\n", end: "<!-- matrix of keys end -->\n",
			modes: [][2]string{{keyVault, "Key release server"}},
		},
	}
}

// text is the table of all scenarios, with notes on those that an SDK cannot.
// The tests of the SDKs fail where it would say what is not so.
func (m *matrix) text(all []scenario) string {
	clients := []string{pythonSync, pythonAio, javaScript}
	var table, notes strings.Builder
	table.WriteString("| scenario |")
	for _, mode := range m.modes {
		table.WriteString(" " + mode[1] + " | | |")
	}
	table.WriteString("\n|---|" + strings.Repeat("---|---|---|", len(m.modes)) + "\n| |" + strings.Repeat(" sync | aio | JS |", len(m.modes)) + "\n")
	var known []string
	for _, s := range all {
		fmt.Fprintf(&table, "| %s |", s.Says)
		for _, mode := range m.modes {
			for _, client := range clients {
				reason := s.Cannot[client]
				switch {
				case !slices.Contains(s.Modes, mode[0]):
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
	if notes.Len() == 0 {
		return "\n" + table.String() + "\n"
	}
	return "\n" + table.String() + "\nWhat an SDK cannot do, and why:\n\n" + notes.String() + "\n"
}

// TestMatrixIsWhatTheSuitesMustRun needs no SDK: the tests of the SDKs hold the
// suites against the same lists.
func TestMatrixIsWhatTheSuitesMustRun(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(matrixFile)
	if err != nil {
		t.Fatal(err)
	}
	want := string(raw)
	for _, m := range matrices() {
		all := readScenarios(t, m.list)
		seen := make(map[string]bool)
		for _, s := range all {
			if seen[s.ID] || len(s.Modes) == 0 || s.Says == "" {
				t.Errorf("%s: %q stands there twice, or lacks words or modes", m.list, s.ID)
			}
			seen[s.ID] = true
		}
		before, rest, hasBegin := strings.Cut(want, m.begin)
		_, after, hasEnd := strings.Cut(rest, m.end)
		if !hasBegin || !hasEnd {
			t.Fatalf("%s lacks the lines %q and %q", matrixFile, m.begin, m.end)
		}
		want = before + m.begin + m.text(all) + m.end + after
	}
	if want == string(raw) {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the lists of scenarios say: go test ./conformance -update", matrixFile)
	}
	//nolint:gosec // G306: a document, for everybody to read
	if err := os.WriteFile(matrixFile, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
