package relyingparty_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

func TestMiddleware(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	neighbor := i.neighbor(t, fabrikam)
	good := i.token(t)
	type options = relyingparty.MiddlewareOptions
	nonceOf := func(r *http.Request) (relyingparty.Expected, error) {
		return relyingparty.Expected{Nonce: r.Header.Get("X-Session")}, nil
	}
	const (
		missing, invalid, twice = "Bearer", `Bearer error="invalid_token"`, `Bearer error="invalid_request"`
	)
	for name, c := range map[string]struct {
		options   options
		config    func(*relyingparty.Config)
		header    http.Header
		status    int
		code      string
		challenge string
		retry     string
		message   string // if it matters
	}{
		"a good token":         {header: bearer(good), status: http.StatusOK},
		"scheme in lower case": {header: http.Header{"Authorization": {"bearer " + good}}, status: http.StatusOK},
		"two spaces":           {header: http.Header{"Authorization": {"Bearer  " + good}}, status: http.StatusOK},
		"another header":       {options: options{Token: relyingparty.HeaderToken("x-ms-attestation")}, header: http.Header{"X-Ms-Attestation": {good}}, status: http.StatusOK},
		"a function":           {options: options{Token: func(*http.Request) (string, error) { return good, nil }}, status: http.StatusOK},
		"a nonce":              {options: options{Expected: nonceOf}, header: with(bearer(i.token(t, set{"nonce": "n1"})), "X-Session", "n1"), status: http.StatusOK},

		"no token":          {status: 401, code: "TokenMissing", challenge: missing, message: "An attestation token is required."},
		"another scheme":    {header: http.Header{"Authorization": {"Basic Zm9vOmJhcg=="}}, status: 401, code: "TokenMissing", challenge: missing},
		"no scheme":         {header: http.Header{"Authorization": {good}}, status: 401, code: "TokenMissing", challenge: missing},
		"no other header":   {options: options{Token: relyingparty.HeaderToken("x-ms-attestation")}, header: bearer(good), status: 401, code: "TokenMissing", challenge: missing},
		"a scheme alone":    {header: http.Header{"Authorization": {"Bearer"}}, status: 401, code: "TokenInvalid", challenge: invalid},
		"two headers":       {header: http.Header{"Authorization": {"Bearer " + good, "Bearer " + good}}, status: 400, code: "TokenInvalid", challenge: twice},
		"two other headers": {options: options{Token: relyingparty.HeaderToken("a")}, header: http.Header{"A": {good, good}}, status: 400, code: "TokenInvalid", challenge: twice},
		"a function fails":  {options: options{Token: func(*http.Request) (string, error) { return "", errOutOfReach }}, status: 401, code: "TokenInvalid", challenge: invalid},
		"something behind":  {header: bearer(good + " x"), status: 401, code: "TokenInvalid", challenge: invalid},
		"too long":          {options: options{MaxTokenBytes: len(good) - 1}, header: bearer(good), status: 401, code: "TokenInvalid", challenge: invalid},
		"long enough":       {options: options{MaxTokenBytes: len(good)}, header: bearer(good), status: http.StatusOK},
		"too long, unasked": {header: bearer(strings.Repeat("a", relyingparty.DefaultMaxTokenBytes+1)), status: 401, code: "TokenInvalid", challenge: invalid},
		"expired":           {header: bearer(i.token(t, set{"exp": 0})), status: 401, code: "TokenInvalid", challenge: invalid, message: "The attestation token does not hold."},
		"of a neighbor":     {header: bearer(neighbor.token(t)), status: 401, code: "TokenInvalid", challenge: invalid},
		"refused certificate": {
			config: func(c *relyingparty.Config) {
				c.SigningCertificate = answering(&relyingparty.SigningCertificateError{})
			},
			header: bearer(good), status: 401, code: "TokenInvalid", challenge: invalid,
		},

		"another enclave":  {header: bearer(i.token(t, set{"x-ms-sgx-mrenclave": mrsigner})), status: 403, code: "RequirementNotMet", message: "What was attested does not meet the requirements."},
		"debuggable":       {header: bearer(i.token(t, set{"x-ms-sgx-is-debuggable": true})), status: 403, code: "RequirementNotMet"},
		"another nonce":    {options: options{Expected: nonceOf}, header: with(bearer(i.token(t, set{"nonce": "n1"})), "X-Session", "n2"), status: 403, code: "RequirementNotMet"},
		"a nonce required": {config: func(c *relyingparty.Config) { c.RequireNonce = true }, options: options{Expected: nonceOf}, header: bearer(good), status: 403, code: "RequirementNotMet"},
		"no such session": {
			options: options{Expected: func(*http.Request) (relyingparty.Expected, error) {
				return relyingparty.Expected{}, &relyingparty.RequirementError{Requirement: relyingparty.RequirementNonce}
			}},
			header: bearer(good), status: 403, code: "RequirementNotMet",
		},
		"in detail": {
			options: options{ShowDetail: true}, header: bearer(i.token(t, set{"x-ms-sgx-is-debuggable": true})), status: 403, code: "RequirementNotMet",
			message: "relyingparty: token is not what is wanted: not debuggable: claim x-ms-sgx-is-debuggable: true, want false, or AllowDebuggable",
		},

		"keys out of reach": {
			config: func(c *relyingparty.Config) { c.Sources = []*azattestation.KeySource{unreachable(t, contoso)} },
			header: bearer(good), status: 503, code: "ServiceUnavailable", retry: "60", message: "The attestation token cannot be verified at present.",
		},
		"certificate undecided": {
			config: func(c *relyingparty.Config) { c.SigningCertificate = answering(errOutOfReach) }, options: options{RetryAfter: 1500 * time.Millisecond},
			header: bearer(good), status: 503, code: "ServiceUnavailable", retry: "2",
		},
		"sessions out of reach": {
			options: options{ShowDetail: true, Expected: func(*http.Request) (relyingparty.Expected, error) { return relyingparty.Expected{}, errOutOfReach }},
			header:  bearer(good), status: 503, code: "ServiceUnavailable", retry: "60", message: "The attestation token cannot be verified at present.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := i.config(t)
			if c.config != nil {
				c.config(&settings)
			}
			var refused error
			c.options.OnRefuse = func(_ *http.Request, err error) { refused = err }
			passed := false
			next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				passed = true
				if result, ok := relyingparty.FromContext(r.Context()); !ok || *result.Claims.MREnclave != mrenclave {
					t.Errorf("result %v in the context, want the token's", result)
				}
				w.WriteHeader(http.StatusOK)
			})
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			if c.header != nil {
				request.Header = c.header
			}
			recorder := httptest.NewRecorder()
			mustNew(t, settings).Middleware(next, c.options).ServeHTTP(recorder, request)
			answer := recorder.Result()
			defer func() { _ = answer.Body.Close() }()
			if answer.StatusCode != c.status || passed != (c.status == http.StatusOK) || (refused == nil) != passed {
				t.Fatalf("status %d, passed %t, refused with %v, want status %d", answer.StatusCode, passed, refused, c.status)
			}
			if got := answer.Header.Get("WWW-Authenticate"); got != c.challenge {
				t.Errorf("challenge %q, want %q", got, c.challenge)
			}
			if got := answer.Header.Get("Retry-After"); got != c.retry {
				t.Errorf("retry after %q, want %q", got, c.retry)
			}
			if !passed {
				checkRefusal(t, answer, c.code, c.message)
			}
		})
	}
}

// checkRefusal expects an answer of the one shape.
func checkRefusal(t *testing.T, answer *http.Response, code, message string) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	var body map[string]map[string]string
	d := json.NewDecoder(answer.Body)
	if err := d.Decode(&body); err != nil {
		t.Fatal(err)
	}
	if len(body) != 1 || len(body["error"]) != 2 || body["error"]["code"] != code || body["error"]["message"] == "" {
		t.Errorf("body %v, want an error of code %s", body, code)
	}
	if got := body["error"]["message"]; message != "" && got != message {
		t.Errorf("message %q, want %q", got, message)
	}
	if strings.Contains(body["error"]["message"], mrenclave) {
		t.Errorf("message %q shows what is required", body["error"]["message"])
	}
}

func bearer(compact string) http.Header {
	return http.Header{"Authorization": {"Bearer " + compact}}
}

func with(h http.Header, name, value string) http.Header {
	h.Set(name, value)
	return h
}

func answering(err error) func(context.Context, *azattestation.SigningCertificate) error {
	return func(context.Context, *azattestation.SigningCertificate) error { return err }
}

// offline is a transport without a network.
type offline struct{}

func (offline) Do(*http.Request) (*http.Response, error) { return nil, errOutOfReach }

// unreachable is the key source of a client that reaches nobody.
func unreachable(t testing.TB, url string) *azattestation.KeySource {
	t.Helper()
	var o azattestation.ClientOptions
	o.Transport = offline{}
	o.Retry.MaxRetries = -1
	client, err := azattestation.NewClientWithNoCredential(url, &o)
	if err != nil {
		t.Fatal(err)
	}
	return client.KeySource()
}

func TestKeysOutOfReachDecideNothing(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	c := i.config(t)
	c.Sources = []*azattestation.KeySource{unreachable(t, contoso)}
	_, err := mustNew(t, c).Verify(t.Context(), i.token(t), relyingparty.Expected{})
	if !errors.Is(err, errOutOfReach) {
		t.Errorf("error %v, want that of the transport", err)
	}
	if _, ok := errors.AsType[*azattestation.TokenValidationError](err); ok {
		t.Errorf("error %v says that the token does not hold", err)
	}
}

func TestNothingIsInAnOrdinaryContext(t *testing.T) {
	t.Parallel()
	if r, ok := relyingparty.FromContext(t.Context()); ok || r != nil {
		t.Errorf("result %v in an empty context", r)
	}
}

// A middleware behind a real server, for many clients at once: the verifier keeps
// one answer apart from another.
func TestMiddlewareServesManyAtOnce(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	c := i.config(t)
	c.SigningCertificate = answering(nil)
	handler := mustNew(t, c).Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if result, ok := relyingparty.FromContext(r.Context()); ok {
			_, _ = io.WriteString(w, *result.Claims.UniqueID)
		}
	}), relyingparty.MiddlewareOptions{})
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	done := make(chan error)
	const clients = 16
	for n := range clients {
		id := strings.Repeat(string(rune('a'+n)), 64)
		changes, status := set{"jti": id}, http.StatusOK
		if n%4 == 3 {
			changes["x-ms-sgx-is-debuggable"], status = true, http.StatusForbidden
		}
		compact := i.token(t, changes)
		go func() {
			for range 8 {
				if err := ask(t.Context(), server.URL, compact, status, id); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range clients {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func ask(ctx context.Context, url, compact string, status int, id string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	request.Header = bearer(compact)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != status || status == http.StatusOK && string(body) != id {
		return errors.New(answer.Status + ": " + string(body) + ", want that of " + id)
	}
	return nil
}
