package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/azattest/azattest/claims"
)

// set makes a claim set of names and values in turn. A value is a string, an
// int, a bool, a claims.Value, or a list of them.
func set(namesAndValues ...any) *claims.Set {
	s := new(claims.Set)
	for i := 0; i < len(namesAndValues); i += 2 {
		name := namesAndValues[i].(string)
		values, isList := namesAndValues[i+1].([]any)
		if !isList {
			values = namesAndValues[i+1 : i+2]
		}
		for _, v := range values {
			s.Add(name, value(v))
		}
	}
	return s
}

func value(v any) claims.Value {
	switch v := v.(type) {
	case claims.Value:
		return v
	case string:
		return claims.String(v)
	case int:
		return claims.Integer(int64(v))
	case bool:
		return claims.Boolean(v)
	}
	panic(fmt.Sprintf("no claim value: %v", v))
}

func structured(tb testing.TB, text string) claims.Value {
	tb.Helper()
	v, err := claims.JSON([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func mustCompile(tb testing.TB, text string) *Program {
	tb.Helper()
	p, err := Compile(text)
	if err != nil {
		tb.Fatalf("compile: %v\n%s", err, text)
	}
	return p
}

// issuing is a policy that permits and has these issuance rules.
func issuing(rules ...string) string {
	return "version=1.1;\nauthorizationrules{=>permit();};\nissuancerules{\n" + strings.Join(rules, "\n") + "\n};"
}

// authorizing is a policy that has these authorization rules only.
func authorizing(rules ...string) string {
	return "version=1.1;\nauthorizationrules{\n" + strings.Join(rules, "\n") + "\n};"
}

// issued returns the JSON of what a policy issues, or its error.
func issued(tb testing.TB, text string, incoming *claims.Set) string {
	tb.Helper()
	d, err := mustCompile(tb, text).Decide(incoming)
	if err != nil {
		return err.Error()
	}
	return string(d.Issued.AppendJSON(nil))
}

// outcome returns "permit", the reason of a denial, or "evaluation".
func outcome(tb testing.TB, err error) string {
	tb.Helper()
	var denied *DeniedError
	var failed *EvaluationError
	switch {
	case err == nil:
		return "permit"
	case errors.As(err, &denied):
		return denied.Reason.String()
	case errors.As(err, &failed):
		return "evaluation"
	}
	tb.Fatalf("unexpected error %T: %v", err, err)
	return ""
}

func decided(tb testing.TB, text string, incoming *claims.Set) string {
	tb.Helper()
	_, err := mustCompile(tb, text).Decide(incoming)
	return outcome(tb, err)
}

func TestProgram(t *testing.T) {
	t.Parallel()
	text := "version= 1.1;\r\n authorizationrules {=> permit();};\r\n"
	p := mustCompile(t, text)
	if p.Text() != text {
		t.Errorf("text %q, want it byte for byte", p.Text())
	}
	if p.Version().String() != "1.1" {
		t.Errorf("version %s", p.Version())
	}
	if p.Hash() != Hash(text) || p.Hash() == Hash(strings.ReplaceAll(text, "\r", "")) {
		t.Errorf("hash %s does not stand for the exact text", p.Hash())
	}
}

// TestHash uses the vectors that the real service computed.
func TestHash(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"version=1.0; authorizationrules{=> permit();}; issuancerules{};": "z0FRjKS0ssQTNur1V6BV8WIrh9M3fzgTo0EfHRvapWU",
		DefaultSGX:        "ViVGS4BYl70X8eUrgryHg0TtbEk9WtIc6DtTBEFxaWc",
		DefaultSGX2022:    "bROrN897ZfWmWY2V0FLUlu3uwk5xatGnKYHn3zBbSlw",
		DefaultSGXPreview: "egjnANIzEpS2WgpE4Nk-QEwM69XRCgTs42_G0qLlbnk",
		DefaultSEVSNP:     "9NY0VnTQ-IiBriBplVUpFbczcDaEBUwsiFYAzHu_gco",
		DefaultSEVSNP2022: "LTPRQQju-FejAwdYihF8YV_c2XWebG9joKvrHKc3bxs",
		DefaultTDX:        "B56nbp5slhw66peoRYkpdq1WykMkEworvdol08hnMXE",
		DefaultAzureGuest: "wm9mHlvTU82e8UqoOy1Yj1FBRSNkfe99-69IYDq9eWs",
	} {
		if got := Hash(text); got != want {
			t.Errorf("hash %s, want %s, of\n%s", got, want, text)
		}
		if p := mustCompile(t, text); p.Hash() != want {
			t.Errorf("the program's hash is %s, want %s", p.Hash(), want)
		}
	}
}

// TestDefault checks which policy holds for which kind of attestation.
func TestDefault(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"SgxEnclave": DefaultSGX, "OpenEnclave": DefaultSGX, "SevSnpVm": DefaultSEVSNP, "TdxVm": DefaultTDX, "AzureGuest": DefaultAzureGuest,
		"Tpm": "", "VbsEnclave": "", "": "", "sgxenclave": "",
	}
	for name, text := range want {
		got, ok := Default(name)
		if got != text || ok != (text != "") {
			t.Errorf("%q: default %q, %t", name, got, ok)
		}
		if found := Check(got, CheckOptions{Type: name}); ok && len(found) > 0 {
			t.Errorf("%q: the default has faults: %v", name, found)
		}
	}
	for _, name := range AttestationTypes() {
		if _, listed := want[name]; !listed {
			t.Errorf("%q is missing here", name)
		}
	}
}
