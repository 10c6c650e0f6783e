package policy

import "testing"

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
