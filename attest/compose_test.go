package attest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a token's body, indented for people, with a file.
func golden(t *testing.T, name string, body *claims.Set) {
	t.Helper()
	var got bytes.Buffer
	if err := json.Indent(&got, body.AppendJSON(nil), "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	file := filepath.Join("testdata", "compose", name+".json")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("token body (-want +got):\n%s", diff)
	}
}

func TestCompose(t *testing.T) {
	t.Parallel()
	const issuing = `version= 1.1;
configurationrules{=> issueproperty(type="x-ms-sgx-tcbidentifier", value="12");};
authorizationrules{=> permit();};
issuancerules{
	c:[type=="x-ms-sgx-svn"] => issue(type="level", value=c.value);
	=> issue(type="tag", value="<blue>");
	=> issue(type="tag", value="green");
	=> issue(type="checked", value=true);
};`
	nonce := `n"<1>`
	binary := &attest.Data{Bytes: []byte(runtime)}
	parsed := &attest.Data{Bytes: []byte(runtime), JSON: true}
	tests := map[string]attest.Request{
		"default":           {},
		"open-enclave":      {Type: attest.OpenEnclave},
		"binary-runtime":    {RuntimeData: binary},
		"json-runtime":      {RuntimeData: parsed},
		"init-time":         {InitTimeData: &attest.Data{Bytes: []byte(initTime), JSON: true}},
		"init-time-binary":  {InitTimeData: &attest.Data{Bytes: []byte(initTime)}},
		"nonce":             {Nonce: &nonce},
		"draft":             {DraftPolicy: new(issuing)},
		"draft-silent":      {DraftPolicy: new(policy.DefaultSEVSNP)},
		"everything-binary": {RuntimeData: binary, InitTimeData: &attest.Data{Bytes: []byte(initTime), JSON: true}, Nonce: &nonce, DraftPolicy: new(issuing)},
	}
	s := newService(t, newConfig(t, &fakeVerifier{result: newResult()}))
	for name, r := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.Evidence = []byte("quote")
			if r.Type == "" {
				r.Type = attest.SGXEnclave
			}
			golden(t, name, mustAttest(t, s, &r).Claims)
		})
	}
}

func TestComposeSimulated(t *testing.T) {
	t.Parallel()
	v := &fakeVerifier{result: newResult()}
	v.result.Simulated = true
	golden(t, "simulated", mustAttest(t, newService(t, newConfig(t, v)), request()).Claims)
}

// issuingAll issues a string "forged" under each of the names.
func issuingAll(names ...string) string {
	var b strings.Builder
	b.WriteString("version= 1.0;authorizationrules{=> permit();};issuancerules{")
	for _, name := range names {
		b.WriteString(`=> issue(type="` + name + `", value="forged");`)
	}
	b.WriteString("};")
	return b.String()
}

// What the service says, or would say, is its own word: a policy can neither
// overwrite it nor say it in the service's place.
func TestPolicyCannotSpeakForTheService(t *testing.T) {
	t.Parallel()
	names := []string{
		"iss", "iat", "nbf", "exp", "jti", "cnf", "nonce", "rp_data", "ver", "x-ms-ver",
		"x-ms-attestation-type", "x-ms-policy", "x-ms-policy-hash", "x-ms-policy-signer", "policy_hash", "policy_signer", "maa-policyHash",
		"x-ms-runtime", "x-ms-inittime", "x-ms-compliance-status", "x-ms-isolation-tee",
		"x-ms-sgx-ehd", "aas-ehd", "maa-ehd", "x-ms-sgx-collateral", "maa-attestationcollateral",
		"x-ms-sgx-mrsigner", "x-ms-sgx-tcbidentifier", "x-ms-sgx-config-id", "x-ms-sgx-anything",
		"x-azattest-simulated", "x-azattest-anything",
	}
	s, v := serviceWith(t, issuingAll(names...))
	plain := mustAttest(t, newService(t, newConfig(t, v)), &attest.Request{Type: attest.OpenEnclave, DraftPolicy: new(issuingAll())})
	answer := mustAttest(t, s, request())

	kept, _ := answer.Claims.First("x-ms-policy")
	text, _ := kept.RawJSON()
	var issued map[string]string
	if err := json.Unmarshal([]byte(text), &issued); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if issued[name] != "forged" {
			t.Errorf("x-ms-policy has %s = %q, want what the policy issued", name, issued[name])
		}
		if name == "x-ms-policy" || name == "x-ms-policy-hash" {
			continue // they do depend on the policy
		}
		if diff := cmp.Diff(plain.Claims.Values(name), answer.Claims.Values(name), cmp.Comparer(func(a, b claims.Value) bool { return a == b })); diff != "" {
			t.Errorf("%s (-without the policy +with it):\n%s", name, diff)
		}
	}
	if hash, _ := answer.Claims.First("x-ms-policy-hash"); hash != claims.String(policy.Hash(issuingAll(names...))) {
		t.Errorf("x-ms-policy-hash = %s, want that of the policy", hash)
	}
}

// Names that differ in case from the service's own, or that evidence of another
// kind states, fool a careless reader.
func TestPolicyCannotIssueLookAlikes(t *testing.T) {
	t.Parallel()
	names := []string{"ISS", "Jti", "iſſ", "x-mſ-sgx-mrenclave", "x-ms-ſgx-is-debuggable", "X-Mſ-TPM-request-key", "X-Azattest-Simulated", "X-MS-SGX-mrenclave", "x-ms-sevsnpvm-hostdata", "x-ms-azurevm-vmid", "tdx_mrtd"}
	s, _ := serviceWith(t, issuingAll(names...))
	answer := mustAttest(t, s, request())
	for _, name := range names {
		if answer.Claims.Has(name) {
			t.Errorf("%s stands at top level, issued by a policy", name)
		}
	}
}

// The names that the recorded default policies and the documentation's examples
// issue are free.
func TestPolicyKeepsItsOwnNames(t *testing.T) {
	t.Parallel()
	names := []string{"is-debuggable", "product-id", "svn", "sgx-mrsigner", "sgx-mrenclave", "tee", "aud", "sub", "x-ms-custom", "x-ms-sgxlike", "azattest"}
	s, _ := serviceWith(t, issuingAll(names...))
	answer := mustAttest(t, s, request())
	for _, name := range names {
		if got, _ := answer.Claims.First(name); got != claims.String("forged") {
			t.Errorf("%s = %s, want what the policy issued", name, got)
		}
	}
}

func TestSimulatedMarkerTellsTheTruth(t *testing.T) {
	t.Parallel()
	for name, isSimulated := range map[string]bool{"real evidence": false, "simulated evidence": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, v := serviceWith(t, issuingAll("x-azattest-simulated"))
			v.result.Simulated = isSimulated
			// Not even a verifier's claim stands for the fact.
			v.result.Claims.Add("x-azattest-simulated", claims.String("perhaps"))
			v.result.TokenOnly.Add("x-azattest-simulated", claims.String("perhaps"))
			var want []claims.Value
			if isSimulated {
				want = []claims.Value{claims.Boolean(true)}
			}
			got := mustAttest(t, s, request()).Claims.Values("x-azattest-simulated")
			if len(got) != len(want) || len(got) == 1 && got[0] != want[0] {
				t.Errorf("x-azattest-simulated = %v, want %v", got, want)
			}
		})
	}
}

// A verifier that states claims of the token itself does not get through either.
func TestVerifierCannotSpeakForTheService(t *testing.T) {
	t.Parallel()
	v := &fakeVerifier{result: newResult()}
	for _, name := range []string{"iss", "iat", "nbf", "exp", "jti", "x-ms-ver", "x-ms-policy-hash", "x-ms-policy", "x-ms-sgx-tcbidentifier"} {
		v.result.Claims.Add(name, claims.String("forged"))
		v.result.TokenOnly.Add(name, claims.String("forged"))
	}
	got := mustAttest(t, newService(t, newConfig(t, v)), request()).Claims.AppendJSON(nil)
	honest := &fakeVerifier{result: newResult()}
	want := mustAttest(t, newService(t, newConfig(t, honest)), request()).Claims.AppendJSON(nil)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("token body (-honest verifier +boastful one):\n%s", diff)
	}
}
