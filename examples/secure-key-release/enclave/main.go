// Command enclave is what runs in the enclave: it gets a secret that a vault releases
// to this enclave and to no other program.
//
// Copy it: it imports nothing that is internal to azattest. The evidence is simulated
// unless -evidence auto asks the machine for its own, as in an SGX enclave under Gramine
// or in a TDX virtual machine.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/collect"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/simulator"
)

// options are the flags. In an enclave, files and arguments must be measured, or be
// such that it does no harm if the host chooses them; the README says which is which.
type options struct {
	attestation, attestationCA string
	vault, vaultCA             string
	key, policy                string
	evidence                   string
	// The simulated enclave: whose platform it runs on, and what it is measured as.
	platform, mrenclave string
	debug               bool
}

func main() {
	var o options
	flag.StringVar(&o.attestation, "attestation", "", "URL of the attestation service")
	flag.StringVar(&o.attestationCA, "attestation-ca", "", "PEM file with the CA of its certificate (default: the system's)")
	flag.StringVar(&o.vault, "vault", "", "URL of the vault")
	flag.StringVar(&o.vaultCA, "vault-ca", "", "PEM file with the CA of its certificate (default: the system's)")
	flag.StringVar(&o.key, "key", "", "name of the key")
	flag.StringVar(&o.policy, "policy", "", "file with the release policy that the key must have")
	flag.StringVar(&o.evidence, "evidence", "simulated", "simulated, or auto for what the machine offers")
	flag.StringVar(&o.platform, "platform", "", "simulated: folder of the platform")
	flag.StringVar(&o.mrenclave, "mrenclave", "", "simulated: measurement of the enclave, 64 hexadecimal digits")
	flag.BoolVar(&o.debug, "debug", false, "simulated: the enclave can be debugged")
	flag.Parse()
	if err := run(&o); err != nil {
		fmt.Fprintln(os.Stderr, "enclave:", err)
		os.Exit(1)
	}
}

// patience is how long the enclave waits for its secret.
const patience = 2 * time.Minute

func run(o *options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	// The host may let nobody answer.
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	secret, err := get(ctx, o)
	if err != nil {
		return err
	}
	defer secret.Clear()
	// Here the program would use secret.Material. It shows that it has it, by a hash that
	// tells nothing because the secret is random: of a password it would.
	fmt.Printf("enclave: got %s key %s, %d bytes, SHA-256 %x\n", secret.Type, secret.Name, len(secret.Material), sha256.Sum256(secret.Material))
	return nil
}

// get has this enclave attested, and gets the secret.
func get(ctx context.Context, o *options) (*keyrelease.Released, error) {
	text, err := os.ReadFile(o.policy)
	if err != nil {
		return nil, err
	}
	expected, err := keyrelease.ParsePolicy(text)
	if err != nil {
		return nil, err
	}
	attest, err := attester(o)
	if err != nil {
		return nil, err
	}
	trusted, err := transport(o.vaultCA)
	if err != nil {
		return nil, err
	}
	vault, err := keyrelease.NewClient(o.vault, bearer(os.Getenv("VAULT_TOKEN")), &keyrelease.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: trusted}},
		Scope:         o.vault + "/.default",
	})
	if err != nil {
		return nil, err
	}
	return vault.Get(ctx, o.key, keyrelease.GetOptions{
		// To whom else the key may be released: without this, who runs the vault could
		// pass off a key that others have, too.
		Policies: []*keyrelease.Policy{expected},
		// The vault signs its answer with a certificate of the same CA as for TLS.
		Roots:  trusted.TLSClientConfig.RootCAs,
		Attest: attest,
	})
}

// attester is what has this enclave attested: evidence by the simulator or by the
// machine, and a client of the service that judges it.
func attester(o *options) (keyrelease.Attester, error) {
	trusted, err := transport(o.attestationCA)
	if err != nil {
		return nil, err
	}
	client, err := azattestation.NewClientWithNoCredential(o.attestation, &azattestation.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: trusted}},
	})
	if err != nil {
		return nil, err
	}
	switch o.evidence {
	case "simulated":
		quote, err := simulated(o)
		if err != nil {
			return nil, err
		}
		return keyrelease.SGXAttester(client, quote), nil
	case "auto":
		return machine(client)
	}
	return nil, fmt.Errorf("-evidence %q, want simulated or auto", o.evidence)
}

// machine attests what this program runs in.
func machine(client *azattestation.Client) (keyrelease.Attester, error) {
	source, err := collect.Detect(collect.Config{})
	if err != nil {
		return nil, err
	}
	quote := func(ctx context.Context, reportData [64]byte) ([]byte, error) {
		evidence, err := source.Quote(ctx, reportData)
		if err != nil {
			return nil, err
		}
		return evidence.Bytes, nil
	}
	switch source.Kind() {
	case collect.SGXQuote:
		return keyrelease.SGXAttester(client, quote), nil
	case collect.TDXQuote:
		return keyrelease.TDXAttester(client, quote), nil
	default:
		return nil, fmt.Errorf("%s gives an %s, which this example does not attest", source, source.Kind())
	}
}

// simulated makes quotes that say what the flags say. They prove nothing: only a
// service with --dev takes them.
func simulated(o *options) (keyrelease.Quoter, error) {
	platform, err := simulator.Load(o.platform)
	if err != nil {
		return nil, err
	}
	measurement, err := hex.DecodeString(o.mrenclave)
	if err != nil || len(measurement) != 32 {
		return nil, errors.New("-mrenclave: want 64 hexadecimal digits")
	}
	return func(_ context.Context, reportData [64]byte) ([]byte, error) {
		return platform.Quote(simulator.Report{MRENCLAVE: [32]byte(measurement), Debug: o.debug, ReportData: reportData})
	}, nil
}

// transport is HTTPS to a server whose CA is in a file, or among the system's.
func transport(caFile string) (*http.Transport, error) {
	t := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if caFile == "" {
		return t, nil
	}
	text, err := os.ReadFile(caFile) //nolint:gosec // G304: the file is named by who starts the program
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate in PEM", caFile)
	}
	return t, nil
}

// bearer is who asks. The vault wants to know before it looks at evidence; at Azure it
// is a credential of azidentity. It opens nothing by itself.
type bearer string

// GetToken makes it an azcore.TokenCredential.
func (b bearer) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if b == "" {
		return azcore.AccessToken{}, errors.New("VAULT_TOKEN is empty, want the bearer token of a release user")
	}
	return azcore.AccessToken{Token: string(b), ExpiresOn: time.Now().Add(time.Hour)}, nil
}
