package keyrelease_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/azattest/azattest/keyrelease"
)

const authority = "https://sharedeus.eus.attest.azure.net"

// policyOf is a policy of one authority with one list of conditions.
func policyOf(conditions string) string {
	return `{"version":"1.0.0","anyOf":[{"authority":"` + authority + `","allOf":[` + conditions + `]}]}`
}

func mustParse(t *testing.T, text string) *keyrelease.Policy {
	t.Helper()
	policy, err := keyrelease.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

func TestParsePolicyRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"allOf":[`, 20) + `{"claim":"a","equals":1}` + strings.Repeat(`]}`, 20)
	for name, test := range map[string]struct{ text, want string }{
		"nothing":                     {"", "1:1: not JSON: the text ends too early"},
		"half a policy":               {`{"version":`, "1:12: not JSON: the text ends too early"},
		"a comma behind it":           {policyOf(`{"claim":"a","equals":1}`) + " ,:", "1:121: something stands behind the value"},
		"half a surrogate pair":       {policyOf(`{"claim":"a","equals":"\ud800"}`), "half of a surrogate pair"},
		"a claim with a space":        {policyOf(`{"claim":"a ","exists":false}`), `claim "a " has characters that names do not have`},
		"a claim nobody sees":         {policyOf("{\"claim\":\"a\u200b\",\"exists\":false}"), `claim "a\u200b" has characters`},
		"a claim that is a dot":       {policyOf(`{"claim":".","exists":false}`), "want a name on both sides of each dot"},
		"two dots":                    {policyOf(`{"claim":"a..b","exists":false}`), "want a name on both sides of each dot"},
		"a dot at the end":            {policyOf(`{"claim":"a.","exists":false}`), "want a name on both sides of each dot"},
		"more than a list":            {policyOf(`{"claim":"a","less":[]}`), "less: an array, want a number"},
		"no JSON":                     {"{\n  \"version\" \"1.0.0\"}", "2:13: not JSON"},
		"two values":                  {policyOf(`{"claim":"a","equals":1}`) + "{}", "1:120: something stands behind the value"},
		"not UTF-8":                   {"{\"version\":\"\xff\"}", "1:13: this byte is not UTF-8"},
		"a name twice":                {`{"version":"1.0.0","version":"1.0.0"}`, `1:20: member "version" stands twice`},
		"nested too deep":             {policyOf(deep), "nested deeper than 32"},
		"too long":                    {strings.Repeat(" ", 1<<16+1), "65537 bytes, want at most 65536"},
		"a list":                      {`[]`, "1:1: an array, want an object with version and anyOf"},
		"no version":                  {`{"anyOf":[{"authority":"` + authority + `","allOf":[{"claim":"a","equals":1}]}]}`, `1:1: no version, want "version": "1.0.0"`},
		"another version":             {`{"version":"2.0.0","anyOf":[{"authority":"` + authority + `","allOf":[{"claim":"a","equals":1}]}]}`, `1:12: version "2.0.0", want "1.0.0"`},
		"a version that is a number":  {`{"version":1,"anyOf":[]}`, `1:12: version 1, want "1.0.0"`},
		"no authorities":              {`{"version":"1.0.0"}`, "1:1: no anyOf, want a list of authorities"},
		"an empty list":               {`{"version":"1.0.0","anyOf":[]}`, "1:28: anyOf is empty, want at least one item"},
		"allOf of authorities":        {`{"version":"1.0.0","allOf":[]}`, `member "allOf", want version and anyOf`},
		"two spellings":               {`{"version":"1.0.0","anyOf":[{"authority":"` + authority + `","allOf":[{"claim":"a","equals":1}]}],"anyof":[]}`, "a second anyOf"},
		"anyOf that is no list":       {`{"version":"1.0.0","anyOf":{}}`, "1:28: anyOf is an object, want an array"},
		"an authority that is text":   {`{"version":"1.0.0","anyOf":["x"]}`, "1:29: a string, want an object with authority"},
		"no authority":                {`{"version":"1.0.0","anyOf":[{"allOf":[{"claim":"a","equals":1}]}]}`, "1:29: no authority"},
		"an authority without rules":  {`{"version":"1.0.0","anyOf":[{"authority":"` + authority + `"}]}`, "1:29: an authority without conditions"},
		"an authority that is a list": {`{"version":"1.0.0","anyOf":[{"authority":[],"allOf":[{"claim":"a","equals":1}]}]}`, "1:42: authority is an array, want a string"},
		"both selectors":              {`{"version":"1.0.0","anyOf":[{"authority":"` + authority + `","allOf":[{"claim":"a","equals":1}],"anyOf":[{"claim":"a","equals":1}]}]}`, "both allOf and anyOf, want one"},
		"an unknown member":           {`{"version":"1.0.0","anyOf":[{"authority":"` + authority + `","noneOf":[],"allOf":[{"claim":"a","equals":1}]}]}`, `member "noneOf" of an authority`},
		"empty allOf":                 {policyOf(""), "allOf is empty"},
		"a condition that is text":    {policyOf(`"a"`), "a string, want an object with a claim, allOf or anyOf"},
		"an empty condition":          {policyOf(`{}`), "want either a claim with an operator, or allOf or anyOf alone"},
		"a selector and more":         {policyOf(`{"allOf":[{"claim":"a","equals":1}],"equals":1}`), "want either a claim"},
		"no operator":                 {policyOf(`{"claim":"a"}`), "a claim without operator, want one of equals, notEquals"},
		"an unknown operator":         {policyOf(`{"claim":"a","equal":1}`), `member "equal", want one of the operators`},
		"operator in another case":    {policyOf(`{"claim":"a","Equals":1}`), `member "Equals", want one of the operators`},
		"two operators":               {policyOf(`{"claim":"a","greater":1,"less":3}`), "a second operator less, want one"},
		"a claim that is a number":    {policyOf(`{"claim":1,"equals":1}`), "claim is a number, want a string"},
		"a claim without name":        {policyOf(`{"claim":"","equals":1}`), "claim is empty"},
		"a claim too long":            {policyOf(`{"claim":"` + strings.Repeat("a", 1025) + `","equals":1}`), "claim has 1025 bytes and 0 dots, want at most 1024 and 32"},
		"a claim too deep":            {policyOf(`{"claim":"` + strings.Repeat("a.", 33) + `a","equals":1}`), "claim has 67 bytes and 33 dots"},
		"equals null":                 {policyOf(`{"claim":"a","equals":null}`), "equals: null, want a string, a number, true or false"},
		"equals a list":               {policyOf(`{"claim":"a","equals":[1]}`), "equals: an array, want"},
		"exists of text":              {policyOf(`{"claim":"a","exists":"yes"}`), `exists: "yes", want true or false`},
		"less than text":              {policyOf(`{"claim":"a","less":"three"}`), `less: "three", want a number`},
		"less than false":             {policyOf(`{"claim":"a","less":false}`), `less: false, want a number`},
		"less than a huge number":     {policyOf(`{"claim":"a","less":1e999999999}`), `less: 1e999999999, want a number`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy, err := keyrelease.ParsePolicy([]byte(test.text))
			var fault *keyrelease.PolicyError
			if !errors.As(err, &fault) || policy != nil {
				t.Fatalf("got %v, %v, want a *PolicyError", policy, err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant …%s…", err, test.want)
			}
		})
	}
}

func TestParsePolicyRefusesAuthorities(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"":                                          "want the URL of an attestation service",
		"sharedeus.eus.attest.azure.net":            "want the URL of an attestation service",
		"http://sharedeus.eus.attest.azure.net":     "want https",
		"http://localhost.attacker.example":         "want https",
		"ftp://127.0.0.1":                           "want https",
		"https://user@attest.example":               "without user, query and fragment",
		"https://attest.example?x":                  "without user, query and fragment",
		"https://:443":                              "want the URL of an attestation service",
		"https://attest.example:443":                "want a port from 1 to 65535",
		"https://attest.example:":                   "want a port",
		"https://attest.example:65536":              "want a port",
		"https://Attest.example":                    "want scheme and host in lower case",
		"HTTPS://attest.example":                    "want scheme and host in lower case",
		"https://a.example,https://b.example":       "want letters, digits",
		"https://*.example":                         "want letters, digits",
		"https://\u0430.example":                    "want letters, digits",
		"https://a.example/\u202e":                  "want letters, digits",
		"https://a.example/%2e%2e":                  "want letters, digits",
		"https://a.example/\\u0020":                 "want letters, digits",
		"https://a.example//":                       "no empty segment at the end",
		"https://attest.example#":                   "without user, query and fragment",
		"https://attest.example/\\u0007":            "want the URL of an attestation service",
		"https://" + strings.Repeat("a", 200) + "?": "…: want a URL without",
	} {
		_, err := keyrelease.ParsePolicy([]byte(`{"version":"1.0.0","anyOf":[{"authority":"` + url + `","allOf":[{"claim":"a","equals":1}]}]}`))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want …%s…", url, err, want)
		}
	}
}

func TestParsePolicyReportsAllFaults(t *testing.T) {
	t.Parallel()
	_, err := keyrelease.ParsePolicy([]byte("{\"version\": \"2\",\n \"anyOf\": [{\"authority\": \"é\", \"allOf\": [{\"claim\": \"a\"},\n  {\"claim\": \"b\", \"equals\": null}]}]}"))
	var fault *keyrelease.PolicyError
	if !errors.As(err, &fault) || len(fault.Faults) != 4 {
		t.Fatalf("got %v, want four faults", err)
	}
	if last := fault.Faults[3].Position; last != (keyrelease.Position{Line: 3, Column: 28}) {
		t.Errorf("last fault at %s, want 3:28", last)
	}
	_, err = keyrelease.ParsePolicy([]byte(`{"anyOf":[]}`))
	if !errors.As(err, &fault) || len(fault.Faults) != 2 || fault.Faults[0].Position.Column != 1 || fault.Faults[1].Position.Column != 10 {
		t.Errorf("got %v, want the faults in the order of their places", err)
	}
	many := policyOf(strings.Repeat(`{"claim":"a"},`, 50) + `{"claim":"a"}`)
	if _, err := keyrelease.ParsePolicy([]byte(many)); !errors.As(err, &fault) || len(fault.Faults) != 20 {
		t.Errorf("got %v, want 20 faults", err)
	}
}

func TestAuthorities(t *testing.T) {
	t.Parallel()
	policy := mustParse(t, `{"version":"1.0.0","anyof":[
		{"authority":"https://b.example/","allof":[{"claim":"a","equals":1}]},
		{"authority":"http://127.0.0.1:8080","anyof":[{"claim":"a","equals":1}]},
		{"authority":"http://[::1]:8080/x","anyOf":[{"claim":"a","equals":1}]},
		{"authority":"https://b.example","allOf":[{"claim":"a","equals":2}]}]}`)
	if got := strings.Join(policy.Authorities(), " "); got != "https://b.example http://127.0.0.1:8080 http://[::1]:8080/x" {
		t.Errorf("got %s", got)
	}
}
