package attest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/token"
)

// A service is made of an issuer and verifiers; attest/intel has those for Intel
// evidence. The one here believes everything.
func ExampleService_Attest() {
	const url = "https://contoso.example"
	signer, err := token.GenerateSigner(token.ES256, 256)
	if err != nil {
		panic(err)
	}
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.ES256, Issuer: url})
	if err != nil {
		panic(err)
	}
	ring, err := token.NewRing(key)
	if err != nil {
		panic(err)
	}
	issuer, err := token.NewIssuer(url, ring)
	if err != nil {
		panic(err)
	}
	service, err := attest.New(attest.Config{
		Issuer:        issuer,
		Verifiers:     map[attest.Type]evidence.Verifier{attest.SGXEnclave: &fakeVerifier{result: newResult()}},
		TokenLifetime: time.Hour,
	})
	if err != nil {
		panic(err)
	}

	answer, err := service.Attest(context.Background(), &attest.Request{
		Type:        attest.SGXEnclave,
		Evidence:    []byte("an SGX quote"),
		RuntimeData: &attest.Data{Bytes: []byte(`{"keys":[{"kty":"EC"}]}`), JSON: true},
	})
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"iss", "x-ms-attestation-type", "x-ms-runtime", "x-ms-policy-hash"} {
		value, _ := answer.Claims.First(name)
		fmt.Println(name, "=", value)
	}
	// Output:
	// iss = https://contoso.example
	// x-ms-attestation-type = sgx
	// x-ms-runtime = {"keys":[{"kty":"EC"}]}
	// x-ms-policy-hash = ViVGS4BYl70X8eUrgryHg0TtbEk9WtIc6DtTBEFxaWc
}
