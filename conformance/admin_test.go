package conformance_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/token"
)

// bearers is a credential of the development issuer.
type bearers struct {
	tb   testing.TB
	from *deployment
	role auth.Role
}

func (b bearers) GetToken(context.Context, azpolicy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: b.from.bearer(b.tb, b.role), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// administrator returns our client with a role, or without a credential if the
// role is "".
func (i *ours) administrator(t *testing.T, role auth.Role) *azattestation.AdministrationClient {
	t.Helper()
	options := &azattestation.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: i.transport, Retry: azpolicy.RetryOptions{MaxRetries: -1}}}
	client, err := azattestation.NewAdministrationClientWithNoCredential(i.settings.URL, options)
	if role != "" {
		client, err = azattestation.NewAdministrationClient(i.settings.URL, bearers{t, i.deployment, role}, options)
	}
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// newSigner makes a root of its own, with its key.
func newSigner(t *testing.T, name string, key crypto.Signer) *azattestation.SigningKey {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := azattestation.NewSigningKey(key, certificate)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func ecKey(t *testing.T, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func wantCode(t *testing.T, err error, status int, code string) {
	t.Helper()
	refused, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok || refused.StatusCode != status || refused.ErrorCode != code {
		t.Errorf("%v, want %d %s", err, status, code)
	}
}

func setBy(key *azattestation.SigningKey) *azattestation.AdministrationClientSetPolicyOptions {
	return &azattestation.AdministrationClientSetPolicyOptions{SigningKey: key}
}

func resetBy(key *azattestation.SigningKey) *azattestation.AdministrationClientResetPolicyOptions {
	return &azattestation.AdministrationClientResetPolicyOptions{SigningKey: key}
}

// TestOurAdministrationClientManagesOurService is the whole life of a policy in
// each mode. The client checks every answer itself: its signature, its issuer, that
// the hash is that of the token it sent, and that the signer is the one it used.
func TestOurAdministrationClientManagesOurService(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signers := map[string]*azattestation.SigningKey{
		"unsigned": nil,
		"RSA":      newSigner(t, "RSA", rsaKey),
		"P-256":    newSigner(t, "P-256", ecKey(t, elliptic.P256())),
		"P-384":    newSigner(t, "P-384", ecKey(t, elliptic.P384())),
		"P-521":    newSigner(t, "P-521", ecKey(t, elliptic.P521())),
	}
	var certificates []*x509.Certificate
	for _, s := range signers {
		if s != nil {
			certificates = append(certificates, s.Certificate())
		}
	}
	stranger := newSigner(t, "stranger", ecKey(t, elliptic.P256()))
	for _, mode := range instance.Modes() {
		listed := certificates
		if mode != instance.Isolated {
			listed = nil
		}
		i := newInstance(t, token.RS256, mode, listed...)
		admin := i.administrator(t, auth.Contributor)
		for name, key := range signers {
			for _, kind := range []azattestation.AttestationType{
				azattestation.AttestationTypeSgxEnclave, azattestation.AttestationTypeOpenEnclave, azattestation.AttestationTypeTpm,
				azattestation.AttestationTypeSevSnpVM, azattestation.AttestationTypeTdxVM, azattestation.AttestationTypeAzureGuest,
			} {
				what := string(mode) + "/" + name + "/" + string(kind)
				original, err := admin.GetPolicy(t.Context(), kind, nil)
				if err != nil {
					t.Fatalf("%s: get: %v", what, err)
				}
				if text, _ := policy.Default(string(kind)); original.Policy != text {
					t.Errorf("%s: begins with %q", what, original.Policy)
				}
				result, err := admin.SetPolicy(t.Context(), kind, permitting+"// "+what, setBy(key))
				if mode == instance.Shared || mode == instance.Isolated && key == nil {
					wantCode(t, err, http.StatusBadRequest, azattestation.ErrorCodeInvalidOperation)
					_, err := admin.ResetPolicy(t.Context(), kind, resetBy(key))
					wantCode(t, err, http.StatusBadRequest, azattestation.ErrorCodeInvalidOperation)
					continue
				}
				if err != nil {
					t.Fatalf("%s: set: %v", what, err)
				}
				sum := result.PolicyToken.SHA256()
				if *result.Resolution != azattestation.PolicyModificationUpdated || !bytes.Equal(result.PolicyTokenHash, sum[:]) || (result.PolicySigner == nil) != (key == nil) {
					t.Errorf("%s: set: %+v", what, result)
				}
				if key != nil && !result.PolicySigner.Certificates[0].Equal(key.Certificate()) {
					t.Errorf("%s: signer is %s", what, result.PolicySigner.Certificates[0].Subject)
				}
				got, err := admin.GetPolicy(t.Context(), kind, nil)
				if err != nil || got.Policy != permitting+"// "+what || got.PolicyToken.String() != result.PolicyToken.String() {
					t.Errorf("%s: get: %q, %v", what, got.Policy, err)
				}
				if kind == azattestation.AttestationTypeSgxEnclave {
					i.wantHash(t, got.Policy)
				}
				if reset, err := admin.ResetPolicy(t.Context(), kind, resetBy(key)); err != nil || *reset.Resolution != azattestation.PolicyModificationRemoved {
					t.Errorf("%s: reset: %+v, %v", what, reset, err)
				}
			}
		}
		_, err := admin.SetPolicy(t.Context(), azattestation.AttestationTypeSgxEnclave, "permit();", setBy(signers["RSA"]))
		code := azattestation.ErrorCodePolicyParsingError
		if mode == instance.Shared {
			code = azattestation.ErrorCodeInvalidOperation
		}
		wantCode(t, err, http.StatusBadRequest, code)
		_, err = admin.SetPolicy(t.Context(), azattestation.AttestationTypeSgxEnclave, permitting, setBy(stranger))
		switch mode {
		case instance.AAD:
			if err != nil {
				t.Errorf("any signer will do: %v", err)
			}
		case instance.Isolated:
			wantCode(t, err, http.StatusBadRequest, azattestation.ErrorCodeInvalidParameter)
		case instance.Shared:
			wantCode(t, err, http.StatusBadRequest, azattestation.ErrorCodeInvalidOperation)
		}
	}
}

// wantHash attests, and checks by which policy.
func (i *ours) wantHash(t *testing.T, text string) {
	t.Helper()
	quote, _ := i.evidence(t, []byte("data"))
	r, err := i.AttestSGXEnclave(t.Context(), quote, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := azattestation.PolicyHash(text)
	if !bytes.Equal(r.PolicyHash, want[:]) {
		t.Errorf("attested by %x, want %x", r.PolicyHash, want)
	}
}

func TestOurAdministrationClientKeepsTheCertificates(t *testing.T) {
	t.Parallel()
	owner, second, stranger := newSigner(t, "owner", ecKey(t, elliptic.P256())), newSigner(t, "second", ecKey(t, elliptic.P384())), newSigner(t, "stranger", ecKey(t, elliptic.P256()))
	for _, mode := range instance.Modes() {
		var certificates []*x509.Certificate
		if mode == instance.Isolated {
			certificates = []*x509.Certificate{owner.Certificate()}
		}
		i := newInstance(t, token.ES256, mode, certificates...)
		admin := i.administrator(t, auth.Contributor)
		wantListed := func(want ...*azattestation.SigningKey) {
			t.Helper()
			r, err := admin.GetPolicyCertificates(t.Context(), nil)
			if err != nil || len(r.Certificates) != len(want) {
				t.Fatalf("%s: %d certificates, %v, want %d", mode, len(r.Certificates), err, len(want))
			}
			for n, key := range want {
				if !r.Certificates[n].Certificates[0].Equal(key.Certificate()) {
					t.Errorf("%s: certificate %d is of %s", mode, n, r.Certificates[n].Certificates[0].Subject)
				}
			}
		}
		add := func(c, by *azattestation.SigningKey) error {
			r, err := admin.AddPolicyCertificate(t.Context(), c.Certificate(), by, nil)
			if err == nil && (*r.Resolution != azattestation.CertificateModificationIsPresent || *r.Thumbprint != azattestation.Thumbprint(c.Certificate())) {
				t.Errorf("%s: %+v", mode, r)
			}
			return err
		}
		remove := func(c, by *azattestation.SigningKey) error {
			r, err := admin.RemovePolicyCertificate(t.Context(), c.Certificate(), by, nil)
			if err == nil && (*r.Resolution != azattestation.CertificateModificationIsAbsent || *r.Thumbprint != azattestation.Thumbprint(c.Certificate())) {
				t.Errorf("%s: %+v", mode, r)
			}
			return err
		}
		if mode != instance.Isolated {
			wantListed()
			wantCode(t, add(owner, owner), http.StatusBadRequest, azattestation.ErrorCodeInvalidOperation)
			wantCode(t, remove(owner, owner), http.StatusBadRequest, azattestation.ErrorCodeInvalidOperation)
			continue
		}
		wantListed(owner)
		wantCode(t, add(stranger, stranger), http.StatusBadRequest, azattestation.ErrorCodeInvalidParameter)
		wantCode(t, remove(owner, stranger), http.StatusBadRequest, azattestation.ErrorCodeInvalidParameter)
		wantCode(t, remove(owner, owner), http.StatusBadRequest, azattestation.ErrorCodeInvalidOperation)
		wantListed(owner)
		for range 2 {
			if err := add(second, owner); err != nil {
				t.Fatal(err)
			}
			wantListed(owner, second)
		}
		if _, err := admin.SetPolicy(t.Context(), azattestation.AttestationTypeSgxEnclave, permitting, setBy(second)); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := remove(owner, second); err != nil {
				t.Fatal(err)
			}
			wantListed(second)
		}
		_, err := admin.SetPolicy(t.Context(), azattestation.AttestationTypeSgxEnclave, permitting+"//", setBy(owner))
		wantCode(t, err, http.StatusBadRequest, azattestation.ErrorCodeInvalidParameter)
		i.wantHash(t, permitting)
	}
}

func TestOurAdministrationClientLearnsWhatItMayNotDo(t *testing.T) {
	t.Parallel()
	i := newInstance(t, token.RS256, instance.AAD)
	signer := newSigner(t, "signer", ecKey(t, elliptic.P256()))
	for role, mayRead := range map[auth.Role]bool{"": false, auth.Reader: true} {
		admin := i.administrator(t, role)
		_, getErr := admin.GetPolicy(t.Context(), azattestation.AttestationTypeSgxEnclave, nil)
		_, listErr := admin.GetPolicyCertificates(t.Context(), nil)
		for what, err := range map[string]error{"get": getErr, "list": listErr} {
			if mayRead && err != nil {
				t.Errorf("%s with %q: %v", what, role, err)
			}
			if !mayRead {
				wantCode(t, err, http.StatusUnauthorized, azattestation.ErrorCodeUnauthorized)
			}
		}
		_, setErr := admin.SetPolicy(t.Context(), azattestation.AttestationTypeSgxEnclave, permitting, nil)
		_, resetErr := admin.ResetPolicy(t.Context(), azattestation.AttestationTypeSgxEnclave, nil)
		_, addErr := admin.AddPolicyCertificate(t.Context(), signer.Certificate(), signer, nil)
		_, removeErr := admin.RemovePolicyCertificate(t.Context(), signer.Certificate(), signer, nil)
		for _, err := range []error{setErr, resetErr, addErr, removeErr} {
			wantCode(t, err, http.StatusUnauthorized, azattestation.ErrorCodeUnauthorized)
		}
	}
	// Attestation of enclaves asks nobody, and nothing has changed.
	i.wantHash(t, strings.Clone(policy.DefaultSGX))
}
