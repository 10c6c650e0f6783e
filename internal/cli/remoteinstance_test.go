package cli

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/azattestation/fake"
)

// remoteInstance is an attestation instance on loopback, over TLS, whose tokens are
// really signed. It keeps policies and certificates as the real service does.
type remoteInstance struct {
	*fake.Issuer
	caFile string

	mu           sync.Mutex
	policies     map[azattestation.AttestationType]*azattestation.PolicyToken
	certificates []*x509.Certificate // none: not in isolated mode
	answer       http.HandlerFunc    // in place of the instance, if set
	bearer       string              // wanted for everything but keys, if set
	lie          bool                // report another change than the one that was made
	sentToTPM    *sentToTPM          // the last request to attest a TPM
}

// startInstance starts an instance whose clock stands at a time.
func startInstance(t testing.TB, now time.Time) *remoteInstance {
	t.Helper()
	i := &remoteInstance{policies: map[azattestation.AttestationType]*azattestation.PolicyToken{}}
	server := httptest.NewUnstartedServer(nil)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	url := "https://" + server.Listener.Addr().String()
	if i.Issuer, err = fake.NewIssuer(url, &fake.IssuerOptions{Signer: key, Now: func() time.Time { return now }}); err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = i.handler()
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients hang up on an unknown CA
	server.StartTLS()
	t.Cleanup(server.Close)
	i.caFile = filepath.Join(t.TempDir(), "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(i.caFile, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	return i
}

// handler carries the fake's answers over HTTP.
func (i *remoteInstance) handler() http.HandlerFunc {
	transport := fake.NewServerTransport(&fake.Server{
		Issuer: i.Issuer, AttestTPM: i.attestTPM, GetPolicy: i.getPolicy, SetPolicy: i.setPolicy, ResetPolicy: i.resetPolicy,
		GetPolicyCertificates: i.getCertificates, AddPolicyCertificate: i.addCertificate, RemovePolicyCertificate: i.removeCertificate,
	})
	return func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.answer != nil {
			i.answer(w, r)
			return
		}
		if i.bearer != "" && r.URL.Path != "/certs" && r.Header.Get("Authorization") != "Bearer "+i.bearer {
			refuse(w, http.StatusUnauthorized, "Unauthorized", "no or another role")
			return
		}
		if strings.HasPrefix(r.URL.Path, "/tpm/") { // which is none of Azure's operations
			i.enrollTPM(w, r)
			return
		}
		r.URL.Scheme, r.URL.Host = "https", r.Host
		resp, err := transport.Do(r)
		if e, ok := errors.AsType[*instanceError](err); ok {
			refuse(w, http.StatusBadRequest, azattestation.ErrorCodeInvalidOperation, e.message)
			return
		}
		if err != nil {
			refuse(w, http.StatusInternalServerError, "Fake", err.Error())
			return
		}
		defer resp.Body.Close() //nolint:errcheck // it is memory
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		w.WriteHeader(resp.StatusCode)
		// A client that hangs up has its own error to report.
		_, _ = io.Copy(w, resp.Body)
	}
}

// refuse answers as the real service refuses.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("retry-after-ms", "1")
	w.Header().Set("x-ms-request-id", "00-42-01")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": code, "message": message}})
}

// The real service's words on instances in and out of isolated mode.
const (
	unsignedRefused = "Native operation failed with 74: Exception(0) 83FF004A Bad message    Msg:[Unsigned JWS specified but enclave is configured with signing certificates.] \n\r\n"
	notIsolated     = "Attestation Enclave operation failed with 65530: RETURN_IF_TRUE('(GetPolicyRootCertificates().empty())') failed with 0xfffa:The operation is disallowed.\r\n"
)

// authorize says whether a change signed by somebody is allowed.
func (i *remoteInstance) authorize(signer []*x509.Certificate, e *azfake.ErrorResponder) bool {
	switch {
	case len(i.certificates) == 0:
		return true
	case len(signer) == 0:
		refusedBy(e, unsignedRefused)
	case slices.ContainsFunc(i.certificates, signer[0].Equal):
		return true
	default:
		refusedBy(e, "Could not find a trusted signer")
	}
	return false
}

// refusedBy makes the answer a refusal with a message: the fake's own errors have
// none.
func refusedBy(e *azfake.ErrorResponder, message string) {
	e.SetError(&instanceError{message})
}

type instanceError struct{ message string }

func (e *instanceError) Error() string { return e.message }

// NonRetriable marks the error for azcore.
func (*instanceError) NonRetriable() {}

func ok[T any](response T) (r azfake.Responder[T]) {
	r.SetResponse(http.StatusOK, response, nil)
	return r
}

func (i *remoteInstance) getPolicy(_ context.Context, kind azattestation.AttestationType, _ *azattestation.AdministrationClientGetPolicyOptions) (r azfake.Responder[azattestation.AdministrationClientGetPolicyResponse], e azfake.ErrorResponder) {
	return ok(azattestation.AdministrationClientGetPolicyResponse{PolicyToken: i.policies[kind]}), e
}

func (i *remoteInstance) setPolicy(_ context.Context, kind azattestation.AttestationType, _ string, o *azattestation.AdministrationClientSetPolicyOptions) (r azfake.Responder[azattestation.AdministrationClientSetPolicyResponse], e azfake.ErrorResponder) {
	if !i.authorize(o.PolicyToken.Signer(), &e) {
		return r, e
	}
	i.policies[kind] = o.PolicyToken
	var response azattestation.AdministrationClientSetPolicyResponse
	if i.lie {
		response.PolicyTokenHash = make([]byte, 32)
	}
	return ok(response), e
}

func (i *remoteInstance) resetPolicy(_ context.Context, kind azattestation.AttestationType, o *azattestation.AdministrationClientResetPolicyOptions) (r azfake.Responder[azattestation.AdministrationClientResetPolicyResponse], e azfake.ErrorResponder) {
	if !i.authorize(o.PolicyToken.Signer(), &e) {
		return r, e
	}
	delete(i.policies, kind)
	return ok(azattestation.AdministrationClientResetPolicyResponse{}), e
}

func (i *remoteInstance) getCertificates(context.Context, *azattestation.AdministrationClientGetPolicyCertificatesOptions) (r azfake.Responder[azattestation.AdministrationClientGetPolicyCertificatesResponse], e azfake.ErrorResponder) {
	var response azattestation.AdministrationClientGetPolicyCertificatesResponse
	for _, c := range i.certificates {
		kty := "EC"
		response.Certificates = append(response.Certificates, &azattestation.JSONWebKey{KeyType: &kty, Certificates: []*x509.Certificate{c}})
	}
	return ok(response), e
}

func (i *remoteInstance) addCertificate(_ context.Context, c *x509.Certificate, signer []*x509.Certificate, _ *azattestation.AdministrationClientAddPolicyCertificateOptions) (r azfake.Responder[azattestation.AdministrationClientAddPolicyCertificateResponse], e azfake.ErrorResponder) {
	if len(i.certificates) == 0 {
		refusedBy(&e, notIsolated)
		return r, e
	}
	if !i.authorize(signer, &e) {
		return r, e
	}
	i.certificates = append(i.certificates, c)
	return ok(azattestation.AdministrationClientAddPolicyCertificateResponse{}), e
}

func (i *remoteInstance) removeCertificate(_ context.Context, c *x509.Certificate, signer []*x509.Certificate, _ *azattestation.AdministrationClientRemovePolicyCertificateOptions) (r azfake.Responder[azattestation.AdministrationClientRemovePolicyCertificateResponse], e azfake.ErrorResponder) {
	if len(i.certificates) == 0 {
		refusedBy(&e, notIsolated)
		return r, e
	}
	if !i.authorize(signer, &e) {
		return r, e
	}
	i.certificates = slices.DeleteFunc(i.certificates, c.Equal)
	return ok(azattestation.AdministrationClientRemovePolicyCertificateResponse{}), e
}

// run runs a command against the instance, without a credential.
func (i *remoteInstance) run(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	args = append(args, "--endpoint", i.URL(), "--ca-file", i.caFile)
	if slices.Contains([]string{"policy", "certs"}, args[0]) {
		args = append(args, "--no-credential")
	}
	return runAt(t, testTime, stdin, args...)
}

// policySigner is a key with its certificate, in files.
type policySigner struct {
	certificate              *x509.Certificate
	keyFile, certificateFile string
}

func newPolicySigner(t testing.TB, name string) *policySigner {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: testTime.Add(-time.Hour), NotAfter: testTime.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &policySigner{keyFile: filepath.Join(dir, "key.pem"), certificateFile: filepath.Join(dir, "cert.pem")}
	if s.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		s.keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}, s.certificateFile: {Type: "CERTIFICATE", Bytes: der},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *policySigner) flags() []string {
	return []string{"--signing-key", s.keyFile, "--signing-cert", s.certificateFile}
}

// wantDone decodes what a command printed with --json.
func wantDone[T any](t *testing.T, got outcome) T {
	t.Helper()
	var v T
	if got.code != exitDone {
		t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	if err := json.Unmarshal([]byte(got.stdout), &v); err != nil {
		t.Fatalf("%v in %s", err, got.stdout)
	}
	return v
}

// wantFault checks a failure: its code, what it says, and that it stays on its
// lines.
func wantFault(t *testing.T, got outcome, code int, stderr ...string) {
	t.Helper()
	if got.code != code || got.stdout != "" {
		t.Errorf("exit code %d, stdout %q; want %d and nothing on stdout", got.code, got.stdout, code)
	}
	for _, want := range stderr {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("stderr %q, want %q in it", got.stderr, want)
		}
	}
	lines := strings.Split(strings.TrimSuffix(got.stderr, "\n"), "\n")
	if !strings.HasPrefix(lines[0], "azattest: ") || len(lines) > 2 || len(lines) == 2 && !strings.HasPrefix(lines[1], "hint: ") {
		t.Errorf("stderr %q, want one line and a hint", got.stderr)
	}
	if strings.ContainsAny(got.stderr, "\x1b\r\x00") {
		t.Errorf("stderr %q plays with the terminal", got.stderr)
	}
}
