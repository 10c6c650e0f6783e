package cli

import (
	"testing"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/policy"
)

// The defaults are those that were recorded, byte for byte.
func TestShownDefaultsAreTheRecordedOnes(t *testing.T) {
	t.Parallel()
	for file, args := range map[string][]string{
		"sgx-openenclave.v1.1.current.txt":       {"SgxEnclave"},
		"sgx-openenclave.v1.0.until-2022-11.txt": {"OpenEnclave", "--version", "until-2022-11"},
		"sgx.preview-2020.txt":                   {"SgxEnclave", "--version", "preview-2020"},
		"sevsnpvm.txt":                           {"SevSnpVm"},
		"sevsnpvm.sandbox-2022-04.txt":           {"SevSnpVm", "--version", "sandbox-2022-04"},
		"tdxvm.sandbox.txt":                      {"TdxVm"},
		"azureguest.txt":                         {"AzureGuest", "--version", "current"},
	} {
		got := runAt(t, testTime, "", append([]string{"policy", "show-default"}, args...)...)
		if want := string(corpus.Read(t, "policies", "default", file)); got.code != exitDone || got.stdout != want || got.stderr != "" {
			t.Errorf("%v: %+v, want %q", args, got, want)
		}
	}
}

// Every kind of attestation has its defaults, or none at all.
func TestEveryTypeHasADefaultOrSaysSo(t *testing.T) {
	t.Parallel()
	for _, kind := range policy.AttestationTypes() {
		shown := jsonOf[shownDefault](t, runAt(t, testTime, "", "policy", "show-default", kind, "--json"), exitDone)
		if _, ok := policy.Default(kind); ok != (shown.Policy != "") || ok != (shown.PolicyHash != "") {
			t.Errorf("%s: %+v", kind, shown)
		}
	}
}
