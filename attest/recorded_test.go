package attest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/token"
)

// exchange is a recorded call of the real service.
type exchange struct {
	Request struct {
		Path string
		Body struct {
			RuntimeData *struct{ Data, DataType string }
			DraftPolicy *string `json:"draftPolicyForAttestation"`
		}
	}
	Response struct {
		Status int
		Body   struct{ Token string }
	}
}

func recordings(dir string) []string {
	files, err := filepath.Glob(filepath.Join(dir, "maa", "exchanges", "AttestationTests.*", "*_POST_attest_*.json"))
	if err != nil {
		return nil
	}
	return files
}

// recordedRuntimeData gives seeds to the fuzzer, none without the corpus.
func recordedRuntimeData() [][]byte {
	dir, ok := corpus.Find()
	if !ok {
		return nil
	}
	var all [][]byte
	for _, file := range recordings(dir) {
		var e exchange
		raw, err := os.ReadFile(file)
		if err != nil || json.Unmarshal(raw, &e) != nil || e.Request.Body.RuntimeData == nil {
			continue
		}
		if data, err := base64.RawURLEncoding.DecodeString(e.Request.Body.RuntimeData.Data); err == nil {
			all = append(all, data)
		}
	}
	return all
}

// The real service's tokens are composed again from what a verifier would say of
// the evidence and what the request said. The body must be the recorded one, byte
// for byte; headers are compared in the token package.
func TestTokensAreTheRealServices(t *testing.T) {
	t.Parallel()
	dir := corpus.Dir(t)
	files := recordings(dir)
	if len(files) == 0 {
		t.Fatal("the corpus holds no recorded attestations")
	}
	for _, file := range files {
		name, err := filepath.Rel(dir, file)
		if err != nil {
			t.Fatal(err)
		}
		var e exchange
		if err := json.Unmarshal(corpus.Read(t, name), &e); err != nil {
			t.Fatal(err)
		}
		if e.Response.Status != 200 {
			continue // refused by its policy: nothing says of which evidence
		}
		t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file)[:2], func(t *testing.T) {
			t.Parallel()
			payload := decodePart(t, e.Response.Body.Token, 1)
			var recorded claims.Set
			if err := json.Unmarshal(payload, &recorded); err != nil {
				t.Fatal(err)
			}
			answer := mustAttest(t, serviceOf(t, &recorded), e.request(t))
			if diff := cmp.Diff(string(payload), string(decodePart(t, answer.Token, 1))); diff != "" {
				t.Errorf("body (-recorded +got):\n%s", diff)
			}
			isUnsigned := strings.HasSuffix(e.Response.Body.Token, ".")
			if strings.HasSuffix(answer.Token, ".") != isUnsigned {
				t.Errorf("token %s, want unsigned: %t", answer.Token, isUnsigned)
			}
		})
	}
}

func decodePart(t *testing.T, jws string, part int) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(jws, ".")[part])
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (e *exchange) request(t *testing.T) *attest.Request {
	t.Helper()
	r := &attest.Request{
		Type: attest.Type(strings.TrimPrefix(e.Request.Path, "/attest/")), Evidence: []byte("as recorded"),
		DraftPolicy: e.Request.Body.DraftPolicy,
	}
	if d := e.Request.Body.RuntimeData; d != nil {
		raw, err := base64.RawURLEncoding.DecodeString(d.Data)
		if err != nil {
			t.Fatal(err)
		}
		r.RuntimeData = &attest.Data{Bytes: raw, JSON: d.DataType == "JSON"}
	}
	return r
}

// serviceOf returns the service that would have issued the recorded claims: same
// URL, time, token ID and verifier's findings.
func serviceOf(t *testing.T, recorded *claims.Set) *attest.Service {
	t.Helper()
	text := func(name string) string {
		v, _ := recorded.First(name)
		s, ok := v.Str()
		if !ok {
			t.Fatalf("recorded token has %s = %s, want a string", name, v)
		}
		return s
	}
	fromHex := func(name string) []byte {
		raw, err := hex.DecodeString(text(name))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	result := newResult()
	result.RuntimeBinding, result.InitTimeBinding = fromHex("x-ms-sgx-report-data"), nil
	result.Claims, result.TokenOnly = new(claims.Set), new(claims.Set)
	for _, name := range []string{
		"x-ms-attestation-type", "x-ms-sgx-is-debuggable", "x-ms-sgx-mrenclave", "x-ms-sgx-mrsigner",
		"x-ms-sgx-product-id", "x-ms-sgx-report-data", "x-ms-sgx-svn",
	} {
		result.Claims.Put(name, recorded.Values(name)...)
	}
	for _, name := range []string{"x-ms-sgx-collateral", "maa-attestationcollateral"} {
		result.TokenOnly.Put(name, recorded.Values(name)...)
	}
	stored := compile(t, policy.DefaultSGX)
	if text("x-ms-policy-hash") == policy.Hash(policy.DefaultSGX2022) {
		stored = compile(t, policy.DefaultSGX2022)
	}
	iat, _ := recorded.First("iat")
	seconds, _ := iat.Int()
	v := &fakeVerifier{result: result}
	return newService(t, attest.Config{
		Issuer:    issuerAt(t, text("iss")),
		Verifiers: map[attest.Type]evidence.Verifier{attest.SGXEnclave: v, attest.OpenEnclave: v},
		Policies:  map[attest.Type]*policy.Program{attest.SGXEnclave: stored, attest.OpenEnclave: stored},
		Clock:     func() time.Time { return time.Unix(seconds, 0) },
		Random:    bytes.NewReader(fromHex("jti")),
	})
}

func issuerAt(t *testing.T, url string) *token.Issuer {
	t.Helper()
	signer, err := token.GenerateSigner(token.ES256, 0)
	if err != nil {
		t.Fatal(err)
	}
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.ES256, Issuer: url})
	if err != nil {
		t.Fatal(err)
	}
	return issuerWith(t, key)
}
