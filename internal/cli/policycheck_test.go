package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
)

// jsonOf reads what a command printed with --json.
func jsonOf[T any](t *testing.T, got outcome, code int) T {
	t.Helper()
	var v T
	if got.code != code {
		t.Fatalf("exit code %d, want %d; %s", got.code, code, got.stderr)
	}
	if err := json.Unmarshal([]byte(got.stdout), &v); err != nil {
		t.Fatalf("%v in %s", err, got.stdout)
	}
	return v
}

var indexPlace = regexp.MustCompile(`L(\d+):C(\d+)`)

// Every public policy is accepted or refused as the corpus' index says, at the
// place that it gives, and has the hash that it gives.
func TestCheckAgreesWithTheIndexOfPolicies(t *testing.T) {
	t.Parallel()
	rows := 0
	for line := range strings.Lines(string(corpus.Read(t, "policies", "INDEX.md"))) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "¦"), "|")
		if len(cells) < 9 || !strings.Contains(cells[1], ".txt") {
			continue
		}
		rows++
		file, hash, parse := strings.TrimSpace(cells[1]), strings.Trim(cells[6], " `"), strings.TrimSpace(cells[7])
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			raw := corpus.Read(t, append([]string{"policies"}, strings.Split(file, "/")...)...)
			hashed := jsonOf[fileHash](t, runAt(t, testTime, string(raw), "policy", "hash", "-", "--json"), exitDone)
			if hashed.PolicyHash != hash {
				t.Errorf("hash %s, want %s", hashed.PolicyHash, hash)
			}
			text, added := string(raw), 0
			if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), "version") {
				// Rules without a policy around them.
				text, added = "version=1.2;authorizationrules{\n"+text, 1
				if strings.HasPrefix(parse, "OK") {
					text += "\n};"
				}
			}
			got := runAt(t, testTime, text, "policy", "check", "-", "--json")
			if strings.HasPrefix(parse, "OK policy") {
				if c := jsonOf[checkedPolicies](t, got, exitDone); !c.OK || c.Errors != 0 || c.Files[0].PolicyHash != hash {
					t.Errorf("%+v", c)
				}
				return
			}
			if !strings.HasPrefix(parse, "FAIL") {
				return // rules that belong into various sections
			}
			c := jsonOf[checkedPolicies](t, got, exitRefused)
			first := c.Files[0].Diagnostics[0]
			if at, want := fmt.Sprintf("L%d:C%d", first.Range.Start.Line-added, first.Range.Start.Column), indexPlace.FindString(parse); at != want || first.Severity != "error" {
				t.Errorf("first fault at %s, want %s: %+v", at, want, first)
			}
		})
	}
	if rows < 50 {
		t.Errorf("the index has %d policies, want at least 50", rows)
	}
}

// What a diagnostic says of a place agrees with the text.
func TestDiagnosticsPointIntoTheText(t *testing.T) {
	t.Parallel()
	const text = "version=1.0;\n// ä𝄞\nauthorizationrules{ /*ä*/ => permit(); };"
	c := jsonOf[checkedPolicies](t, runAt(t, testTime, text, "policy", "check", "-", "--json"), exitRefused)
	for _, d := range c.Files[0].Diagnostics {
		start := d.Range.Start
		before := text[:start.Offset]
		if line := 1 + strings.Count(before, "\n"); line != start.Line {
			t.Errorf("line %d, want %d", start.Line, line)
		}
		if column := len([]rune(before[1+strings.LastIndexByte(before, '\n'):])); column != start.Column {
			t.Errorf("column %d, want %d", start.Column, column)
		}
		if d.Range.End.Offset < start.Offset || d.Code == "" || d.Message == "" || d.Expected == nil || d.Related == nil {
			t.Errorf("%+v", d)
		}
	}
}

// object is a part of a SARIF document.
type object = map[string]any

// TestSARIFIsWhatTheStandardRequires holds the document against the properties
// that SARIF 2.1.0 requires, and those that refer to one another.
func TestSARIFIsWhatTheStandardRequires(t *testing.T) {
	t.Parallel()
	bad := inFile(t, "a policy#1.txt", "version=1.0;\nauthorizationrules={\n[type=\"x\"] => permit()\n};")
	doubtful := inFile(t, "doubtful.txt", "version=1.0; authorizationrules { [] => deny(); };")
	log := jsonOf[object](t, runAt(t, testTime, "", "policy", "check", "--sarif", bad, doubtful), exitRefused)
	if log["version"] != "2.1.0" || !strings.HasSuffix(log["$schema"].(string), "sarif-schema-2.1.0.json") {
		t.Errorf("version %v, schema %v", log["version"], log["$schema"])
	}
	runs := log["runs"].([]any)
	if len(runs) != 1 {
		t.Fatalf("%d runs, want 1", len(runs))
	}
	run := runs[0].(object)
	if run["columnKind"] != "unicodeCodePoints" {
		t.Errorf("columnKind %v", run["columnKind"])
	}
	driver := run["tool"].(object)["driver"].(object)
	if driver["name"] != "azattest" || driver["version"] == "" {
		t.Errorf("driver %v", driver)
	}
	rules, seen := driver["rules"].([]any), map[string]bool{}
	for _, r := range rules {
		id, _ := r.(object)["id"].(string)
		if id == "" || seen[id] || r.(object)["shortDescription"].(object)["text"] == "" {
			t.Errorf("rule %v: want an ID of its own and a text", r)
		}
		seen[id] = true
	}
	artifacts := run["artifacts"].([]any)
	if uri := artifacts[0].(object)["location"].(object)["uri"].(string); !strings.HasPrefix(uri, "file:///") || !strings.HasSuffix(uri, "/a%20policy%231.txt") {
		t.Errorf("URI %s", uri)
	}
	results := run["results"].([]any)
	levels := map[any]int{}
	for _, x := range results {
		r := x.(object)
		levels[r["level"]]++
		if index := int(r["ruleIndex"].(float64)); rules[index].(object)["id"] != r["ruleId"] {
			t.Errorf("rule %d is %v, want %v", index, rules[index], r["ruleId"])
		}
		places := r["locations"].([]any)
		if related, ok := r["relatedLocations"].([]any); ok {
			places = append(places, related...)
		}
		for _, p := range places {
			checkSARIFPlace(t, artifacts, p.(object)["physicalLocation"].(object))
		}
		if text := strings.NewReplacer("{{", "", "}}", "").Replace(r["message"].(object)["text"].(string)); text == "" || strings.ContainsAny(text, "{}") {
			t.Errorf("message %v: want text, and braces twice", r["message"])
		}
	}
	if levels["error"] != 3 || levels["warning"] != 1 || len(levels) != 2 {
		t.Errorf("levels %v, want 3 errors and 1 warning", levels)
	}
}

func checkSARIFPlace(t *testing.T, artifacts []any, place object) {
	t.Helper()
	at := place["artifactLocation"].(object)
	if index := int(at["index"].(float64)); artifacts[index].(object)["location"].(object)["uri"] != at["uri"] {
		t.Errorf("place %v is no artifact", at)
	}
	region := place["region"].(object)
	number := func(name string) int { return int(region[name].(float64)) }
	if number("startLine") < 1 || number("startColumn") < 1 || number("endLine") < number("startLine") ||
		number("endLine") == number("startLine") && number("endColumn") < number("startColumn") {
		t.Errorf("region %v", region)
	}
}

// Relative names stay relative, whatever is in them.
func TestURIOfFile(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"policy.txt":                       "policy.txt",
		filepath.Join("a b", "p?.txt"):     "a%20b/p%3F.txt",
		"c:policy.txt":                     "./c:policy.txt",
		"<stdin>":                          "%3Cstdin%3E",
		filepath.FromSlash("../50%/p.txt"): "../50%25/p.txt",
	} {
		if got := uriOf(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
