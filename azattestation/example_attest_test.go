package azattestation_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azattest/azattest/azattestation"
)

func ExampleClient_AttestSGXEnclave() {
	ctx, client := context.Background(), exampleClient()
	runtimeData := []byte("a public key that the enclave made")
	quote := exampleQuote(runtimeData)

	result, err := client.AttestSGXEnclave(ctx, quote, &azattestation.ClientAttestSGXEnclaveOptions{
		RuntimeData: azattestation.NewBinaryData(runtimeData),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("measurement:", *result.MREnclave)
	fmt.Printf("held by the enclave: %s\n", result.EnclaveHeldData)
	// result.Token.String() is what a relying party wants to see.

	// Output:
	// measurement: 5b1b8b1e9c5c8a7f0d7c9a4f1f0e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c
	// held by the enclave: a public key that the enclave made
}

// Data that is JSON is shown in the token as what it is. The evidence is bound
// to the bytes: send the very ones that the enclave hashed.
func ExampleClient_AttestSGXEnclave_jsonData() {
	ctx, client := context.Background(), exampleClient()
	runtimeData := []byte(`{"keys":[{"kty":"EC","kid":"demo"}]}`)
	quote := exampleQuote(runtimeData)

	result, err := client.AttestSGXEnclave(ctx, quote, &azattestation.ClientAttestSGXEnclaveOptions{
		RuntimeData: azattestation.NewJSONData(runtimeData),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", result.RuntimeClaims)

	// Output:
	// {"keys":[{"kty":"EC","kid":"demo"}]}
}

// A draft shows what a policy would do before it is set. The token in the answer
// is unsigned and proves nothing, so nobody but the author of the draft should
// ever see it.
func ExampleClient_AttestSGXEnclave_draftPolicy() {
	ctx, client := context.Background(), exampleClient()
	quote := exampleQuote(nil)

	draft := "version= 1.0; authorizationrules { => deny(); }; issuancerules { };"
	_, err := client.AttestSGXEnclave(ctx, quote, &azattestation.ClientAttestSGXEnclaveOptions{
		DraftPolicy: &draft,
	})
	if refused, ok := errors.AsType[*azcore.ResponseError](err); ok {
		fmt.Println(refused.StatusCode, refused.ErrorCode)
	}

	// Output:
	// 400 PolicyEvaluationError
}

// A nonce shows that the token is no older than the nonce. The client makes sure
// that the token carries it.
func ExampleClient_AttestSGXEnclave_nonce() {
	ctx, client := context.Background(), exampleClient()
	quote := exampleQuote(nil)

	nonce := rand.Text()
	result, err := client.AttestSGXEnclave(ctx, quote, &azattestation.ClientAttestSGXEnclaveOptions{
		Nonce: &nonce,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*result.Nonce == nonce)

	// Output:
	// true
}

func ExampleClient_AttestOpenEnclave() {
	ctx, client := context.Background(), exampleClient()
	runtimeData := []byte("a public key that the enclave made")
	report := exampleReport(runtimeData)

	result, err := client.AttestOpenEnclave(ctx, report, &azattestation.ClientAttestOpenEnclaveOptions{
		RuntimeData: azattestation.NewBinaryData(runtimeData),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("type:", *result.AttestationType)
	fmt.Println("debuggable:", *result.IsDebuggable)

	// Output:
	// type: sgx
	// debuggable: false
}

func ExampleClient_AttestSEVSNPVM() {
	ctx, client := context.Background(), exampleClient()
	runtimeData := []byte(`{"keys":[]}`)

	report := []byte(`{"SnpReport":"…","VcekCertChain":"…"}`)
	result, err := client.AttestSEVSNPVM(ctx, report, &azattestation.ClientAttestSEVSNPVMOptions{
		RuntimeData: azattestation.NewJSONData(runtimeData),
	})
	if err != nil {
		log.Fatal(err)
	}
	// Claims without a field of their own are as they stand in the token.
	fmt.Printf("%s, VMPL %s\n", *result.AttestationType, result.AdditionalClaims["x-ms-sevsnpvm-vmpl"])

	// Output:
	// sevsnpvm, VMPL 0
}

func ExampleClient_AttestTDXVM() {
	ctx, client := context.Background(), exampleClient()
	runtimeData := []byte("a public key that the machine made")
	quote := exampleQuote(runtimeData)

	result, err := client.AttestTDXVM(ctx, quote, &azattestation.ClientAttestTDXVMOptions{
		RuntimeData: azattestation.NewBinaryData(runtimeData),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*result.AttestationType)

	// Output:
	// tdxvm
}

func ExampleClient_AttestTPM() {
	ctx, client := context.Background(), exampleClient()

	answer, err := client.AttestTPM(ctx, []byte(`{"payload":{"type":"aikcert"}}`), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", answer.Data)

	// Output:
	// {"payload":{"challenge":"CDKYHIRsvbhLJDOfqqObCA","service_context":"e30"}}
}

// The token of an Azure guest is encrypted to a key in the machine's TPM, so the
// client cannot look into it. Whoever opens it has to validate it.
func ExampleClient_AttestAzureGuest() {
	ctx, client := context.Background(), exampleClient()
	// In a machine, a crypto.Decrypter of its TPM.
	tpm, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	attestationInfo := exampleGuest(&tpm.PublicKey)

	answer, err := client.AttestAzureGuest(ctx, attestationInfo, nil)
	if err != nil {
		log.Fatal(err)
	}
	token, err := answer.Token.Open(tpm)
	if err != nil {
		log.Fatal(err)
	}
	if err := token.Validate(ctx, client.KeySource(), nil); err != nil {
		log.Fatal(err)
	}
	var result azattestation.AttestationResult
	if err := token.Claims(&result); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, secure boot %s\n", *result.AttestationType, result.AdditionalClaims["secureboot"])

	// Output:
	// azurevm, secure boot true
}
