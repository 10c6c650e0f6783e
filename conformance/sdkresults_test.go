package conformance_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"
	"testing"
)

// attempt is one run of a scenario: on a kind of instance, by a kind of client.
type attempt struct{ scenario, mode, client string }

// outcome is how it ended.
type outcome struct {
	// failure says what went wrong, empty if nothing did.
	failure string
	// isImpossible is set where the run showed that the SDK cannot do this.
	isImpossible bool
}

// impossible ends the name of a test that shows that the SDK cannot do this.
const impossible = "_sdk_cannot"

// The kinds of client, as tests and the matrix name them.
const (
	pythonSync = "python"
	pythonAio  = "python-aio"
	javaScript = "javascript"
)

// junit is what both runners write, as far as it is read here. Suites nest.
type junit struct {
	Suites []junit `xml:"testsuite"`
	Cases  []struct {
		Class   string  `xml:"classname,attr"`
		Name    string  `xml:"name,attr"`
		Failure *detail `xml:"failure"`
		Error   *detail `xml:"error"`
		Skipped *detail `xml:"skipped"`
	} `xml:"testcase"`
}

type detail struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func readResults(name string) (map[attempt]outcome, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("no results: %w", err)
	}
	return parseResults(raw)
}

func parseResults(raw []byte) (map[attempt]outcome, error) {
	var root junit
	if err := xml.Unmarshal(raw, &root); err != nil {
		return nil, fmt.Errorf("results are not JUnit XML: %w", err)
	}
	found := make(map[attempt]outcome)
	return found, root.collect(found)
}

func (j *junit) collect(into map[attempt]outcome) error {
	for i := range j.Suites {
		if err := j.Suites[i].collect(into); err != nil {
			return err
		}
	}
	for _, c := range j.Cases {
		if c.Failure == nil && strings.HasSuffix(c.Name, ".test.mjs") {
			continue // a file without a test is a test to Node.js
		}
		key, isImpossible, err := nameOfRun(c.Class, c.Name)
		if err != nil {
			return err
		}
		if _, isTwice := into[key]; isTwice {
			return fmt.Errorf("%s ran twice", c.Name)
		}
		o := outcome{isImpossible: isImpossible}
		for what, d := range map[string]*detail{"failed": c.Failure, "ended early": c.Error, "skipped": c.Skipped} {
			if d != nil {
				o.failure = what + ": " + d.Message + "\n" + d.Text
			}
		}
		into[key] = o
	}
	return nil
}

// nameOfRun reads the names that the suites give their tests: in Python class
// "test_GROUP" and name "test_SCENARIO[MODE-KIND]", in JavaScript the name
// "GROUP.SCENARIO[MODE]".
func nameOfRun(class, name string) (attempt, bool, error) {
	id, parameters, hasParameters := strings.Cut(strings.TrimSuffix(name, "]"), "[")
	client := javaScript
	if group, isPython := strings.CutPrefix(class, "test_"); isPython {
		id = group + "." + strings.TrimPrefix(id, "test_")
		mode, kind, _ := strings.Cut(parameters, "-")
		parameters = mode
		client = map[string]string{"sync": pythonSync, "aio": pythonAio}[kind]
	}
	id, isImpossible := strings.CutSuffix(id, impossible)
	if !hasParameters || client == "" || !strings.Contains(id, ".") {
		return attempt{}, false, fmt.Errorf("a test is named %q in %q, which no scenario's test is", name, class)
	}
	return attempt{id, parameters, client}, isImpossible, nil
}

func anyFailed(got map[attempt]outcome) bool {
	for _, o := range got {
		if o.failure != "" {
			return true
		}
	}
	return false
}

func TestResultsOfBothRunnersAreRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want map[attempt]outcome
		err  string
	}{
		"pytest": {
			text: `<testsuites><testsuite name="pytest"><testcase classname="test_attest" name="test_sgx[aad-sync]" time="0.1"/>` +
				`<testcase classname="test_attest" name="test_json_sdk_cannot[shared-aio]"/></testsuite></testsuites>`,
			want: map[attempt]outcome{
				{"attest.sgx", "aad", pythonSync}: {}, {"attest.json", "shared", pythonAio}: {isImpossible: true},
			},
		},
		"node, with a suite in a suite": {
			text: `<testsuites><testcase classname="test" name="attest.sgx[aad]"/><testsuite name="x">` +
				`<testcase classname="test" name="attest.sgx[isolated]"><failure message="boom">there</failure></testcase></testsuite></testsuites>`,
			want: map[attempt]outcome{
				{"attest.sgx", "aad", javaScript}: {}, {"attest.sgx", "isolated", javaScript}: {failure: "failed: boom\nthere"},
			},
		},
		"a skipped test is a failed one": {
			text: `<testsuites><testcase classname="test" name="attest.sgx[aad]"><skipped message="why"/></testcase></testsuites>`,
			want: map[attempt]outcome{{"attest.sgx", "aad", javaScript}: {failure: "skipped: why\n"}},
		},
		"a test that belongs to no instance": {
			text: `<testsuites><testcase classname="test_attest" name="test_sgx"/></testsuites>`, err: "no scenario's test",
		},
		"a file of node's that did not load": {
			text: `<testsuites><testcase classname="test" name="attest.test.mjs"><failure message="boom"/></testcase></testsuites>`, err: "no scenario's test",
		},
		"a file of node's without a scenario for this world": {
			text: `<testsuites><testcase classname="test" name="attest.test.mjs"/></testsuites>`, want: map[attempt]outcome{},
		},
		"twice": {
			text: `<testsuites><testcase classname="test" name="a.b[aad]"/><testcase classname="test" name="a.b[aad]"/></testsuites>`, err: "twice",
		},
		"no XML": {text: "ok", err: "not JUnit XML"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseResults([]byte(c.text))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
