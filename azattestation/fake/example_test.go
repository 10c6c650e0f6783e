package fake_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log"
	"net/http"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/azattestation/fake"
)

const url = "https://contoso.eus.attest.azure.net"

// A program that attests is tested against a server of one function.
func ExampleServer() {
	server := &fake.Server{
		AttestSGXEnclave: func(_ context.Context, quote []byte, options *azattestation.ClientAttestSGXEnclaveOptions) (resp azfake.Responder[azattestation.ClientAttestSGXEnclaveResponse], errResp azfake.ErrorResponder) {
			if len(quote) < 432 {
				errResp.SetResponseError(http.StatusBadRequest, azattestation.ErrorCodeInvalidQuote)
				return resp, errResp
			}
			resp.SetResponse(http.StatusOK, azattestation.ClientAttestSGXEnclaveResponse{
				AttestationResult: azattestation.AttestationResult{
					AttestationType: new("sgx"),
					EnclaveHeldData: options.RuntimeData.Data,
				},
			}, nil)
			return resp, errResp
		},
	}
	options := &azattestation.ClientOptions{}
	options.Transport = fake.NewServerTransport(server)
	client, err := azattestation.NewClientWithNoCredential(url, options)
	if err != nil {
		log.Fatal(err)
	}

	result, err := client.AttestSGXEnclave(context.Background(), make([]byte, 4096), &azattestation.ClientAttestSGXEnclaveOptions{
		RuntimeData: azattestation.NewBinaryData([]byte("a key")),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, really signed with %s\n", result.EnclaveHeldData, result.Token.Algorithm())

	// Output:
	// a key, really signed with RS256
}

// An empty response is that of a service that does what it is asked. Any
// credential will do.
func ExampleNewServerTransport() {
	server := &fake.Server{
		SetPolicy: func(_ context.Context, kind azattestation.AttestationType, policy string, _ *azattestation.AdministrationClientSetPolicyOptions) (resp azfake.Responder[azattestation.AdministrationClientSetPolicyResponse], errResp azfake.ErrorResponder) {
			fmt.Println("received for", kind, "-", policy)
			resp.SetResponse(http.StatusOK, azattestation.AdministrationClientSetPolicyResponse{}, nil)
			return resp, errResp
		},
	}
	options := &azattestation.ClientOptions{}
	options.Transport = fake.NewServerTransport(server)
	admin, err := azattestation.NewAdministrationClient(url, &azfake.TokenCredential{}, options)
	if err != nil {
		log.Fatal(err)
	}

	set, err := admin.SetPolicy(context.Background(), azattestation.AttestationTypeSgxEnclave, "version= 1.0; …", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*set.Resolution)

	// Output:
	// received for SgxEnclave - version= 1.0; …
	// Updated
}

// A relying party is tested with tokens of any claims.
func ExampleIssuer_Token() {
	issuer, err := fake.NewIssuer(url, nil)
	if err != nil {
		log.Fatal(err)
	}
	compact, err := issuer.Token(map[string]any{"x-ms-sgx-is-debuggable": true})
	if err != nil {
		log.Fatal(err)
	}

	keys, err := issuer.KeySource()
	if err != nil {
		log.Fatal(err)
	}
	token, err := azattestation.ParseToken(compact)
	if err != nil {
		log.Fatal(err)
	}
	if err := token.Validate(context.Background(), keys, nil); err != nil {
		log.Fatal(err)
	}
	var result azattestation.AttestationResult
	if err := token.Claims(&result); err != nil {
		log.Fatal(err)
	}
	fmt.Println("debuggable:", *result.IsDebuggable)

	// Output:
	// debuggable: true
}

// Tokens that do not hold are made by an issuer that nobody trusts, or of claims
// that are out of date.
func ExampleNewIssuer() {
	issuer, err := fake.NewIssuer(url, nil)
	if err != nil {
		log.Fatal(err)
	}
	compact, err := issuer.Token(map[string]any{"exp": 1600000000})
	if err != nil {
		log.Fatal(err)
	}

	keys, err := issuer.KeySource()
	if err != nil {
		log.Fatal(err)
	}
	token, err := azattestation.ParseToken(compact)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Validate(context.Background(), keys, &azattestation.TokenValidationOptions{
		At: token.ExpiresOn().Add(azattestation.DefaultTimeSlack * 2),
	}))

	// Output:
	// azattestation: token does not hold: expiration: 2020-09-13T12:26:40Z, want exp after 2020-09-13T12:28:40Z
}

// An unsigned token does not hold, whatever it says.
func ExampleIssuer_UnsignedToken() {
	issuer, err := fake.NewIssuer(url, nil)
	if err != nil {
		log.Fatal(err)
	}
	compact, err := issuer.UnsignedToken(map[string]any{"x-ms-attestation-type": "sgx"})
	if err != nil {
		log.Fatal(err)
	}

	keys, err := issuer.KeySource()
	if err != nil {
		log.Fatal(err)
	}
	token, err := azattestation.ParseToken(compact)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Validate(context.Background(), keys, nil) != nil)

	// Output:
	// true
}

func ExampleIssuer_SealedToken() {
	issuer, err := fake.NewIssuer(url, nil)
	if err != nil {
		log.Fatal(err)
	}
	tpm, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	sealed, err := issuer.SealedToken(map[string]any{"x-ms-attestation-type": "azurevm"}, &tpm.PublicKey)
	if err != nil {
		log.Fatal(err)
	}

	token, err := sealed.Open(tpm)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Issuer())

	// Output:
	// https://contoso.eus.attest.azure.net
}
