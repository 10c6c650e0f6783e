package tpm_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azattest/azattest/azattestation"
	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/evidence/tpm"
)

func TestAttestRefusesOptions(t *testing.T) {
	t.Parallel()
	_, opened := start(t)
	_, other := start(t)
	s := startService(t)
	s.answer = func(http.ResponseWriter, map[string]any) bool {
		t.Error("the service was asked")
		return false
	}
	aik := newAIK(t, opened, collect.ECC)
	elsewhere := must[*collect.Key](t)(other.NewKey(t.Context(), collect.ECC))
	weak := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 1024)) //nolint:gosec // G403: It is to be refused.
	public := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)).Public()
	for name, test := range map[string]struct {
		o    *collect.AttestOptions
		want string
	}{
		"nothing":                   {nil, "no AIK"},
		"no AIK":                    {&collect.AttestOptions{}, "no AIK"},
		"AIK of another TPM":        {&collect.AttestOptions{AIK: newAIK(t, other, collect.ECC)}, "an AIK of unix:"},
		"version 3":                 {&collect.AttestOptions{AIK: aik, Version: 3}, "version 3"},
		"bank that is none":         {&collect.AttestOptions{AIK: aik, Banks: []tpm.Algorithm{0x12}}, "one that is active"},
		"bank twice":                {&collect.AttestOptions{AIK: aik, Banks: []tpm.Algorithm{tpm.SHA1, tpm.SHA1}}, "a second time"},
		"PCR 24":                    {&collect.AttestOptions{AIK: aik, PCRs: []int{24}}, "PCR 24"},
		"PCR twice":                 {&collect.AttestOptions{AIK: aik, PCRs: []int{7, 7}}, "each once"},
		"logs and none":             {&collect.AttestOptions{AIK: aik, NoLogs: true, Logs: []collect.Log{{}}}, "one of the two"},
		"RPID":                      {&collect.AttestOptions{AIK: aik, RPID: "\xff"}, "no UTF-8"},
		"claim without a name":      {&collect.AttestOptions{AIK: aik, CustomClaims: []collect.CustomClaim{{ValueType: collect.ClaimString}}}, "a name"},
		"claim without a type":      {&collect.AttestOptions{AIK: aik, CustomClaims: []collect.CustomClaim{{Name: "a"}}}, "String, Integer or Boolean"},
		"request key elsewhere":     {&collect.AttestOptions{AIK: aik, RequestKey: elsewhere}, "a request key of unix:"},
		"weak request key":          {&collect.AttestOptions{AIK: aik, RequestKey: weak}, "request key"},
		"three keys":                {&collect.AttestOptions{AIK: aik, OtherKeys: make([]collect.OtherKey, 3)}, "3 other keys"},
		"a request key and none":    {&collect.AttestOptions{AIK: aik, NoRequestKey: true, RequestKey: weak}, "there shall be none"},
		"version 1 without a key":   {&collect.AttestOptions{AIK: aik, NoRequestKey: true, Version: 1}, "one in version 1"},
		"version 1 and other keys":  {&collect.AttestOptions{AIK: aik, Version: 1, OtherKeys: []collect.OtherKey{{Public: public}}}, "none in version 1"},
		"version 1 and two banks":   {&collect.AttestOptions{AIK: aik, Version: 1, Banks: []tpm.Algorithm{tpm.SHA1, tpm.SHA256}}, "one in version 1"},
		"version 1 and some PCRs":   {&collect.AttestOptions{AIK: aik, Version: 1, PCRs: []int{1}}, "all in version 1"},
		"version 1 and IMA's log":   {&collect.AttestOptions{AIK: aik, Version: 1, Logs: []collect.Log{{Type: collect.LogIMA}}}, "one TCG log"},
		"other key twice described": {&collect.AttestOptions{AIK: aik, OtherKeys: []collect.OtherKey{{}}}, "one of the two"},
		"other key elsewhere":       {&collect.AttestOptions{AIK: aik, OtherKeys: []collect.OtherKey{{Key: elsewhere}}}, "other key: one of unix:"},
		"weak other key":            {&collect.AttestOptions{AIK: aik, OtherKeys: []collect.OtherKey{{Public: weak.Public()}}}, "other key"},
	} {
		_, err := collect.Attest(t.Context(), s.client(), opened, test.o)
		if e, ok := errors.AsType[*collect.Error](err); !ok || !strings.Contains(e.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// A report that is signed well and answers another question is refused.
func TestAttestRefusesReports(t *testing.T) {
	t.Parallel()
	_, opened := start(t)
	aik := newAIK(t, opened, collect.ECC)
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	other := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	for name, test := range map[string]struct {
		change func(claims map[string]any)
		want   string
	}{
		"another nonce":    {func(c map[string]any) { c["nonce"] = "AAAA" }, "nonce"},
		"no nonce":         {func(c map[string]any) { delete(c, "nonce") }, "nonce"},
		"another rp_data":  {func(c map[string]any) { c["rp_data"] = strings.Repeat("x", 300) }, "rp_data"},
		"rp_data no text":  {func(c map[string]any) { c["rp_data"] = 7 }, "rp_data"},
		"no key":           {func(c map[string]any) { delete(c, "cnf") }, "cnf"},
		"key that is none": {func(c map[string]any) { c["cnf"] = map[string]any{"jwk": map[string]any{"kty": "oct"}} }, "cnf"},
		"another key": {func(c map[string]any) {
			c["cnf"] = map[string]any{"jwk": must[tpm.JWK](t)(tpm.NewJWK(other.Public()))}
		}, "cnf"},
	} {
		s := startService(t)
		s.change = test.change
		_, err := collect.Attest(t.Context(), s.client(), opened, &collect.AttestOptions{AIK: aik, RequestKey: key, Nonce: []byte("nonce")})
		if e, ok := errors.AsType[*collect.ReportError](err); !ok || e.Claim != test.want || len(e.Error()) > 400 {
			t.Errorf("%s: %v, want claim %s", name, err, test.want)
		}
	}
	for name, change := range map[string]func(claims map[string]any){
		"expired":        func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() },
		"another issuer": func(c map[string]any) { c["iss"] = "https://other.example" },
	} {
		s := startService(t)
		s.change = change
		_, err := collect.Attest(t.Context(), s.client(), opened, &collect.AttestOptions{AIK: aik, RequestKey: key})
		if _, ok := errors.AsType[*azattestation.TokenValidationError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The same report with another signature.
	s := startService(t)
	s.key = must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048))
	if _, err := collect.Attest(t.Context(), s.client(), opened, &collect.AttestOptions{AIK: aik, RequestKey: key}); err == nil {
		t.Error("a report by another key")
	}
	s = startService(t)
	s.change = func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() }
	skip := &azattestation.TokenValidationOptions{Skip: []azattestation.TokenCheck{azattestation.TokenCheckExpiration}}
	must[*collect.Report](t)(collect.Attest(t.Context(), s.client(), opened, &collect.AttestOptions{AIK: aik, RequestKey: key, TokenValidation: skip}))
}

// What the service answers otherwise is told from what the TPM does.
func TestAttestWithoutAService(t *testing.T) {
	t.Parallel()
	_, opened := start(t)
	aik := newAIK(t, opened, collect.ECC)
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	attest := func(ctx context.Context, s *service) error {
		_, err := collect.Attest(ctx, s.client(), opened, &collect.AttestOptions{AIK: aik, RequestKey: key})
		return err
	}
	for name, answer := range map[string]any{
		"no challenge":        map[string]any{"service_context": "e30"},
		"empty challenge":     map[string]any{"challenge": "", "service_context": "e30"},
		"challenge no base64": map[string]any{"challenge": "AA==", "service_context": "e30"},
		"long challenge":      map[string]any{"challenge": strings.Repeat("AAAA", 50), "service_context": "e30"},
		"no context":          map[string]any{"challenge": "AAAA"},
		"long context":        map[string]any{"challenge": "AAAA", "service_context": strings.Repeat("A", 70000)},
		"no object":           []int{1},
	} {
		s := startService(t)
		s.answer = func(w http.ResponseWriter, _ map[string]any) bool {
			s.message(w, answer)
			return true
		}
		if _, ok := errors.AsType[*azattestation.AnswerError](attest(t.Context(), s)); !ok {
			t.Errorf("%s: %v", name, attest(t.Context(), s))
		}
	}
	s := startService(t)
	s.answer = func(w http.ResponseWriter, m map[string]any) bool {
		if m["request"] == nil {
			return false
		}
		s.message(w, map[string]any{"report": "no token"})
		return true
	}
	if err := attest(t.Context(), s); err == nil {
		t.Error("a report that is none")
	}
	s = startService(t)
	s.answer = func(w http.ResponseWriter, _ map[string]any) bool {
		w.WriteHeader(http.StatusBadRequest)
		s.write(w, map[string]any{"error": map[string]string{"code": "Bad request", "message": "A VBS attestation policy has not been set on the attestation provider."}})
		return true
	}
	if e, ok := errors.AsType[*azcore.ResponseError](attest(t.Context(), s)); !ok || e.StatusCode != http.StatusBadRequest {
		t.Errorf("%v, want a refusal", e)
	}
	ended, cancel := context.WithCancel(t.Context())
	s = startService(t)
	s.answer = func(http.ResponseWriter, map[string]any) bool { cancel(); return false }
	if err := attest(ended, s); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was canceled", err)
	}
	if _, err := opened.NewKey(ended, collect.ECC); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was canceled", err)
	}
}

// cannedSigner gives one answer, or none.
type cannedSigner struct {
	key    crypto.PublicKey
	answer []byte
}

func (c *cannedSigner) Public() crypto.PublicKey { return c.key }

func (c *cannedSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	if c.answer == nil {
		return nil, errors.New("no signature")
	}
	return c.answer, nil
}

func TestAttestWithASignerThatFails(t *testing.T) {
	t.Parallel()
	_, opened := start(t)
	s := startService(t)
	aik := newAIK(t, opened, collect.ECC)
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	for _, answer := range [][]byte{nil, []byte("no signature"), {0x30, 6, 2, 1, 0, 2, 1, 1}} {
		_, err := collect.Attest(t.Context(), s.client(), opened, &collect.AttestOptions{AIK: aik, RequestKey: &cannedSigner{key.Public(), answer}})
		if err == nil || !strings.Contains(err.Error(), "sign the request") {
			t.Errorf("%x: %v", answer, err)
		}
	}
}
