package token_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/token"
)

func Example() {
	const url = "https://contoso.example"
	signer, err := token.GenerateSigner(token.RS256, 2048)
	if err != nil {
		panic(err)
	}
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.RS256, Issuer: url})
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

	var c claims.Set
	c.Add("iss", claims.String(issuer.URL()))
	c.Add("x-ms-attestation-type", claims.String("sgx"))
	jws, err := issuer.Sign(context.Background(), &c)
	if err != nil {
		panic(err)
	}

	parts := strings.Split(jws, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		panic(err)
	}
	fmt.Println(string(payload))
	fmt.Println(key.Certificate().Subject)
	// Output:
	// {"iss":"https://contoso.example","x-ms-attestation-type":"sgx"}
	// CN=https://contoso.example
}

// A key that is kept in a file is the same key, under the same ID, when it is
// read again.
func ExampleKey_MarshalPEM() {
	signer, err := token.GenerateSigner(token.ES256, 256)
	if err != nil {
		panic(err)
	}
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.ES256, Issuer: "http://localhost:8080"})
	if err != nil {
		panic(err)
	}
	file, err := key.MarshalPEM()
	if err != nil {
		panic(err)
	}
	again, err := token.ParseKey(file, token.ES256)
	if err != nil {
		panic(err)
	}
	fmt.Println(again.ID() == key.ID())
	// Output: true
}
