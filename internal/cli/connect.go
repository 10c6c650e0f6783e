package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/spf13/cobra"

	"github.com/azattest/azattest/azattestation"
)

// endpointVariable stands in for --endpoint.
const endpointVariable = "AZATTEST_ENDPOINT"

// connectFlags are the flags of commands that talk to an instance.
type connectFlags struct {
	endpoint, caFile, apiVersion string
	identity                     credentialFlags
}

// add adds all flags. The credential is the one that is used if none is named.
func (f *connectFlags) add(cmd *cobra.Command, credential string) {
	f.addPublic(cmd)
	cmd.Flags().StringVar(&f.apiVersion, "api-version", azattestation.APIVersion20250601, "version of the REST API to speak")
	mustComplete(cmd, "api-version", azattestation.APIVersion20250601, azattestation.APIVersion20220801, azattestation.APIVersion20201001)
	f.identity.add(cmd, credential)
}

// addPublic adds the flags for what everybody may read.
func (f *connectFlags) addPublic(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.endpoint, "endpoint", "", "URL of the instance (default: the environment variable "+endpointVariable+")")
	flags.StringVar(&f.caFile, "ca-file", "", "PEM file with the CA certificates to trust for TLS (default: the system's)")
	mustTakeText(cmd, "endpoint")
}

// complete takes the endpoint from the environment if the command line does not
// have it, and refuses to go on without one.
func (f *connectFlags) complete(cmd *cobra.Command, s Streams) error {
	if f.endpoint == "" {
		f.endpoint = s.env(endpointVariable)
	}
	if f.endpoint == "" {
		return usage(cmd.CommandPath(), "--endpoint is missing: the URL of the instance, here or in %s", endpointVariable)
	}
	return f.identity.check(cmd)
}

// client returns a client that attests and reads what everybody may.
func (f *connectFlags) client(cmd *cobra.Command, s Streams) (*azattestation.Client, error) {
	options, credential, err := f.open(cmd, s)
	if err != nil {
		return nil, err
	}
	c, err := newClient(f.endpoint, credential, options)
	return c, usageOf(cmd, err)
}

// publicClient returns a client without a credential, for an endpoint that no
// user named.
func publicClient(s Streams, endpoint, caFile string) (*azattestation.Client, error) {
	transport, err := transportTo(s, caFile)
	if err != nil {
		return nil, err
	}
	return newClient(endpoint, nil, clientOptions(s, transport, "", credentialFlags{}))
}

// newClient returns a client that sends the credential, if there is one.
func newClient(endpoint string, credential azcore.TokenCredential, options *azattestation.ClientOptions) (*azattestation.Client, error) {
	if credential == nil {
		return azattestation.NewClientWithNoCredential(endpoint, options)
	}
	return azattestation.NewClient(endpoint, credential, options)
}

// administration returns a client that reads and changes policies.
func (f *connectFlags) administration(cmd *cobra.Command, s Streams) (*azattestation.AdministrationClient, error) {
	options, credential, err := f.open(cmd, s)
	if err != nil {
		return nil, err
	}
	var c *azattestation.AdministrationClient
	if credential == nil {
		c, err = azattestation.NewAdministrationClientWithNoCredential(f.endpoint, options)
	} else {
		c, err = azattestation.NewAdministrationClient(f.endpoint, credential, options)
	}
	return c, usageOf(cmd, err)
}

func (f *connectFlags) open(cmd *cobra.Command, s Streams) (*azattestation.ClientOptions, azcore.TokenCredential, error) {
	if err := f.complete(cmd, s); err != nil {
		return nil, nil, err
	}
	transport, err := transportTo(s, f.caFile)
	if err != nil {
		return nil, nil, err
	}
	credential, err := f.identity.open(s)
	if err != nil {
		return nil, nil, serviceFault(err)
	}
	return clientOptions(s, transport, f.apiVersion, f.identity), credential, nil
}

// clientOptions are those of every client of the command.
func clientOptions(s Streams, transport policy.Transporter, apiVersion string, identity credentialFlags) *azattestation.ClientOptions {
	const (
		// A person waits: what fails within a second or so is reported.
		retries    = 2
		retryDelay = 200 * time.Millisecond
	)
	o := new(azattestation.ClientOptions)
	o.Transport, o.APIVersion, o.Cloud = transport, apiVersion, identity.configuration()
	o.Retry = policy.RetryOptions{MaxRetries: retries, RetryDelay: retryDelay, TryTimeout: patienceForTry}
	waiting := new(patience)
	if s.IsTerminal {
		waiting.w = s.Err
	}
	o.PerCallPolicies = append(o.PerCallPolicies, waiting)
	o.Telemetry.ApplicationID = "azattest"
	o.TokenValidation = asOf(s.Now)
	return o
}

// transportTo returns what carries requests. The file of CA certificates, if
// any, replaces the system's.
func transportTo(s Streams, caFile string) (*http.Client, error) {
	transport, _, err := transportTrusting(s, caFile)
	return transport, err
}

// transportTrusting is transportTo with the certificates in the file, nil for the
// system's.
func transportTrusting(s Streams, caFile string) (*http.Client, *x509.CertPool, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, Time: s.Now}
	if caFile != "" {
		text, err := readInput(s, caFile)
		if err != nil {
			return nil, nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, nil, fmt.Errorf("%s: no PEM certificate inside", caFile)
		}
	}
	transport := &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	s.shared.closeLater(transport)
	return &http.Client{
		Transport: transport,
		Timeout:   patienceInAll,
		// Evidence is for nobody else, and keys that somebody else hands out are not
		// the service's.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, config.RootCAs, nil
}

// usageOf makes a usage error of what a constructor refuses: it was given what
// stands on the command line.
func usageOf(cmd *cobra.Command, err error) error {
	if e, ok := errors.AsType[*azattestation.ArgumentError](err); ok {
		return &usageError{err: argumentFault(e), command: cmd.CommandPath()}
	}
	return err
}

// plain is what the client library says, without its name.
func plain(err error) string {
	return told(strings.TrimPrefix(err.Error(), "azattestation: "))
}
