package eventlog_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/policy"
)

type docEvent struct {
	EventSeq        int
	EventType       uint32
	EventTypeString string
	PcrIndex        int
	ProcessedData   map[string]any
}

func documentText(logs ...*eventlog.Proven) string {
	return string(eventlog.Document(logs...))
}

func documentOf(t *testing.T, logs ...*eventlog.Proven) []docEvent {
	t.Helper()
	var d struct{ Events []docEvent }
	if err := json.Unmarshal([]byte(documentText(logs...)), &d); err != nil {
		t.Fatal(err)
	}
	return d.Events
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// windowsBoot is the log whose document the corpus's vectors have: made of
// Windows' structures, with a module whose SVN the real log has not.
func windowsBoot() []entry {
	yes, no := []byte{1}, []byte{0}
	svn := tag(0x00020009, []byte{1, 0, 0, 0})
	unb64 := func(s string) []byte { b, _ := base64.RawURLEncoding.DecodeString(s); return b }
	boundary := func(pcr uint32, tags ...[]byte) entry {
		return entry{pcr, eventlog.EvEventTag, tag(0x40010001, tags...), nil}
	}
	return []entry{
		boundary(12, svn, tag(0x00020005, []byte{4, 0, 0, 0})),
		boundary(12, tag(0x00020003, []byte{1, 0, 0, 0})),
		boundary(13,
			tag(0x00040002, unb64("gHWq")), tag(0x00050013, unb64("gHLu")), tag(0x0005000f, unb64("AAAB")), tag(0x0005000f, unb64("AACR")),
			tag(0x40010003, tag(0x0007000a, yes), tag(0x00070001, wide(`\Windows\system32\drivers\wd\WdBoot.sys`)), tag(0x0007000b, []byte{2, 0, 0, 0}))),
		boundary(12, svn, tag(0x000a0001, yes), tag(0x000a0006, yes), tag(0x000a0007, make8(1)), tag(0x000a0003, yes), tag(0x00050002, yes), tag(0x00040001, no),
			tag(0x00050001, no), tag(0x00050004, make8(0)), tag(0x00050003, no), tag(0x00050021, yes), tag(0x00050005, no), tag(0x00050006, no)),
		wbcl(),
	}
}

func make8(b byte) []byte { return []byte{b, 0, 0, 0, 0, 0, 0, 0} }

func TestDocumentOfWindowsIsTheVectors(t *testing.T) {
	t.Parallel()
	var vector []struct {
		Type  string `json:"type"`
		Value any    `json:"value"`
	}
	if err := json.Unmarshal(corpus.Read(t, "policies", "vectors", "tpm_events_synthetic.claims.json"), &vector); err != nil {
		t.Fatal(err)
	}
	var want struct{ Events []docEvent }
	if err := json.Unmarshal([]byte(vector[0].Value.(string)), &want); err != nil {
		t.Fatal(err)
	}
	// The vector has Secure Boot's switch alone, which no firmware measures so.
	got := documentOf(t, mustProve(t, agile(windowsBoot()...)))
	if len(got) != len(want.Events)-1 {
		t.Fatalf("%d events, want %d", len(got), len(want.Events)-1)
	}
	for i, w := range want.Events[1:] {
		g := got[i]
		if g.EventSeq != w.EventSeq-1 || g.EventTypeString != w.EventTypeString || g.PcrIndex != w.PcrIndex {
			t.Errorf("event %d: %+v, want %+v", i, g, w)
		}
		if diff := missing(w.ProcessedData, g.ProcessedData); diff != "" {
			t.Errorf("event %d: %s", i, diff)
		}
	}
}

// missing says what of want is not in got; got may have more.
func missing(want, got any) string {
	w, ok := want.(map[string]any)
	if !ok {
		if l, ok := want.([]any); ok {
			g, _ := got.([]any)
			if len(g) != len(l) {
				return cmp.Diff(want, got)
			}
			for i := range l {
				if d := missing(l[i], g[i]); d != "" {
					return d
				}
			}
			return ""
		}
		return cmp.Diff(want, got)
	}
	g, _ := got.(map[string]any)
	for name := range w {
		if d := missing(w[name], g[name]); d != "" {
			return name + ": " + d
		}
	}
	return ""
}

// issue runs Microsoft's health policy over a document.
func issue(t *testing.T, document string) map[string]any {
	t.Helper()
	program, err := policy.Compile(string(corpus.Read(t, "policies", "real", "healthattestation-csp-tpm-v1.2.txt")))
	if err != nil {
		t.Fatal(err)
	}
	set := new(claims.Set)
	set.Add("events", claims.String(document))
	d, err := program.Decide(set)
	if err != nil {
		t.Fatal(err)
	}
	var issued map[string]any
	if err := json.Unmarshal(d.Issued.AppendJSON(nil), &issued); err != nil {
		t.Fatal(err)
	}
	return issued
}

// The published token of this policy has a list of claims with their types. A
// boot with all that Windows measures has the same.
func TestHealthPolicyIssuesWhatThePublishedTokenHas(t *testing.T) {
	t.Parallel()
	var token struct {
		Payload map[string]any `json:"payload"`
	}
	if err := json.Unmarshal(corpus.Read(t, "maa", "tokens", "tpm-healthattestation-2021.json"), &token); err != nil {
		t.Fatal(err)
	}
	issued := issue(t, documentText(mustProve(t, agile(append(secureBoot(1), windowsBoot()...)...))))
	for name, value := range token.Payload {
		service := strings.Fields("nbf exp iat iss jti ver rp_data nonce cnf")
		if strings.HasPrefix(name, "x-ms-") || slices.Contains(service, name) {
			continue
		}
		if got, ok := issued[name]; !ok || reflect.TypeOf(got) != reflect.TypeOf(value) {
			t.Errorf("%s: %v (%T), the published token has %T", name, got, got, value)
		}
	}
	for name, want := range map[string]any{"secureBootEnabled": true, "bitlockerEnabledValue": 4.0, "hvciEnabled": true, "vbsEnabled": true, "WindowsDefenderElamDriverLoaded": true} {
		if issued[name] != want {
			t.Errorf("%s is %v, want %v", name, issued[name], want)
		}
	}
}

func TestHealthPolicyReadsARealWindowsLog(t *testing.T) {
	t.Parallel()
	w := windows(t)
	p, err := parse(t, w.raw).Prove(eventlog.SHA1, w.pcrs[eventlog.SHA1])
	if err != nil {
		t.Fatal(err)
	}
	issued := issue(t, documentText(p))
	for name, want := range map[string]any{
		"secureBootEnabled": true, "codeIntegrityEnabled": true, "bitlockerEnabled": false, "bootDebuggingDisabled": true,
		"osKernelDebuggingDisabled": true, "testSigningDisabled": true, "flightSigningNotEnabled": true, "notSafeMode": true, "notWinPE": true,
		"depPolicy": 1.0, "bootMgrSvn": 1.0, "vbsEnabled": false, "hvciEnabled": false, "iommuEnabled": false,
	} {
		if issued[name] != want {
			t.Errorf("%s is %v, want %v", name, issued[name], want)
		}
	}
}

func TestDocumentShowsOnlyWhatIsProven(t *testing.T) {
	t.Parallel()
	boot, value := eventlog.EvEFIVariableBoot, []byte{1, 0, 2, 0}
	junk := []byte("another thing")
	fake := variable(globalGUID, "SecureBoot", 1)
	for _, tt := range []struct {
		name string
		e    entry
		want string // ProcessedData, {} for nothing
	}{
		{"a variable measured whole", entry{1, boot, variable(globalGUID, "BootOrder", value...), nil}, `{"UnicodeName":"BootOrder","VariableData":"AQACAA","VariableGuid":"8BE4DF61-93CA-11D2-AA0D-00E098032B8C"}`},
		{"a variable measured by its value", entry{1, boot, variable(globalGUID, "BootOrder", value...), value}, `{"UnicodeName":"BootOrder","VariableData":"AQACAA","VariableGuid":"8BE4DF61-93CA-11D2-AA0D-00E098032B8C"}`},
		{"one with a name that boot variables have not", entry{1, boot, variable(globalGUID, "BootOption", value...), value}, `{}`},
		{"one that calls itself Secure Boot's switch", entry{1, boot, fake, []byte{1}}, `{}`},
		{"a variable of which another was measured", entry{1, boot, variable(globalGUID, "BootOrder", value...), junk}, `{}`},
		{"a switch measured by its value", entry{1, eventlog.EvEFIVariableDriverConfig, fake, []byte{1}}, `{}`},
		{"an action", entry{5, eventlog.EvEFIAction, []byte("Exit Boot Services Invocation"), nil}, `{"String":"Exit Boot Services Invocation"}`},
		{"an action that was not", entry{5, eventlog.EvEFIAction, []byte("Exit Boot Services Invocation"), junk}, `{}`},
		{"a version", entry{0, eventlog.EvSCRTMVersion, wide("v1"), nil}, `{"String":"v1"}`},
		{"GRUB's command", entry{8, eventlog.EvIPL, []byte("grub_cmd: set a=1\x00"), []byte("set a=1")}, `{"String":"set a=1"}`},
		{"a path that GRUB read", entry{9, eventlog.EvIPL, []byte("/vmlinuz\x00"), junk}, `{}`},
		{"what ended the boot", separator(5), `{}`},
		{"Windows' tags in a PCR of nobody's", entry{16, eventlog.EvEventTag, tag(0x40010001, tag(0x00050002, []byte{1})), nil}, `{}`},
		{"Windows' tags in PCR 11", entry{11, eventlog.EvEventTag, tag(0x40010001, tag(0x00050002, []byte{1})), nil}, `{}`},
		{"Linux' tags", entry{9, eventlog.EvEventTag, tag(0x8f3b22ed, []byte("LOADED_IMAGE::LoadOptions\x00")), junk}, `{}`},
		{"a program", entry{4, eventlog.EvEFIBootServicesApplication, make([]byte, 32), junk}, `{}`},
	} {
		events := documentOf(t, mustProve(t, agile(tt.e)))
		got, err := json.Marshal(events[0].ProcessedData)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestTagsAfterTheSeparatorAreNotOfTheBoot(t *testing.T) {
	t.Parallel()
	late := entry{12, eventlog.EvEventTag, tag(0x40010001, tag(0x000a0001, []byte{1})), nil}
	p := mustProve(t, agile(append(windowsBoot(), late)...))
	last := len(p.Events) - 1
	if !p.Events[last].AfterBoot || p.Events[0].AfterBoot || !p.IsWindows {
		t.Errorf("after the boot: %t, Windows: %t", p.Events[last].AfterBoot, p.IsWindows)
	}
	if events := documentOf(t, p); len(events[last].ProcessedData) != 0 {
		t.Errorf("the document shows %v", events[last].ProcessedData)
	}
}

func TestTagsOfOddValuesTakeNoSides(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		tags []byte
		want string
	}{
		{"a switch of 2", tag(0x00050002, []byte{2}), `{"EVENT_CODEINTEGRITY":{"RawData":"Ag"}}`},
		{"a switch of nothing", tag(0x00050002), `{"EVENT_CODEINTEGRITY":{"RawData":""}}`},
		{"a switch of 8 bytes", tag(0x00050002, make8(1)), `{"EVENT_CODEINTEGRITY":true}`},
		{"a number of 3 bytes", tag(0x00020009, []byte{1, 2, 3}), `{"EVENT_APPLICATION_SVN":{"RawData":"AQID"}}`},
		{"a number beyond all Integers", tag(0x00020009, bytes.Repeat([]byte{0xff}, 8)), `{"EVENT_APPLICATION_SVN":{"RawData":"__________8"}}`},
		{"the same twice", append(tag(0x00050002, []byte{1}), tag(0x00050002, []byte{1})...), `{"EVENT_CODEINTEGRITY":true}`},
		{"yes and no", append(tag(0x00050002, []byte{1}), tag(0x00050002, []byte{0})...), `{"EVENT_CODEINTEGRITY":[true,false]}`},
		{"yes, no and yes", append(append(tag(0x00050002, []byte{1}), tag(0x00050002, []byte{0})...), tag(0x00050002, []byte{1})...), `{"EVENT_CODEINTEGRITY":[true,false,true]}`},
		{"BitLocker by two ways", tag(0x00020005, []byte{0x14, 0, 0, 0}), `{"EVENT_BITLOCKER_UNLOCK":{"String":"TPM|PIN","Value":20}}`},
		{"BitLocker by an unknown way", tag(0x00020005, []byte{4, 8, 0, 0}), `{"EVENT_BITLOCKER_UNLOCK":{"String":"TPM|2048","Value":2052}}`},
		{"HVCI of 2", tag(0x000a0007, make8(2)), `{"EVENT_VBS_HVCI_POLICY":{"String":"2","Value":2}}`},
		{"an unknown tag", tag(0x00050099, []byte{1}), `{"EVENT_0x00050099":{"RawData":"AQ"}}`},
		{"an empty list", tag(0x40010003), `{"EVENT_LOADEDMODULE_AGGREGATION":[{}]}`},
		{"text of an odd length", tag(0x00050009, []byte{65, 0, 66}), `{"EVENT_SYSTEMROOT":{"RawData":"QQBC"}}`},
		{"half a character", tag(0x00050009, []byte{0, 0xd8}), `{"EVENT_SYSTEMROOT":"` + "\ufffd" + `"}`},
	} {
		events := documentOf(t, mustProve(t, agile(entry{13, eventlog.EvEventTag, tag(0x40010001, tt.tags), nil})))
		got, err := json.Marshal(events[0].ProcessedData["EVENT_TRUSTBOUNDARY"])
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestSMMLevelStandsWherePoliciesLook(t *testing.T) {
	t.Parallel()
	level := tag(0x000c0002, []byte{3})
	for _, data := range [][]byte{level, tag(0x40010001, level)} {
		events := documentOf(t, mustProve(t, agile(entry{20, eventlog.EvEventTag, data, nil})))
		smm, _ := events[0].ProcessedData["EVENT_DRTM_SMM"].(map[string]any)
		if smm["Value"] != 3.0 {
			t.Errorf("%v", events[0].ProcessedData)
		}
	}
}

func TestDocumentOfTwoLogsCountsOn(t *testing.T) {
	t.Parallel()
	ima, err := parse(t, imaBinary(imaSample...)).Prove(eventlog.SHA256, map[int][]byte{10: imaPCR(eventlog.SHA256, false, imaSample...)})
	if err != nil {
		t.Fatal(err)
	}
	events := documentOf(t, mustProve(t, agile(separator(0), separator(1))), ima)
	for i, e := range events {
		if e.EventSeq != i+1 {
			t.Errorf("event %d has number %d", i, e.EventSeq)
		}
	}
	kernel := events[2+5]
	if kernel.EventTypeString != "IMA_MEASUREMENT_EVENT" || kernel.PcrIndex != 10 || kernel.ProcessedData["KernelVersion"] != "6.1.0-13-amd64" {
		t.Errorf("%+v", kernel)
	}
	if none := documentText(); none != `{"Events":[]}` {
		t.Errorf("no log: %s", none)
	}
}

func TestIMAKeysHaveTheirSubject(t *testing.T) {
	t.Parallel()
	w := windows(t)
	p, err := parse(t, w.raw).Prove(eventlog.SHA1, w.pcrs[eventlog.SHA1])
	if err != nil {
		t.Fatal(err)
	}
	sb, err := p.SecureBoot()
	if err != nil {
		t.Fatal(err)
	}
	key := imaEntry{"ima-buf", "sha256", ".builtin_trusted_keys", digestOf(sb.PK[0].Data), sb.PK[0].Data, false}
	ima, err := parse(t, imaBinary(key)).Prove(eventlog.SHA256, map[int][]byte{10: imaPCR(eventlog.SHA256, false, key)})
	if err != nil {
		t.Fatal(err)
	}
	e := documentOf(t, ima)[0]
	if e.ProcessedData["Keyring"] != ".builtin_trusted_keys" || e.ProcessedData["CertificateSubject"] != "CN=newpk" {
		t.Errorf("%v", e.ProcessedData)
	}
}

// Names come out as encoding/json and unicode/utf16 read them, whatever they are.
func TestNamesInADocumentAreTheMeasuredOnes(t *testing.T) {
	t.Parallel()
	for _, units := range [][]uint16{
		{},
		{'a'},
		{'"', '\\', '/', '<'},
		{0, 1, 0x1f, ' ', 0x7f, '\n'},
		{0xe9, 0x20ac, 0x2028, 0xfffd, 0xffff},
		{0xd83d, 0xde00},
		{0xd83d},
		{0xde00},
		{0xd83d, 'a'},
		{0xd83d, 0xd83d, 0xde00},
		{'a', 0xde00, 0xd83d},
		{0xd83d, 0xfffd},
		utf16.Encode([]rune(strings.Repeat("long: é, 😀 ", 40))),
	} {
		data := append([]byte{}, globalGUID...)
		data = le.AppendUint64(le.AppendUint64(data, uint64(len(units))), 0)
		for _, c := range units {
			data = le.AppendUint16(data, c)
		}
		events := documentOf(t, mustProve(t, agile(entry{7, eventlog.EvEFIVariableDriverConfig, data, nil})))
		if got, want := events[0].ProcessedData["UnicodeName"], string(utf16.Decode(units)); got != want {
			t.Errorf("%x: %q, want %q", units, got, want)
		}
	}
}
