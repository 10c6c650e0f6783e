package attest_test

import (
	"testing"

	"github.com/azattest/azattest/attest"
)

func TestTypesAreReadInAnyCase(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]attest.Type{
		"SgxEnclave": attest.SGXEnclave, "sgxenclave": attest.SGXEnclave, "OPENENCLAVE": attest.OpenEnclave,
		"tpm": attest.TPM, "azureGuest": attest.AzureGuest, "sevsnpvm": attest.SEVSNPVM, "TDXVM": attest.TDXVM,
		"VbsEnclave": attest.TPM, "vbsenclave": attest.TPM,
	} {
		if got, ok := attest.ParseType(text); !ok || got != want {
			t.Errorf("ParseType(%q) = %q, %t, want %q", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "Sgx", "SgxEnclave ", "SgxEnclave:reset", "ſgxEnclave", "VbsEnclaves"} {
		if got, ok := attest.ParseType(text); ok {
			t.Errorf("ParseType(%q) = %q, want none", text, got)
		}
	}
}

func TestEveryTypeReadsBackAsItself(t *testing.T) {
	t.Parallel()
	for _, want := range attest.Types() {
		if got, ok := attest.ParseType(string(want)); !ok || got != want {
			t.Errorf("ParseType(%q) = %q, %t", want, got, ok)
		}
	}
}
