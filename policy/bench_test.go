package policy

import (
	"testing"

	"github.com/azattest/azattest/claims"
)

// enclave is what an SGX quote says, as many claims as the service has.
func enclave() []any {
	return []any{
		"x-ms-sgx-is-debuggable", false,
		"x-ms-sgx-mrsigner", "4aea5f9a0ed04b11f889aadfe6a1d376213a29a95a85ce7337ae6f7fece6610c",
		"x-ms-sgx-mrenclave", "292a1f4b519e46627eb2478a3d9851405653c5b4b0a6925de843834d9216850e",
		"x-ms-sgx-product-id", 1,
		"x-ms-sgx-svn", 1,
		"x-ms-sgx-report-data", "28542e44fe7e73f6610f6b31ae7576925f09ccdbb4c5646583ecc1561337a8ff",
		"x-ms-attestation-type", "sgx",
		"$is-debuggable", false,
		"$product-id", 1,
		"$svn", 1,
		"$tee", "sgx",
	}
}

func BenchmarkCompileDefault(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(DefaultSGX); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecideDefault(b *testing.B) {
	p, incoming := mustCompile(b, DefaultSGX), set(enclave()...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Decide(incoming); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecideJoin(b *testing.B) {
	p := mustCompile(b, authorizing(
		`c:[type=="allowed"] && [type=="x-ms-sgx-mrsigner", value==c.value] && [type=="x-ms-sgx-svn", value>=1] => permit();`,
	))
	incoming := set(append(enclave(), "allowed", []any{"a", "b", "4aea5f9a0ed04b11f889aadfe6a1d376213a29a95a85ce7337ae6f7fece6610c"})...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Decide(incoming); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkConfigureDefault(b *testing.B) {
	p, incoming := mustCompile(b, DefaultSGX), set(enclave()...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Configure(incoming); err != nil {
			b.Fatal(err)
		}
	}
}

// guest is what the evidence of an Azure virtual machine says.
func guest() *claims.Set {
	return set(
		"secureboot", true,
		"x-ms-attestation-type", "azurevm",
		"x-ms-azurevm-attestation-protocol-ver", "2.0",
		"x-ms-azurevm-attested-pcrs", []any{0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14},
		"x-ms-azurevm-bootdebug-enabled", false,
		"x-ms-azurevm-dbvalidated", true,
		"x-ms-azurevm-dbxvalidated", true,
		"x-ms-azurevm-debuggersdisabled", true,
		"x-ms-azurevm-default-securebootkeysvalidated", true,
		"x-ms-azurevm-elam-enabled", true,
		"x-ms-azurevm-flightsigning-enabled", false,
		"x-ms-azurevm-hvci-policy", 0,
		"x-ms-azurevm-hypervisordebug-enabled", false,
		"x-ms-azurevm-is-windows", true,
		"x-ms-azurevm-kerneldebug-enabled", false,
		"x-ms-azurevm-osbuild", "22621",
		"x-ms-azurevm-osdistro", "Microsoft",
		"x-ms-azurevm-ostype", "Windows",
		"x-ms-azurevm-osversion-major", 10,
		"x-ms-azurevm-osversion-minor", 0,
		"x-ms-azurevm-signingdisabled", true,
		"x-ms-azurevm-testsigning-enabled", false,
		"x-ms-azurevm-vmid", "2DEDC52A-6832-46CE-9910-E8C9980BF5A7",
	)
}

func BenchmarkDecideGuestDefault(b *testing.B) {
	p, incoming := mustCompile(b, DefaultAzureGuest), guest()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Decide(incoming); err != nil {
			b.Fatal(err)
		}
	}
}

// longLog is a log of n events, as a Windows machine has it: some say what
// policies ask for, most are of drivers and firmware.
func longLog(tb testing.TB, n int) string {
	tb.Helper()
	events := []event{
		{1, "EV_EFI_VARIABLE_DRIVER_CONFIG", 7, map[string]any{
			"UnicodeName": "SecureBoot", "VariableGuid": "8BE4DF61-93CA-11D2-AA0D-00E098032B8C", "VariableData": "AQ",
		}},
		tag(2, 12, map[string]any{"EVENT_APPLICATION_SVN": 1, "EVENT_BITLOCKER_UNLOCK": map[string]any{"String": "TPM", "Value": 4}}),
		tag(3, 12, map[string]any{"EVENT_TRANSFER_CONTROL": map[string]any{"Value": 1}}),
	}
	for seq := 4; seq < n-2; seq++ {
		switch seq % 4 {
		case 0:
			events = append(events, tag(seq, 13, map[string]any{"EVENT_LOADEDMODULE_AGGREGATION": []map[string]any{{
				"EVENT_IMAGEVALIDATED": true, "EVENT_FILEPATH": `\Windows\system32\drivers\some.sys`, "EVENT_MODULE_SVN": seq,
			}}}))
		case 1:
			events = append(events, event{seq, "EV_EFI_BOOT_SERVICES_DRIVER", 2, map[string]any{"ImageLocationInMemory": "AAAAAAAA", "ImageLengthInMemory": 4096}})
		case 2:
			events = append(events, event{seq, "EV_EFI_VARIABLE_BOOT", 1, map[string]any{"UnicodeName": "BootOrder", "VariableGuid": "8BE4DF61-93CA-11D2-AA0D-00E098032B8C", "VariableData": "AAABAAIA"}})
		case 3:
			events = append(events, event{seq, "EV_POST_CODE", 0, map[string]any{"Data": "QUNQSSBEQVRB"}})
		}
	}
	events = append(
		events,
		tag(n-2, 12, map[string]any{"EVENT_APPLICATION_SVN": 1, "EVENT_VBS_VSM_REQUIRED": true, "EVENT_CODEINTEGRITY": true, "EVENT_SAFEMODE": false}),
		event{n - 1, "EV_SEPARATOR", 12, map[string]any{}},
		event{n, "EV_SEPARATOR", 13, map[string]any{}},
	)
	return eventLog(tb, events...)
}

func BenchmarkDecideHealth(b *testing.B) {
	p, incoming := mustCompile(b, corpusPolicy(b, healthPolicy)), set("events", longLog(b, 200))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Decide(incoming); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompileHealth(b *testing.B) {
	text := corpusPolicy(b, healthPolicy)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExplainDefault(b *testing.B) {
	p, incoming := mustCompile(b, DefaultSGX), set(enclave()...)
	b.ReportAllocs()
	for b.Loop() {
		if !p.Explain(incoming).Permitted {
			b.Fatal("not permitted")
		}
	}
}
