package azattestation_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azattest/azattest/azattestation"
)

func ExampleAdministrationClient_GetPolicy() {
	ctx, admin := context.Background(), exampleAdmin()

	current, err := admin.GetPolicy(ctx, azattestation.AttestationTypeSgxEnclave, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(current.Policy)

	// Output:
	// version= 1.0; authorizationrules { => permit(); }; issuancerules { };
}

// SetPolicy makes sure that the service received what was sent. Here it is done
// once more by hand.
func ExampleAdministrationClient_SetPolicy() {
	ctx, admin := context.Background(), exampleAdmin()

	policy := `version= 1.0;
authorizationrules { [type=="x-ms-sgx-is-debuggable", value==false] => permit(); };
issuancerules { => issue(type="team", value="payments"); };`
	set, err := admin.SetPolicy(ctx, azattestation.AttestationTypeSgxEnclave, policy, nil)
	if err != nil {
		log.Fatal(err)
	}
	sent := set.PolicyToken.SHA256()
	fmt.Println(*set.Resolution, bytes.Equal(set.PolicyTokenHash, sent[:]))

	current, err := admin.GetPolicy(ctx, azattestation.AttestationTypeSgxEnclave, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(current.Policy == policy)

	// Output:
	// Updated true
	// true
}

// An instance in isolated mode takes policies only if they are signed by a key
// whose certificate it knows.
func ExampleAdministrationClient_SetPolicy_signed() {
	ctx := context.Background()
	admin, signingKey := exampleIsolated()
	policy := examplePolicy

	_, err := admin.SetPolicy(ctx, azattestation.AttestationTypeSgxEnclave, policy, nil)
	if refused, ok := errors.AsType[*azcore.ResponseError](err); ok {
		fmt.Println("unsigned:", refused.ErrorCode)
	}

	set, err := admin.SetPolicy(ctx, azattestation.AttestationTypeSgxEnclave, policy, &azattestation.AdministrationClientSetPolicyOptions{
		SigningKey: signingKey,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed by:", set.PolicySigner.Certificates[0].Subject)

	// Output:
	// unsigned: InvalidOperation
	// signed by: CN=Contoso policy
}

// A policy that was signed elsewhere, as by a build, is sent as it is.
func ExampleAdministrationClient_SetPolicy_signedElsewhere() {
	ctx := context.Background()
	admin, signingKey := exampleIsolated()
	elsewhere, err := azattestation.NewPolicyToken(examplePolicy, signingKey)
	if err != nil {
		log.Fatal(err)
	}
	file := elsewhere.String()

	signed, err := azattestation.ParsePolicyToken(file)
	if err != nil {
		log.Fatal(err)
	}
	set, err := admin.SetPolicy(ctx, azattestation.AttestationTypeSgxEnclave, signed.Policy(), &azattestation.AdministrationClientSetPolicyOptions{
		PolicyToken: signed,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*set.Resolution)

	// Output:
	// Updated
}

func ExampleAdministrationClient_ResetPolicy() {
	ctx, admin := context.Background(), exampleAdmin()

	reset, err := admin.ResetPolicy(ctx, azattestation.AttestationTypeSgxEnclave, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*reset.Resolution)

	// Output:
	// Removed
}

// In isolated mode a reset is signed, too.
func ExampleAdministrationClient_ResetPolicy_signed() {
	ctx := context.Background()
	admin, signingKey := exampleIsolated()

	reset, err := admin.ResetPolicy(ctx, azattestation.AttestationTypeSgxEnclave, &azattestation.AdministrationClientResetPolicyOptions{
		SigningKey: signingKey,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*reset.Resolution)

	// Output:
	// Removed
}

// Signing twice with ECDSA gives two tokens, so a token whose hash is to be
// compared must be the one that is sent.
func ExampleNewPolicyToken() {
	ctx := context.Background()
	admin, signingKey := exampleIsolated()
	policy := examplePolicy

	token, err := azattestation.NewPolicyToken(policy, signingKey)
	if err != nil {
		log.Fatal(err)
	}
	set, err := admin.SetPolicy(ctx, azattestation.AttestationTypeSgxEnclave, policy, &azattestation.AdministrationClientSetPolicyOptions{
		PolicyToken: token,
	})
	if err != nil {
		log.Fatal(err)
	}
	expected := token.SHA256()
	fmt.Println(bytes.Equal(set.PolicyTokenHash, expected[:]))

	// Output:
	// true
}

// An unsigned token is always the same text.
func ExampleNewPolicyToken_unsigned() {
	token, err := azattestation.NewPolicyToken("version= 1.0;authorizationrules{=> permit();};issuancerules{};", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token)
	fmt.Printf("%x\n", token.SHA256())

	// Output:
	// eyJhbGciOiJub25lIn0.eyJBdHRlc3RhdGlvblBvbGljeSI6ImRtVnljMmx2YmowZ01TNHdPMkYxZEdodmNtbDZZWFJwYjI1eWRXeGxjM3M5UGlCd1pYSnRhWFFvS1R0OU8ybHpjM1ZoYm1ObGNuVnNaWE43ZlRzIn0.
	// 43f473b1f582bf1401ee84b1c398b360bd4e01644f035fb372f58ad41362cab5
}

func ExampleParsePolicyToken() {
	ctx := context.Background()
	admin, signingKey := exampleIsolated()
	if _, err := admin.SetPolicy(ctx, azattestation.AttestationTypeTpm, examplePolicy, &azattestation.AdministrationClientSetPolicyOptions{SigningKey: signingKey}); err != nil {
		log.Fatal(err)
	}

	stored, err := admin.GetPolicy(ctx, azattestation.AttestationTypeTpm, nil)
	if err != nil {
		log.Fatal(err)
	}
	token, err := azattestation.ParsePolicyToken(stored.PolicyToken.String())
	if err != nil {
		log.Fatal(err)
	}
	if err := token.VerifySignature(); err != nil {
		log.Fatal(err)
	}
	// The signature holds. Whether the signer may set policies is for you to say.
	fmt.Println(token.Signer()[0].Subject)

	// Output:
	// CN=Contoso policy
}

// A relying party that knows the policy can tell by a token that it was in force.
func ExamplePolicyHash() {
	ctx, client := context.Background(), exampleClient()
	policy := examplePolicy
	result, err := client.AttestSGXEnclave(ctx, exampleQuote(nil), nil)
	if err != nil {
		log.Fatal(err)
	}

	expected := azattestation.PolicyHash(policy)
	fmt.Println(bytes.Equal(result.PolicyHash, expected[:]))
	fmt.Println(base64.RawURLEncoding.EncodeToString(expected[:])) // as in x-ms-policy-hash

	// Output:
	// true
	// 4zwT_LKuR7hFg5aPga7wcs_70fXpiZaJERCb9vbEymg
}
