package keyrelease_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/keyrelease"
)

// publishedTokens are real tokens and published examples, as JSON claims.
var publishedTokens = []string{
	"azureguest-ClientLibTests-1.json", "azureguest-aks-linux-sample.json", "azureguest-sample-app.json", "docs-sevsnp.json",
	"docs-tdx.json", "sevsnp-2025-sharedweu-testring.json", "sgx-2020-preview.json", "tpm-docs-2022-10.json",
	"tpm-healthattestation-2021.json",
}

func publishedClaims(t *testing.T, name string) []byte {
	t.Helper()
	raw := corpus.Read(t, "maa", "tokens", name)
	var decoded struct{ Payload json.RawMessage }
	if err := json.Unmarshal(raw, &decoded); err != nil {
		t.Fatal(err)
	}
	if decoded.Payload != nil {
		return decoded.Payload
	}
	return raw
}

// recordedClaims are those of a token that the real service gave an enclave.
func recordedClaims(t *testing.T) []byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(corpus.Dir(t), "maa", "exchanges", "*", "*_POST_attest_SgxEnclave.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d exchanges, %v", len(paths), err)
	}
	raw, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	var exchange struct {
		Response struct{ Body struct{ Token string } }
	}
	if err := json.Unmarshal(raw, &exchange); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(exchange.Response.Body.Token, ".")
	if len(parts) != 3 {
		t.Fatalf("%s: no token in it", paths[0])
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// For every claim of every published token, a policy that wants its value is met,
// and one that wants another value is not.
func TestPublishedTokens(t *testing.T) {
	t.Parallel()
	for _, name := range publishedTokens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			payload := publishedClaims(t, name)
			var claims map[string]any
			d := json.NewDecoder(bytes.NewReader(payload))
			d.UseNumber()
			if err := d.Decode(&claims); err != nil {
				t.Fatal(err)
			}
			issuer, ok := claims["iss"].(string)
			if !ok {
				t.Fatal("no issuer")
			}
			count := eachScalar("", claims, func(path string, value any) {
				for operator, met := range map[keyrelease.Operator]bool{"equals": true, "notEquals": false} {
					policy := conditionPolicy(t, issuer, path, operator, value)
					outcome, err := policy.Evaluate(payload)
					if err != nil {
						t.Fatal(err)
					}
					if outcome.Met != met {
						t.Errorf("met is %t, want %t:\n%s", outcome.Met, met, outcome)
					}
				}
				outcome, err := conditionPolicy(t, issuer, path, keyrelease.OperatorEquals, "another").Evaluate(payload)
				if err != nil || outcome.Met {
					t.Errorf("%s may be another: %v, %v", path, outcome, err)
				}
			})
			if count < 10 {
				t.Errorf("%d claims compared, want 10 and more", count)
			}
		})
	}
}

// What the hardware and the service say in hex or as truth is warned of if it is written
// in another way.
func TestPublishedTokensWrittenOtherwise(t *testing.T) {
	t.Parallel()
	payloads := map[string][]byte{"recorded": recordedClaims(t)}
	for _, name := range publishedTokens {
		payloads[name] = publishedClaims(t, name)
	}
	warned := make(map[string]bool)
	for name, payload := range payloads {
		var claims map[string]any
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		eachScalar("", claims, func(path string, value any) {
			var otherwise string
			switch v := value.(type) {
			case string:
				otherwise = "0x" + v
			case bool:
				otherwise = map[bool]string{true: "True", false: "False"}[v]
			default:
				return
			}
			if found := conditionPolicy(t, authority, path, keyrelease.OperatorEquals, value).Warnings(); len(found) > 0 {
				t.Errorf("%s: %v of what is in the token", name, found)
			}
			found := conditionPolicy(t, authority, path, keyrelease.OperatorNotEquals, otherwise).Warnings()
			if len(found) > 0 {
				warned[path[strings.LastIndexByte(path, '.')+1:]] = true
			}
			isOfReport := strings.HasPrefix(path, "x-ms-sgx-") || strings.Contains(path, "x-ms-sevsnpvm-") || strings.HasPrefix(path, "tdx_")
			if text, ok := value.(string); (!ok || len(text) >= 16 && strings.Trim(text, "0123456789abcdef") == "") && isOfReport && len(found) != 1 {
				t.Errorf("%s: %s %q: %v, want one warning", name, path, otherwise, found)
			}
		})
	}
	if len(warned) < 40 {
		t.Errorf("%d claims, want 40 and more: %v", len(warned), warned)
	}
}

func eachScalar(prefix string, claims map[string]any, visit func(path string, value any)) int {
	count := 0
	for name, value := range claims {
		switch v := value.(type) {
		case map[string]any:
			count += eachScalar(prefix+name+".", v, visit)
		case string, json.Number, bool:
			visit(prefix+name, v)
			count++
		}
	}
	return count
}

func conditionPolicy(t *testing.T, issuer, path string, operator keyrelease.Operator, value any) *keyrelease.Policy {
	t.Helper()
	text, err := json.Marshal(map[string]any{"version": "1.0.0", "anyOf": []any{map[string]any{
		"authority": issuer, "allOf": []any{map[string]any{"claim": path, string(operator): value}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return mustParse(t, string(text))
}

// The policy that Azure documents for the keys of confidential virtual machines holds
// for a real token of one, and not for the token of a virtual machine alone.
func TestConfidentialVirtualMachine(t *testing.T) {
	t.Parallel()
	policy := mustParse(t, `{"version":"1.0.0","anyOf":[{"authority":"https://sharedeus.eus.test.attest.azure.net/","allOf":[
		{"claim":"x-ms-isolation-tee.x-ms-attestation-type","equals":"sevsnpvm"},
		{"claim":"x-ms-isolation-tee.x-ms-compliance-status","equals":"azure-compliant-cvm"}]}]}`)
	claims := publishedClaims(t, "azureguest-sample-app.json")
	outcome, err := policy.Evaluate(claims)
	if err != nil || !outcome.Met {
		t.Fatalf("got %v, %v, want met", outcome, err)
	}
	outcome, err = policy.Evaluate(bytes.Replace(claims, []byte("x-ms-isolation-tee"), []byte("x-ms-other"), 1))
	if err != nil || outcome.Met {
		t.Errorf("got %v, %v, want not met", outcome, err)
	}
}
