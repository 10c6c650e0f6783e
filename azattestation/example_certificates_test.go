package azattestation_test

import (
	"context"
	"fmt"
	"log"

	"github.com/azattest/azattest/azattestation"
)

func ExampleAdministrationClient_GetPolicyCertificates() {
	ctx := context.Background()
	admin, _ := exampleIsolated()

	list, err := admin.GetPolicyCertificates(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, key := range list.Certificates {
		fmt.Println(key.Certificates[0].Subject)
	}

	// Output:
	// CN=Contoso policy
}

func ExampleAdministrationClient_AddPolicyCertificate() {
	ctx := context.Background()
	admin, signingKey := exampleIsolated()
	_, certificate := examplePair("Contoso policy 2027")

	added, err := admin.AddPolicyCertificate(ctx, certificate, signingKey, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*added.Resolution, *added.Thumbprint == azattestation.Thumbprint(certificate))

	// Output:
	// IsPresent true
}

// A key is rolled by adding the new certificate, signed by the old key, and
// removing the old one, signed by the new key.
func ExampleAdministrationClient_RemovePolicyCertificate() {
	ctx := context.Background()
	admin, oldKey := exampleIsolated()
	newKey, err := azattestation.NewSigningKey(examplePair("Contoso policy 2027"))
	if err != nil {
		log.Fatal(err)
	}

	if _, err := admin.AddPolicyCertificate(ctx, newKey.Certificate(), oldKey, nil); err != nil {
		log.Fatal(err)
	}
	removed, err := admin.RemovePolicyCertificate(ctx, oldKey.Certificate(), newKey, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*removed.Resolution)

	// Output:
	// IsAbsent
}

// The private key may be any crypto.Signer, such as one that asks a key vault.
func ExampleNewSigningKey() {
	signer, certificate := examplePair("Contoso policy")

	signingKey, err := azattestation.NewSigningKey(signer, certificate)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(signingKey) // shows nothing of the private key

	// Output:
	// SigningKey(ES256, CN=Contoso policy)
}

func ExampleParseSigningKey() {
	keyPEM, certificatePEM := examplePEM("Contoso policy")

	signingKey, err := azattestation.ParseSigningKey(keyPEM, certificatePEM)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(signingKey.Certificate().Subject)

	// Output:
	// CN=Contoso policy
}

func ExampleParseCertificates() {
	_, certificatePEM := examplePEM("Contoso policy")

	certificates, err := azattestation.ParseCertificates(certificatePEM)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(certificates), certificates[0].Subject)

	// Output:
	// 1 CN=Contoso policy
}

// The service names certificates by their thumbprint.
func ExampleThumbprint() {
	ctx := context.Background()
	admin, signingKey := exampleIsolated()

	list, err := admin.GetPolicyCertificates(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, key := range list.Certificates {
		if azattestation.Thumbprint(key.Certificates[0]) == azattestation.Thumbprint(signingKey.Certificate()) {
			fmt.Println("this instance takes policies that we sign")
		}
	}

	// Output:
	// this instance takes policies that we sign
}
