package keyrelease_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestPolicyWarnings(t *testing.T) {
	t.Parallel()
	const is64, is96 = "want %s as tokens have it, in 64 digits of lower-case hex", "want %s as tokens have it, in 96 digits of lower-case hex"
	enclave := func(operator, value string) string {
		return fmt.Sprintf(`{"claim":"x-ms-sgx-mrenclave",%q:%s}`, operator, value)
	}
	measurement := strings.Repeat("0a", 32)
	for name, test := range map[string]struct{ conditions, want string }{
		"as tokens have it":   {enclave("equals", `"`+measurement+`"`), ""},
		"of another claim":    {`{"claim":"serial","equals":"0A"}`, ""},
		"no comparison":       {enclave("exists", "true"), ""},
		"digits alone":        {enclave("equals", strings.Repeat("1", 64)), ""},
		"capitals":            {enclave("equals", `"`+strings.ToUpper(measurement)+`"`), "1:131: equals \"0A0A"},
		"keeps nobody out":    {enclave("notEquals", `"`+strings.ToUpper(measurement)+`"`), "every token differs from that, " + fmt.Sprintf(is64, "x-ms-sgx-mrenclave")},
		"0x":                  {enclave("equals", `"0x`+measurement+`"`), "no token equals that, " + fmt.Sprintf(is64, "x-ms-sgx-mrenclave")},
		"cut off":             {enclave("equals", `"`+measurement[:40]+`"`), "no token equals that"},
		"a line break":        {enclave("equals", `"`+measurement+`\n"`), "no token equals that"},
		"a number":            {enclave("equals", "0"), "equals 0: no token"},
		"in an object":        {`{"anyOf":[{"claim":"x-ms-isolation-tee.x-ms-sevsnpvm-launchmeasurement","equals":"AB"}]}`, fmt.Sprintf(is96, "x-ms-sevsnpvm-launchmeasurement")},
		"of a default policy": {`{"claim":"sgx-mrsigner","notEquals":"0A"}`, fmt.Sprintf(is64, "sgx-mrsigner")},
		"of the collateral":   {`{"claim":"x-ms-sgx-collateral.qeidhash","equals":"0A"}`, fmt.Sprintf(is64, "x-ms-sgx-collateral.qeidhash")},
		"named alike":         {`{"claim":"quotehash","equals":"0A"}`, ""},
		"runtime data":        {`{"claim":"x-ms-runtime.tdx_mrtd","equals":"0A"}`, ""},
		"a URL":               {`{"claim":"https://x.example/a.tdx_mrtd","equals":"0A"}`, ""},
		"truth":               {`{"claim":"x-ms-sgx-is-debuggable","equals":false}`, ""},
		"truth as text":       {`{"claim":"x-ms-sgx-is-debuggable","equals":"false"}`, ""},
		"truth in capitals":   {`{"claim":"x-ms-isolation-tee.x-ms-sevsnpvm-is-debuggable","notEquals":"True"}`, "every token differs from that, want x-ms-sevsnpvm-is-debuggable as tokens have it, true or false"},
		"truth as a number":   {`{"claim":"secureboot","equals":1}`, "want secureboot as tokens have it, true or false"},
		"of a trusted domain": {`{"claim":"tdx_mrtd","equals":"AB"}`, fmt.Sprintf(is96, "tdx_mrtd")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := mustParse(t, policyOf(test.conditions)).Warnings()
			switch {
			case test.want == "" && len(found) == 0:
			case test.want == "" || len(found) != 1:
				t.Errorf("%v", found)
			default:
				if got := found[0].Position.String() + ": " + found[0].Problem; !strings.Contains(got, test.want) {
					t.Errorf("%s, want %s in it", got, test.want)
				}
			}
		})
	}
}

// They end somewhere, and stand in the order of the policy.
func TestPolicyWarningsAreBounded(t *testing.T) {
	t.Parallel()
	found := mustParse(t, policyOf(strings.Repeat("{\"claim\":\"x-ms-sgx-mrenclave\",\"equals\":\"AB\"},\n", 99)+`{"claim":"a","equals":1}`)).Warnings()
	if len(found) != 20 || found[19].Position.Line != 20 {
		t.Errorf("%d: %v", len(found), found)
	}
}
