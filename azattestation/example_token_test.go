package azattestation_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/azattest/azattest/azattestation"
)

// exampleToken stands for a token that somebody hands to a relying party.
func exampleToken(client *azattestation.Client) string {
	result, err := client.AttestSGXEnclave(context.Background(), exampleQuote(nil), nil)
	return orPanic(result, err).Token.String()
}

func ExampleClient_GetSigningCertificates() {
	ctx, client := context.Background(), exampleClient()

	published, err := client.GetSigningCertificates(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, signer := range published.SigningCertificates {
		fmt.Println("issuer:", signer.Chain[0].Issuer, "subject:", signer.Chain[0].Subject)
	}

	// Output:
	// issuer: CN=https://contoso.eus.attest.azure.net subject: CN=https://contoso.eus.attest.azure.net
}

func ExampleClient_GetOpenIDMetadata() {
	ctx, client := context.Background(), exampleClient()

	metadata, err := client.GetOpenIDMetadata(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*metadata.Issuer)
	fmt.Println(*metadata.JWKSURI)

	// Output:
	// https://contoso.eus.attest.azure.net
	// https://contoso.eus.attest.azure.net/certs
}

// A relying party validates a token by the keys of the instance that it trusts.
// They are fetched once for many tokens.
func ExampleToken_Validate() {
	ctx, client := context.Background(), exampleClient()
	received := exampleToken(client)

	token, err := azattestation.ParseToken(received)
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
	if result.MREnclave == nil {
		log.Fatal("genuine, and not of an SGX enclave")
	}
	fmt.Println("genuine, of enclave", *result.MREnclave)

	// Output:
	// genuine, of enclave 5b1b8b1e9c5c8a7f0d7c9a4f1f0e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c
}

// Checks can be relaxed and added to. An audit asks whether the token was valid
// when it was used, by the auditor's own records; this one also wants a key of the
// service's own enclave, whose certificate is alone.
func ExampleToken_Validate_options() {
	ctx, client := context.Background(), exampleClient()
	token, err := azattestation.ParseToken(exampleToken(client))
	if err != nil {
		log.Fatal(err)
	}

	used := time.Now() // or when the records say
	err = token.Validate(ctx, client.KeySource(), &azattestation.TokenValidationOptions{
		At:        used,
		TimeSlack: 5 * time.Minute,
		Callback: func(_ context.Context, _ *azattestation.Token, signer *azattestation.SigningCertificate) error {
			if len(signer.Chain) > 1 {
				return errors.New("not a key of the service's enclave")
			}
			return nil
		},
	})
	fmt.Println(err)

	// Output:
	// <nil>
}

// The error says which check failed.
func ExampleTokenValidationError() {
	ctx, client := context.Background(), exampleClient()
	parts := strings.Split(exampleToken(client), ".")
	forged, err := azattestation.ParseToken(parts[0] + ".eyJ4LW1zLXNneC1pcy1kZWJ1Z2dhYmxlIjpmYWxzZX0." + parts[2])
	if err != nil {
		log.Fatal(err)
	}

	err = forged.Validate(ctx, client.KeySource(), nil)
	if invalid, ok := errors.AsType[*azattestation.TokenValidationError](err); ok {
		fmt.Println("check:", invalid.Check)
	}

	// Output:
	// check: signature
}

// Claims of your own, as a policy issues them, go into a type of your own.
func ExampleToken_Claims() {
	token, err := azattestation.ParseToken(orPanic(exampleIssuer().Token(map[string]any{"team": "payments"})))
	if err != nil {
		log.Fatal(err)
	}

	var claims struct {
		Team string `json:"team"`
	}
	if err := token.Claims(&claims); err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Team)

	// Output:
	// payments
}

// ParseToken checks nothing but the form. Until Validate has returned nil, a
// token is anybody's word.
func ExampleParseToken() {
	_, err := azattestation.ParseToken("e30.e30")
	fmt.Println(err)

	// Output:
	// azattestation: malformed token: 2 parts, want 3 parts separated by dots
}

// One client's key source serves a program that validates many tokens.
func ExampleClient_KeySource() {
	ctx, client := context.Background(), exampleClient()
	received := []string{exampleToken(client), exampleToken(client)}

	keys := client.KeySource()
	for _, compact := range received {
		token, err := azattestation.ParseToken(compact)
		if err != nil {
			log.Fatal(err)
		}
		if err := token.Validate(ctx, keys, nil); err != nil {
			log.Fatal(err)
		}
		fmt.Println("valid, of", token.Issuer())
	}

	// Output:
	// valid, of https://contoso.eus.attest.azure.net
	// valid, of https://contoso.eus.attest.azure.net
}

func ExampleAdministrationClient_KeySource() {
	admin := exampleAdmin()
	fmt.Println(admin.KeySource().Issuer())

	// Output:
	// https://contoso.eus.attest.azure.net
}

// A relying party without a network takes the keys along.
func ExampleNewKeySource() {
	ctx, client := context.Background(), exampleClient()
	received := exampleToken(client)

	// Where there is a network: keep published.JWKS in a file.
	published, err := client.GetSigningCertificates(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}

	// Where there is none:
	keys, err := azattestation.NewKeySource("https://contoso.eus.attest.azure.net", published.JWKS)
	if err != nil {
		log.Fatal(err)
	}
	token, err := azattestation.ParseToken(received)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Validate(ctx, keys, nil))

	// Output:
	// <nil>
}

func ExampleKeySource_Issuer() {
	keys, err := azattestation.NewKeySource("https://contoso.eus.attest.azure.net", exampleIssuer().JWKS())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(keys.Issuer())

	// Output:
	// https://contoso.eus.attest.azure.net
}

func ExampleParseSigningCertificates() {
	certificates, err := azattestation.ParseSigningCertificates(exampleIssuer().JWKS())
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range certificates {
		fmt.Println(c.Chain[0].Subject)
	}

	// Output:
	// CN=https://contoso.eus.attest.azure.net
}

func ExampleNewResetToken() {
	token, err := azattestation.NewResetToken(nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token)

	// Output:
	// eyJhbGciOiJub25lIn0..
}

// A TPM that is no crypto.Decrypter decrypts the key of the token by itself.
func ExampleSealedToken_OpenWithKey() {
	tpm, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	sealed, err := exampleIssuer().SealedToken(map[string]any{"secureboot": true}, &tpm.PublicKey)
	if err != nil {
		log.Fatal(err)
	}

	sealed, err = azattestation.ParseSealedToken(sealed.String())
	if err != nil {
		log.Fatal(err)
	}
	inner, err := tpm.Decrypt(nil, sealed.EncryptedKey(), &rsa.PKCS1v15DecryptOptions{}) //nolint:staticcheck // the scheme is the service's
	if err != nil {
		log.Fatal(err)
	}
	token, err := sealed.OpenWithKey(inner)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Issuer()) // not validated yet

	// Output:
	// https://contoso.eus.attest.azure.net
}

func ExampleSealedToken_Open() {
	ctx, client := context.Background(), exampleClient()
	tpm, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	sealed, err := exampleIssuer().SealedToken(map[string]any{"secureboot": true}, &tpm.PublicKey)
	if err != nil {
		log.Fatal(err)
	}

	token, err := sealed.Open(tpm)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Validate(ctx, client.KeySource(), nil))

	// Output:
	// <nil>
}
