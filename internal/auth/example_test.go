package auth_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/azattest/azattest/internal/auth"
)

// The administrators of a tenant of Entra ID change policies of every instance, a
// managed identity reads those of one.
func Example() {
	issuers, err := auth.Entra("72f988bf-86f1-41af-91ab-2d7cd011db47", auth.CloudPublic)
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := auth.New(auth.Config{
		Issuers: issuers,
		Bindings: []auth.Binding{
			{Claim: auth.ClaimGroups, Value: "0b9b2b5a-3f4c-4d7e-8f90-112233445566", Role: auth.Contributor},
			{Claim: auth.ClaimObjectID, Value: "5b1f4a2e-0c7d-4a39-9b52-6f0e8d7c1a23", Role: auth.Reader, Instances: []string{"contoso"}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = a.Close() }()

	r := httptest.NewRequest(http.MethodGet, "/policies/SgxEnclave", http.NoBody)
	c, err := a.Caller(r.Context(), r)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c, c.May(auth.Read, "contoso"))

	r.Header.Set("Authorization", "Bearer something")
	_, err = a.Caller(r.Context(), r)
	if e, ok := errors.AsType[*auth.InvalidError](err); ok {
		fmt.Println(e.Reason)
		fmt.Println(e.Challenge())
	}
	// Output:
	// anonymous false
	// malformed
	// Bearer authorization_uri="https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47", resource="https://attest.azure.net", error="invalid_token", error_description="The bearer token is not valid."
}

// A service on a developer's machine believes an issuer of its own.
func ExampleOpenDevelopmentIssuer() {
	dir, err := os.MkdirTemp("", "azattest")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	d, err := auth.OpenDevelopmentIssuer(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := auth.New(auth.Config{Issuers: []auth.Issuer{d.Issuer()}, Bindings: d.Bindings()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = a.Close() }()

	token, err := d.Token(auth.Contributor, time.Hour, time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest(http.MethodPut, "/policies/SgxEnclave", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	c, err := a.Caller(r.Context(), r)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c, c.May(auth.Write, "contoso"))
	// Output: sub:development@development true
}
