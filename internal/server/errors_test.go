package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/corpus"
)

var update = flag.Bool("update", false, "write the golden files anew")

// refusal is one way in which an attestation fails.
type refusal struct {
	body    string // empty for the usual one
	policy  string
	parse   error
	verify  error
	tcb     *evidence.TCB
	binds   string
	isTerse bool
	// explains is set where clients may read which claims are to blame.
	explains bool
}

const (
	denyingPolicy = "version= 1.0;authorizationrules{[type==\"x-ms-sgx-product-id\", value==7] => deny(); => permit();};issuancerules{};"
	// A claim's name cannot be a number.
	failingPolicy = "version= 1.0;authorizationrules{=> permit();};issuancerules{c:[type==\"x-ms-sgx-product-id\"] => issue(type=c.value, value=\"SeCrEt\");};"
)

func refusals() map[string]refusal {
	outOfDate := &evidence.TCB{
		Status: evidence.TCBOutOfDate, Platform: evidence.TCBOutOfDate, QE: evidence.TCBUpToDate, EvaluationDataNumber: 17,
		Advisories: []string{"INTEL-SA-00615", "INTEL-SA-00657"}, Date: time.Date(2021, 11, 10, 0, 0, 0, 0, time.UTC),
		Behind: []string{"component 1 (Early Microcode Update): SVN 4, want 11", "PCESVN: 10, want 13"},
	}
	return map[string]refusal{
		"body-empty":            {body: " "},
		"body-not-json":         {body: "quote=cXVvdGU"},
		"evidence-missing":      {body: `{"report":"cXVvdGU"}`},
		"evidence-not-base64":   {body: `{"quote":"0300 0200"}`},
		"member-twice":          {body: `{"quote":"cXVvdGU","Quote":"cXVvdGU"}`},
		"data-type-unknown":     {body: `{"quote":"cXVvdGU","runtimeData":{"data":"YQ","dataType":"Text"}}`},
		"nonce-too-long":        {body: `{"quote":"cXVvdGU","nonce":"` + strings.Repeat("n", 5000) + `"}`},
		"runtime-data-not-json": {binds: `{"a":1,"a":2}`, body: `{"quote":"cXVvdGU","runtimeData":{"data":"eyJhIjoxLCJhIjoyfQ","dataType":"JSON"}}`},
		"runtime-data-unbound":  {body: `{"quote":"cXVvdGU","runtimeData":{"data":"b3RoZXI","dataType":"Binary"}}`},
		"init-time-data-none":   {body: `{"quote":"cXVvdGU","initTimeData":{"data":"b3RoZXI","dataType":"Binary"}}`},
		"quote-malformed": {parse: &evidence.Error{
			Stage: evidence.StageParse, Code: evidence.CodeMalformed, Part: "quote header: version", Offset: 0, Found: "version 7", Expected: "3",
		}},
		"quote-untrusted": {verify: &evidence.Error{
			Stage: evidence.StageChain, Code: evidence.CodeUntrustedRoot, Part: "PCK chain", Offset: -1,
			Found: "root CN=Somebody", Expected: "Intel SGX Root CA", Hint: "is this a simulated quote?",
		}},
		"quote-signature": {verify: &evidence.Error{Stage: evidence.StageSignature, Code: evidence.CodeBadSignature, Part: "ISV enclave report", Offset: 436}},
		"quote-untrusted-terse": {isTerse: true, verify: &evidence.Error{
			Stage: evidence.StageChain, Code: evidence.CodeUntrustedRoot, Part: "PCK chain", Offset: -1,
		}},
		"collateral-expired": {verify: &evidence.Error{
			Stage: evidence.StageCollateral, Code: evidence.CodeExpired, Part: "TCB info: nextUpdate", Offset: -1,
			Found: "2026-10-01", Expected: "after 2026-11-24", Err: errors.New("secret://internal/cache"),
		}},
		"certificate-revoked": {verify: &evidence.Error{
			Stage: evidence.StageRevocation, Code: evidence.CodeRevoked, Part: "PCK certificate", Offset: -1, Found: "serial 1234",
		}},
		"tcb-out-of-date":       {tcb: outOfDate},
		"tcb-out-of-date-terse": {tcb: outOfDate, isTerse: true},
		"policy-no-permit":      {policy: "version= 1.0;authorizationrules{};issuancerules{};"},
		"policy-deny":           {policy: denyingPolicy},
		"policy-deny-terse":     {policy: denyingPolicy, isTerse: true},
		"policy-not-evaluated":  {policy: failingPolicy},
		"policy-deny-explained": {policy: denyingPolicy, explains: true},
		"policy-no-permit-explained": {
			policy:   "version= 1.0;authorizationrules{[type==\"x-ms-sgx-product-id\", value>=700] => permit(); [type==\"SeCrEt\"] => add(type=\"a\", value=1); [type==\"x-ms-sgx-mrsigner\", value==\"SeCrEt\"] => permit();};",
			explains: true,
		},
		"policy-not-evaluated-explained": {policy: failingPolicy, explains: true},
		"draft-no-permit-explained": {
			body:     `{"quote":"cXVvdGU","draftPolicyForAttestation":"version= 1.0;authorizationrules{[type==\"x-ms-sgx-product-id\", value>=700] => permit();};"}`,
			explains: true,
		},
		"draft-syntax":       {body: `{"quote":"cXVvdGU","draftPolicyForAttestation":"version= 1.0\n[authorizationrules{=> permit()};"}`},
		"draft-empty":        {body: `{"quote":"cXVvdGU","draftPolicyForAttestation":""}`},
		"draft-syntax-terse": {isTerse: true, body: `{"quote":"cXVvdGU","draftPolicyForAttestation":"version= 1.0\n[authorizationrules{=> permit()};"}`},
		"undecided":          {verify: errors.New("GET https://pcs.internal/tcb: connection refused")},
		"undecided-in-time":  {verify: fmt.Errorf("GET https://pcs.internal/tcb: %w", context.DeadlineExceeded)},
		"canceled-elsewhere": {verify: fmt.Errorf("GET https://pcs.internal/tcb: %w", context.Canceled)},
	}
}

// TestErrors compares every refusal, in the shape of every version, with its
// golden file. Clients match on what stands there.
func TestErrors(t *testing.T) {
	t.Parallel()
	for name, r := range refusals() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.policy, f.config.TerseErrors, f.config.ExplainDenials = r.policy, r.isTerse, r.explains
			f.verifier.tcb, f.verifier.binds = r.tcb, r.binds
			if r.parse != nil {
				f.verifier.parse = func([]byte) error { return r.parse }
			}
			if r.verify != nil {
				f.verifier.verify = func(context.Context) error { return r.verify }
			}
			text := body
			if r.body != "" {
				text = r.body
			}
			s := f.server(t)
			var got bytes.Buffer
			for _, version := range []string{"2020-10-01", "2022-08-01", "2025-06-01"} {
				const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
				w := do(t, s, http.MethodPost, "/attest/SgxEnclave?api-version="+version, text, "traceparent", trace)
				describe(t, &got, version, w)
			}
			compareGolden(t, filepath.Join("testdata", "errors", name+".txt"), got.Bytes())
			for _, internal := range []string{"secret:", "pcs.internal", "SeCrEt"} {
				if strings.Contains(got.String(), internal) {
					t.Errorf("the answer tells of %q:\n%s", internal, got.String())
				}
			}
		})
	}
}

// describe writes what a client can see of a refusal.
func describe(t *testing.T, to *bytes.Buffer, version string, w *httptest.ResponseRecorder) {
	t.Helper()
	fmt.Fprintf(to, "# api-version %s\n%d %s\n", version, w.Code, http.StatusText(w.Code))
	for _, name := range []string{"Content-Type", "Cache-Control", "Retry-After", "X-Ms-Error-Code"} {
		if value := w.Header().Get(name); value != "" {
			fmt.Fprintf(to, "%s: %s\n", name, value)
		}
	}
	if !json.Valid(w.Body.Bytes()) {
		t.Errorf("body is no JSON: %s", w.Body)
	}
	fmt.Fprintf(to, "\n%s\n\n", w.Body)
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v (run the test with -update to write it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestGoldenErrorsAreAllCompared(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "errors", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, ok := refusals()[strings.TrimSuffix(filepath.Base(file), ".txt")]; !ok {
			t.Errorf("%s belongs to no case", file)
		}
	}
}

// A refusal that the real service was recorded with has the same body here, every
// member of it.
func TestErrorsAsRecorded(t *testing.T) {
	t.Parallel()
	var recorded []struct {
		Path   string
		Status int
		Body   any
	}
	if err := json.Unmarshal(corpus.Read(t, "maa", "errors", "recorded.json"), &recorded); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	f.policy = "version= 1.0;authorizationrules{};issuancerules{};"
	s := f.server(t)
	compared := 0
	for _, r := range recorded {
		if !strings.HasPrefix(r.Path, "/attest/") {
			continue
		}
		compared++
		// The real service was asked with a draft, as the recording has it.
		text := `{"quote":"cXVvdGU","report":"cXVvdGU","draftPolicyForAttestation":"version= 1.0;authorizationrules{};issuancerules{};"}`
		w := do(t, s, http.MethodPost, r.Path+"?api-version=2020-10-01", text)
		var got any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r.Body, got); diff != "" || w.Code != r.Status {
			t.Errorf("%s: status %d, want %d (-recorded +ours):\n%s", r.Path, w.Code, r.Status, diff)
		}
	}
	if compared == 0 {
		t.Error("no recorded refusal of an attestation found")
	}
}

func TestReasonsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.verifier.parse = func([]byte) error {
		return &evidence.Error{Stage: evidence.StageParse, Code: evidence.CodeMalformed, Part: strings.Repeat("ä", 1<<20), Offset: -1}
	}
	w := do(t, f.server(t), http.MethodPost, sgxPath, body)
	wantRefusal(t, w, http.StatusBadRequest, "InvalidQuote")
	if w.Body.Len() > 20<<10 {
		t.Errorf("answer of %d bytes", w.Body.Len())
	}
}

func TestClientGone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	lines := f.logged(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.verifier.verify = func(ctx context.Context) error { cancel(); return ctx.Err() }
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, sgxPath, strings.NewReader(body))
	f.server(t).ServeHTTP(httptest.NewRecorder(), r)
	logged := lines()
	if len(logged) != 1 || logged[0]["status"] != 499.0 || logged[0]["level"] != "INFO" || logged[0]["code"] != "ClientClosedRequest" {
		t.Errorf("logged %v, want one line that blames nobody", logged)
	}
}
