package keyrelease_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/azattestation/fake"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/relyingparty"
)

// An enclave gets a key that is for it alone. The attestation service and the vault
// are https://sharedeus.eus.attest.azure.net and https://contoso.vault.azure.net, for
// instance; those of this example are in this process.
func ExampleClient_Get() {
	vault := newExampleVault()
	attestation := vault.attestation // azattestation.NewClientWithNoCredential(…)

	// The credential is one of azidentity; this vault asks nobody who he is.
	client, err := keyrelease.NewClient(vault.URL, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	key, err := client.Get(context.Background(), "payroll", keyrelease.GetOptions{
		Policies: []*keyrelease.Policy{vault.policy}, // to whom else the key may be released
		Roots:    vault.roots,                        // nil for the system's, as Key Vault's certificates have
		Attest: keyrelease.SGXAttester(attestation, func(_ context.Context, reportData [64]byte) ([]byte, error) {
			return append([]byte("a quote of this enclave with "), reportData[:]...), nil // see package collect
		}),
	})
	if refused, ok := errors.AsType[*keyrelease.VaultError](err); ok {
		log.Fatal("not released: ", refused.Message)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.Type, key.Name)
	fmt.Println(string(key.Material))
	key.Clear()
	vault.Close()
	// Output:
	// oct payroll
	// sixteen or more.
}

// Whoever attests in another way sends the token himself, and verifies what comes back.
func ExampleClient_Release() {
	vault := newExampleVault()
	client, err := keyrelease.NewClient(vault.URL, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Release(context.Background(), "payroll", "", keyrelease.Request{Target: "no token of anybody", Nonce: rand.Text()})
	if refused, ok := errors.AsType[*keyrelease.VaultError](err); ok {
		fmt.Println(refused.Status, refused.InnerCode)
		fmt.Println(refused.Message)
	}
	vault.Close()
	// Output:
	// 403 AccessDenied
	// Target environment attestation statement cannot be verified.
}

// exampleVault keeps one secret for one enclave.
type exampleVault struct {
	*httptest.Server
	attestation *azattestation.Client
	policy      *keyrelease.Policy
	roots       *x509.CertPool
}

// ReleaseKey makes it a KeySource.
func (v *exampleVault) ReleaseKey(_ context.Context, name, _ string) (*keyrelease.Key, error) {
	if name != "payroll" {
		return nil, keyrelease.ErrKeyNotFound
	}
	return &keyrelease.Key{
		Name: name, Version: "1", Type: "oct", Material: []byte("sixteen or more."),
		Attributes: keyrelease.Attributes{Enabled: true, Exportable: true}, Policy: v.policy,
	}, nil
}

func newExampleVault() *exampleVault {
	issuer, err := fake.NewIssuer("https://attest.example", nil)
	if err != nil {
		log.Fatal(err)
	}
	enclave, kind, debuggable := mrenclave, "sgx", false
	service := &fake.Server{
		Issuer: issuer,
		AttestSGXEnclave: func(context.Context, []byte, *azattestation.ClientAttestSGXEnclaveOptions) (resp azfake.Responder[azattestation.ClientAttestSGXEnclaveResponse], errResp azfake.ErrorResponder) {
			resp.SetResponse(http.StatusOK, azattestation.ClientAttestSGXEnclaveResponse{AttestationResult: azattestation.AttestationResult{
				AttestationType: &kind, MREnclave: &enclave, IsDebuggable: &debuggable,
			}}, nil)
			return resp, errResp
		},
	}
	v := new(exampleVault)
	if v.attestation, err = azattestation.NewClientWithNoCredential(issuer.URL(), &azattestation.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: fake.NewServerTransport(service)},
	}); err != nil {
		log.Fatal(err)
	}
	if v.policy, err = keyrelease.ParsePolicy(fmt.Appendf(nil, `{"version":"1.0.0","anyOf":[{"authority":%q,"allOf":[{"claim":"x-ms-sgx-mrenclave","equals":%q}]}]}`, issuer.URL(), enclave)); err != nil {
		log.Fatal(err)
	}
	keys, err := issuer.KeySource()
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := relyingparty.New(relyingparty.Config{Sources: []*azattestation.KeySource{keys}, AllowAnyEnclave: true}) // the policy says which
	if err != nil {
		log.Fatal(err)
	}
	v.Server = httptest.NewUnstartedServer(nil)
	url := "http://" + v.Listener.Addr().String()
	signer := v.signer()
	releaser, err := keyrelease.NewReleaser(keyrelease.Config{
		Verifier: verifier, Keys: v, Vault: url, RequireNonce: true,
		Signer: func(context.Context) (*keyrelease.Signer, error) { return signer, nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	v.Config.Handler = keyrelease.NewHandler(releaser)
	v.Start()
	return v
}

// signer has a certificate of its own making, for this machine.
func (v *exampleVault) signer() *keyrelease.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	v.roots = x509.NewCertPool()
	v.roots.AddCert(certificate)
	signer, err := keyrelease.NewSigner(key, []*x509.Certificate{certificate})
	if err != nil {
		log.Fatal(err)
	}
	return signer
}
