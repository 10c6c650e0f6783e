package keyrelease_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azattest/azattest/keyrelease"
)

// aRequest is one that a canned answer answers.
var aRequest = keyrelease.Request{Target: "token", Nonce: "nonce", Algorithm: keyrelease.RSAAESKeyWrap256}

// What the vault refuses comes back with all that it says of it.
func TestVaultErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change  func(*vault, *keyrelease.Request)
		handler http.HandlerFunc
		key     string
		want    keyrelease.VaultError
		text    string
	}{
		"not attested": {
			change: func(_ *vault, r *keyrelease.Request) { r.Target = "no token" },
			want:   keyrelease.VaultError{Status: 403, Code: "Forbidden", InnerCode: "AccessDenied", Message: "Target environment attestation statement cannot be verified."},
			text:   "keyrelease: the vault answered with status 403, Forbidden (AccessDenied): Target environment attestation statement cannot be verified.",
		},
		"not the policy's": {
			change: func(v *vault, r *keyrelease.Request) {
				r.Target = v.token(t, set{"x-ms-sgx-mrenclave": strings.Repeat("0", 64), "nonce": r.Nonce})
			},
			want: keyrelease.VaultError{Status: 403, Code: "Forbidden", InnerCode: "AccessDenied", Message: "Target environment attestation does not meet key release policy requirements."},
		},
		"disabled": {
			change: func(v *vault, _ *keyrelease.Request) { v.key.Attributes.Enabled = false },
			want:   keyrelease.VaultError{Status: 403, Code: "Forbidden", InnerCode: "KeyDisabled", Message: "Operation release is not allowed on a disabled key."},
		},
		"no such key": {
			key: "other", want: keyrelease.VaultError{Status: 404, Code: "KeyNotFound", Message: `A key with (name/id) "other" was not found in this key vault.`},
		},
		"an unknown algorithm": {
			change: func(_ *vault, r *keyrelease.Request) { r.Algorithm = "RSA1_5" },
			want:   keyrelease.VaultError{Status: 400, Code: "BadParameter"},
		},
		"a proxy": {
			handler: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<h1>Teapot</h1>", http.StatusTeapot) },
			want:    keyrelease.VaultError{Status: 418}, text: "keyrelease: the vault answered with status 418",
		},
		"one that plays with terminals": {
			handler: answering(http.StatusUnauthorized, `{"error":{"code":"Un\u001b[2Jauthorized","message":"line\r\nbreak\u202e \u009b2J"}}`),
			want:    keyrelease.VaultError{Status: 401, Code: "Un\x1b[2Jauthorized", Message: "line\r\nbreak\u202e \u009b2J"},
			text:    "keyrelease: the vault answered with status 401, Un\uFFFD[2Jauthorized: line break\uFFFD \uFFFD2J",
		},
		"a long one": {
			handler: answering(http.StatusConflict, `{"error":{"code":"Conflict","message":"`+strings.Repeat("long ", 100_000)+`"}}`),
			want:    keyrelease.VaultError{Status: 409}, text: "keyrelease: the vault answered with status 409",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVault(t)
			request := keyrelease.Request{Target: v.token(t), Nonce: "a nonce"}
			if tt.change != nil {
				tt.change(v, &request)
			}
			h := v.handler(t)
			if tt.handler != nil {
				h = tt.handler
			}
			if tt.key == "" {
				tt.key = "payroll"
			}
			response, err := mustClient(t, serve(t, h)).Release(t.Context(), tt.key, "", request)
			e, ok := errors.AsType[*keyrelease.VaultError](err)
			if !ok || response != "" || e.Status != tt.want.Status || e.Code != tt.want.Code || e.InnerCode != tt.want.InnerCode || tt.want.Message != "" && e.Message != tt.want.Message {
				t.Fatalf("got %q, %#v", response, err)
			}
			if tt.text != "" && e.Error() != tt.text {
				t.Errorf("says %q, want %q", e, tt.text)
			}
			inner, ok := errors.AsType[*azcore.ResponseError](err)
			if !ok || inner.StatusCode != tt.want.Status {
				t.Fatalf("wraps %v", e.Err)
			}
			if strings.ContainsAny(inner.Error(), "\x1b\r\u009b\u202e") || len(inner.Error()) > 70<<10 || strings.Contains(err.Error(), request.Target) {
				t.Errorf("wraps %q", inner)
			}
		})
	}
}

// Success that is no vault's is none.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"a page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<h1>Welcome</h1>")
		}, "content type"},
		"no JSON":          {answering(http.StatusOK, "{"), "at byte 1"},
		"value twice":      {answering(http.StatusOK, `{"value":"a.b.c","value":"d.e.f"}`), "stands twice"},
		"no value":         {answering(http.StatusOK, `{"Value":"a.b.c"}`), "without a string"},
		"an empty value":   {answering(http.StatusOK, `{"value":""}`), "without a string"},
		"another value":    {answering(http.StatusOK, `{"value":7}`), "without a string"},
		"an array":         {answering(http.StatusOK, `["a.b.c"]`), "without a string"},
		"a huge one":       {answering(http.StatusOK, `{"value":"`+strings.Repeat("x", 4<<20)+`"}`), "more than"},
		"an accepted none": {answering(http.StatusAccepted, `{"value":"a.b.c"}`), "status 202"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, err := mustClient(t, serve(t, tt.handler)).Release(t.Context(), "payroll", "", aRequest)
			if err == nil || response != "" || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, %v, want %q", response, err, tt.want)
			}
			if e, ok := errors.AsType[*keyrelease.ResponseError](err); !strings.Contains(tt.want, "status") && (!ok || e.Part != "answer") {
				t.Errorf("got %#v", err)
			}
		})
	}
}

// The token goes to the vault alone, and nobody answers in its place.
func TestRedirects(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]*http.Client{
		"default": nil, "the caller's": {}, "one that follows": {CheckRedirect: func(*http.Request, []*http.Request) error { return nil }},
	} {
		for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
			t.Run(name+"/"+http.StatusText(status), func(t *testing.T) {
				t.Parallel()
				var asked atomic.Int32
				other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					asked.Add(1)
					answering(http.StatusOK, bodyOf("a.b.c"))(w, r)
				}))
				t.Cleanup(other.Close)
				srv := httptest.NewServer(http.RedirectHandler(other.URL+"/keys/payroll/release", status))
				t.Cleanup(srv.Close)
				options := patient(nil)
				if client != nil {
					options = patient(client)
				}
				c, err := keyrelease.NewClient(srv.URL, nil, options)
				if err != nil {
					t.Fatal(err)
				}
				response, err := c.Release(t.Context(), "payroll", "", aRequest)
				if err == nil || response != "" {
					t.Fatalf("got %q", response)
				}
				if name == "one that follows" {
					if e, ok := errors.AsType[*keyrelease.ResponseError](err); !ok || !strings.Contains(e.Problem, other.URL) {
						t.Errorf("got %v", err)
					}
					return
				}
				if e, ok := errors.AsType[*keyrelease.VaultError](err); !ok || e.Status != status || asked.Load() != 0 {
					t.Errorf("got %v, the other was asked %d times", err, asked.Load())
				}
			})
		}
	}
}

// A vault that is busy is asked again, when it says, with the same request.
func TestRetries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		statuses []int
		after    string
		took     time.Duration
		status   int
	}{
		{statuses: []int{429}, after: "7", took: 7 * time.Second},
		{statuses: []int{503, 429}, after: "5", took: 10 * time.Second},
		{statuses: []int{503, 503, 503}, after: "5", took: 10 * time.Second, status: 503},
		{statuses: []int{403}, after: "5", status: 403},
	} {
		synctest.Test(t, func(t *testing.T) {
			var bodies []string
			options := patient(transport(func(r *http.Request) (*http.Response, error) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					return nil, err
				}
				bodies = append(bodies, r.URL.String()+" "+string(body))
				w := httptest.NewRecorder()
				status, answer := http.StatusOK, bodyOf("a.b.c")
				if n := len(bodies); n <= len(tt.statuses) {
					w.Header().Set("Retry-After", tt.after)
					status, answer = tt.statuses[n-1], `{"error":{"code":"Busy"}}`
				}
				answering(status, answer)(w, r)
				return w.Result(), nil
			}))
			began := time.Now()
			response, err := mustClient(t, options).Release(t.Context(), "payroll", version, aRequest)
			e, refused := errors.AsType[*keyrelease.VaultError](err)
			if refused != (tt.status != 0) || refused && e.Status != tt.status || !refused && response != "a.b.c" || time.Since(began) != tt.took {
				t.Errorf("%v: got %q, %v after %s, want %s", tt.statuses, response, err, time.Since(began), tt.took)
			}
			want := vaultURL + "/keys/payroll/" + version + `/release?api-version=7.4 {"target":"token","nonce":"nonce","enc":"RSA_AES_KEY_WRAP_256"}`
			for _, body := range bodies {
				if body != want {
					t.Errorf("asked %s, want %s", body, want)
				}
			}
		})
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	options := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() }))
	options.Transport = ending{options.Transport, cancel}
	if _, err := mustClient(t, options).Release(ctx, "payroll", "", aRequest); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// ending ends the context once the request has been sent.
type ending struct {
	policy.Transporter
	cancel context.CancelFunc
}

func (c ending) Do(r *http.Request) (*http.Response, error) {
	c.cancel()
	return c.Transporter.Do(r)
}

func TestNewClientRefuses(t *testing.T) {
	t.Parallel()
	credential := azcore.TokenCredential(&azfake.TokenCredential{})
	for name, tt := range map[string]struct {
		vault, argument string
		credential      azcore.TokenCredential
		options         *keyrelease.ClientOptions
	}{
		"no URL":                      {vault: "contoso", argument: "vault"},
		"http":                        {vault: "http://contoso.vault.azure.net", argument: "vault"},
		"a query":                     {vault: vaultURL + "?x=y", argument: "vault"},
		"a user":                      {vault: "https://user:pass@contoso.vault.azure.net", argument: "vault"},
		"a credential over http":      {vault: "http://127.0.0.1", argument: "vault", credential: credential, options: &keyrelease.ClientOptions{Scope: "api://vault/.default"}},
		"a credential for whom":       {vault: vaultURL, argument: "Scope", credential: credential},
		"a host that looks like one":  {vault: "https://contoso.vault.azure.net.example", argument: "Scope", credential: credential},
		"another that looks like one": {vault: "https://evilvault.azure.net", argument: "Scope", credential: credential},
		"a version":                   {vault: vaultURL, argument: "APIVersion", options: &keyrelease.ClientOptions{ClientOptions: azcore.ClientOptions{APIVersion: "7.4&x=y"}}},
	} {
		_, err := keyrelease.NewClient(tt.vault, tt.credential, tt.options)
		if e, ok := errors.AsType[*keyrelease.ArgumentError](err); !ok || e.Argument != tt.argument || strings.Contains(err.Error(), "pass") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestBearerTokens(t *testing.T) {
	t.Parallel()
	for vault, want := range map[string]string{
		"https://contoso.vault.azure.net":          "https://vault.azure.net/.default",
		"https://CONTOSO.managedhsm.azure.net/":    "https://managedhsm.azure.net/.default",
		"https://contoso.vault.usgovcloudapi.net":  "https://vault.usgovcloudapi.net/.default",
		"https://contoso.vault.azure.cn":           "https://vault.azure.cn/.default",
		"https://vault.example (api://x/.default)": "api://x/.default",
		"http://127.0.0.1:1 (none)":                "",
	} {
		vault, scope, _ := strings.Cut(strings.TrimSuffix(vault, ")"), " (")
		var header string
		options := patient(transport(func(r *http.Request) (*http.Response, error) {
			header = r.Header.Get("Authorization")
			w := httptest.NewRecorder()
			answering(http.StatusOK, bodyOf("a.b.c"))(w, r)
			return w.Result(), nil
		}))
		asked := new(scopes)
		credential := azcore.TokenCredential(asked)
		if scope == "none" {
			credential, scope = nil, ""
		}
		options.Scope = scope
		client, err := keyrelease.NewClient(vault, credential, options)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Release(t.Context(), "payroll", "", aRequest); err != nil {
			t.Errorf("%s: %v", vault, err)
		}
		if strings.Join(*asked, " ") != want || (want != "") != (header == "Bearer secret") {
			t.Errorf("%s: asked for %v, sent %q", vault, *asked, header)
		}
	}
}

// No token for Azure's vaults is meant for anybody else.
func TestScope(t *testing.T) {
	t.Parallel()
	for vault, want := range map[string]string{
		"https://contoso.vault.azure.net":              "https://vault.azure.net/.default",
		"https://contoso.region.managedhsm.azure.net/": "https://managedhsm.azure.net/.default",
		"https://contoso.managedhsm.azure.cn":          "https://managedhsm.azure.cn/.default",
		"https://CONTOSO.vault.usgovcloudapi.net:443/": "https://vault.usgovcloudapi.net/.default",
		"https://vault.azure.net":                      "",
		"https://evilvault.azure.net":                  "",
		"https://contoso.vault.azure.net.example":      "",
		"https://a.vault.azure.net@example.com":        "",
		"https://example.com/a.vault.azure.net":        "",
		"contoso.vault.azure.net":                      "",
		":":                                            "",
	} {
		if got := keyrelease.Scope(vault); got != want {
			t.Errorf("%s: %q, want %q", vault, got, want)
		}
	}
}

// scopes is a credential that remembers what tokens were asked of it.
type scopes []string

func (s *scopes) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	*s = append(*s, o.Scopes...)
	return azcore.AccessToken{Token: "secret", ExpiresOn: time.Now().Add(time.Hour)}, nil
}
