package conformance_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azattest/azattest/attest/intel"
	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/server"
	"github.com/azattest/azattest/simulator"
	"github.com/azattest/azattest/token"
)

// instance is our service over TLS on loopback, judging simulated evidence, with
// our client of it.
type ours struct {
	*azattestation.Client
	*deployment
	platform *simulator.Platform
	// transport trusts the service's certificate.
	transport *http.Client
}

// newInstance serves an instance of the mode, with certificates if it is isolated.
func newInstance(t *testing.T, a token.Algorithm, mode instance.Mode, certificates ...*x509.Certificate) *ours {
	t.Helper()
	check := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	srv := httptest.NewUnstartedServer(nil)
	url := "https://" + srv.Listener.Addr().String()
	platform, err := simulator.New(simulator.Config{})
	check(err)
	set, err := platform.Collateral(simulator.CollateralOptions{})
	check(err)
	d := &deployment{
		settings:     instance.Settings{Name: "ours", URL: url, Mode: mode, Algorithm: a},
		certificates: certificates,
		trust:        intel.Config{Roots: []dcap.Root{platform.Root()}, Source: simulated{set}},
		config:       server.Config{PlainHTTP: true},
	}
	handler := d.deploy(t)
	srv.Config.Handler = handler
	srv.StartTLS()
	t.Cleanup(srv.Close)
	client, err := azattestation.NewClientWithNoCredential(url, &azattestation.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: srv.Client()},
	})
	check(err)
	return &ours{client, d, platform, srv.Client()}
}

// evidence returns a quote and a report of one enclave that vouches for data.
func (i *ours) evidence(t *testing.T, data []byte) (quote, report []byte) {
	t.Helper()
	r := simulator.Report{MRENCLAVE: sha256.Sum256([]byte("enclave")), ISVProdID: 7, ISVSVN: 3, ReportData: simulator.Bind(data)}
	quote, err := i.platform.Quote(r)
	if err != nil {
		t.Fatal(err)
	}
	if report, err = i.platform.OpenEnclaveReport(r); err != nil {
		t.Fatal(err)
	}
	return quote, report
}

// attest sends the same request by either method.
func (i *ours) attest(t *testing.T, kind azattestation.AttestationType, evidence []byte, o azattestation.ClientAttestSGXEnclaveOptions) (azattestation.AttestationResult, error) {
	t.Helper()
	if kind == azattestation.AttestationTypeOpenEnclave {
		other := azattestation.ClientAttestOpenEnclaveOptions(o)
		r, err := i.AttestOpenEnclave(t.Context(), evidence, &other)
		return r.AttestationResult, err
	}
	r, err := i.AttestSGXEnclave(t.Context(), evidence, &o)
	return r.AttestationResult, err
}

const (
	permitting = "version= 1.0;authorizationrules{=> permit();};issuancerules{=> issue(type=\"tried\", value=true);};"
	denying    = "version= 1.0;authorizationrules{=> deny();};"
)

// TestOurClientAttestsAgainstOurService is where the two readings of the wire
// format meet: neither shares a type with the other.
func TestOurClientAttestsAgainstOurService(t *testing.T) {
	t.Parallel()
	data, nonce := []byte(`{"keys":[{"kty":"EC","kid":"enclave"}]}`), "a nonce of ours"
	permit, deny := permitting, denying
	for _, a := range []token.Algorithm{token.RS256, token.PS256, token.ES256} {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			i := newInstance(t, a, instance.AAD)
			quote, report := i.evidence(t, data)
			for kind, evidence := range map[azattestation.AttestationType][]byte{
				azattestation.AttestationTypeSgxEnclave: quote, azattestation.AttestationTypeOpenEnclave: report,
			} {
				for name, c := range map[string]struct {
					options azattestation.ClientAttestSGXEnclaveOptions
					check   func(*testing.T, *azattestation.AttestationResult)
					code    string
				}{
					"plain": {check: func(t *testing.T, r *azattestation.AttestationResult) {
						t.Helper()
						if r.EnclaveHeldData != nil || r.RuntimeClaims != nil || r.Deprecated.MREnclave == nil || *r.Deprecated.MREnclave != *r.MREnclave {
							t.Errorf("result %+v", r)
						}
					}},
					"binary": {
						options: azattestation.ClientAttestSGXEnclaveOptions{RuntimeData: azattestation.NewBinaryData(data), Nonce: &nonce},
						check: func(t *testing.T, r *azattestation.AttestationResult) {
							t.Helper()
							if !bytes.Equal(r.EnclaveHeldData, data) || r.Nonce == nil || *r.Nonce != nonce {
								t.Errorf("held data %q, nonce %v", r.EnclaveHeldData, r.Nonce)
							}
						},
					},
					"json": {
						options: azattestation.ClientAttestSGXEnclaveOptions{RuntimeData: azattestation.NewJSONData(data)},
						check: func(t *testing.T, r *azattestation.AttestationResult) {
							t.Helper()
							var got, want any
							if json.Unmarshal(r.RuntimeClaims, &got) != nil || json.Unmarshal(data, &want) != nil || r.EnclaveHeldData != nil {
								t.Errorf("runtime claims %s", r.RuntimeClaims)
							}
						},
					},
					"draft permits": {
						options: azattestation.ClientAttestSGXEnclaveOptions{DraftPolicy: &permit},
						check: func(t *testing.T, r *azattestation.AttestationResult) {
							t.Helper()
							hash := azattestation.PolicyHash(permit)
							if r.Token.Algorithm() != "none" || string(r.PolicyClaims["tried"]) != "true" || !bytes.Equal(r.PolicyHash, hash[:]) {
								t.Errorf("algorithm %s, policy claims %s, hash %x", r.Token.Algorithm(), r.PolicyClaims, r.PolicyHash)
							}
							if err := r.Token.Validate(t.Context(), i.KeySource(), nil); err == nil {
								t.Error("the unsigned token holds for others too")
							}
						},
					},
					"draft denies":       {options: azattestation.ClientAttestSGXEnclaveOptions{DraftPolicy: &deny}, code: azattestation.ErrorCodePolicyEvaluationError},
					"other runtime data": {options: azattestation.ClientAttestSGXEnclaveOptions{RuntimeData: azattestation.NewBinaryData([]byte("other"))}, code: azattestation.ErrorCodeInvalidParameter},
				} {
					t.Run(string(kind)+"/"+name, func(t *testing.T) {
						t.Parallel()
						r, err := i.attest(t, kind, evidence, c.options)
						if c.code != "" {
							refused, ok := errors.AsType[*azcore.ResponseError](err)
							if !ok || refused.StatusCode != http.StatusBadRequest || refused.ErrorCode != c.code {
								t.Errorf("error %v, want code %s", err, c.code)
							}
							return
						}
						if err != nil {
							t.Fatal(err)
						}
						mrenclave := sha256.Sum256([]byte("enclave"))
						if *r.AttestationType != "sgx" || *r.MREnclave != hex.EncodeToString(mrenclave[:]) || *r.ProductID != 7 || *r.SVN != 3 || *r.IsDebuggable {
							t.Errorf("result %+v", r)
						}
						c.check(t, &r)
					})
				}
			}
		})
	}
}

func TestOurClientReadsWhatOurServicePublishes(t *testing.T) {
	t.Parallel()
	i := newInstance(t, token.RS256, instance.AAD)
	certificates, err := i.GetSigningCertificates(t.Context(), nil)
	// One key, under the ID that tokens name and the one that reports of TPMs name.
	if err != nil || len(certificates.SigningCertificates) != 2 {
		t.Fatalf("%d certificates, %v", len(certificates.SigningCertificates), err)
	}
	ofTokens, ofReports := certificates.SigningCertificates[0], certificates.SigningCertificates[1]
	if subject := ofTokens.Chain[0].Subject.CommonName; subject != i.Endpoint() {
		t.Errorf("certificate of %q, want %q", subject, i.Endpoint())
	}
	if !ofReports.Chain[0].Equal(ofTokens.Chain[0]) || !keyID.MatchString(ofTokens.KeyID) || ofReports.KeyID != reportKeyID(ofReports.Chain[0]) {
		t.Errorf("key IDs %q and %q", ofTokens.KeyID, ofReports.KeyID)
	}
	metadata, err := i.GetOpenIDMetadata(t.Context(), nil)
	if err != nil || *metadata.Issuer != i.Endpoint() || *metadata.JWKSURI != i.Endpoint()+"/certs" {
		t.Errorf("metadata %+v, %v", metadata.OpenIDMetadata, err)
	}
}
