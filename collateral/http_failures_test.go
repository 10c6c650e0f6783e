package collateral

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// status answers with a status and headers.
func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

// body answers with a text and headers.
func body(text string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		_, _ = io.WriteString(w, text)
	}
}

func TestHTTPNamesWhatWentWrong(t *testing.T) {
	t.Parallel()
	wrong := newService(recipe{platform: sgxPlatform}, recipe{platform: tdxPlatform})
	asIf := func(path, query string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawQuery = path, query
			wrong.answer(w, r)
		}
	}
	chain := strings.ReplaceAll(strings.ReplaceAll(string(chainPEM(pki().signing, pki().root)), "\n", "%0A"), "+", "%2B")
	for name, test := range map[string]struct {
		path   string
		answer http.HandlerFunc
		part   string
		status int
		want   string
	}{
		"bad request":  {pathTCB, status(400), "TCB info", 400, "check that it speaks version 4"},
		"no key":       {pathTCB, status(401), "TCB info", 401, "wants a subscription key"},
		"forbidden":    {pathQE, status(403), "QE identity", 403, "wants a subscription key"},
		"PCCS's own":   {pathQE, status(461), "QE identity", 461, "status 461"},
		"message":      {pathTCB, status(500, "Error-Message", "no \u00e9luck", "Request-ID", "r-1"), "TCB info", 500, `the server says "no luck", request ID r-1`},
		"long message": {pathTCB, status(500, "Error-Message", strings.Repeat("x", 5000)), "TCB info", 500, strings.Repeat("x", maxErrorText) + "…"},
		"out of order": {pathPCKCRL, status(503), "PCK CRL", 503, "try again later"},
		"too many":     {pathTCB, status(429, "Retry-After", "7200"), "TCB info", 429, "asks to wait 2h0m0s"},
		"other host":   {pathTCB, status(302, "Location", "https://elsewhere.example/x"), "TCB info", 302, `redirects to "https://elsewhere.example/x" are not followed`},
		"other scheme": {pathQE, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "https://"+r.Host+r.URL.Path)
			w.WriteHeader(301)
		}, "QE identity", 301, "are not followed"},
		"circle":          {pathQE, status(307, "Location", pathQE), "QE identity", 307, "are not followed"},
		"not modified":    {pathQE, status(304), "QE identity", 304, "status 304"},
		"no content":      {pathQE, status(204), "QE identity", 204, "status 204"},
		"HTML":            {pathTCB, body("<html>log in</html>", "TCB-Info-Issuer-Chain", chain), "TCB info", 200, "invalid character '<'"},
		"half a document": {pathTCB, body(`{"tcbInfo":{`, "TCB-Info-Issuer-Chain", chain), "TCB info", 200, "unexpected end of JSON"},
		"empty":           {pathQE, body("", "SGX-Enclave-Identity-Issuer-Chain", chain), "QE identity", 200, "missing"},
		"no chain":        {pathQE, body("{}"), "QE identity", 200, "no issuer chain: no header SGX-Enclave-Identity-Issuer-Chain"},
		"broken chain":    {pathTCB, body("{}", "TCB-Info-Issuer-Chain", "%41"), "TCB info", 200, "header TCB-Info-Issuer-Chain"},
		"broken CRL":      {pathPCKCRL, body("308201"), "PCK CRL", 200, "sent something else"},
		"broken CA chain": {pathPCKCRL, body(string(crl(pki().processor, day0, day0.Add(days(1)), 0)), "SGX-PCK-CRL-Issuer-Chain", "%"), "PCK CRL", 200, "header SGX-PCK-CRL-Issuer-Chain"},
		"broken root CRL": {pathIntelCRL, body("not found, but 200"), "root CA CRL", 200, "sent something else"},
		"other FMSPC":     {pathTCB, asIf(pathTCB, "fmspc="+sgxPlatform.FMSPC.String()), "TCB info", 200, "FMSPC 00606a000000, want 00906ed50000"},
		"other TEE":       {pathTCB, asIf("/tdx/certification/v4/tcb", "fmspc="+tdxPlatform.FMSPC.String()), "QE identity", 200, `id "QE", want "TD_QE"`},
		"QE of other TEE": {pathQE, asIf("/tdx/certification/v4/qe/identity", ""), "QE identity", 200, `id "TD_QE", want "QE"`},
		"other CA":        {pathPCKCRL, asIf(pathPCKCRL, "ca=platform"), "PCK CRL", 200, "a list of the platform CA, want one of the processor CA"},
		"root is PCK CA":  {pathIntelCRL, asIf(pathPCKCRL, "ca=platform"), "root CA CRL", 200, "want the root of the TCB info's issuer chain"},
		"huge":            {pathTCB, body(strings.Repeat(" ", maxTCBInfo+1), "Content-Length", "1048577"), "TCB info", 200, "too large: 1048577 bytes, want at most 1048576"},
		"huge, unannounced": {pathQE, func(w http.ResponseWriter, _ *http.Request) {
			for range 1 << 20 {
				if _, err := io.WriteString(w, strings.Repeat("x", 1024)); err != nil {
					return
				}
			}
		}, "QE identity", 200, "too large: more than 65536 bytes"},
		"cut off": {pathTCB, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "4000")
			_, _ = io.WriteString(w, "{")
		}, "TCB info", 200, "the answer broke off after 1 bytes: unexpected EOF"},
		"hung up": {pathTCB, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "TCB info", 0, "check the network"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(recipe{platform: sgxProcessor})
			s.instead = map[string]http.HandlerFunc{test.path: test.answer}
			h, server := s.start(t, func(c *HTTPConfig) { c.SubscriptionKey = "SECRET" })
			got, err := h.Collateral(t.Context(), Query{Platform: sgxProcessor})
			if err == nil {
				t.Fatalf("accepted: %v", got)
			}
			e, ok := errors.AsType[*HTTPError](err)
			if !ok {
				t.Fatalf("error %v of type %T, want an HTTPError", err, err)
			}
			if e.Part != test.part || e.Status != test.status || !strings.HasPrefix(e.URL, server.URL) {
				t.Errorf("part %q, status %d, URL %s, want %q, %d, %s…", e.Part, e.Status, e.URL, test.part, test.status, server.URL)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q lacks %q", err, test.want)
			}
			for _, never := range []string{"SECRET", "\u00e9", "\n"} {
				if strings.Contains(err.Error(), never) {
					t.Errorf("error %q holds %q", err, never)
				}
			}
			if _, ok := errors.AsType[*NotFoundError](err); ok {
				t.Errorf("error %v is a NotFoundError", err)
			}
		})
	}
}

func TestHTTPRefusesAnotherTEE(t *testing.T) {
	t.Parallel()
	s := newService(recipe{platform: sgxPlatform}, recipe{platform: tdxPlatform})
	// A proxy that leads every TEE to TDX.
	source := newHTTP(t, HTTPConfig{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if !strings.Contains(r.URL.Path, "crl") {
			r = r.Clone(r.Context())
			r.URL.Path = strings.Replace(r.URL.Path, "/sgx/", "/tdx/", 1)
		}
		return inMemory(s).RoundTrip(r)
	})})
	_, err := source.Collateral(t.Context(), Query{Platform: sgxPlatform})
	if e, ok := errors.AsType[*HTTPError](err); !ok || e.Part != "TCB info" || !strings.Contains(err.Error(), "TCB info for TDX, want SGX") {
		t.Errorf("error %v, want that the TCB info is for TDX", err)
	}
}

func TestHTTPNotFound(t *testing.T) {
	t.Parallel()
	nothing := status(404)
	for name, test := range map[string]struct {
		code int
		rest map[string]http.HandlerFunc
	}{
		"not found":    {404, nil},
		"gone":         {410, nil},
		"no QE either": {404, map[string]http.HandlerFunc{pathQE: nothing}},
		"empty PCCS":   {404, map[string]http.HandlerFunc{pathQE: nothing, pathPCKCRL: nothing, pathIntelCRL: nothing}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(recipe{platform: sgxProcessor})
			code := test.code
			s.instead = map[string]http.HandlerFunc{pathTCB: status(code, "Error-Message", "no such platform")}
			maps.Copy(s.instead, test.rest)
			h, server := s.start(t)
			q := Query{Platform: sgxProcessor, At: day0}
			_, err := h.Collateral(t.Context(), q)
			e, ok := errors.AsType[*NotFoundError](err)
			if !ok || e.Query != q || e.Source != server.URL {
				t.Fatalf("error %v (%+v), want a NotFoundError of this query and source", err, e)
			}
			if cause, ok := errors.AsType[*HTTPError](err); !ok || cause.Status != code || cause.RequestID != "0123456789abcdef" {
				t.Errorf("cause %+v, want status %d with its request ID", cause, code)
			}
		})
	}
}

// A service that knows the platform and lacks another part does not work; that
// is no verdict on the platform.
func TestHTTPLacksAPart(t *testing.T) {
	t.Parallel()
	for path, part := range map[string]string{pathQE: "QE identity", pathPCKCRL: "PCK CRL", pathIntelCRL: "root CA CRL"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			s := newService(recipe{platform: sgxProcessor})
			s.instead = map[string]http.HandlerFunc{path: status(404)}
			h, _ := s.start(t)
			_, err := h.Collateral(t.Context(), Query{Platform: sgxProcessor})
			if e, ok := errors.AsType[*HTTPError](err); !ok || e.Part != part || e.Status != 404 {
				t.Errorf("error %v, want status 404 of the %s", err, part)
			}
			if _, ok := errors.AsType[*NotFoundError](err); ok {
				t.Errorf("error %v is a NotFoundError", err)
			}
		})
	}
}

func TestHTTPFollowsRedirectsWithinTheHost(t *testing.T) {
	t.Parallel()
	s := newService(recipe{platform: sgxProcessor})
	s.instead = map[string]http.HandlerFunc{
		pathTCB: func(w http.ResponseWriter, r *http.Request) {
			status(302, "Location", "/moved?"+r.URL.RawQuery)(w, r)
		},
		"/moved": func(w http.ResponseWriter, r *http.Request) {
			r = r.Clone(r.Context())
			r.URL.Path = pathTCB
			s.answer(w, r)
		},
	}
	h, _ := s.start(t)
	if _, err := h.Collateral(t.Context(), Query{Platform: sgxProcessor}); err != nil {
		t.Error(err)
	}
}

// flaky answers a path with statuses first and then truly; it counts the
// requests for that path.
func flaky(s *service, path string, answers ...http.HandlerFunc) *atomic.Int64 {
	var n atomic.Int64
	s.instead = map[string]http.HandlerFunc{path: func(w http.ResponseWriter, r *http.Request) {
		if i := n.Add(1) - 1; i < int64(len(answers)) {
			answers[i](w, r)
			return
		}
		s.answer(w, r)
	}}
	return &n
}

func TestHTTPRetries(t *testing.T) {
	t.Parallel()
	inTwoSeconds := func(w http.ResponseWriter, r *http.Request) {
		status(503, "Retry-After", time.Now().Add(2*time.Second).UTC().Format(http.TimeFormat))(w, r)
	}
	for name, test := range map[string]struct {
		answers  []http.HandlerFunc
		retries  int
		requests int64
		ok       bool
		min, max time.Duration
	}{
		"none needed":           {nil, 0, 1, true, 0, 0},
		"once":                  {[]http.HandlerFunc{status(500)}, 0, 2, true, firstBackOff / 2, firstBackOff},
		"three times":           {[]http.HandlerFunc{status(500), status(502), status(429)}, 0, 4, true, firstBackOff * 7 / 2, firstBackOff * 7},
		"too often":             {[]http.HandlerFunc{status(500), status(500), status(500), status(500)}, 0, 4, false, firstBackOff * 7 / 2, firstBackOff * 7},
		"not at all":            {[]http.HandlerFunc{status(500)}, -1, 1, false, 0, 0},
		"as often as said":      {[]http.HandlerFunc{status(500), status(500)}, 1, 2, false, firstBackOff / 2, firstBackOff},
		"not what stays wrong":  {[]http.HandlerFunc{status(400)}, 0, 1, false, 0, 0},
		"not what is not there": {[]http.HandlerFunc{status(404)}, 0, 1, false, 0, 0},
		"wait in seconds":       {[]http.HandlerFunc{status(429, "Retry-After", "7")}, 0, 2, true, 7 * time.Second, 7 * time.Second},
		"wait until a date":     {[]http.HandlerFunc{inTwoSeconds}, 0, 2, true, 2 * time.Second, 2 * time.Second},
		"wait too long":         {[]http.HandlerFunc{status(429, "Retry-After", "31")}, 0, 1, false, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newService(recipe{platform: sgxProcessor})
				n := flaky(s, pathTCB, test.answers...)
				h := newHTTP(t, HTTPConfig{Transport: inMemory(s), Retries: test.retries})
				begin := time.Now()
				_, err := h.Collateral(t.Context(), Query{Platform: sgxProcessor})
				if (err == nil) != test.ok || n.Load() != test.requests {
					t.Errorf("error %v after %d requests, want success %v after %d", err, n.Load(), test.ok, test.requests)
				}
				if took := time.Since(begin); took < test.min || took > test.max {
					t.Errorf("took %s, want %s to %s", took, test.min, test.max)
				}
			})
		})
	}
}

func TestHTTPRetriesAnAnswerThatBrokeOff(t *testing.T) {
	t.Parallel()
	s := newService(recipe{platform: sgxProcessor})
	n := flaky(s, pathTCB, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "4000")
		_, _ = io.WriteString(w, "{")
	})
	h, _ := s.start(t, func(c *HTTPConfig) { c.Retries = 1 })
	if _, err := h.Collateral(t.Context(), Query{Platform: sgxProcessor}); err != nil || n.Load() != 2 {
		t.Errorf("error %v after %d requests, want none after 2", err, n.Load())
	}
}

// hanging never answers, until the request's context ends.
func hanging(h http.Handler, path string) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == path {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return inMemory(h).RoundTrip(r)
	})
}

func TestHTTPTimeoutIsOfEachRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(recipe{platform: sgxProcessor})
		h := newHTTP(t, HTTPConfig{Transport: hanging(s, pathQE), Timeout: 4 * time.Second, Retries: 1})
		begin := time.Now()
		_, err := h.Collateral(t.Context(), Query{Platform: sgxProcessor})
		e, ok := errors.AsType[*HTTPError](err)
		if !ok || e.Part != "QE identity" || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want a timeout of the QE identity", err)
		}
		if took := time.Since(begin); took < 8*time.Second || took > 9*time.Second {
			t.Errorf("took %s, want two timeouts of 4 s and a pause", took)
		}
	})
}

func TestHTTPEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(*service) http.RoundTripper{
		"while a service hangs": func(s *service) http.RoundTripper { return hanging(s, pathTCB) },
		"between two requests": func(s *service) http.RoundTripper {
			s.instead = map[string]http.HandlerFunc{pathTCB: status(503, "Retry-After", "20", "Error-Message", "be patient")}
			return inMemory(s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newService(recipe{platform: sgxProcessor})
				h := newHTTP(t, HTTPConfig{Transport: make(s)})
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				begin := time.Now()
				_, err := h.Collateral(ctx, Query{Platform: sgxProcessor})
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v, want the context's", err)
				}
				if took := time.Since(begin); took != 3*time.Second {
					t.Errorf("took %s, want 3 s", took)
				}
				if s.instead != nil && !strings.Contains(err.Error(), "be patient") {
					t.Errorf("error %q does not say what the service said", err)
				}
				if strings.Contains(err.Error(), "check the network") {
					t.Errorf("error %q blames the network for the caller's haste", err)
				}
			})
		})
	}
}

// One part that fails ends the others, and its error is the one reported.
func TestHTTPFirstFailureEndsTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(recipe{platform: sgxProcessor})
		s.instead = map[string]http.HandlerFunc{pathQE: status(403)}
		h := newHTTP(t, HTTPConfig{Transport: hanging(s, pathTCB)})
		begin := time.Now()
		_, err := h.Collateral(t.Context(), Query{Platform: sgxProcessor})
		if e, ok := errors.AsType[*HTTPError](err); !ok || e.Status != 403 {
			t.Errorf("error %v, want status 403", err)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("took %s, want no time", took)
		}
	})
}

func TestHTTPFetchesPartsAtTheSameTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(recipe{platform: sgxProcessor})
		slow := roundTripper(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return inMemory(s).RoundTrip(r)
		})
		begin := time.Now()
		if _, err := newHTTP(t, HTTPConfig{Transport: slow}).Collateral(t.Context(), Query{Platform: sgxProcessor}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != time.Second {
			t.Errorf("took %s, want 1 s", took)
		}
	})
}

func TestHTTPNoServer(t *testing.T) {
	t.Parallel()
	s := newService(recipe{platform: sgxProcessor})
	h, server := s.start(t, func(c *HTTPConfig) { c.SubscriptionKey = "SECRET" })
	server.Close()
	_, err := h.Collateral(t.Context(), Query{Platform: sgxProcessor})
	e, ok := errors.AsType[*HTTPError](err)
	if !ok || e.Status != 0 || !strings.Contains(err.Error(), "without a network use an archive") {
		t.Errorf("error %v, want an HTTPError with a hint", err)
	}
	if strings.Count(err.Error(), server.URL) != 1 {
		t.Errorf("error %q names its URL more than once", err)
	}
	if said := fmt.Sprintf("%v %+v %#v", err, h, h); strings.Contains(said, "SECRET") {
		t.Errorf("the key shows: %s", said)
	}
}

func TestHTTPMaxBytes(t *testing.T) {
	t.Parallel()
	h, _ := newService(recipe{platform: sgxProcessor}).start(t, func(c *HTTPConfig) { c.MaxBytes = 100 })
	if _, err := h.Collateral(t.Context(), Query{Platform: sgxProcessor}); !errors.Is(err, errTooLarge) {
		t.Errorf("error %v, want one of size", err)
	}
}
