package azattestation_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"

	"github.com/azattest/azattest/azattestation"
)

// The credential comes from azidentity: azidentity.NewDefaultAzureCredential(nil)
// finds whatever there is, such as a managed identity.
func ExampleNewClient() {
	var credential azcore.TokenCredential = &azfake.TokenCredential{}

	client, err := azattestation.NewClient("https://contoso.eus.attest.azure.net", credential, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Endpoint())

	// Output:
	// https://contoso.eus.attest.azure.net
}

// Whoever has evidence may have it attested: for enclaves and virtual machines
// the service asks for no credential.
func ExampleNewClientWithNoCredential() {
	client, err := azattestation.NewClientWithNoCredential("https://sharedeus.eus.attest.azure.net", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Endpoint())

	// Output:
	// https://sharedeus.eus.attest.azure.net
}

func ExampleNewAdministrationClient() {
	var credential azcore.TokenCredential = &azfake.TokenCredential{}

	admin, err := azattestation.NewAdministrationClient("https://contoso.eus.attest.azure.net", credential, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(admin.Endpoint())

	// Output:
	// https://contoso.eus.attest.azure.net
}

// A service that knows callers by their TLS certificate needs a transport that
// shows one.
func ExampleNewAdministrationClientWithNoCredential() {
	var certificate tls.Certificate // from tls.LoadX509KeyPair

	options := &azattestation.ClientOptions{}
	options.Transport = &http.Client{Transport: &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}},
	}}
	admin, err := azattestation.NewAdministrationClientWithNoCredential("https://attest.contoso.com", options)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(admin.Endpoint())

	// Output:
	// https://attest.contoso.com
}

func ExampleClient_Endpoint() {
	client, err := azattestation.NewClientWithNoCredential("https://Contoso.eus.attest.azure.net/", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Endpoint()) // as tokens have it in iss

	// Output:
	// https://contoso.eus.attest.azure.net
}

func ExampleAdministrationClient_Endpoint() {
	admin, err := azattestation.NewAdministrationClientWithNoCredential("http://127.0.0.1:8080/", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(admin.Endpoint())

	// Output:
	// http://127.0.0.1:8080
}

func ExampleClientOptions() {
	options := &azattestation.ClientOptions{
		ClientOptions: azcore.ClientOptions{
			APIVersion: azattestation.APIVersion20220801,
			Cloud:      cloud.AzureGovernment,
			Retry:      policy.RetryOptions{MaxRetries: 5, TryTimeout: 20 * time.Second},
			Telemetry:  policy.TelemetryOptions{ApplicationID: "payments"},
		},
		TokenValidation: &azattestation.TokenValidationOptions{TimeSlack: 5 * time.Minute},
	}
	client, err := azattestation.NewClientWithNoCredential("https://contoso.ugv.attest.azure.us", options)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Endpoint())

	// Output:
	// https://contoso.ugv.attest.azure.us
}

// Behind a proxy that reads along, or with a service whose certificate no public
// authority issued, the transport has to know the authority.
func ExampleClientOptions_customCA() {
	_, authorityPEM := examplePEM("Contoso authority")

	roots, err := x509.SystemCertPool()
	if err != nil {
		log.Fatal(err)
	}
	if !roots.AppendCertsFromPEM(authorityPEM) {
		log.Fatal("no certificate in the file")
	}
	options := &azattestation.ClientOptions{}
	options.Transport = &http.Client{Transport: &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
	}}
	client, err := azattestation.NewClientWithNoCredential("https://attest.contoso.com", options)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Endpoint())

	// Output:
	// https://attest.contoso.com
}

// azcore logs requests, answers and retries. Bodies are not logged unless
// ClientOptions.Logging says so: they hold evidence and tokens.
func ExampleClientOptions_logging() {
	logger := log.New(os.Stderr, "", log.LstdFlags)

	azlog.SetListener(func(event azlog.Event, message string) {
		logger.Printf("%s: %s", event, message)
	})
	azlog.SetEvents(azlog.EventRequest, azlog.EventResponse, azlog.EventResponseError, azlog.EventRetryPolicy)

	azlog.SetListener(nil)
	azlog.SetEvents()
	fmt.Println("logged to stderr")

	// Output:
	// logged to stderr
}

// Each method is a span, such as Client.AttestSGXEnclave, with a span for each
// request below it. Module azotel makes a provider of one of OpenTelemetry:
// azotel.NewTracingProvider.
func ExampleClientOptions_tracing() {
	var provider tracing.Provider

	options := &azattestation.ClientOptions{}
	options.TracingProvider = provider
	client, err := azattestation.NewClientWithNoCredential("https://contoso.eus.attest.azure.net", options)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Endpoint())

	// Output:
	// https://contoso.eus.attest.azure.net
}

// Every kind of failure has a type.
func Example_errors() {
	ctx, client := context.Background(), exampleClient()
	brokenQuote := []byte("no quote at all")

	_, err := client.AttestSGXEnclave(ctx, brokenQuote, nil)
	if keys, ok := errors.AsType[*azattestation.KeySourceError](err); ok {
		fmt.Println("no keys to check the answer by:", keys.Err)
	} else if refused, ok := errors.AsType[*azcore.ResponseError](err); ok {
		fmt.Println("the service refuses:", refused.StatusCode, refused.ErrorCode)
	} else if invalid, ok := errors.AsType[*azattestation.TokenValidationError](err); ok {
		fmt.Println("a token that does not hold, by the check:", invalid.Check)
	} else if answer, ok := errors.AsType[*azattestation.AnswerError](err); ok {
		fmt.Println("no answer of an attestation service:", answer.Part)
	} else if argument, ok := errors.AsType[*azattestation.ArgumentError](err); ok {
		fmt.Println("nothing was sent:", argument.Argument)
	} else if err != nil {
		fmt.Println("no answer at all:", err)
	}

	// Output:
	// the service refuses: 400 InvalidQuote
}

// A change that the service reports otherwise than it was asked for is an
// UnconfirmedError: look at the state of the instance before trying again.
func ExampleUnconfirmedError() {
	ctx, admin := context.Background(), exampleLyingAdmin()
	policy := examplePolicy

	_, err := admin.SetPolicy(ctx, azattestation.AttestationTypeSgxEnclave, policy, nil)
	if unconfirmed, ok := errors.AsType[*azattestation.UnconfirmedError](err); ok {
		fmt.Println("not confirmed:", unconfirmed.Part)
	}

	// Output:
	// not confirmed: policy token hash
}

func ExampleArgumentError() {
	_, err := azattestation.NewClientWithNoCredential("http://contoso.eus.attest.azure.net", nil)
	if argument, ok := errors.AsType[*azattestation.ArgumentError](err); ok {
		fmt.Println(argument.Argument, "must be", argument.Expected)
	}

	// Output:
	// endpoint must be https, or http to this machine
}
