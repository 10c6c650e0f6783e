package wire_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/wire"
)

// exchange is what these tests need of a recorded request and its answer.
type exchange struct {
	Request struct {
		Path, Query string
		Headers     map[string]string
		Body        json.RawMessage
	}
	Response struct {
		Status       int
		Headers      map[string]string
		Body         json.RawMessage
		DecodedToken *struct {
			Claims struct {
				HeldData   string                     `json:"x-ms-sgx-ehd"`
				Runtime    json.RawMessage            `json:"x-ms-runtime"`
				ReportData string                     `json:"x-ms-sgx-report-data"`
				Collateral struct{ QuoteHash string } `json:"x-ms-sgx-collateral"`
			}
		} `json:"decoded_token"`
	}
}

func exchanges(t *testing.T, pattern string) map[string]exchange {
	t.Helper()
	dir := filepath.Join(corpus.Dir(t), "maa", "exchanges")
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %d recorded exchanges %s (%v), want some", len(paths), pattern, err)
	}
	all := make(map[string]exchange, len(paths))
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var e exchange
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all[strings.TrimPrefix(path, dir)] = e
	}
	return all
}

func memberOf(path string) string {
	if strings.HasSuffix(path, "/OpenEnclave") {
		return wire.ReportMember
	}
	return wire.QuoteMember
}

// What we read of a request is what the real service read: its token holds the
// digest of the evidence and the runtime data itself.
func TestRecordedRequests(t *testing.T) {
	t.Parallel()
	for name, e := range exchanges(t, "*/*_POST_attest_*Enclave.json") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if v, problem := wire.ParseAPIVersion(e.Request.Query, wire.APIVersions()); problem != nil || v != wire.V20201001 {
				t.Errorf("API version %q, %v, want %s", v, problem, wire.V20201001)
			}
			if !wire.IsJSON(e.Request.Headers["Content-Type"]) {
				t.Errorf("content type %q does not count as JSON", e.Request.Headers["Content-Type"])
			}
			r, err := wire.ParseAttestRequest(memberOf(e.Request.Path), e.Request.Body)
			if err != nil {
				t.Fatal(err)
			}
			compareWithMembers(t, r, &e)
			if e.Response.DecodedToken != nil {
				compareWithToken(t, r, &e)
			}
		})
	}
}

// compareWithMembers reads the recorded request a second time, by the plain
// rules of JSON and base64url.
func compareWithMembers(t *testing.T, r *wire.AttestRequest, e *exchange) {
	t.Helper()
	var plain struct {
		Quote, Report             string
		RuntimeData, InitTimeData *struct{ Data, DataType string }
		DraftPolicyForAttestation *string
		Nonce                     *string
	}
	if err := json.Unmarshal(e.Request.Body, &plain); err != nil {
		t.Fatal(err)
	}
	evidence, err := base64.RawURLEncoding.DecodeString(plain.Quote + plain.Report)
	if err != nil || !bytes.Equal(r.Evidence, evidence) {
		t.Errorf("evidence of %d bytes is not that of the request (%v)", len(r.Evidence), err)
	}
	if (r.RuntimeData == nil) != (plain.RuntimeData == nil) || r.InitTimeData != nil || plain.InitTimeData != nil || r.Nonce != nil || plain.Nonce != nil {
		t.Fatalf("members differ: %+v, recorded %+v", r, plain)
	}
	if plain.RuntimeData != nil {
		data, err := base64.RawURLEncoding.DecodeString(plain.RuntimeData.Data)
		if err != nil || !bytes.Equal(r.RuntimeData.Bytes, data) || r.RuntimeData.JSON != (plain.RuntimeData.DataType == "JSON") {
			t.Errorf("runtime data %+v is not that of the request (%v)", r.RuntimeData, err)
		}
	}
	if (r.DraftPolicy == nil) != (plain.DraftPolicyForAttestation == nil) || r.DraftPolicy != nil && *r.DraftPolicy != *plain.DraftPolicyForAttestation {
		t.Error("draft policy is not that of the request")
	}
}

func compareWithToken(t *testing.T, r *wire.AttestRequest, e *exchange) {
	t.Helper()
	claims := e.Response.DecodedToken.Claims
	if !bytes.Contains(e.Response.Body, []byte(`"token"`)) {
		t.Errorf("the answer has no member token")
	}
	evidence := sha256.Sum256(r.Evidence)
	if got := hex.EncodeToString(evidence[:]); got != claims.Collateral.QuoteHash {
		t.Errorf("SHA-256 of the evidence %s, quotehash %s", got, claims.Collateral.QuoteHash)
	}
	if r.RuntimeData == nil {
		return
	}
	digest := sha256.Sum256(r.RuntimeData.Bytes)
	if got := hex.EncodeToString(digest[:]); got != claims.ReportData[:len(got)] {
		t.Errorf("SHA-256 of the runtime data %s, report data %s", got, claims.ReportData)
	}
	if r.RuntimeData.JSON {
		if claims.HeldData != "" || len(claims.Runtime) == 0 {
			t.Errorf("read as JSON, but the token shows it as binary")
		}
		return
	}
	if got := base64.RawURLEncoding.EncodeToString(r.RuntimeData.Bytes); got != claims.HeldData {
		t.Errorf("runtime data %s, token shows %s", got, claims.HeldData)
	}
}

// The document comes out as the real service wrote it, to the byte.
func TestRecordedOpenIDConfigurations(t *testing.T) {
	t.Parallel()
	raw := corpus.Read(t, "maa", "openid", "openid_1.10.01857.0001_8027919e.json")
	if got := openID(t, "https://sharedwus.wus.attest.azure.net"); got != string(bytes.TrimSpace(raw)) {
		t.Errorf("document\n%s\nwant\n%s", got, raw)
	}
	for name, e := range exchanges(t, "MetadataTests.GetOpenIdMetadata-*/*.json") {
		var document struct{ Issuer string }
		if err := json.Unmarshal(e.Response.Body, &document); err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		if err := json.Compact(&want, e.Response.Body); err != nil {
			t.Fatal(err)
		}
		if got := openID(t, document.Issuer); got != want.String() {
			t.Errorf("%s: document\n%s\nwant\n%s", name, got, want.String())
		}
		if got, want := wire.ContentType, e.Response.Headers["Content-Type"]; got != want {
			t.Errorf("%s: content type %q, want %q", name, got, want)
		}
		// The recording hides the host, four times; the length does not.
		length, err := strconv.Atoi(e.Response.Headers["Content-Length"])
		if err != nil {
			t.Fatal(err)
		}
		if hidden := length - want.Len(); e.Response.Status != http.StatusOK || hidden < 0 || hidden%3 != 0 {
			t.Errorf("%s: status %d, document of %d bytes recorded as %d", name, e.Response.Status, want.Len(), length)
		}
	}
}

func openID(t *testing.T, url string) string {
	t.Helper()
	text, err := json.Marshal(wire.NewOpenIDConfiguration(url, "RS256"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
