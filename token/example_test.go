package token_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
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

// A relying party needs the key set and the standard library. The key to use is
// the one that the token's kid names, and the algorithm is the one expected of
// the service, not the one that the token asks for.
func ExampleRing_JWKS() {
	jws, jwks := issue("https://contoso.example")

	parts := strings.Split(jws, ".")
	var header struct{ Alg, Kid string }
	decode(parts[0], &header)
	var set struct {
		Keys []struct {
			X5C []string
			Kid string
		}
	}
	if err := json.Unmarshal(jwks, &set); err != nil {
		panic(err)
	}
	for _, key := range set.Keys {
		if key.Kid != header.Kid {
			continue
		}
		der, err := base64.StdEncoding.DecodeString(key.X5C[0])
		if err != nil {
			panic(err)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			panic(err)
		}
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil {
			panic(err)
		}
		digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		public, ok := certificate.PublicKey.(*rsa.PublicKey)
		if !ok || header.Alg != "RS256" {
			panic("not signed with RS256")
		}
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature); err != nil {
			panic(err)
		}
		var body struct{ Iss string }
		decode(parts[1], &body)
		fmt.Println("signed by", body.Iss)
	}
	// Output: signed by https://contoso.example
}

// issue is a service with one token and its key set.
func issue(url string) (string, []byte) {
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
	c.Add("iss", claims.String(url))
	jws, err := issuer.Sign(context.Background(), &c)
	if err != nil {
		panic(err)
	}
	return jws, ring.JWKS()
}

func decode(part string, v any) {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		panic(err)
	}
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
