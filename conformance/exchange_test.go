package conformance_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/corpus"
)

// exchange is one recorded request to the real service with its answer.
type exchange struct {
	name    string
	Request struct {
		Method, Path, Query string
		Headers             map[string]string
		Body                json.RawMessage
	}
	Response struct {
		Status       int
		Headers      map[string]string
		Body         answer
		DecodedToken *struct {
			Header, Claims map[string]any
		} `json:"decoded_token"`
	}
}

// answer is a recorded body.
type answer struct {
	Token string
	Data  string // of a TPM's challenge
	Error struct{ Code, Message string }
	raw   []byte
}

func (a *answer) UnmarshalJSON(raw []byte) error {
	type members answer
	if err := json.Unmarshal(raw, (*members)(a)); err != nil {
		return err
	}
	a.raw = slices.Clone(raw)
	return nil
}

// recordings returns all exchanges in the order in which they took place, by the
// name of their recording.
func recordings(t *testing.T) map[string][]exchange {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(corpus.Dir(t), "maa", "exchanges", "*", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %d recorded exchanges (%v), want some", len(paths), err)
	}
	slices.Sort(paths)
	all := map[string][]exchange{}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e := exchange{name: filepath.Base(path)}
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		recording := filepath.Base(filepath.Dir(path))
		all[recording] = append(all[recording], e)
	}
	return all
}

// date is when the real service answered.
func (e *exchange) date(t *testing.T) time.Time {
	t.Helper()
	at, err := http.ParseTime(e.Response.Headers["Date"])
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// body is what was sent: an object, or the text that stands in a JSON string.
func (e *exchange) body(t *testing.T) string {
	t.Helper()
	if raw := e.Request.Body; len(raw) > 0 && raw[0] != '"' {
		return strings.TrimPrefix(string(raw), "null")
	}
	return text(t, e.Request.Body)
}

// text reads a JSON string, which may be missing.
func text(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var s string
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// collateralOfTheInstance puts together the collateral by which the real
// service judged in 2022: pinned TCB info and QE identity of TCB evaluation 10,
// long past their nextUpdate, with the revocation lists of the day. Its digests
// stand in the recorded tokens, which is how the parts were found.
func collateralOfTheInstance(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, source := range map[string][]string{
		"tcb_info.json":            {"evidence", "pcs-collateral", "until-2025-06", "tcb_info", "00906ed50000-SGX-v2-e10-2021-03-31.json"},
		"qe_identity.json":         {"evidence", "pcs-collateral", "until-2025-06", "qe_identity", "QE-e10-2021-07-01.json"},
		"tcb_signing_chain.pem":    {"maa", "collateral", "tcb_signing_chain_2018.pem"},
		"root_ca_crl.der":          {"evidence", "trust-anchors", "intel", "root_ca_crl_2022-04-19_2023-04-19.der"},
		"pck_crl.der":              {"evidence", "sgx-v3", "integritee-00906ea1", "collateral", "2022-10-18-e12-tcbv2", "pck_crl.der"},
		"pck_crl_issuer_chain.pem": {"evidence", "sgx-v3", "integritee-00906ea1", "collateral", "2022-10-18-e12-tcbv2", "pck_crl_issuer_chain.pem"},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), corpus.Read(t, source...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// decode returns header and claims of a compact token.
func decode(t *testing.T, token string) (header, payload map[string]any, rawPayload string) {
	t.Helper()
	segments := strings.Split(token, ".")
	if len(segments) != 3 {
		t.Fatalf("token has %d parts, want 3", len(segments))
	}
	for i, into := range []*map[string]any{&header, &payload} {
		raw, err := base64.RawURLEncoding.DecodeString(segments[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			rawPayload = string(raw)
		}
	}
	return header, payload, rawPayload
}
