package relyingparty_test

import (
	"crypto"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/testattest"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

// What the service makes of requests of a machine is accepted, and its key is bound
// as the request had it.
func TestReportsOfTheService(t *testing.T) {
	t.Parallel()
	r := newReporter(t, newInstance(t, contoso, token.RS256), healthPolicy)
	type sign = func(*testattest.Request, testing.TB) []byte
	v1, v2 := (*testattest.Request).V1, (*testattest.Request).V2
	aik := func(request *testattest.Request) *testattest.Request {
		request.Key = nil
		return request
	}
	certified := func(request *testattest.Request) *testattest.Request { return resident(request, inTPM|tpm.Sign) }
	for name, c := range map[string]struct {
		key      crypto.Signer
		edit     func(*testattest.Request) *testattest.Request // nil for not
		sign     sign
		config   func(*relyingparty.Config)
		binding  relyingparty.KeyBinding // "" for no key
		resident bool
	}{
		"version 2, bound by the quote": {heldRSA(), nil, v2, nil, relyingparty.KeyBindingQuote, false},
		"version 2, on a curve":         {curvedKey(), nil, v2, nil, relyingparty.KeyBindingQuote, false},
		"version 2, certified":          {heldRSA(), certified, v2, func(c *relyingparty.Config) { c.RequireResidentKey = true }, relyingparty.KeyBindingCertify, true},
		"version 2, the AIK alone":      {nil, aik, v2, nil, "", false},
		"version 1":                     {heldRSA(), nil, v1, func(c *relyingparty.Config) { c.AllowUnboundKey = true }, relyingparty.KeyBindingNone, false},
		"version 1, on a curve":         {curvedKey(), nil, v1, func(c *relyingparty.Config) { c.AllowUnboundKey = true }, relyingparty.KeyBindingNone, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := r.request(c.key)
			if c.edit != nil {
				request = c.edit(request)
			}
			compact := r.report(t, c.sign(request, t))
			settings := healthConfig(t, r.instance)
			settings.RequireNonce = true
			expected := relyingparty.Expected{Nonce: string(nonceBytes)}
			if c.config != nil {
				c.config(&settings)
			}
			if c.binding != "" {
				expected.ConfirmedKey = c.key.Public()
			}
			result, err := mustNew(t, settings).Verify(t.Context(), compact, expected)
			if err != nil {
				t.Fatal(err)
			}
			key, err := result.ConfirmedKey()
			switch {
			case c.binding == "":
				wantMissed(t, err, relyingparty.RequirementConfirmedKey, "cnf")
			case err != nil:
				t.Fatal(err)
			case key.Binding != c.binding || key.IsResident() != c.resident || key.IsBound() != (c.binding != relyingparty.KeyBindingNone):
				t.Errorf("key %+v", key)
			case c.resident && (key.Attributes != inTPM|tpm.Sign || key.NameAlgorithm != tpm.SHA256 || len(key.AuthPolicy) > 0):
				t.Errorf("key %+v of other attributes", key)
			}
			// A report has no runtime data, so nobody encrypts to the key that signs.
			_, _, err = result.EncryptionKey()
			wantMissed(t, err, relyingparty.RequirementHeldKeys, "x-ms-runtime")
		})
	}
	t.Run("version 1, by default", func(t *testing.T) {
		t.Parallel()
		_, err := mustNew(t, healthConfig(t, r.instance)).Verify(t.Context(), r.report(t, v1(r.request(heldRSA()), t)), relyingparty.Expected{})
		wantMissed(t, err, relyingparty.RequirementConfirmedKey, "x-ms-tpm-request-key/info")
	})
	t.Run("version 2, an AIK that nobody certified", func(t *testing.T) {
		t.Parallel()
		lax := newReporter(t, r.instance, `version=1.2; configurationrules{ => issueproperty(type="require_valid_aik_cert", value=false); }; `+strings.TrimPrefix(healthPolicy, "version=1.0;"))
		request := lax.request(heldRSA())
		request.Certificate = nil
		settings := healthConfig(t, r.instance)
		settings.PolicyHashes, settings.AllowAnyPolicy = nil, true
		_, err := mustNew(t, settings).Verify(t.Context(), lax.report(t, v2(request, t)), relyingparty.Expected{})
		wantMissed(t, err, relyingparty.RequirementClaim, "aikValidated")
	})
	t.Run("without a certificate in the header", func(t *testing.T) {
		t.Parallel()
		text := strings.Replace(healthPolicy, "issuancerules{", `issuancerules{ => issueproperty(type="omit_x5c", value=true);`, 1)
		short := newReporter(t, r.instance, text)
		compact := short.report(t, v2(short.request(heldRSA()), t))
		parsed, err := azattestation.ParseToken(compact)
		if err != nil || strings.Contains(string(parsed.Header()), "x5c") {
			t.Fatalf("header %s, %v", parsed.Header(), err)
		}
		settings := healthConfig(t, r.instance)
		_, err = mustNew(t, settings).Verify(t.Context(), compact, relyingparty.Expected{})
		wantMissed(t, err, relyingparty.RequirementPolicy, "x-ms-policy-hash")
		settings.PolicyHashes = []string{policyHash(text)}
		if _, err = mustNew(t, settings).Verify(t.Context(), compact, relyingparty.Expected{}); err != nil {
			t.Error(err)
		}
	})
}

// A report is that of one instance, under its own policy, signed.
func TestReportsOfTheServiceAreRefused(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	stranger := newInstance(t, contoso, token.ES256)
	neighbor := i.neighbor(t, fabrikam)
	request := func(r *reporter) []byte { return r.request(heldRSA()).V2(t) }
	ours := newReporter(t, i, healthPolicy)
	good := ours.report(t, request(ours))
	of := func(i *instance, text string) string {
		r := newReporter(t, i, text)
		return r.report(t, request(r))
	}
	payload := claimsOf(t, good)
	for name, c := range map[string]struct {
		token string
		check azattestation.TokenCheck // "" for one that holds
		claim string
	}{
		"of a stranger":          {of(stranger, healthPolicy), azattestation.TokenCheckSigningKey, ""},
		"of a neighbor's key":    {of(neighbor, healthPolicy), azattestation.TokenCheckIssuer, ""},
		"a neighbor's key alone": {neighbor.signReport(t, payload), azattestation.TokenCheckSigningKey, ""},
		"a stranger under our ID": {
			stranger.Sign(t, set{"alg": "ES256", "kid": i.reportKeyID(), "typ": "JWT", "x5c": [][]byte{stranger.Key.Certificate().Raw}}, payload),
			azattestation.TokenCheckSignature, "",
		},
		"a draft":       {b64([]byte(`{"alg":"none","kid":"`+i.reportKeyID()+`","typ":"JWT"}`)) + "." + b64(payload) + ".", azattestation.TokenCheckAlgorithm, ""},
		"unsigned":      {good[:strings.LastIndexByte(good, '.')+1], azattestation.TokenCheckSignature, ""},
		"other policy":  {of(i, healthPolicy+"\n"), "", "x-ms-policy-hash"},
		"other signing": {i.sign(t, payload), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mustNew(t, healthConfig(t, i)).Verify(t.Context(), c.token, relyingparty.Expected{})
			if c.check != "" {
				wantInvalid(t, err, c.check)
				return
			}
			e, ok := errors.AsType[*relyingparty.RequirementError](err)
			if !ok || e.Claim != c.claim {
				t.Errorf("error %v, want one by claim %q", err, c.claim)
			}
		})
	}
	t.Run("by who has keys from before", func(t *testing.T) {
		t.Parallel()
		c := healthConfig(t, i)
		c.Sources = []*azattestation.KeySource{i.Source(t)}
		_, err := mustNew(t, c).Verify(t.Context(), good, relyingparty.Expected{})
		wantInvalid(t, err, azattestation.TokenCheckSigningKey)
	})
}

// A server lets in the machine whose report it is, known by the key of its
// connection.
func TestReportsAndMiddleware(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	r := newReporter(t, i, healthPolicy)
	compact := r.report(t, r.request(heldRSA()).V2(t))
	c := healthConfig(t, i)
	c.RequireNonce = true
	for name, test := range map[string]struct {
		key    crypto.PublicKey
		nonce  string
		status int
	}{
		"its key":             {heldRSA().Public(), string(nonceBytes), http.StatusOK},
		"another's key":       {aikKey().Public(), string(nonceBytes), http.StatusForbidden},
		"a key of other type": {make([]byte, 32), string(nonceBytes), http.StatusForbidden},
		"another's nonce":     {heldRSA().Public(), "4711", http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
				result, ok := relyingparty.FromContext(request.Context())
				if !ok || result.Claims.AttestationType != nil {
					t.Errorf("result %+v", result)
				}
			})
			handler := mustNew(t, c).Middleware(next, relyingparty.MiddlewareOptions{
				Expected: func(*http.Request) (relyingparty.Expected, error) {
					return relyingparty.Expected{Nonce: test.nonce, ConfirmedKey: test.key}, nil
				},
			})
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			request.Header = bearer(compact)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, request)
			if w.Code != test.status {
				t.Errorf("status %d, want %d: %s", w.Code, test.status, w.Body)
			}
		})
	}
}

// Only what a report confirms is a confirmed key.
func TestEnclavesConfirmNoKey(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	compact := i.token(t, set{"cnf": set{"jwk": confirmedJWK()}})
	v := mustNew(t, i.config(t))
	if _, err := v.Verify(t.Context(), compact, relyingparty.Expected{}); err != nil {
		t.Error(err)
	}
	_, err := v.Verify(t.Context(), compact, relyingparty.Expected{ConfirmedKey: heldRSA().Public()})
	wantMissed(t, err, relyingparty.RequirementConfirmedKey, "cnf")
}
