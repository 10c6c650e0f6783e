package azattestation_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azattest/azattest/azattestation"
)

// changes are the methods that change something.
func changes(t *testing.T, admin *azattestation.AdministrationClient) map[string]func(*azattestation.TokenValidationOptions) error {
	t.Helper()
	key := signingKeyOf(ecKey(), "signer")
	return map[string]func(*azattestation.TokenValidationOptions) error{
		"SetPolicy": func(o *azattestation.TokenValidationOptions) error {
			_, err := admin.SetPolicy(t.Context(), kinds[0], "policy", &azattestation.AdministrationClientSetPolicyOptions{TokenValidation: o})
			return err
		},
		"ResetPolicy": func(o *azattestation.TokenValidationOptions) error {
			_, err := admin.ResetPolicy(t.Context(), kinds[0], &azattestation.AdministrationClientResetPolicyOptions{TokenValidation: o})
			return err
		},
		"AddPolicyCertificate": func(o *azattestation.TokenValidationOptions) error {
			_, err := admin.AddPolicyCertificate(t.Context(), key.Certificate(), key, &azattestation.AdministrationClientAddPolicyCertificateOptions{TokenValidation: o})
			return err
		},
		"RemovePolicyCertificate": func(o *azattestation.TokenValidationOptions) error {
			_, err := admin.RemovePolicyCertificate(t.Context(), key.Certificate(), key, &azattestation.AdministrationClientRemovePolicyCertificateOptions{TokenValidation: o})
			return err
		},
	}
}

// TestChangeIsNotSentWithoutKeys: where the answer could not be checked, nothing is
// changed.
func TestChangeIsNotSentWithoutKeys(t *testing.T) {
	t.Parallel()
	nothing := unreachable(t)
	admin := adminOf(t, tokenIssuer, optionsFor(transport(func(req *http.Request) (*http.Response, error) {
		if req.URL.Path == "/certs" {
			return nil, errDown
		}
		return nothing(req)
	})))
	for name, change := range changes(t, admin) {
		err := change(nil)
		if e := errorOf[*azattestation.KeySourceError](t, err); e != nil && (e.Issuer != tokenIssuer || !errors.Is(err, errDown)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestChangeWhoseAnswerDoesNotHold has probably been made: the error says so, and
// why the answer is not believed.
func TestChangeWhoseAnswerDoesNotHold(t *testing.T) {
	t.Parallel()
	good := object{"x-ms-policy-result": "Updated"}
	for name, c := range map[string]struct {
		body    func() io.Reader
		isToken bool // that can be looked at
		cause   func(error) bool
	}{
		"forged":      {tokenBody(compact(`{"alg":"RS256","kid":"k"}`, claimsOf(good), rs256(otherRSAKey()))), true, isError[*azattestation.TokenValidationError]},
		"unsigned":    {tokenBody(compact(`{"alg":"none"}`, claimsOf(good), noSignature)), true, isError[*azattestation.TokenValidationError]},
		"expired":     {tokenBody(signed("k", object{"exp": 1})), true, isError[*azattestation.TokenValidationError]},
		"another's":   {tokenBody(signed("k", object{"iss": "https://other.example"})), true, isError[*azattestation.TokenValidationError]},
		"no token":    {tokenBody("a.b"), false, isError[*azattestation.TokenValidationError]},
		"no member":   {textBody("{}"), false, isError[*azattestation.AnswerError]},
		"HTML":        {textBody("<html>"), false, isError[*azattestation.AnswerError]},
		"cut short":   {textBody(`{"token":"`), false, isError[*azattestation.AnswerError]},
		"breaks off":  {func() io.Reader { return io.MultiReader(strings.NewReader(`{"token":"`), brokenReader{}) }, false, isError[*azattestation.AnswerError]},
		"says nought": {tokenBody(signed("k", nil)), true, func(err error) bool { return errors.Unwrap(err) == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			admin := adminOf(t, tokenIssuer, optionsFor(transport(func(req *http.Request) (*http.Response, error) {
				if req.URL.Path == "/certs" {
					return answer(req, http.StatusOK, jsonType, jwks(jwk("k", issuerCertificate()))), nil
				}
				resp := answer(req, http.StatusOK, jsonType, nil)
				resp.Body = io.NopCloser(c.body())
				return resp, nil
			})))
			for method, change := range changes(t, admin) {
				err := change(nil)
				e := errorOf[*azattestation.UnconfirmedError](t, err)
				if e != nil && (e.Operation != "AdministrationClient."+method || (e.Token != nil) != c.isToken || !c.cause(err)) {
					t.Errorf("%s: %v with token %v", method, err, e.Token)
				}
			}
		})
	}
}

func isError[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func textBody(text string) func() io.Reader {
	return func() io.Reader { return strings.NewReader(text) }
}

func tokenBody(compact string) func() io.Reader { return textBody(jsonOf(object{"token": compact})) }

// TestRefusedChangeIsARefusal, not one that was made.
func TestRefusedChangeIsARefusal(t *testing.T) {
	t.Parallel()
	for name, change := range changes(t, newInstance(t, modeShared).admin(t)) {
		if err := change(nil); !isError[*azcore.ResponseError](err) || isError[*azattestation.UnconfirmedError](err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOptionsAreTheClientsOwn: changing them later changes no client.
func TestOptionsAreTheClientsOwn(t *testing.T) {
	t.Parallel()
	_, tr := answering(t, signed("k", object{"exp": 1}))
	options := optionsFor(tr)
	options.TokenValidation = &azattestation.TokenValidationOptions{Skip: []azattestation.TokenCheck{azattestation.TokenCheckIssuer}}
	client := clientOf(t, tokenIssuer, options)
	options.TokenValidation.Skip[0] = azattestation.TokenCheckExpiration
	options.TokenValidation.TimeSlack = 1 << 62
	_, err := client.AttestSGXEnclave(t.Context(), evidence, nil)
	checkToken(t, err, azattestation.TokenCheckExpiration)
}

// TestNilInAnInterface is nothing: a client does not find out at its first call.
func TestNilInAnInterface(t *testing.T) {
	t.Parallel()
	if _, err := azattestation.NewClient(tokenIssuer, (*credential)(nil), nil); !isError[*azattestation.ArgumentError](err) {
		t.Errorf("credential: %v", err)
	}
	if _, err := azattestation.NewAdministrationClient(tokenIssuer, (*credential)(nil), nil); !isError[*azattestation.ArgumentError](err) {
		t.Errorf("credential: %v", err)
	}
	if _, err := azattestation.NewClientWithNoCredential(tokenIssuer, optionsFor((*http.Client)(nil))); err != nil {
		t.Errorf("transport: %v", err)
	}
	nothing := clientOf(t, tokenIssuer, optionsFor(transport(func(*http.Request) (*http.Response, error) { return nil, nil }))) //nolint:nilnil // what is tested
	if _, err := nothing.AttestSGXEnclave(t.Context(), evidence, nil); err == nil {
		t.Error("no answer and no error")
	}
	for name, err := range map[string]error{
		"token":         new(azattestation.Token).Validate(t.Context(), source(t), nil),
		"nil token":     (*azattestation.Token)(nil).Validate(t.Context(), source(t), nil),
		"signature":     (&azattestation.PolicyToken{}).VerifySignature(),
		"nil signature": func() error { _, err := (*azattestation.Token)(nil).VerifySigner(); return err }(),
		"sealed token":  func() error { _, err := new(azattestation.SealedToken).OpenWithKey(make([]byte, 32)); return err }(),
		"no decrypter":  func() error { _, err := new(azattestation.SealedToken).Open(nil); return err }(),
	} {
		if !isError[*azattestation.ArgumentError](err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSavedKeys are read as live ones are, and a reset token as the service has it.
func TestSavedKeys(t *testing.T) {
	t.Parallel()
	cert := certificateOf(rsaKey(), "signer")
	got, err := azattestation.ParseSigningCertificates(jwks(object{"kid": "unusable"}, jwk("k", cert)))
	if err != nil || len(got) != 1 || got[0].KeyID != "k" || !got[0].Chain[0].Equal(cert) {
		t.Errorf("certificates %v (%v)", got, err)
	}
	for _, text := range [][]byte{nil, jwks(), jwks(object{"kid": "unusable"}), []byte("{}"), make([]byte, 5<<20)} {
		_, err := azattestation.ParseSigningCertificates(text)
		checkError[*azattestation.ArgumentError](t, err)
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("error %q has several lines", err)
		}
	}
	if reset := must(azattestation.NewResetToken(nil)); reset.String() != "eyJhbGciOiJub25lIn0.." || reset.Policy() != "" {
		t.Errorf("reset token %s", reset)
	}
	if signed := must(azattestation.NewResetToken(signingKeyOf(ecKey(), "signer"))); signed.VerifySignature() != nil || signed.Policy() != "" {
		t.Errorf("reset token %s", signed)
	}
}
