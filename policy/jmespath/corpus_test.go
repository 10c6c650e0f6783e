package jmespath

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
)

// policyQueries returns the queries that stand in policies as a whole, each
// once.
func policyQueries(tb testing.TB, dir string) []string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "policies", "*", "*.txt"))
	if err != nil {
		tb.Fatal(err)
	}
	literal := regexp.MustCompile(`JmesPath\s*\(\s*(?:[\w.]+|"(?:[^"\\]|\\.)*")\s*,\s*"((?:[^"\\]|\\.)*)"`)
	escape := regexp.MustCompile(`(?s)\\(.)`)
	var all []string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		for _, found := range literal.FindAllStringSubmatch(string(raw), -1) {
			if query := escape.ReplaceAllString(found[1], "$1"); !slices.Contains(all, query) {
				all = append(all, query)
			}
		}
	}
	return all
}

// Every query of a public policy compiles. Three have integers without
// backticks, and are told.
func TestQueriesOfPolicies(t *testing.T) {
	t.Parallel()
	bare := 0
	all := policyQueries(t, corpus.Dir(t))
	for _, text := range all {
		q := mustCompile(t, text)
		if slices.ContainsFunc(q.Notes(), func(n Note) bool { return strings.Contains(n.Message, "the number") }) {
			bare++
		}
		if _, err := q.Search(mustParse(t, eventLog(8))); err != nil {
			t.Logf("%s: %v", text, err) // a query on what another one finds
		}
	}
	if len(all) != 56 || bare != 3 {
		t.Errorf("%d queries, %d of them with bare integers; want 56 and 3", len(all), bare)
	}
}

// The queries of the HealthAttestation policy, those that it puts together
// included, find in the synthetic log what its vector says.
func TestQueriesOnSyntheticLog(t *testing.T) {
	t.Parallel()
	var claims []struct {
		Type  string `json:"type"`
		Value any    `json:"value"`
	}
	if err := json.Unmarshal(corpus.Read(t, "policies", "vectors", "tpm_events_synthetic.claims.json"), &claims); err != nil {
		t.Fatal(err)
	}
	log, ok := claims[0].Value.(string)
	if !ok || claims[0].Type != "events" {
		t.Fatalf("the first claim is %s", claims[0].Type)
	}
	const (
		tags    = "Events[? EventTypeString == 'EV_EVENT_TAG' && (PcrIndex == `12` || PcrIndex == `13` || PcrIndex == `19` || PcrIndex == `20`)].ProcessedData.EVENT_TRUSTBOUNDARY | "
		before  = "Events[? EventSeq < `6`"
		control = before + " && EventTypeString == 'EV_EVENT_TAG' && PcrIndex == `12`&& (ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_TRANSFER_CONTROL.Value == `1` || ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_TRANSFER_CONTROL.Value == `2`)] | @[0].EventSeq"
		module  = before + " && EventSeq > `3` && EventTypeString == 'EV_EVENT_TAG' && PcrIndex == `13` && ((ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_LOADEDMODULE_AGGREGATION[].EVENT_MODULE_SVN | @[0]) || (ProcessedData.EVENT_LOADEDMODULE_AGGREGATION[].EVENT_MODULE_SVN | @[0]))].EventSeq | @[0]"
		boot    = before + " && EventSeq > `4` && EventTypeString == 'EV_EVENT_TAG' && PcrIndex == `12`].ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_APPLICATION_SVN | @[0]"
	)
	checkFindings(t, log, []finding{
		{"Events[?EventTypeString == 'EV_EFI_VARIABLE_DRIVER_CONFIG' && ProcessedData.VariableGuid == '8BE4DF61-93CA-11D2-AA0D-00E098032B8C'] | [?ProcessedData.UnicodeName == 'SecureBoot'] | length(@) == `1` && @[0].ProcessedData.VariableData == 'AQ'", `true`},
		{tags + "[*].EVENT_CODEINTEGRITY", `[true]`},
		{tags + "[*].EVENT_BITLOCKER_UNLOCK | @[? Value != `0`].Value | @[0]", `4`},
		{tags + "[*].EVENT_DATAEXECUTIONPREVENTION.Value | @[-1]", `0`},
		{tags + "[*].EVENT_VBS_HVCI_POLICY | @[?String == 'HypervisorEnforcedCodeIntegrityEnable'].Value", `[1]`},
		{tags + "[*].EVENT_FLIGHTSIGNING", `[true]`},
		{tags + `[*].EVENT_LOADEDMODULE_AGGREGATION[] | [? EVENT_IMAGEVALIDATED == ` + "`true`" + ` && (equals_ignore_case(EVENT_FILEPATH, '\windows\system32\drivers\wdboot.sys') || equals_ignore_case(EVENT_FILEPATH, '\windows\system32\drivers\wd\wdboot.sys'))] | @ != ` + "`null`", `true`},
		{"Events[? EventTypeString == 'EV_EVENT_TAG' && PcrIndex == `13`].ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_SI_POLICY[].RawData", `["AAAB","AACR"]`},
		{"Events[? EventTypeString == 'EV_EVENT_TAG' && PcrIndex == `13`].ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_BOOT_REVOCATION_LIST.RawData | @[0]", `"gHWq"`},
		{"Events[? EventTypeString == 'EV_EVENT_TAG' && PcrIndex == `13`].ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_OS_REVOCATION_LIST.RawData | @[0]", `"gHLu"`},
		{"Events[? EventTypeString == 'EV_SEPARATOR' && (PcrIndex == `12` || PcrIndex == `13` || PcrIndex == `14`)] | @[0].EventSeq", `6`},
		{before + " && EventTypeString == 'EV_EVENT_TAG' && PcrIndex == `12` && ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_APPLICATION_SVN] | @[0].EventSeq", `2`},
		{"Events[? EventSeq == `2`].ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_APPLICATION_SVN | @[0]", `1`},
		{control, `3`},
		{module, `4`},
		{boot, `1`},
		{"Events[? `true`  && EventTypeString == 'EV_SEPARATOR'] | @[0].ProcessedData", `{}`},
		{"events[? EventTypeString == 'EV_EVENT_TAG' && (PcrIndex == '13')]", `null`},
		{"PCRs[? Index == `0`].Digests.SHA1 | @[0] == `\"KCk6Ow\"`", `false`},
	})
}
