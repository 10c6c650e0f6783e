package policy

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/internal/corpus"
)

// healthPolicy is the largest public policy.
const healthPolicy = "real/healthattestation-csp-tpm-v1.2.txt"

func corpusPolicy(tb testing.TB, file string) string {
	tb.Helper()
	return string(corpus.Read(tb, append([]string{"policies"}, strings.Split(file, "/")...)...))
}

// vectorClaims reads the incoming claims of the corpus' vectors: a list of type,
// value and issuer.
func vectorClaims(tb testing.TB) *claims.Set {
	tb.Helper()
	var list []struct {
		Type  string `json:"type"`
		Value any    `json:"value"`
	}
	if err := json.Unmarshal(corpus.Read(tb, "policies", "vectors", "tpm_events_synthetic.claims.json"), &list); err != nil {
		tb.Fatal(err)
	}
	s := new(claims.Set)
	for _, c := range list {
		s.Add(c.Type, value(c.Value))
	}
	return s
}

// TestVectors compares what public policies issue for a synthetic event log with
// what a reference evaluator issued, byte for byte.
func TestVectors(t *testing.T) {
	t.Parallel()
	policies := map[string]string{
		"docs-64":           "docs/64-tpm-attestation-concepts-tpm-health-sample.txt",
		"docs-65":           "docs/65-tpm-attestation-sample-policies-windows-secureboot-etc.txt",
		"docs-68":           "docs/68-tpm-attestation-sample-policies-windows-integrity.txt",
		"docs-72":           "docs/72-tpm-attestation-sample-policies-windows-secureboot-etc.txt",
		"healthattestation": healthPolicy,
	}
	files, err := filepath.Glob(filepath.Join(corpus.Dir(t), "policies", "vectors", "*.expected.txt"))
	if err != nil || len(files) != len(policies) {
		t.Fatalf("%d vectors, %v, want %d", len(files), err, len(policies))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".expected.txt")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issued, properties, _ := strings.Cut(string(corpus.Read(t, "policies", "vectors", filepath.Base(file))), "\nprops ")
			d, err := mustCompile(t, corpusPolicy(t, policies[name])).Decide(vectorClaims(t))
			if err != nil {
				t.Fatal(err)
			}
			var want bytes.Buffer
			if err := json.Compact(&want, []byte(issued)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.String(), string(d.Issued.AppendJSON(nil))); diff != "" {
				t.Errorf("issued (-want +got):\n%s", diff)
			}
			if strings.TrimSpace(properties) != "[]" || d.Properties.Len() != 0 {
				t.Errorf("properties %s, want %s", d.Properties.AppendJSON(nil), properties)
			}
		})
	}
}

// event is one of a TPM's log, as the verifier of such evidence shows it.
type event struct {
	EventSeq        int
	EventTypeString string
	PcrIndex        int
	ProcessedData   map[string]any
}

func eventLog(tb testing.TB, events ...event) string {
	tb.Helper()
	text, err := json.Marshal(map[string]any{"Events": events})
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func tag(seq, pcr int, data map[string]any) event {
	return event{seq, "EV_EVENT_TAG", pcr, map[string]any{"EVENT_TRUSTBOUNDARY": data}}
}

// TestPublishedToken checks that the policy claims of the published token of
// device health attestation follow from its policy, for a log that says what the
// token says.
func TestPublishedToken(t *testing.T) {
	t.Parallel()
	var published struct {
		Payload *claims.Set `json:"payload"`
	}
	if err := json.Unmarshal(corpus.Read(t, "maa", "tokens", "tpm-healthattestation-2021.json"), &published); err != nil {
		t.Fatal(err)
	}
	want := new(claims.Set)
	service := []string{"nbf", "exp", "iat", "iss", "jti", "ver", "rp_data", "nonce", "cnf"}
	for name, v := range published.Payload.All() {
		if !strings.HasPrefix(name, "x-ms-") && !slices.Contains(service, name) {
			want.Add(name, v)
		}
	}
	if want.Len() != 20 {
		t.Fatalf("the token has %d claims of its policy, want 20", want.Len())
	}
	text := func(name string) string {
		v, _ := want.First(name)
		s, _ := v.Str()
		return s
	}
	var policies []map[string]any
	for _, v := range want.Values("codeIntegrityPolicy") {
		policies = append(policies, map[string]any{"RawData": v.String()})
	}
	raw := func(data string) map[string]any { return map[string]any{"RawData": data} }
	is := func(i int) map[string]any { return map[string]any{"Value": i} }
	log := eventLog(t,
		event{1, "EV_EFI_VARIABLE_DRIVER_CONFIG", 7, map[string]any{
			"UnicodeName": "SecureBoot", "VariableGuid": "8BE4DF61-93CA-11D2-AA0D-00E098032B8C", "VariableData": "AQ",
		}},
		tag(2, 12, map[string]any{"EVENT_APPLICATION_SVN": 1, "EVENT_BITLOCKER_UNLOCK": map[string]any{"String": "TPM", "Value": 4}}),
		tag(3, 12, map[string]any{"EVENT_TRANSFER_CONTROL": is(1)}),
		tag(4, 13, map[string]any{
			"EVENT_BOOT_REVOCATION_LIST": raw(text("bootRevListInfo")),
			"EVENT_OS_REVOCATION_LIST":   raw(text("osRevListInfo")),
			"EVENT_SI_POLICY":            policies,
			"EVENT_LOADEDMODULE_AGGREGATION": []map[string]any{{
				"EVENT_IMAGEVALIDATED": true, "EVENT_FILEPATH": `\Windows\system32\drivers\wd\WdBoot.sys`, "EVENT_MODULE_SVN": 2,
			}},
		}),
		tag(5, 12, map[string]any{
			"EVENT_APPLICATION_SVN": 1, "EVENT_VBS_VSM_REQUIRED": true, "EVENT_VBS_MANDATORY_ENFORCEMENT": true,
			"EVENT_VBS_HVCI_POLICY":    map[string]any{"String": "HypervisorEnforcedCodeIntegrityEnable", "Value": 1},
			"EVENT_VBS_IOMMU_REQUIRED": true, "EVENT_CODEINTEGRITY": true, "EVENT_BOOTDEBUGGING": false, "EVENT_OSKERNELDEBUG": false,
			"EVENT_DATAEXECUTIONPREVENTION": is(0), "EVENT_TESTSIGNING": false, "EVENT_FLIGHTSIGNING": true,
			"EVENT_SAFEMODE": false, "EVENT_WINPE": false,
		}),
		event{6, "EV_SEPARATOR", 12, map[string]any{}},
	)
	d, err := mustCompile(t, corpusPolicy(t, healthPolicy)).Decide(set("events", log))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want.AppendJSON(nil)), string(d.Issued.AppendJSON(nil))); diff != "" {
		t.Errorf("issued (-published +got):\n%s", diff)
	}
}
