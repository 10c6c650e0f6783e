package fake_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/azattestation/fake"
)

const endpoint = "https://fake.example"

var (
	sharedKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	issuer    = sync.OnceValue(func() *fake.Issuer { return must(fake.NewIssuer(endpoint, &fake.IssuerOptions{Signer: sharedKey()})) })
	signing   = sync.OnceValue(func() *azattestation.SigningKey {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "policy signer"}, NotAfter: time.Now().Add(time.Hour)}
		der := must(x509.CreateCertificate(rand.Reader, template, template, sharedKey().Public(), sharedKey()))
		return must(azattestation.NewSigningKey(sharedKey(), must(x509.ParseCertificate(der))))
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type clients struct {
	*azattestation.Client
	admin *azattestation.AdministrationClient
}

func clientsOf(t testing.TB, srv *fake.Server) clients {
	t.Helper()
	if srv.Issuer == nil {
		srv.Issuer = issuer()
	}
	options := &azattestation.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: fake.NewServerTransport(srv)}}
	options.Retry.RetryDelay = time.Nanosecond
	c, err := azattestation.NewClient(endpoint, &azfake.TokenCredential{}, options)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := azattestation.NewAdministrationClient(endpoint, &azfake.TokenCredential{}, options)
	if err != nil {
		t.Fatal(err)
	}
	return clients{c, admin}
}

// method is one method of the clients, and how it is faked: with a response, a
// refusal, or an error.
type method struct {
	fake func(srv *fake.Server, r reply)
	call func(context.Context, clients) (any, error)
}

// reply is what a fake function answers.
type reply struct {
	status int // 0 for the zero response
	err    error
	called *atomic.Int32
}

func respond[T any](r reply, v T) (azfake.Responder[T], azfake.ErrorResponder) {
	var resp azfake.Responder[T]
	var errResp azfake.ErrorResponder
	r.called.Add(1)
	switch {
	case r.err != nil:
		errResp.SetError(r.err)
	case r.status != 0:
		errResp.SetResponseError(r.status, "FakeCode")
	default:
		resp.SetResponse(http.StatusOK, v, nil)
	}
	return resp, errResp
}

var data = []byte{1, 0xFE, 0xFF}

// checkBytes panics where a fake function was given something else than was sent.
func checkBytes(got []byte) {
	if !bytes.Equal(got, data) {
		panic("the fake was given other bytes than were sent")
	}
}

func methods() map[string]method {
	result := azattestation.AttestationResult{SVN: new(int32(7))}
	return map[string]method{
		"AttestSGXEnclave": {
			func(srv *fake.Server, r reply) {
				srv.AttestSGXEnclave = func(_ context.Context, quote []byte, o *azattestation.ClientAttestSGXEnclaveOptions) (azfake.Responder[azattestation.ClientAttestSGXEnclaveResponse], azfake.ErrorResponder) {
					checkBytes(quote)
					checkBytes(o.RuntimeData.Data)
					return respond(r, azattestation.ClientAttestSGXEnclaveResponse{AttestationResult: result})
				}
			},
			func(ctx context.Context, c clients) (any, error) {
				r, err := c.AttestSGXEnclave(ctx, data, &azattestation.ClientAttestSGXEnclaveOptions{RuntimeData: azattestation.NewBinaryData(data)})
				return r.SVN, err
			},
		},
		"AttestOpenEnclave": {
			func(srv *fake.Server, r reply) {
				srv.AttestOpenEnclave = func(_ context.Context, report []byte, o *azattestation.ClientAttestOpenEnclaveOptions) (azfake.Responder[azattestation.ClientAttestOpenEnclaveResponse], azfake.ErrorResponder) {
					checkBytes(report)
					checkBytes(o.InitTimeData.Data)
					return respond(r, azattestation.ClientAttestOpenEnclaveResponse{AttestationResult: result})
				}
			},
			func(ctx context.Context, c clients) (any, error) {
				r, err := c.AttestOpenEnclave(ctx, data, &azattestation.ClientAttestOpenEnclaveOptions{InitTimeData: azattestation.NewJSONData(data)})
				return r.SVN, err
			},
		},
		"AttestSEVSNPVM": {
			func(srv *fake.Server, r reply) {
				srv.AttestSEVSNPVM = func(_ context.Context, report []byte, _ *azattestation.ClientAttestSEVSNPVMOptions) (azfake.Responder[azattestation.ClientAttestSEVSNPVMResponse], azfake.ErrorResponder) {
					checkBytes(report)
					return respond(r, azattestation.ClientAttestSEVSNPVMResponse{AttestationResult: result})
				}
			},
			func(ctx context.Context, c clients) (any, error) {
				r, err := c.AttestSEVSNPVM(ctx, data, nil)
				return r.SVN, err
			},
		},
		"AttestTDXVM": {
			func(srv *fake.Server, r reply) {
				srv.AttestTDXVM = func(_ context.Context, quote []byte, _ *azattestation.ClientAttestTDXVMOptions) (azfake.Responder[azattestation.ClientAttestTDXVMResponse], azfake.ErrorResponder) {
					checkBytes(quote)
					return respond(r, azattestation.ClientAttestTDXVMResponse{AttestationResult: result})
				}
			},
			func(ctx context.Context, c clients) (any, error) {
				r, err := c.AttestTDXVM(ctx, data, nil)
				return r.SVN, err
			},
		},
		"AttestTPM": {
			func(srv *fake.Server, r reply) {
				srv.AttestTPM = func(_ context.Context, message []byte, _ *azattestation.ClientAttestTPMOptions) (azfake.Responder[azattestation.ClientAttestTPMResponse], azfake.ErrorResponder) {
					checkBytes(message)
					return respond(r, azattestation.ClientAttestTPMResponse{Data: data})
				}
			},
			func(ctx context.Context, c clients) (any, error) {
				r, err := c.AttestTPM(ctx, data, nil)
				return r.Data, err
			},
		},
		"AttestAzureGuest": {
			func(srv *fake.Server, r reply) {
				srv.AttestAzureGuest = func(_ context.Context, info []byte, _ *azattestation.ClientAttestAzureGuestOptions) (azfake.Responder[azattestation.ClientAttestAzureGuestResponse], azfake.ErrorResponder) {
					checkBytes(info)
					return respond(r, azattestation.ClientAttestAzureGuestResponse{Token: must(issuer().SealedToken(result, &sharedKey().PublicKey))})
				}
			},
			func(ctx context.Context, c clients) (any, error) {
				r, err := c.AttestAzureGuest(ctx, data, nil)
				return r.Token, err
			},
		},
		"GetPolicy": {
			func(srv *fake.Server, r reply) {
				srv.GetPolicy = func(_ context.Context, kind azattestation.AttestationType, _ *azattestation.AdministrationClientGetPolicyOptions) (azfake.Responder[azattestation.AdministrationClientGetPolicyResponse], azfake.ErrorResponder) {
					return respond(r, azattestation.AdministrationClientGetPolicyResponse{Policy: "policy of " + string(kind)})
				}
			},
			func(ctx context.Context, c clients) (any, error) {
				r, err := c.admin.GetPolicy(ctx, azattestation.AttestationTypeTpm, nil)
				if err == nil && r.Policy != "policy of Tpm" {
					err = errors.New(r.Policy)
				}
				return r.PolicyToken, err
			},
		},
		"SetPolicy": {
			func(srv *fake.Server, r reply) {
				srv.SetPolicy = func(_ context.Context, _ azattestation.AttestationType, _ string, _ *azattestation.AdministrationClientSetPolicyOptions) (azfake.Responder[azattestation.AdministrationClientSetPolicyResponse], azfake.ErrorResponder) {
					return respond(r, azattestation.AdministrationClientSetPolicyResponse{})
				}
			},
			func(ctx context.Context, c clients) (any, error) {
				r, err := c.admin.SetPolicy(ctx, azattestation.AttestationTypeTpm, "policy", &azattestation.AdministrationClientSetPolicyOptions{SigningKey: signing()})
				return r.PolicySigner, err
			},
		},
		"ResetPolicy": {
			func(srv *fake.Server, r reply) {
				srv.ResetPolicy = func(_ context.Context, _ azattestation.AttestationType, _ *azattestation.AdministrationClientResetPolicyOptions) (azfake.Responder[azattestation.AdministrationClientResetPolicyResponse], azfake.ErrorResponder) {
					return respond(r, azattestation.AdministrationClientResetPolicyResponse{})
				}
			},
			func(ctx context.Context, c clients) (any, error) {
				r, err := c.admin.ResetPolicy(ctx, azattestation.AttestationTypeTpm, nil)
				return r.Resolution, err
			},
		},
		"GetPolicyCertificates": {
			func(srv *fake.Server, r reply) {
				srv.GetPolicyCertificates = func(context.Context, *azattestation.AdministrationClientGetPolicyCertificatesOptions) (azfake.Responder[azattestation.AdministrationClientGetPolicyCertificatesResponse], azfake.ErrorResponder) {
					return respond(r, azattestation.AdministrationClientGetPolicyCertificatesResponse{})
				}
			},
			func(ctx context.Context, c clients) (any, error) {
				r, err := c.admin.GetPolicyCertificates(ctx, nil)
				if err == nil && len(r.Certificates) != 0 {
					err = errors.New("certificates")
				}
				return r.Token, err
			},
		},
		"AddPolicyCertificate": {
			func(srv *fake.Server, r reply) {
				srv.AddPolicyCertificate = func(_ context.Context, c *x509.Certificate, signer []*x509.Certificate, _ *azattestation.AdministrationClientAddPolicyCertificateOptions) (azfake.Responder[azattestation.AdministrationClientAddPolicyCertificateResponse], azfake.ErrorResponder) {
					if !c.Equal(signing().Certificate()) || !signer[0].Equal(c) {
						panic("another certificate")
					}
					return respond(r, azattestation.AdministrationClientAddPolicyCertificateResponse{})
				}
			},
			func(ctx context.Context, c clients) (any, error) {
				r, err := c.admin.AddPolicyCertificate(ctx, signing().Certificate(), signing(), nil)
				return r.Thumbprint, err
			},
		},
		"RemovePolicyCertificate": {
			func(srv *fake.Server, r reply) {
				srv.RemovePolicyCertificate = func(_ context.Context, _ *x509.Certificate, _ []*x509.Certificate, _ *azattestation.AdministrationClientRemovePolicyCertificateOptions) (azfake.Responder[azattestation.AdministrationClientRemovePolicyCertificateResponse], azfake.ErrorResponder) {
					return respond(r, azattestation.AdministrationClientRemovePolicyCertificateResponse{})
				}
			},
			func(ctx context.Context, c clients) (any, error) {
				r, err := c.admin.RemovePolicyCertificate(ctx, signing().Certificate(), signing(), nil)
				return r.Thumbprint, err
			},
		},
		"GetSigningCertificates": {
			func(srv *fake.Server, r reply) {
				srv.GetSigningCertificates = func(context.Context, *azattestation.ClientGetSigningCertificatesOptions) (azfake.Responder[azattestation.ClientGetSigningCertificatesResponse], azfake.ErrorResponder) {
					return respond(r, azattestation.ClientGetSigningCertificatesResponse{JWKS: issuer().JWKS()})
				}
			},
			func(ctx context.Context, c clients) (any, error) {
				r, err := c.GetSigningCertificates(ctx, nil)
				return r.SigningCertificates, err
			},
		},
		"GetOpenIDMetadata": {
			func(srv *fake.Server, r reply) {
				srv.GetOpenIDMetadata = func(context.Context, *azattestation.ClientGetOpenIDMetadataOptions) (azfake.Responder[azattestation.ClientGetOpenIDMetadataResponse], azfake.ErrorResponder) {
					return respond(r, azattestation.ClientGetOpenIDMetadataResponse{OpenIDMetadata: azattestation.OpenIDMetadata{Issuer: new("i"), AdditionalProperties: map[string]json.RawMessage{"a": json.RawMessage("1")}}})
				}
			},
			func(ctx context.Context, c clients) (any, error) {
				r, err := c.GetOpenIDMetadata(ctx, nil)
				return r.Issuer, err
			},
		},
	}
}

// TestMethods fakes each method: with a response of which the service's part is
// filled in, a refusal, a broken network, and not at all.
func TestMethods(t *testing.T) {
	t.Parallel()
	broken := errors.New("the network is broken")
	for name, m := range methods() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := func(status int, err error) (any, int32, error) {
				srv, r := &fake.Server{}, reply{status, err, new(atomic.Int32)}
				m.fake(srv, r)
				value, err := m.call(t.Context(), clientsOf(t, srv))
				return value, r.called.Load(), err
			}
			value, calls, err := run(0, nil)
			if err != nil || calls != 1 || reflect.ValueOf(value).IsNil() {
				t.Errorf("response %+v, %v after %d calls", value, err, calls)
			}
			_, calls, err = run(http.StatusForbidden, nil)
			if refused, ok := errors.AsType[*azcore.ResponseError](err); !ok || refused.StatusCode != http.StatusForbidden || refused.ErrorCode != "FakeCode" || calls != 1 {
				t.Errorf("refusal %v after %d calls", err, calls)
			}
			if _, _, err = run(0, broken); !errors.Is(err, broken) {
				t.Errorf("error %v", err)
			}
			value, err = m.call(t.Context(), clientsOf(t, &fake.Server{}))
			if hasDefault := strings.HasPrefix(name, "GetSigning") || strings.HasPrefix(name, "GetOpenID"); hasDefault != (err == nil) || !hasDefault && !strings.Contains(err.Error(), "fake for method "+name+" not implemented") {
				t.Errorf("not faked: %v, %v", value, err)
			}
		})
	}
}
