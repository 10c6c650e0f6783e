package azattestation_test

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/azattestation/fake"
)

// mode is who may change the policies of an instance.
type mode string

const (
	modeAAD      mode = "AAD"      // whoever has the role, signed or not
	modeIsolated mode = "Isolated" // whoever holds a key of its certificates
	modeShared   mode = "Shared"   // nobody: the instance is everybody's
)

var (
	modes = []mode{modeAAD, modeIsolated, modeShared}
	kinds = []azattestation.AttestationType{azattestation.AttestationTypeSgxEnclave, azattestation.AttestationTypeOpenEnclave, azattestation.AttestationTypeTpm}
)

// defaultPolicy is what an instance judges by where no policy is set; that of a
// TPM is empty.
const defaultPolicy = `version=1.0; authorizationrules { => permit(); }; issuancerules { c:[type=="x-ms-sgx-product-id"] => issue(type="product-id", value=c.value); };`

// instance remembers what it is told, and refuses what Azure was recorded to
// refuse, in its words. It is a transport, and an http.Handler.
type instance struct {
	mode      mode
	issuer    *fake.Issuer
	key       *azattestation.SigningKey // of the certificate that an isolated instance begins with
	transport *fake.ServerTransport

	mu           sync.Mutex
	policies     map[azattestation.AttestationType]*azattestation.PolicyToken
	certificates []*x509.Certificate
}

func newInstance(t testing.TB, m mode) *instance {
	t.Helper()
	return newInstanceAt(t, m, "https://"+strings.ToLower(string(m))+".example")
}

// newServedInstance is an instance behind TLS, and the transport that trusts it.
func newServedInstance(t testing.TB, m mode) (*instance, *http.Client) {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	i := newInstanceAt(t, m, "https://"+srv.Listener.Addr().String())
	srv.Config.Handler = i
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return i, srv.Client()
}

func newInstanceAt(t testing.TB, m mode, url string) *instance {
	t.Helper()
	issuer, err := fake.NewIssuer(url, &fake.IssuerOptions{Signer: rsaKey()})
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{mode: m, issuer: issuer, policies: map[azattestation.AttestationType]*azattestation.PolicyToken{}}
	if m == modeIsolated {
		i.key = signingKeyOf(ecKey(), "first policy signer")
		i.certificates = []*x509.Certificate{i.key.Certificate()}
	}
	i.transport = fake.NewServerTransport(&fake.Server{
		Issuer:           issuer,
		AttestSGXEnclave: i.attestSGX, AttestOpenEnclave: i.attestOpenEnclave, AttestTPM: i.attestTPM,
		GetPolicy: i.getPolicy, SetPolicy: i.setPolicy, ResetPolicy: i.resetPolicy,
		GetPolicyCertificates: i.getCertificates, AddPolicyCertificate: i.addCertificate, RemovePolicyCertificate: i.removeCertificate,
	})
	return i
}

func (i *instance) client(t testing.TB) *azattestation.Client {
	t.Helper()
	c, err := azattestation.NewClient(i.issuer.URL(), &azfake.TokenCredential{}, optionsFor(i))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (i *instance) admin(t testing.TB) *azattestation.AdministrationClient {
	t.Helper()
	c, err := azattestation.NewAdministrationClient(i.issuer.URL(), &azfake.TokenCredential{}, optionsFor(i))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// refusal is an answer other than 200.
type refusal struct {
	status        int
	code, message string
}

func (r *refusal) Error() string { return r.message }

func refuse(code, message string) error { return &refusal{http.StatusBadRequest, code, message} }

// Do answers a request; a refusal in the form that the service was recorded to
// give it.
func (i *instance) Do(req *http.Request) (*http.Response, error) {
	resp, err := i.transport.Do(req)
	if r, ok := errors.AsType[*refusal](err); ok {
		inner := object{"code": r.code, "message": r.message}
		outer := maps.Clone(inner)
		outer["innererror"] = inner
		return answer(req, r.status, jsonType, []byte(jsonOf(object{"error": outer}))), nil
	}
	return resp, err
}

// ServeHTTP answers a request that came over a network.
func (i *instance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := r.Clone(r.Context())
	req.URL.Scheme, req.URL.Host = "https", r.Host
	resp, err := i.Do(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotImplemented)
		return
	}
	defer resp.Body.Close() //nolint:errcheck // opened for reading only
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// policy is the text that judges evidence.
func (i *instance) policy(kind azattestation.AttestationType) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if p := i.policies[kind]; p != nil {
		return p.Policy()
	}
	if kind == azattestation.AttestationTypeTpm {
		return ""
	}
	return defaultPolicy
}

const (
	evidenceForm  = "quote:" // what good evidence begins with
	mrEnclave     = "1fcb9a2b5fcd7c5c1b1b8b4b5ad9a1a3f8e2e8a7f6e5d4c3b2a1908070605040"
	noPermit      = "Attestation Enclave operation failed with 65518: Policy Evaluation Error has occurred Msg:[Policy Engine Exception: No Permit claim was issued in the authorizationrules section, authorization failed.]"
	denied        = "Attestation Enclave operation failed with 65518: Policy Evaluation Error has occurred Msg:[Policy Engine Exception: A Deny claim was issued, authorization failed.]"
	disallowed    = "Attestation Enclave operation failed with 65530: RETURN_IF_TRUE('(GetPolicyRootCertificates().empty())') failed with 0xfffa:The operation is disallowed."
	notSigned     = "Native operation failed with 74: 83FF004A Bad message Msg:[Unsigned JWS specified but enclave is configured with signing certificates.]"
	notSignerOf   = "Attestation Enclave operation failed with 65529: The requested item is not found Msg:[Unable to find issuer certificate]"
	noTPMPolicy   = "A VBS attestation policy has not been set on the attestation provider."
	quoteInvalid  = "The specified quote was invalid due to an error in the quote collateral"
	codeNoTPM     = "Bad request"
	tpmChallenge  = `{"payload":{"challenge":"AAECAwQFBgcICQoLDA0ODw","service_context":"e30"}}`
	notEverybodys = "The caller is not authorized to change the policies of a shared instance."
)

func (i *instance) attest(kind azattestation.AttestationType, evidence []byte, runtime *azattestation.AttestationData, draft *string) (azattestation.AttestationResult, error) {
	if !strings.HasPrefix(string(evidence), evidenceForm) {
		return azattestation.AttestationResult{}, refuse(azattestation.ErrorCodeInvalidQuote, quoteInvalid)
	}
	text := i.policy(kind)
	if draft != nil {
		text = *draft
	}
	switch {
	case strings.Contains(text, "deny()"):
		return azattestation.AttestationResult{}, refuse(azattestation.ErrorCodePolicyEvaluationError, denied)
	case !strings.Contains(text, "permit()"):
		return azattestation.AttestationResult{}, refuse(azattestation.ErrorCodePolicyEvaluationError, noPermit)
	}
	hash, quote := azattestation.PolicyHash(text), sha256.Sum256(evidence)
	r := azattestation.AttestationResult{
		Version: new("1.0"), AttestationType: new("sgx"), PolicyHash: hash[:], PolicyClaims: map[string]json.RawMessage{},
		IsDebuggable: new(false), MREnclave: new(mrEnclave), MRSigner: new(strings.Repeat("ab", 32)), ProductID: new(int32(1)), SVN: new(int32(2)),
		ReportData: new(strings.Repeat("00", 64)), SGXCollateral: &azattestation.SGXCollateral{QuoteHash: new(hex.EncodeToString(quote[:]))},
	}
	if strings.Contains(text, `issue(type="product-id"`) {
		r.Deprecated.ProductID, r.PolicyClaims["product-id"] = r.ProductID, json.RawMessage("1")
	}
	switch {
	case runtime != nil && runtime.DataType == azattestation.DataTypeJSON:
		r.RuntimeClaims = runtime.Data
	case runtime != nil:
		r.EnclaveHeldData, r.Deprecated.EnclaveHeldData, r.Deprecated.EnclaveHeldData2 = runtime.Data, runtime.Data, runtime.Data
	}
	return r, nil
}

// respond makes what a fake function returns.
func respond[T any](v T, err error) (azfake.Responder[T], azfake.ErrorResponder) {
	var resp azfake.Responder[T]
	var errResp azfake.ErrorResponder
	if err != nil {
		errResp.SetError(err)
	} else {
		resp.SetResponse(http.StatusOK, v, nil)
	}
	return resp, errResp
}

func (i *instance) attestSGX(_ context.Context, quote []byte, o *azattestation.ClientAttestSGXEnclaveOptions) (azfake.Responder[azattestation.ClientAttestSGXEnclaveResponse], azfake.ErrorResponder) {
	r, err := i.attest(azattestation.AttestationTypeSgxEnclave, quote, o.RuntimeData, o.DraftPolicy)
	return respond(azattestation.ClientAttestSGXEnclaveResponse{AttestationResult: r}, err)
}

func (i *instance) attestOpenEnclave(_ context.Context, report []byte, o *azattestation.ClientAttestOpenEnclaveOptions) (azfake.Responder[azattestation.ClientAttestOpenEnclaveResponse], azfake.ErrorResponder) {
	r, err := i.attest(azattestation.AttestationTypeOpenEnclave, report, o.RuntimeData, o.DraftPolicy)
	return respond(azattestation.ClientAttestOpenEnclaveResponse{AttestationResult: r}, err)
}

func (i *instance) attestTPM(_ context.Context, data []byte, _ *azattestation.ClientAttestTPMOptions) (azfake.Responder[azattestation.ClientAttestTPMResponse], azfake.ErrorResponder) {
	var err error
	switch {
	case i.policy(azattestation.AttestationTypeTpm) == "":
		err = refuse(codeNoTPM, noTPMPolicy)
	case !json.Valid(data):
		err = refuse(azattestation.ErrorCodeInvalidParameter, "the message is no JSON")
	}
	return respond(azattestation.ClientAttestTPMResponse{Data: []byte(tpmChallenge)}, err)
}

func (i *instance) getPolicy(_ context.Context, kind azattestation.AttestationType, _ *azattestation.AdministrationClientGetPolicyOptions) (azfake.Responder[azattestation.AdministrationClientGetPolicyResponse], azfake.ErrorResponder) {
	i.mu.Lock()
	stored := i.policies[kind]
	i.mu.Unlock()
	r := azattestation.AdministrationClientGetPolicyResponse{PolicyToken: stored}
	if stored == nil {
		r.Policy = i.policy(kind)
	}
	return respond(r, nil)
}

// mayChange says whether a policy token is one that the instance takes.
func (i *instance) mayChange(p *azattestation.PolicyToken) error {
	switch {
	case i.mode == modeShared:
		return &refusal{http.StatusUnauthorized, azattestation.ErrorCodeUnauthorized, notEverybodys}
	case i.mode == modeIsolated && len(p.Signer()) == 0:
		return refuse(azattestation.ErrorCodeInvalidOperation, notSigned)
	case i.mode == modeIsolated && !i.knows(p.Signer()[0]):
		return refuse(azattestation.ErrorCodeInvalidParameter, notSignerOf)
	}
	return nil
}

func (i *instance) knows(c *x509.Certificate) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.ContainsFunc(i.certificates, c.Equal)
}

func (i *instance) setPolicy(_ context.Context, kind azattestation.AttestationType, _ string, o *azattestation.AdministrationClientSetPolicyOptions) (azfake.Responder[azattestation.AdministrationClientSetPolicyResponse], azfake.ErrorResponder) {
	err := i.mayChange(o.PolicyToken)
	if err == nil && !strings.Contains(o.PolicyToken.Policy(), "version=") {
		err = refuse(azattestation.ErrorCodePolicyParsingError, "Invalid policy was specified")
	}
	if err == nil {
		i.mu.Lock()
		i.policies[kind] = o.PolicyToken
		i.mu.Unlock()
	}
	return respond(azattestation.AdministrationClientSetPolicyResponse{}, err)
}

func (i *instance) resetPolicy(_ context.Context, kind azattestation.AttestationType, o *azattestation.AdministrationClientResetPolicyOptions) (azfake.Responder[azattestation.AdministrationClientResetPolicyResponse], azfake.ErrorResponder) {
	err := i.mayChange(o.PolicyToken)
	if err == nil {
		i.mu.Lock()
		delete(i.policies, kind)
		i.mu.Unlock()
	}
	return respond(azattestation.AdministrationClientResetPolicyResponse{}, err)
}

func (i *instance) getCertificates(context.Context, *azattestation.AdministrationClientGetPolicyCertificatesOptions) (azfake.Responder[azattestation.AdministrationClientGetPolicyCertificatesResponse], azfake.ErrorResponder) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var r azattestation.AdministrationClientGetPolicyCertificatesResponse
	for _, c := range i.certificates {
		r.Certificates = append(r.Certificates, &azattestation.JSONWebKey{Algorithm: new("RS256"), Use: new("sig"), Certificates: []*x509.Certificate{c}})
	}
	return respond(r, nil)
}

// changeCertificates does one change, if the instance takes it of this signer.
func (i *instance) changeCertificates(signer []*x509.Certificate, change func()) error {
	switch {
	case i.mode != modeIsolated:
		return refuse(azattestation.ErrorCodeInvalidOperation, disallowed)
	case !i.knows(signer[0]):
		return refuse(azattestation.ErrorCodeInvalidParameter, notSignerOf)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	change()
	return nil
}

func (i *instance) addCertificate(_ context.Context, c *x509.Certificate, signer []*x509.Certificate, _ *azattestation.AdministrationClientAddPolicyCertificateOptions) (azfake.Responder[azattestation.AdministrationClientAddPolicyCertificateResponse], azfake.ErrorResponder) {
	err := i.changeCertificates(signer, func() {
		if !slices.ContainsFunc(i.certificates, c.Equal) {
			i.certificates = append(i.certificates, c)
		}
	})
	return respond(azattestation.AdministrationClientAddPolicyCertificateResponse{}, err)
}

func (i *instance) removeCertificate(_ context.Context, c *x509.Certificate, signer []*x509.Certificate, _ *azattestation.AdministrationClientRemovePolicyCertificateOptions) (azfake.Responder[azattestation.AdministrationClientRemovePolicyCertificateResponse], azfake.ErrorResponder) {
	err := i.changeCertificates(signer, func() { i.certificates = slices.DeleteFunc(i.certificates, c.Equal) })
	return respond(azattestation.AdministrationClientRemovePolicyCertificateResponse{}, err)
}

// signerFor is the key that an instance of a mode demands, nil where none is.
func (i *instance) signerFor(key crypto.Signer) *azattestation.SigningKey {
	if i.mode == modeIsolated {
		return i.key
	}
	if key == nil {
		return nil
	}
	return signingKeyOf(key, "ephemeral")
}
