package keyrelease_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log"

	"github.com/azattest/azattest/keyrelease"
)

// A key is released to production enclaves of a vendor, from the third security
// version on. The claims are the payload of a token that has been verified.
func ExamplePolicy_Evaluate() {
	policy, err := keyrelease.ParsePolicy([]byte(`{
  "version": "1.0.0",
  "anyOf": [{
    "authority": "https://attest.example",
    "allOf": [
      {"claim": "x-ms-attestation-type", "equals": "sgx"},
      {"claim": "x-ms-sgx-is-debuggable", "equals": false},
      {"claim": "x-ms-sgx-svn", "greaterOrEquals": 3}
    ]
  }]
}`))
	if err != nil {
		log.Fatal(err) // every fault, with its line and column
	}
	outcome, err := policy.Evaluate([]byte(`{"iss": "https://attest.example", "x-ms-attestation-type": "sgx",
		"x-ms-sgx-is-debuggable": false, "x-ms-sgx-svn": 2}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("release:", outcome.Met)
	fmt.Println(outcome)
	// Output:
	// release: false
	// NOT     1:1 anyOf
	// NOT    3:13   authority https://attest.example: allOf
	// met     6:7     x-ms-attestation-type equals "sgx"
	// met     7:7     x-ms-sgx-is-debuggable equals false
	// NOT     8:7     x-ms-sgx-svn greaterOrEquals 3: 2
}

// Faults are told all at once, each with its place.
func ExampleParsePolicy() {
	_, err := keyrelease.ParsePolicy([]byte(`{"version": "1.0.0", "anyOf": [{"authority": "attest.example", "allOf": []}]}`))
	fmt.Println(err)
	// Output:
	// keyrelease: release policy: 1:46: authority "attest.example": want the URL of an attestation service, such as https://sharedeus.eus.attest.azure.net; 1:73: allOf is empty, want at least one item
}

// The relying party wraps a key to the public key that the token carries; the
// enclave, which holds the private half, unwraps it.
func ExampleWrapAlgorithm_Wrap() {
	enclave, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	wrapped, err := keyrelease.RSAAESKeyWrap256.Wrap(&enclave.PublicKey, []byte("sixteen or more.")) // a key of AES, or PKCS #8
	if err != nil {
		log.Fatal(err)
	}
	key, err := keyrelease.RSAAESKeyWrap256.Unwrap(enclave, wrapped)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d bytes carry %q\n", len(wrapped), key)
	// Output:
	// 280 bytes carry "sixteen or more."
}
