package benchmarks_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/rego"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/policy"
)

// decided is a policy in three languages. The translations, testdata/*.rego and
// *.cel, are written as somebody would who thinks in that language, and leave out
// what the language of attestation policies does beside: claims with several
// values, issuers, claims that count once, read-only claims, bounds on the work.
// All of that makes the others faster, not slower.
type decided struct {
	name string
	text func(testing.TB) string
	// modules are the translations to Rego, by what the benchmark calls them.
	modules map[string]string
	// inputs are the claims that all engines are asked about; the first is
	// measured.
	inputs func(testing.TB) []map[string]any
}

func policies() []decided {
	return []decided{
		{"sgx", constant(policy.DefaultSGX), map[string]string{"opa": "sgx.rego"}, enclaves},
		{"guest", constant(policy.DefaultAzureGuest), map[string]string{"opa": "guest.rego"}, guests},
		{"signer", func(tb testing.TB) string { tb.Helper(); return read(tb, "signer.maa") }, map[string]string{"opa": "signer.rego"}, enclaves},
		// The largest public policy, of Windows' device health attestation. It is
		// other people's text, so it stays in the corpus.
		{"health", func(tb testing.TB) string {
			tb.Helper()
			return string(corpus.Read(tb, "policies", "real", "healthattestation-csp-tpm-v1.2.txt"))
		}, map[string]string{"opa": "health.rego", "opa-queries": "health-queries.rego"}, logs},
	}
}

func constant(text string) func(testing.TB) string { return func(testing.TB) string { return text } }

// without returns the input, then one for each claim that lacks it, and what
// change makes of it.
func without(input map[string]any, changes ...map[string]any) []map[string]any {
	all := []map[string]any{input}
	for _, name := range slices.Sorted(maps.Keys(input)) {
		all = append(all, with(input, map[string]any{name: nil}))
	}
	for _, change := range changes {
		all = append(all, with(input, change))
	}
	return all
}

// with is a copy with other values; nil removes one.
func with(input, change map[string]any) map[string]any {
	changed := maps.Clone(input)
	for name, v := range change {
		if v == nil {
			delete(changed, name)
		} else {
			changed[name] = v
		}
	}
	return changed
}

// enclaves are what SGX quotes say, as many claims as the service has.
func enclaves(testing.TB) []map[string]any {
	return without(map[string]any{
		"x-ms-sgx-is-debuggable": false,
		"x-ms-sgx-mrsigner":      "4aea5f9a0ed04b11f889aadfe6a1d376213a29a95a85ce7337ae6f7fece6610c",
		"x-ms-sgx-mrenclave":     "292a1f4b519e46627eb2478a3d9851405653c5b4b0a6925de843834d9216850e",
		"x-ms-sgx-product-id":    int64(1),
		"x-ms-sgx-svn":           int64(3),
		"x-ms-sgx-report-data":   strings.Repeat("28542e44fe7e73f6", 8),
		"x-ms-attestation-type":  "sgx",
		"$is-debuggable":         false,
		"$product-id":            int64(1),
		"$svn":                   int64(3),
		"$tee":                   "sgx",
	},
		map[string]any{"x-ms-sgx-is-debuggable": true},
		map[string]any{"x-ms-sgx-is-debuggable": "true"},
		map[string]any{"x-ms-sgx-svn": int64(1)},
		map[string]any{"x-ms-sgx-svn": "3"},
		map[string]any{"x-ms-sgx-product-id": int64(2)},
		map[string]any{"x-ms-sgx-mrsigner": "somebody else"},
	)
}

// guests are what the evidence of Azure's virtual machines says.
func guests(testing.TB) []map[string]any {
	machine := map[string]any{
		"secureboot": true, "x-ms-attestation-type": "azurevm", "x-ms-azurevm-attestation-protocol-ver": "2.0",
		"x-ms-azurevm-bootdebug-enabled": false, "x-ms-azurevm-dbvalidated": true, "x-ms-azurevm-dbxvalidated": true,
		"x-ms-azurevm-debuggersdisabled": true, "x-ms-azurevm-default-securebootkeysvalidated": true,
		"x-ms-azurevm-elam-enabled": true, "x-ms-azurevm-flightsigning-enabled": false, "x-ms-azurevm-hvci-policy": int64(0),
		"x-ms-azurevm-hypervisordebug-enabled": false, "x-ms-azurevm-is-windows": true, "x-ms-azurevm-kerneldebug-enabled": false,
		"x-ms-azurevm-osbuild": "22621", "x-ms-azurevm-osdistro": "Microsoft", "x-ms-azurevm-ostype": "Windows",
		"x-ms-azurevm-osversion-major": int64(10), "x-ms-azurevm-osversion-minor": int64(0), "x-ms-azurevm-signingdisabled": true,
		"x-ms-azurevm-testsigning-enabled": false, "x-ms-azurevm-vmid": "2DEDC52A-6832-46CE-9910-E8C9980BF5A7",
	}
	var changes []map[string]any
	for name, v := range machine {
		if v == true {
			changes = append(changes, map[string]any{name: false}, map[string]any{name: "false"})
		}
	}
	return without(machine, changes...)
}

// event is one of a TPM's log, as the verifier of such evidence shows it.
type event struct {
	EventSeq        int
	EventTypeString string
	PcrIndex        int
	ProcessedData   map[string]any
}

func boundary(seq, pcr int, data map[string]any) event {
	return event{seq, "EV_EVENT_TAG", pcr, map[string]any{"EVENT_TRUSTBOUNDARY": data}}
}

// logs are those of a Windows machine with n events, most of them of firmware and
// drivers, then the same with something missing or otherwise.
func logs(tb testing.TB) []map[string]any {
	tb.Helper()
	const n = 200
	is := func(i int) map[string]any { return map[string]any{"Value": i} }
	raw := func(text string) map[string]any { return map[string]any{"RawData": text} }
	events := []event{
		{1, "EV_EFI_VARIABLE_DRIVER_CONFIG", 7, map[string]any{
			"UnicodeName": "SecureBoot", "VariableGuid": "8BE4DF61-93CA-11D2-AA0D-00E098032B8C", "VariableData": "AQ",
		}},
		{2, "EV_EFI_VARIABLE_DRIVER_CONFIG", 7, map[string]any{
			"UnicodeName": "CurrentPolicy", "VariableGuid": "77FA9ABD-0359-4D32-BD60-28F4E78F784B", "VariableData": "AAEC",
		}},
		boundary(3, 12, map[string]any{"EVENT_APPLICATION_SVN": 4, "EVENT_BITLOCKER_UNLOCK": is(0)}),
		boundary(4, 12, map[string]any{"EVENT_BITLOCKER_UNLOCK": map[string]any{"String": "TPM", "Value": 4}}),
		boundary(5, 12, map[string]any{"EVENT_TRANSFER_CONTROL": is(1)}),
		boundary(6, 13, map[string]any{
			"EVENT_BOOT_REVOCATION_LIST": raw("gHWq"), "EVENT_OS_REVOCATION_LIST": raw("gHLu"),
			"EVENT_SI_POLICY": []any{raw("AAAB"), raw("AACR")},
		}),
	}
	for seq := len(events) + 1; seq < n-2; seq++ {
		switch seq % 4 {
		case 0:
			events = append(events, boundary(seq, 13, map[string]any{"EVENT_LOADEDMODULE_AGGREGATION": []any{map[string]any{
				"EVENT_IMAGEVALIDATED": true, "EVENT_FILEPATH": `\Windows\system32\drivers\some.sys`, "EVENT_MODULE_SVN": seq,
			}}}))
		case 1:
			events = append(events, event{seq, "EV_EFI_BOOT_SERVICES_DRIVER", 2, map[string]any{"ImageLocationInMemory": "AAAAAAAA", "ImageLengthInMemory": 4096}})
		case 2:
			events = append(events, event{seq, "EV_EFI_VARIABLE_BOOT", 1, map[string]any{
				"UnicodeName": "BootOrder", "VariableGuid": "8BE4DF61-93CA-11D2-AA0D-00E098032B8C", "VariableData": "AAABAAIA",
			}})
		case 3:
			events = append(events, event{seq, "EV_POST_CODE", 0, map[string]any{"Data": "QUNQSSBEQVRB"}})
		}
	}
	events = append(events,
		boundary(n-2, 12, map[string]any{
			"EVENT_APPLICATION_SVN": 2, "EVENT_VBS_VSM_REQUIRED": true, "EVENT_VBS_MANDATORY_ENFORCEMENT": true,
			"EVENT_VBS_HVCI_POLICY":    map[string]any{"String": "HypervisorEnforcedCodeIntegrityEnable", "Value": 1},
			"EVENT_VBS_IOMMU_REQUIRED": true, "EVENT_CODEINTEGRITY": true, "EVENT_BOOTDEBUGGING": false, "EVENT_OSKERNELDEBUG": false,
			"EVENT_DATAEXECUTIONPREVENTION": is(2), "EVENT_TESTSIGNING": false, "EVENT_FLIGHTSIGNING": true,
			"EVENT_SAFEMODE": false, "EVENT_WINPE": false,
		}),
		event{n - 1, "EV_SEPARATOR", 12, map[string]any{}},
		event{n, "EV_SEPARATOR", 13, map[string]any{}},
	)
	inputs := []map[string]any{logOf(tb, events)}
	for _, i := range []int{0, 1, 2, 3, 4, 5, 7, 11, n - 3, n - 2, n - 1} {
		inputs = append(inputs, logOf(tb, slices.Delete(slices.Clone(events), i, i+1)))
	}
	for _, name := range []string{"EVENT_CODEINTEGRITY", "EVENT_BOOTDEBUGGING", "EVENT_VBS_VSM_REQUIRED", "EVENT_TESTSIGNING", "EVENT_SAFEMODE", "EVENT_VBS_IOMMU_REQUIRED"} {
		for _, v := range []any{true, false} {
			inputs = append(inputs, logOf(tb, append(slices.Clone(events[:n-2]), boundary(n-2, 12, map[string]any{name: v}), events[n-2])))
		}
	}
	// Secure boot off, no separators, a single policy of code integrity, nothing.
	off := slices.Clone(events)
	off[0] = event{1, "EV_EFI_VARIABLE_DRIVER_CONFIG", 7, map[string]any{"UnicodeName": "SecureBoot", "VariableGuid": "8BE4DF61-93CA-11D2-AA0D-00E098032B8C", "VariableData": "AA"}}
	off[5] = boundary(6, 13, map[string]any{"EVENT_SI_POLICY": []any{raw("AAAB")}})
	return append(inputs, logOf(tb, off), logOf(tb, events[:n-2]), logOf(tb, events[n-3:]), logOf(tb, []event{}))
}

func logOf(tb testing.TB, events []event) map[string]any {
	tb.Helper()
	text := must[[]byte](tb)(json.Marshal(map[string]any{"Events": events}))
	return map[string]any{"events": string(text), "aikValidated": true}
}

// prepared is a policy, ready to run, in each engine.
type prepared struct {
	ours *policy.Program
	opa  map[string]rego.PreparedEvalQuery
	cel  cel.Program
}

func (d decided) prepare(tb testing.TB) prepared {
	tb.Helper()
	queries := make(map[string]rego.PreparedEvalQuery)
	for name, file := range d.modules {
		queries[name] = must[rego.PreparedEvalQuery](tb)(prepareOPA(tb.Context(), read(tb, file)))
	}
	return prepared{
		must[*policy.Program](tb)(policy.Compile(d.text(tb))),
		queries,
		must[cel.Program](tb)(prepareCEL(must[*cel.Env](tb)(celEnvironment()), read(tb, d.name+".cel"))),
	}
}

// TestTranslations checks that the three engines decide alike, so that they may
// be compared.
func TestTranslations(t *testing.T) {
	t.Parallel()
	for _, d := range policies() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			p := d.prepare(t)
			seen := map[string]bool{}
			for i, input := range d.inputs(t) {
				want := canonical(t, ours(p.ours, input))
				seen[want] = true
				for name, query := range p.opa {
					if diff := cmp.Diff(want, canonical(t, opa(t, query, input))); diff != "" {
						t.Errorf("input %d, %s (-ours +OPA):\n%s", i, name, diff)
					}
				}
				if diff := cmp.Diff(want, canonical(t, commonExpression(p.cel, input))); diff != "" {
					t.Errorf("input %d, CEL (-ours +CEL):\n%s", i, diff)
				}
			}
			if len(seen) < 2 {
				t.Errorf("all inputs come to the same: %v", seen)
			}
			t.Logf("%d decisions", len(seen))
		})
	}
}

// canonical is what an engine decides, as JSON with sorted keys. Of a refusal
// nothing else counts.
func canonical(t *testing.T, run engine) string {
	t.Helper()
	made := must[any](t)(run())
	switch v := made.(type) {
	case *policy.DeniedError:
		return `{"permit":false}`
	case *policy.Decision:
		return fmt.Sprintf(`{"issued":%s,"permit":true,"properties":%s}`, v.Issued.AppendJSON(nil), v.Properties.AppendJSON(nil))
	case ref.Val:
		made = must[any](t)(v.ConvertToNative(types.JSONStructType)).(*structpb.Struct).AsMap()
	}
	raw := must[[]byte](t)(json.Marshal(made))
	var said verdict
	if err := json.Unmarshal(raw, &said); err != nil {
		t.Fatal(err)
	}
	if !said.Permit {
		return `{"permit":false}`
	}
	return string(raw)
}

// BenchmarkPolicy measures one decision by a prepared policy. x-ours is how many
// times our engine takes, in turns within one run.
func BenchmarkPolicy(b *testing.B) {
	for _, d := range policies() {
		b.Run(d.name, func(b *testing.B) {
			p := d.prepare(b)
			input := d.inputs(b)[0]
			decide := discard(ours(p.ours, input))
			b.Run("azattest", func(b *testing.B) { compare(b, "x-ours", decide, decide) })
			for _, name := range slices.Sorted(maps.Keys(p.opa)) {
				b.Run(name, func(b *testing.B) { compare(b, "x-ours", decide, discard(opa(b, p.opa[name], input))) })
			}
			b.Run("cel", func(b *testing.B) { compare(b, "x-ours", decide, discard(commonExpression(p.cel, input))) })
		})
	}
}

// BenchmarkPolicyCompile measures what it takes to prepare one.
func BenchmarkPolicyCompile(b *testing.B) {
	for _, d := range policies() {
		b.Run(d.name, func(b *testing.B) {
			text, module, expression := d.text(b), read(b, d.modules["opa"]), read(b, d.name+".cel")
			ctx := b.Context()
			environment := must[*cel.Env](b)(celEnvironment())
			compile := func() error { _, err := policy.Compile(text); return err }
			b.Run("azattest", func(b *testing.B) { compare(b, "x-ours", compile, compile) })
			b.Run("opa", func(b *testing.B) {
				compare(b, "x-ours", compile, func() error { _, err := prepareOPA(ctx, module); return err })
			})
			b.Run("cel", func(b *testing.B) {
				compare(b, "x-ours", compile, func() error { _, err := prepareCEL(environment, expression); return err })
			})
		})
	}
}

func discard(run engine) func() error {
	return func() error { _, err := run(); return err }
}
