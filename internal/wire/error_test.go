package wire_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/wire"
)

func TestErrorJSON(t *testing.T) {
	t.Parallel()
	bare := wire.Error{Code: "InvalidQuote", Message: `a "b" <c>` + "\r\n"}
	full := wire.Error{
		Code: "InvalidQuote", Message: "m", Target: "quote", Reason: "expired",
		Details: []wire.Detail{{Code: "expired", Message: "leaf"}, {Code: "revoked", Message: "root", Target: "chain"}},
	}
	const (
		bareLegacy = `{"error":{"code":"InvalidQuote","message":"a \"b\" <c>\r\n","innererror":{"code":"InvalidQuote","message":"a \"b\" <c>\r\n"}}}`
		fullLegacy = `{"error":{"code":"InvalidQuote","message":"m","innererror":{"code":"InvalidQuote","message":"m"}}}`
	)
	tests := []struct {
		error   wire.Error
		version wire.APIVersion
		want    string
	}{
		{bare, "", bareLegacy},
		{bare, wire.V20201001, bareLegacy},
		{bare, wire.V20220801, bareLegacy},
		{bare, wire.V20250601, `{"error":{"code":"InvalidQuote","message":"a \"b\" <c>\r\n"}}`},
		{full, "", fullLegacy},
		{full, wire.V20201001, fullLegacy},
		{full, wire.V20220801, fullLegacy},
		{full, wire.V20250601, `{"error":{"code":"InvalidQuote","message":"m","target":"quote",` +
			`"details":[{"code":"expired","message":"leaf"},{"code":"revoked","message":"root","target":"chain"}],"innererror":{"code":"expired"}}}`},
	}
	for _, tt := range tests {
		if got := string(tt.error.JSON(tt.version)); got != tt.want {
			t.Errorf("version %q:\n%s\nwant\n%s", tt.version, got, tt.want)
		}
	}
}

// The whole body of a refusal that was recorded must come out again.
func TestRecordedErrors(t *testing.T) {
	t.Parallel()
	var recorded []struct {
		Path string
		Body json.RawMessage
	}
	if err := json.Unmarshal(corpus.Read(t, "maa", "errors", "recorded.json"), &recorded); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, r := range recorded {
		if r.Path != "/attest/SgxEnclave" && r.Path != "/attest/OpenEnclave" {
			continue
		}
		compared++
		var want, got any
		if err := json.Unmarshal(r.Body, &want); err != nil {
			t.Fatal(err)
		}
		ours := wire.Error{Code: wire.CodePolicyEvaluationError, Message: wire.NoPermit()}
		if err := json.Unmarshal(ours.JSON(wire.V20201001), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-recorded +ours):\n%s", r.Path, diff)
		}
	}
	if compared == 0 {
		t.Error("no recorded refusal of an attestation found")
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	const frame = "Attestation Enclave operation failed with 65518: Exception(0) 83FFFFEE Policy Evaluation Error has occurred    Msg:[Policy Engine Exception: "
	tests := map[string]struct{ got, want string }{
		"no permit": {wire.NoPermit(), frame + "No Permit claim was issued in the authorizationrules section, authorization failed.] \n\r\n" +
			"Unhandled Enclave Exception: \"Policy Evaluation Error has occurred\"\r\n"},
		"denied": {wire.Denied(), frame + "A Deny claim was issued, authorization failed.] \n\r\n" +
			"Unhandled Enclave Exception: \"Policy Evaluation Error has occurred\"\r\n"},
		"parser": {
			wire.PolicyParser(wire.PolicyFault{Symbol: "[", Line: 2, Column: 1, Failure: wire.Mismatch("[", []string{"';'"}), Rule: "policy > versionInfo"}),
			"Attestation Enclave operation failed with 65526: Exception(0) 83FFFFF6 Invalid policy was specified    Msg:[Policy Parser Exception Thrown: " +
				"Offending symbol: '[' Line: '2', Column: '1' Failure message: 'mismatched input '[' expecting ';'' Failing rule: 'policy > versionInfo'] \n\r\n" +
				"Unhandled Enclave Exception: \"Invalid policy was specified\"\r\n",
		},
		"several expected": {wire.Mismatch("x", []string{"'=>'", "','"}), "mismatched input 'x' expecting {'=>', ','}"},
		"percent signs":    {wire.PolicyEngine("100%d"), frame + "100%d] \n\r\nUnhandled Enclave Exception: \"Policy Evaluation Error has occurred\"\r\n"},
	}
	for name, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s:\n%q\nwant\n%q", name, tt.got, tt.want)
		}
	}
}
