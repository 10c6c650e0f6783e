package azattestation_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azattest/azattest/azattestation"
)

// TestAnswersThatAreNone: status 200, and yet no answer of an attestation service.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	const good = "application/json"
	for name, c := range map[string]struct{ contentType, body string }{
		"HTML":                 {"text/html", "<html>Sign in</html>"},
		"HTML named JSON":      {good, "<html>Sign in</html>"},
		"text":                 {"text/plain", `{"token":"a.b.c"}`},
		"no type":              {"", `{"token":"a.b.c"}`},
		"damaged type":         {"application/json; =", `{"token":"a.b.c"}`},
		"no body":              {good, ""},
		"null":                 {good, "null"},
		"list":                 {good, "[]"},
		"bare token":           {good, `"a.b.c"`},
		"cut short":            {good, `{"token":"a.b`},
		"no member":            {good, `{}`},
		"member of case":       {good, `{"Token":"a.b.c"}`},
		"twice":                {good, `{"token":"a.b.c","token":"a.b.d"}`},
		"number":               {good, `{"token":1}`},
		"empty":                {good, `{"token":""}`},
		"null member":          {good, `{"token":null}`},
		"trailing":             {good, `{"token":"a.b.c"} x`},
		"not UTF-8":            {good, "{\"token\":\"\xff\"}"},
		"data of another kind": {good, `{"data":"e30"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := clientOf(t, "https://instance.example", optionsFor(transport(func(req *http.Request) (*http.Response, error) {
				return answer(req, http.StatusOK, c.contentType, []byte(c.body)), nil
			})))
			_, err := client.AttestSGXEnclave(t.Context(), evidence, nil)
			if e := errorOf[*azattestation.AnswerError](t, err); e != nil && e.Operation != "Client.AttestSGXEnclave" {
				t.Errorf("error %v", err)
			}
			_, err = client.AttestTPM(t.Context(), evidence, nil)
			if name != "data of another kind" {
				checkError[*azattestation.AnswerError](t, err)
			}
			_, err = client.GetSigningCertificates(t.Context(), nil)
			checkError[*azattestation.AnswerError](t, err)
		})
	}
}

// TestAnswersOfAnotherForm are taken: a type with a parameter or a suffix, white
// space, members that nobody knows.
func TestAnswersOfAnotherForm(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"application/json", "Application/JSON; charset=UTF-8", "application/jwk+json", "application/problem+json;q=1"} {
		client := clientOf(t, "https://instance.example", optionsFor(transport(func(req *http.Request) (*http.Response, error) {
			return answer(req, http.StatusOK, contentType, []byte(" {\r\n\t\"other\" : [1,{\"a\":2}], \"data\" : \"e30=\" }\n")), nil
		})))
		if r, err := client.AttestTPM(t.Context(), evidence, nil); err != nil || string(r.Data) != "{}" {
			t.Errorf("%s: %q, %v", contentType, r.Data, err)
		}
	}
}

// endless is a body that does not end.
type endless struct {
	read   atomic.Int64
	closed atomic.Bool
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read.Add(int64(len(p)))
	return len(p), nil
}

func (e *endless) Close() error { e.closed.Store(true); return nil }

// TestEndlessAnswers are read up to a bound, whatever their status.
func TestEndlessAnswers(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 204, 302, 400, 401, 500, 503} {
		body := new(endless)
		client := clientOf(t, "https://instance.example", optionsFor(transport(func(req *http.Request) (*http.Response, error) {
			resp := answer(req, status, jsonType, nil)
			resp.Body, resp.ContentLength = body, -1
			return resp, nil
		})))
		if _, err := client.AttestSGXEnclave(t.Context(), evidence, nil); err == nil || len(err.Error()) > 5<<20 {
			t.Errorf("status %d: error of %d bytes", status, len(err.Error()))
		}
		if read := body.read.Load(); read > 6<<20 || !body.closed.Load() {
			t.Errorf("status %d: %d bytes were read, closed: %t", status, read, body.closed.Load())
		}
	}
}

func TestAnswerWithoutBody(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 400} {
		client := clientOf(t, "https://instance.example", optionsFor(transport(func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Request: req, Header: http.Header{}}, nil
		})))
		if _, err := client.AttestSGXEnclave(t.Context(), evidence, nil); err == nil {
			t.Errorf("status %d: no error", status)
		}
	}
}

// TestRefusals counts the attempts: what is final is tried once, what may pass is
// tried again, when the service says so.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status     int
		body, code string
		attempts   int32
		retryAfter string
		atLeast    time.Duration
	}{
		"400":              {400, `{"error":{"code":"InvalidParameter","message":"m","innererror":{"code":"x","message":"y"}}}`, "InvalidParameter", 1, "", 0},
		"401":              {401, ``, "", 1, "", 0},
		"401 with a code":  {401, `{"error":{"code":"Unauthorized","message":"m"}}`, "Unauthorized", 1, "", 0},
		"403":              {403, `<html>Forbidden</html>`, "", 1, "", 0},
		"404":              {404, `{"error":"no object"}`, "", 1, "", 0},
		"429":              {429, `{"error":{"code":"TooManyRequests"}}`, "TooManyRequests", 4, "", 0},
		"429, Retry-After": {429, ``, "", 4, "7", 21 * time.Second},
		"500":              {500, `{"error":{"code":"InternalError"}}`, "InternalError", 4, "", 0},
		"503":              {503, `not JSON`, "", 4, "2", 6 * time.Second},
		"201":              {201, `{"token":"a.b.c"}`, "", 1, "", 0},
		"204":              {204, ``, "", 1, "", 0},
		"redirect to none": {307, ``, "", 1, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var attempts atomic.Int32
				options := optionsFor(transport(func(req *http.Request) (*http.Response, error) {
					attempts.Add(1)
					if raw, err := io.ReadAll(req.Body); err != nil || !strings.Contains(string(raw), `"quote"`) {
						t.Errorf("attempt %d sent %q", attempts.Load(), raw)
					}
					resp := answer(req, c.status, jsonType, []byte(c.body))
					if c.retryAfter != "" {
						resp.Header.Set("Retry-After", c.retryAfter)
					}
					return resp, nil
				}))
				options.Retry.MaxRetries = 3
				start := time.Now()
				_, err := clientOf(t, "https://instance.example", options).AttestSGXEnclave(t.Context(), evidence, nil)
				checkRefused(t, err, c.status, c.code)
				if got := attempts.Load(); got != c.attempts {
					t.Errorf("%d attempts, want %d", got, c.attempts)
				}
				if waited := time.Since(start); waited < c.atLeast {
					t.Errorf("waited %s, want %s", waited, c.atLeast)
				}
			})
		})
	}
}

// TestAnswerThatBreaksOff is no answer, and is not tried again behind the caller's
// back: the service may have done what it was asked.
func TestAnswerThatBreaksOff(t *testing.T) {
	t.Parallel()
	client := clientOf(t, "https://instance.example", optionsFor(transport(func(req *http.Request) (*http.Response, error) {
		resp := answer(req, http.StatusOK, jsonType, nil)
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"token":"`), brokenReader{}))
		return resp, nil
	})))
	_, err := client.AttestSGXEnclave(t.Context(), evidence, nil)
	if e := errorOf[*azattestation.AnswerError](t, err); e != nil && !errors.Is(e, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestSlowAnswerEndsWithTheContext, whether nothing comes or the body drips.
func TestSlowAnswerEndsWithTheContext(t *testing.T) {
	t.Parallel()
	for name, tr := range map[string]transport{
		"no answer": func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		},
		"no body": func(req *http.Request) (*http.Response, error) {
			resp := answer(req, http.StatusOK, jsonType, nil)
			resp.Body = io.NopCloser(contextReader{req.Context()})
			return resp, nil
		},
		"refusal without body": func(req *http.Request) (*http.Response, error) {
			resp := answer(req, http.StatusBadRequest, jsonType, nil)
			resp.Body = io.NopCloser(contextReader{req.Context()})
			return resp, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				start := time.Now()
				_, err := clientOf(t, "https://instance.example", optionsFor(tr)).AttestSGXEnclave(ctx, evidence, nil)
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second {
					t.Errorf("error %v after %s", err, time.Since(start))
				}
			})
		})
	}
}

type contextReader struct{ ctx context.Context }

func (r contextReader) Read([]byte) (int, error) {
	<-r.ctx.Done()
	return 0, r.ctx.Err()
}

// TestNothingIsKeptOfAFailure: what failed once works once it can.
func TestNothingIsKeptOfAFailure(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(req *http.Request) (*http.Response, error){
		"no network": func(*http.Request) (*http.Response, error) { return nil, errors.New("no route to host") },
		"status 500": func(req *http.Request) (*http.Response, error) { return answer(req, 500, jsonType, nil), nil },
		"HTML":       func(req *http.Request) (*http.Response, error) { return answer(req, 200, "text/html", nil), nil },
		"no keys":    func(req *http.Request) (*http.Response, error) { return answer(req, 200, jsonType, jwks()), nil },
		"another's keys": func(req *http.Request) (*http.Response, error) {
			return answer(req, 200, jsonType, jwks(jwk("x", certificateOf(ecKey(), "x")))), nil
		},
		"a key like ours": func(req *http.Request) (*http.Response, error) {
			return answer(req, 200, jsonType, []byte(`{"keys":[{"kid":1}]}`)), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newInstance(t, modeAAD)
			var failed atomic.Bool
			client := clientOf(t, i.issuer.URL(), optionsFor(transport(func(req *http.Request) (*http.Response, error) {
				if req.URL.Path == "/certs" && failed.CompareAndSwap(false, true) {
					return fail(req)
				}
				return i.Do(req)
			})))
			_, err := client.AttestSGXEnclave(t.Context(), evidence, nil)
			if err == nil {
				t.Error("a token holds without its key")
			}
			if _, isToken := errors.AsType[*azattestation.TokenValidationError](err); isToken && name != "another's keys" {
				t.Errorf("error %v says that the token is bad", err)
			}
			if _, err := client.AttestSGXEnclave(t.Context(), evidence, nil); err != nil {
				t.Errorf("the second time: %v", err)
			}
		})
	}
}

// TestErrorsAreTame: text of the service reaches errors without control
// characters, and without drowning them.
func TestErrorsAreTame(t *testing.T) {
	t.Parallel()
	const evil = "\x1b[2J\x07\u202E\u009bm\r"
	escaped := strings.Trim(jsonOf(evil), `"`)
	for name, c := range map[string]struct {
		status                  int
		contentType, code, body string
	}{
		"content type":    {200, "text/" + evil, "", ""},
		"body":            {400, "text/plain", "", "line\r\n" + evil},
		"code in body":    {400, jsonType, "", `{"error":{"code":"` + escaped + `","message":"` + escaped + `"}}`},
		"code in header":  {400, jsonType, evil + "Code", ""},
		"XML":             {400, "application/xml", "", "<Error><Code>x" + evil + "</Code></Error>"},
		"token":           {200, jsonType, "", `{"token":"` + escaped + `"}`},
		"token of number": {200, jsonType, "", "{\"token\":{\"\u009b\u202e\":1}}"},
		"member twice":    {200, jsonType, "", `{"` + escaped + `":1,"` + escaped + `":2}`},
		"algorithm":       {200, jsonType, "", jsonOf(object{"token": compact(jsonOf(object{"alg": evil}), "{}", noSignature)})},
		"kid":             {200, jsonType, "", jsonOf(object{"token": compact(jsonOf(object{"alg": "RS256", "kid": evil}), "{}", noSignature)})},
		"long kid":        {200, jsonType, "", jsonOf(object{"token": compact(jsonOf(object{"alg": "RS256", "kid": strings.Repeat("k", 1<<20)}), "{}", noSignature)})},
		"crit":            {200, jsonType, "", jsonOf(object{"token": compact(jsonOf(object{"alg": "RS256", "crit": []string{evil}}), "{}", noSignature)})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := clientOf(t, "https://instance.example", optionsFor(transport(func(req *http.Request) (*http.Response, error) {
				if req.URL.Path == "/certs" {
					return answer(req, 200, jsonType, jwks(jwk(evil+"published", certificateOf(rsaKey(), evil)))), nil
				}
				resp := answer(req, c.status, c.contentType, []byte(c.body))
				resp.Status = "400 " + evil
				if c.code != "" {
					resp.Header.Set("X-Ms-Error-Code", c.code)
				}
				return resp, nil
			})))
			_, err := client.AttestSGXEnclave(t.Context(), evidence, nil)
			if err == nil {
				t.Fatal("no error")
			}
			checkTame(t, err)
			if len(err.Error()) > 2000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			if refused, ok := errors.AsType[*azcore.ResponseError](err); ok != (c.status == 400) {
				t.Errorf("error %T", err)
			} else if ok {
				checkTame(t, errors.New(refused.ErrorCode))
			}
		})
	}
}
