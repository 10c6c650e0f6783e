package wire_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/wire"
)

// FuzzParseAttestRequest checks that a body is refused with a short error that
// names a member, or read as something that reads the same when it is written
// plainly.
func FuzzParseAttestRequest(f *testing.F) {
	for _, seed := range []string{
		`{"quote":"cXVvdGU"}`,
		`{"QUOTE":"+/+/AAE=","runtimeData":{"data":"e30","dataType":"JSON"},"initTimeData":{"data":"","dataType":""},"nonce":42}`,
		`{"quote":"YQ","nonce":"\ud83d\ude00","draftPolicyForAttestation":"version=1.0;authorizationrules{=>permit();};","x":[[{}]]}`,
		`{"quote":"YQ","Quote":"YQ"}`, `{"quote":"YQ","nonce":"\ud83d"}`, `{"quote":"YQ"`, `[`, ``, `{"quote":"Y\u0051"}`,
		strings.Repeat("7", 4000),
	} {
		f.Add([]byte(seed))
	}
	if dir, ok := corpus.Find(); ok {
		paths, err := filepath.Glob(filepath.Join(dir, "maa", "exchanges", "*", "*_POST_attest_*Enclave.json"))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			raw, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			var e exchange
			if err := json.Unmarshal(raw, &e); err != nil {
				f.Fatal(err)
			}
			f.Add([]byte(e.Request.Body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, member := range []string{wire.QuoteMember, wire.ReportMember} {
			r, err := wire.ParseAttestRequest(member, body)
			if err != nil {
				if _, ok := errors.AsType[*wire.RequestError](err); !ok || r != nil || len(err.Error()) > 1000 {
					t.Fatalf("%+v, error of %d bytes: %v", r, len(err.Error()), err)
				}
				continue
			}
			if len(r.Evidence) == 0 {
				t.Fatal("accepted without evidence")
			}
			again, err := wire.ParseAttestRequest(member, plainly(t, member, r))
			if err != nil {
				t.Fatalf("written plainly: %v", err)
			}
			if diff := cmp.Diff(r, again); diff != "" {
				t.Fatalf("(-read +read again):\n%s", diff)
			}
		}
	})
}

// plainly writes a request as the SDKs do.
func plainly(t *testing.T, member string, r *wire.AttestRequest) []byte {
	t.Helper()
	data := func(d *wire.Data) map[string]string {
		if d == nil {
			return nil
		}
		kind := "Binary"
		if d.JSON {
			kind = "JSON"
		}
		return map[string]string{"data": base64.RawURLEncoding.EncodeToString(d.Bytes), "dataType": kind}
	}
	text, err := json.Marshal(map[string]any{
		member:                      base64.RawURLEncoding.EncodeToString(r.Evidence),
		"runtimeData":               data(r.RuntimeData),
		"initTimeData":              data(r.InitTimeData),
		"draftPolicyForAttestation": r.DraftPolicy,
		"nonce":                     r.Nonce,
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// FuzzParseAPIVersion checks that whatever stands in a query, the version is one
// of those spoken or there is a problem, and never both.
func FuzzParseAPIVersion(f *testing.F) {
	for _, seed := range []string{"api-version=2020-10-01", "API-VERSION=2025-06-01&x", "api-version=&api-version=", "%zz", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		v, problem := wire.ParseAPIVersion(query, wire.APIVersions())
		isKnown := v == wire.V20201001 || v == wire.V20220801 || v == wire.V20250601
		if isKnown == (problem != nil) {
			t.Fatalf("version %q and problem %v", v, problem)
		}
		if problem != nil && len(problem.Message) > 500 {
			t.Fatalf("message of %d bytes", len(problem.Message))
		}
	})
}
