package keyrelease_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/azattestation/fake"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/relyingparty"
)

// A server of one's own releases keys. It says itself who may ask, where the keys are
// and where a decision is written down; whose tokens count is for the verifier.
func ExampleHandler() {
	// Elsewhere this is azattestation.NewClientWithNoCredential(…).KeySource().
	issuer, err := fake.NewIssuer("https://attest.example", nil)
	if err != nil {
		log.Fatal(err)
	}
	tokenKeys, err := issuer.KeySource()
	if err != nil {
		log.Fatal(err)
	}
	safe := newExampleVault() // its ReleaseKey is where the keys are
	safe.Close()              // it is not asked over HTTP here
	signer := safe.signer()

	verifier, err := relyingparty.New(relyingparty.Config{
		Sources:         []*azattestation.KeySource{tokenKeys}, // whose tokens count
		MaxAge:          10 * time.Minute,
		AllowAnyEnclave: true, // which one is for the policy of each key to say
	})
	if err != nil {
		log.Fatal(err)
	}
	releaser, err := keyrelease.NewReleaser(keyrelease.Config{
		Verifier: verifier,
		Keys:     safe,
		// With a certificate for the host of Vault; another one once it is renewed.
		Signer:       func(context.Context) (*keyrelease.Signer, error) { return signer, nil },
		Vault:        "https://vault.example",
		RequireNonce: true,
		// What cannot be written down is not released.
		Record: func(_ context.Context, d *keyrelease.Decision) error {
			fmt.Printf("recorded: key %s, authority %q, released %t\n", d.Name, d.Authority, d.Err == nil)
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	releases := keyrelease.NewHandler(releaser)
	releases.Refused = func(_ *http.Request, err error) {
		fmt.Println("operator:", err)
	}
	mux := http.NewServeMux()
	// The handler does not ask who is calling.
	mux.HandleFunc("POST /keys/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer of-a-release-user" {
			keyrelease.WriteRefusal(w, &keyrelease.RefusalError{Status: http.StatusUnauthorized, Code: "Unauthorized", Message: "Who is calling?"})
			return
		}
		releases.ServeHTTP(w, r)
	})

	for _, bearer := range []string{"of-nobody", "of-a-release-user"} {
		r := httptest.NewRequest(http.MethodPost, "/keys/payroll/release?api-version=7.4", strings.NewReader(`{"target":"no token of anybody"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+bearer)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Print("caller: ", w.Code, " ", w.Body)
	}
	// Output:
	// caller: 401 {"error":{"code":"Unauthorized","message":"Who is calling?"}}
	// recorded: key payroll, authority "", released false
	// operator: keyrelease: Forbidden: Target environment attestation statement cannot be verified.: azattestation: malformed token: 1 parts, want 3 parts separated by dots
	// caller: 403 {"error":{"code":"Forbidden","message":"Target environment attestation statement cannot be verified.","innererror":{"code":"AccessDenied"}}}
}
