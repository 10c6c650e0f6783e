package azattestation_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/azattestation/fake"
)

// The examples need neither network nor hardware: this file makes an instance
// that does not exist, and the evidence that it is shown. In a program of yours
// stand a client of your instance and evidence of your machine.

const exampleURL = "https://contoso.eus.attest.azure.net"

// exampleClient returns a client of a new instance.
func exampleClient() *azattestation.Client {
	client, err := azattestation.NewClientWithNoCredential(exampleURL, exampleOptions())
	return orPanic(client, err)
}

// exampleAdmin returns the client of whoever runs a new instance, in AAD mode.
func exampleAdmin() *azattestation.AdministrationClient {
	admin, err := azattestation.NewAdministrationClient(exampleURL, &azfake.TokenCredential{}, exampleOptions())
	return orPanic(admin, err)
}

// exampleIsolated returns the client of whoever runs a new instance in isolated
// mode, and the key whose certificate the instance was created with.
func exampleIsolated() (*azattestation.AdministrationClient, *azattestation.SigningKey) {
	signer, certificate := examplePair("Contoso policy")
	key, err := azattestation.NewSigningKey(signer, certificate)
	admin, adminErr := azattestation.NewAdministrationClient(exampleURL, &azfake.TokenCredential{}, exampleOptions(certificate))
	return orPanic(admin, adminErr), orPanic(key, err)
}

// exampleLyingAdmin returns the client of an instance that reports the hash of
// another policy than it was sent.
func exampleLyingAdmin() *azattestation.AdministrationClient {
	options := &azattestation.ClientOptions{}
	options.Transport = fake.NewServerTransport(&fake.Server{
		Issuer: exampleIssuer(),
		SetPolicy: func(context.Context, azattestation.AttestationType, string, *azattestation.AdministrationClientSetPolicyOptions) (resp azfake.Responder[azattestation.AdministrationClientSetPolicyResponse], errResp azfake.ErrorResponder) {
			r := azattestation.PolicyResult{PolicyTokenHash: make([]byte, sha256.Size)}
			resp.SetResponse(http.StatusOK, azattestation.AdministrationClientSetPolicyResponse{PolicyResult: r}, nil)
			return resp, errResp
		},
	})
	admin, err := azattestation.NewAdministrationClient(exampleURL, &azfake.TokenCredential{}, options)
	return orPanic(admin, err)
}

// exampleOptions makes the transport of a new instance.
func exampleOptions(certificates ...*x509.Certificate) *azattestation.ClientOptions {
	i := &exampleInstance{certificates: certificates, policies: map[azattestation.AttestationType]*azattestation.PolicyToken{}}
	options := &azattestation.ClientOptions{}
	options.Transport = fake.NewServerTransport(&fake.Server{
		Issuer:                  exampleIssuer(),
		AttestSGXEnclave:        i.attestSGXEnclave,
		AttestOpenEnclave:       i.attestOpenEnclave,
		AttestSEVSNPVM:          attestSEVSNPVM,
		AttestTDXVM:             attestTDXVM,
		AttestTPM:               attestTPM,
		AttestAzureGuest:        attestAzureGuest,
		GetPolicy:               i.getPolicy,
		SetPolicy:               i.setPolicy,
		ResetPolicy:             i.resetPolicy,
		GetPolicyCertificates:   i.getCertificates,
		AddPolicyCertificate:    i.addCertificate,
		RemovePolicyCertificate: i.removeCertificate,
	})
	return options
}

// exampleIssuer is the signing key of all these instances. Azure's are RSA; this
// one takes no time to make.
var exampleIssuer = sync.OnceValue(func() *fake.Issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	issuer, issuerErr := fake.NewIssuer(exampleURL, &fake.IssuerOptions{Signer: orPanic(key, err)})
	return orPanic(issuer, issuerErr)
})

// exampleInstance keeps what may be changed of an instance.
type exampleInstance struct {
	policies     map[azattestation.AttestationType]*azattestation.PolicyToken
	certificates []*x509.Certificate
}

const (
	examplePolicy    = "version= 1.0; authorizationrules { => permit(); }; issuancerules { };"
	exampleMREnclave = "5b1b8b1e9c5c8a7f0d7c9a4f1f0e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"
)

// policy returns the text that is in force.
func (i *exampleInstance) policy(kind azattestation.AttestationType) string {
	if p := i.policies[kind]; p != nil {
		return p.Policy()
	}
	return examplePolicy
}

const reportDataAt = 368 // in an SGX quote of version 3

// exampleQuote stands for what an enclave gets from its processor: a quote whose
// report data begins with the hash of the data that the enclave named.
func exampleQuote(runtimeData []byte) []byte {
	quote := make([]byte, reportDataAt+64)
	quote[0] = 3
	digest := sha256.Sum256(runtimeData)
	copy(quote[reportDataAt:], digest[:])
	return quote
}

// exampleReport is the same from the Open Enclave SDK, which has a header of 16 bytes.
func exampleReport(runtimeData []byte) []byte {
	quote := exampleQuote(runtimeData)
	return append([]byte{1, 0, 0, 0, 2, 0, 0, 0, byte(len(quote)), byte(len(quote) >> 8), 0, 0, 0, 0, 0, 0}, quote...)
}

// judge is the service's part: what a quote says, if runtime data and policy
// agree to it.
func (i *exampleInstance) judge(kind azattestation.AttestationType, quote []byte, data *azattestation.AttestationData, draft *string) (azattestation.AttestationResult, string) {
	policy := i.policy(kind)
	if draft != nil {
		policy = *draft
	}
	switch {
	case len(quote) < reportDataAt+64:
		return azattestation.AttestationResult{}, azattestation.ErrorCodeInvalidQuote
	case data != nil && !isBound(quote, data.Data):
		return azattestation.AttestationResult{}, azattestation.ErrorCodeInvalidParameter
	case strings.Contains(policy, "deny()"):
		return azattestation.AttestationResult{}, azattestation.ErrorCodePolicyEvaluationError
	}
	hash := azattestation.PolicyHash(policy)
	r := azattestation.AttestationResult{
		AttestationType: new("sgx"), Version: new("1.0"), MREnclave: new(exampleMREnclave), IsDebuggable: new(false),
		ProductID: new(int32(1)), SVN: new(int32(2)), ReportData: new(hex.EncodeToString(quote[reportDataAt:])), PolicyHash: hash[:],
	}
	show(&r, data)
	return r, ""
}

func isBound(quote, data []byte) bool {
	digest := sha256.Sum256(data)
	return bytes.HasPrefix(quote[reportDataAt:], digest[:])
}

// show puts runtime data where a token has it.
func show(r *azattestation.AttestationResult, data *azattestation.AttestationData) {
	switch {
	case data == nil:
	case data.DataType == azattestation.DataTypeJSON:
		r.RuntimeClaims = data.Data
	default:
		r.EnclaveHeldData = data.Data
	}
}

func (i *exampleInstance) attestSGXEnclave(_ context.Context, quote []byte, o *azattestation.ClientAttestSGXEnclaveOptions) (resp azfake.Responder[azattestation.ClientAttestSGXEnclaveResponse], errResp azfake.ErrorResponder) {
	r, code := i.judge(azattestation.AttestationTypeSgxEnclave, quote, o.RuntimeData, o.DraftPolicy)
	if code != "" {
		errResp.SetResponseError(http.StatusBadRequest, code)
	}
	resp.SetResponse(http.StatusOK, azattestation.ClientAttestSGXEnclaveResponse{AttestationResult: r}, nil)
	return resp, errResp
}

func (i *exampleInstance) attestOpenEnclave(_ context.Context, report []byte, o *azattestation.ClientAttestOpenEnclaveOptions) (resp azfake.Responder[azattestation.ClientAttestOpenEnclaveResponse], errResp azfake.ErrorResponder) {
	r, code := i.judge(azattestation.AttestationTypeOpenEnclave, report[min(16, len(report)):], o.RuntimeData, o.DraftPolicy)
	if code != "" {
		errResp.SetResponseError(http.StatusBadRequest, code)
	}
	resp.SetResponse(http.StatusOK, azattestation.ClientAttestOpenEnclaveResponse{AttestationResult: r}, nil)
	return resp, errResp
}

func attestSEVSNPVM(_ context.Context, _ []byte, o *azattestation.ClientAttestSEVSNPVMOptions) (resp azfake.Responder[azattestation.ClientAttestSEVSNPVMResponse], errResp azfake.ErrorResponder) {
	r := azattestation.AttestationResult{AttestationType: new("sevsnpvm"), AdditionalClaims: map[string]json.RawMessage{
		"x-ms-sevsnpvm-vmpl": []byte("0"), "x-ms-sevsnpvm-is-debuggable": []byte("false"),
	}}
	show(&r, o.RuntimeData)
	resp.SetResponse(http.StatusOK, azattestation.ClientAttestSEVSNPVMResponse{AttestationResult: r}, nil)
	return resp, errResp
}

func attestTDXVM(_ context.Context, _ []byte, o *azattestation.ClientAttestTDXVMOptions) (resp azfake.Responder[azattestation.ClientAttestTDXVMResponse], errResp azfake.ErrorResponder) {
	r := azattestation.AttestationResult{AttestationType: new("tdxvm")}
	show(&r, o.RuntimeData)
	resp.SetResponse(http.StatusOK, azattestation.ClientAttestTDXVMResponse{AttestationResult: r}, nil)
	return resp, errResp
}

func attestTPM(_ context.Context, data []byte, _ *azattestation.ClientAttestTPMOptions) (resp azfake.Responder[azattestation.ClientAttestTPMResponse], errResp azfake.ErrorResponder) {
	if !bytes.Contains(data, []byte(`"aikcert"`)) {
		errResp.SetResponseError(http.StatusBadRequest, azattestation.ErrorCodeInvalidParameter)
	}
	resp.SetResponse(http.StatusOK, azattestation.ClientAttestTPMResponse{
		Data: []byte(`{"payload":{"challenge":"CDKYHIRsvbhLJDOfqqObCA","service_context":"e30"}}`),
	}, nil)
	return resp, errResp
}

// exampleGuest stands for what Azure's guest attestation library gathers; the
// public key in it is that of the machine's TPM.
func exampleGuest(key *rsa.PublicKey) []byte {
	return orPanic(json.Marshal(map[string]any{"TpmInfo": map[string]any{"EncKeyPub": x509.MarshalPKCS1PublicKey(key)}}))
}

func attestAzureGuest(_ context.Context, attestationInfo []byte, _ *azattestation.ClientAttestAzureGuestOptions) (resp azfake.Responder[azattestation.ClientAttestAzureGuestResponse], errResp azfake.ErrorResponder) {
	var info struct{ TpmInfo struct{ EncKeyPub []byte } }
	if err := json.Unmarshal(attestationInfo, &info); err != nil {
		errResp.SetResponseError(http.StatusBadRequest, azattestation.ErrorCodeInvalidParameter)
		return resp, errResp
	}
	key, err := x509.ParsePKCS1PublicKey(info.TpmInfo.EncKeyPub)
	token, sealErr := exampleIssuer().SealedToken(map[string]any{"x-ms-attestation-type": "azurevm", "secureboot": true}, orPanic(key, err))
	resp.SetResponse(http.StatusOK, azattestation.ClientAttestAzureGuestResponse{Token: orPanic(token, sealErr)}, nil)
	return resp, errResp
}

func (i *exampleInstance) getPolicy(_ context.Context, kind azattestation.AttestationType, _ *azattestation.AdministrationClientGetPolicyOptions) (resp azfake.Responder[azattestation.AdministrationClientGetPolicyResponse], errResp azfake.ErrorResponder) {
	resp.SetResponse(http.StatusOK, azattestation.AdministrationClientGetPolicyResponse{Policy: i.policy(kind), PolicyToken: i.policies[kind]}, nil)
	return resp, errResp
}

func (i *exampleInstance) setPolicy(_ context.Context, kind azattestation.AttestationType, _ string, o *azattestation.AdministrationClientSetPolicyOptions) (resp azfake.Responder[azattestation.AdministrationClientSetPolicyResponse], errResp azfake.ErrorResponder) {
	if !i.trusts(o.PolicyToken.Signer()) {
		errResp.SetResponseError(http.StatusBadRequest, azattestation.ErrorCodeInvalidOperation)
		return resp, errResp
	}
	i.policies[kind] = o.PolicyToken
	resp.SetResponse(http.StatusOK, azattestation.AdministrationClientSetPolicyResponse{}, nil)
	return resp, errResp
}

func (i *exampleInstance) resetPolicy(_ context.Context, kind azattestation.AttestationType, o *azattestation.AdministrationClientResetPolicyOptions) (resp azfake.Responder[azattestation.AdministrationClientResetPolicyResponse], errResp azfake.ErrorResponder) {
	if !i.trusts(o.PolicyToken.Signer()) {
		errResp.SetResponseError(http.StatusBadRequest, azattestation.ErrorCodeInvalidOperation)
		return resp, errResp
	}
	delete(i.policies, kind)
	resp.SetResponse(http.StatusOK, azattestation.AdministrationClientResetPolicyResponse{}, nil)
	return resp, errResp
}

// trusts says whether a change signed by this certificate is taken. In AAD mode
// every one is.
func (i *exampleInstance) trusts(signer []*x509.Certificate) bool {
	return len(i.certificates) == 0 || len(signer) > 0 && slices.ContainsFunc(i.certificates, signer[0].Equal)
}

func (i *exampleInstance) getCertificates(context.Context, *azattestation.AdministrationClientGetPolicyCertificatesOptions) (resp azfake.Responder[azattestation.AdministrationClientGetPolicyCertificatesResponse], errResp azfake.ErrorResponder) {
	var r azattestation.AdministrationClientGetPolicyCertificatesResponse
	for _, c := range i.certificates {
		r.Certificates = append(r.Certificates, &azattestation.JSONWebKey{
			Algorithm: new("ES256"), KeyType: new("EC"), Use: new("sig"), Certificates: []*x509.Certificate{c},
		})
	}
	resp.SetResponse(http.StatusOK, r, nil)
	return resp, errResp
}

func (i *exampleInstance) addCertificate(_ context.Context, certificate *x509.Certificate, signer []*x509.Certificate, _ *azattestation.AdministrationClientAddPolicyCertificateOptions) (resp azfake.Responder[azattestation.AdministrationClientAddPolicyCertificateResponse], errResp azfake.ErrorResponder) {
	if len(i.certificates) == 0 || !i.trusts(signer) {
		errResp.SetResponseError(http.StatusBadRequest, azattestation.ErrorCodeInvalidOperation)
		return resp, errResp
	}
	i.certificates = append(i.certificates, certificate)
	resp.SetResponse(http.StatusOK, azattestation.AdministrationClientAddPolicyCertificateResponse{}, nil)
	return resp, errResp
}

func (i *exampleInstance) removeCertificate(_ context.Context, certificate *x509.Certificate, signer []*x509.Certificate, _ *azattestation.AdministrationClientRemovePolicyCertificateOptions) (resp azfake.Responder[azattestation.AdministrationClientRemovePolicyCertificateResponse], errResp azfake.ErrorResponder) {
	if len(i.certificates) == 0 || !i.trusts(signer) {
		errResp.SetResponseError(http.StatusBadRequest, azattestation.ErrorCodeInvalidOperation)
		return resp, errResp
	}
	i.certificates = slices.DeleteFunc(i.certificates, certificate.Equal)
	resp.SetResponse(http.StatusOK, azattestation.AdministrationClientRemovePolicyCertificateResponse{}, nil)
	return resp, errResp
}

// examplePair makes a key and its self-signed certificate.
func examplePair(name string) (crypto.Signer, *x509.Certificate) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true, IsCA: true,
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, certErr := x509.CreateCertificate(rand.Reader, template, template, &orPanic(key, err).PublicKey, key)
	certificate, parseErr := x509.ParseCertificate(orPanic(der, certErr))
	return key, orPanic(certificate, parseErr)
}

// examplePEM is examplePair as the two files that it would be in.
func examplePEM(name string) (keyPEM, certificatePEM []byte) {
	key, certificate := examplePair(name)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: orPanic(der, err)}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
}

// orPanic ends an example whose setting could not be made.
func orPanic[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
