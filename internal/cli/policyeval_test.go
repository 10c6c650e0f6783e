package cli

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/policy"
)

// What public policies issue for a synthetic event log is what a reference
// evaluator issued: names, types and values.
func TestEvalReproducesTheVectors(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(corpus.Dir(t), "policies")
	for name, file := range map[string]string{
		"docs-64":           "docs/64-tpm-attestation-concepts-tpm-health-sample.txt",
		"docs-65":           "docs/65-tpm-attestation-sample-policies-windows-secureboot-etc.txt",
		"docs-68":           "docs/68-tpm-attestation-sample-policies-windows-integrity.txt",
		"docs-72":           "docs/72-tpm-attestation-sample-policies-windows-secureboot-etc.txt",
		"healthattestation": "real/healthattestation-csp-tpm-v1.2.txt",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issued, properties, _ := strings.Cut(string(corpus.Read(t, "policies", "vectors", name+".expected.txt")), "\nprops ")
			want := new(claims.Set)
			if err := json.Unmarshal([]byte(issued), want); err != nil || strings.TrimSpace(properties) != "[]" {
				t.Fatalf("%v, properties %s", err, properties)
			}
			got := jsonOf[evaluatedPolicy](t, runAt(t, testTime, "", "policy", "eval", "--json",
				"--claims", filepath.Join(folder, "vectors", "tpm_events_synthetic.claims.json"), filepath.Join(folder, filepath.FromSlash(file))), exitDone)
			if diff := cmp.Diff(string(want.AppendJSON(nil)), string(got.Issued.AppendJSON(nil))); diff != "" || !got.Permitted || got.Properties.Len() != 0 {
				t.Errorf("issued (-want +got):\n%s%+v", diff, got)
			}
		})
	}
}

// The default policies issue, for what real tokens say of the evidence, what
// those tokens say that they issued.
func TestEvalOfRecordedTokens(t *testing.T) {
	t.Parallel()
	tokens, err := filepath.Glob(filepath.Join(corpus.Dir(t), "maa", "tokens", "*.jwt"))
	if err != nil {
		t.Fatal(err)
	}
	judged := 0
	for _, name := range tokens {
		token, err := parseToken(strings.TrimSpace(string(corpus.Read(t, "maa", "tokens", filepath.Base(name)))))
		if err != nil {
			t.Fatal(err)
		}
		hash, _ := token.claims.First("x-ms-policy-hash")
		for _, text := range []string{policy.DefaultSGX, policy.DefaultSGX2022, policy.DefaultAzureGuest, policy.DefaultSEVSNP} {
			if claims.String(policy.Hash(text)) != hash {
				continue
			}
			judged++
			got := jsonOf[evaluatedPolicy](t, runAt(t, testTime, text, "policy", "eval", "--claims", name, "-", "--json"), exitDone)
			want, _ := objectOf(token.claims, "x-ms-policy")
			if want == nil {
				want = new(claims.Set)
			}
			if !got.Permitted || !got.Issued.Equal(want) {
				t.Errorf("%s: %+v, want %s", name, got, want.AppendJSON(nil))
			}
		}
	}
	if judged < 2 {
		t.Errorf("%d tokens under a default policy, want some", judged)
	}
}

// Each form of claims, and what is refused of it.
func TestParseClaims(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, incoming, custom, want string }{
		"object":                 {text: `{"a":["x",1,true],"b":[],"c":[-9223372036854775808]}`, incoming: `{"a":["x",1,true],"c":-9223372036854775808}`},
		"empty object":           {text: ` {} `, incoming: `{}`},
		"byte order mark":        {text: "\uFEFF{\"a\":1}", incoming: `{"a":1}`},
		"list":                   {text: `[{"type":"a","value":"1"},{"type":"a","value":1},{"type":"a","value":1,"issuer":"CustomClaim"}]`, incoming: `{"a":["1",1]}`, custom: `{"a":1}`},
		"empty list":             {text: `[]`, incoming: `{}`},
		"keys of a TPM are text": {text: `{"payload":{"x-ms-tpm-request-key":{"jwk":{"kty":"RSA"}}}}`, incoming: `{"x-ms-tpm-request-key":"{\"jwk\":{\"kty\":\"RSA\"}}"}`},
		"names of the preview":   {text: `{"payload":{"x-ms-sgx-mrenclave":"00","x-ms-sgx-svn":2,"x-ms-attestation-type":"sgx"}}`, incoming: `{"$sgx-mrenclave":"00","$svn":2,"$tee":"sgx","x-ms-attestation-type":"sgx","x-ms-sgx-mrenclave":"00","x-ms-sgx-svn":2}`},
		"one PCR":                {text: `{"iss":"i","exp":1,"x-ms-azurevm-attested-pcrs":[7],"x-ms-isolation-tee":{"a":1}}`, incoming: `{"x-ms-azurevm-attested-pcrs":7}`},
		"properties, simulation": {text: `{"genuine":true,"claims":{"a":1,"x-azattest-simulated":true,"x-ms-sgx-tcbidentifier":"11"}}`, incoming: `{"a":1}`},

		"nothing":                       {text: " \n", want: "nothing in it"},
		"text":                          {text: "hello", want: "neither JSON nor a token"},
		"no token":                      {text: "a.b.c", want: "malformed"},
		"member twice":                  {text: `{"a":1,"a":1}`, want: "claims: JSON"},
		"value twice":                   {text: `{"a":[1,1]}`, want: `claim "a": value 1 stands twice`},
		"something behind":              {text: `{"a":1} {}`, want: "claims: JSON"},
		"no type":                       {text: `{"":1}`, want: "claim without a type"},
		"null":                          {text: `{"a":null}`, want: "value null"},
		"fraction":                      {text: `{"a":1.0}`, want: "value 1.0"},
		"too large an integer":          {text: `{"a":9223372036854775808}`, want: "value 9223372036854775808"},
		"object as a value":             {text: `{"a":{"b":1}}`, want: `claim "a": value {"b":1}`},
		"array of arrays":               {text: `{"a":[[1]]}`, want: "value [1]"},
		"array of an array of two":      {text: `{"a":[[1,2]]}`, want: "want a string, a boolean or an integer"},
		"null within":                   {text: `{"a":["x",null]}`, want: "value null"},
		"evidence that is not genuine":  {text: `{"genuine":false,"error":{}}`, want: "not genuine"},
		"not genuine, and claims":       {text: `{"genuine":"true","claims":{"a":1}}`, want: "not genuine"},
		"token, no type":                {text: `{"payload":{"":1}}`, want: "claim without a type"},
		"evidence, no type":             {text: `{"genuine":true,"claims":{"":1}}`, want: "claim without a type"},
		"token without evidence":        {text: `{"payload":{"iss":"i"}}`, want: "says nothing of evidence"},
		"more beside a payload":         {text: `{"payload":{"a":1},"b":2}`, want: `member "b"`},
		"list of other things":          {text: `[1]`, want: "list of claims"},
		"list: no type":                 {text: `[{"value":1}]`, want: "claim 1 of the list: want a type"},
		"list: null":                    {text: `[null]`, want: "want a type"},
		"list: empty type":              {text: `[{"type":"","value":1}]`, want: "want a type"},
		"list: no value":                {text: `[{"type":"a"}]`, want: "want a value"},
		"list: null value":              {text: `[{"type":"a","value":null}]`, want: "value null"},
		"list: several values":          {text: `[{"type":"a","value":[1,2]}]`, want: "want a string, a boolean or an integer"},
		"list: other spelling":          {text: `[{"Type":"a","value":1}]`, want: `member "Type"`},
		"list: member twice":            {text: `[{"type":"a","type":"a","value":1}]`, want: "claims: JSON"},
		"list: claim twice":             {text: `[{"type":"a","value":1},{"type":"a","value":1}]`, want: "claim 2 of the list: claim \"a\": value 1 stands twice"},
		"list: a rule's claim":          {text: `[{"type":"a","value":1,"issuer":"AttestationPolicy"}]`, want: `issuer "AttestationPolicy"`},
		"list: issuer of another type":  {text: `[{"type":"a","value":1,"issuer":1}]`, want: "issuer that is a string"},
		"list: value that ends objects": {text: `[{"type":"a","value":1},"b":1}]`, want: "claims: JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseClaims([]byte(test.text))
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%+v, error %v, want %q", got, err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if incoming := string(got.incoming.AppendJSON(nil)); incoming != test.incoming {
				t.Errorf("incoming %s, want %s", incoming, test.incoming)
			}
			if test.custom != "" && string(got.custom.AppendJSON(nil)) != test.custom {
				t.Errorf("custom %s, want %s", got.custom.AppendJSON(nil), test.custom)
			}
		})
	}
}

// FuzzParseClaims checks that claims that are read keep their values: written as
// an object, they are read as the same.
func FuzzParseClaims(f *testing.F) {
	f.Add([]byte(`{"a":["x",1,true]}`))
	f.Add([]byte(`[{"type":"a","value":1,"issuer":"CustomClaim"}]`))
	f.Add([]byte(`{"payload":{"x-ms-sgx-mrenclave":"00","x-ms-policy":{"a":1}}}`))
	f.Add([]byte(`{"genuine":true,"claims":{"a":[1]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := parseClaims(raw)
		if err != nil {
			return
		}
		if slices.ContainsFunc([]string{"genuine", "payload", "claims", "iss"}, got.incoming.Has) {
			return // read again, these would make it another form
		}
		again, err := parseClaims(got.incoming.AppendJSON(nil))
		if err != nil {
			t.Fatalf("%v: %s", err, got.incoming.AppendJSON(nil))
		}
		if !again.incoming.Equal(got.incoming) {
			t.Errorf("%s, read again %s", got.incoming.AppendJSON(nil), again.incoming.AppendJSON(nil))
		}
	})
}
