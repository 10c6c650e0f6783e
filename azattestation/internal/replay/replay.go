// Package replay plays recorded exchanges with the real service to the client,
// below its pipeline: it holds each request against the recorded one and hands
// out the recorded answer. It is for tests.
//
// The recordings are third-party data and not part of the repository; [Dir] says
// where they are looked for.
package replay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// Dir returns the folder of the corpus: the one that the environment variable
// AZATTEST_CORPUS names, else ../shared/corpus beside the repository. Where there
// is none the test is skipped, or fails where nothing may be skipped
// (AZATTEST_CI).
func Dir(t testing.TB) string {
	t.Helper()
	if dir, ok := find(); ok {
		return dir
	}
	const how = "no corpus: set AZATTEST_CORPUS to its folder, or put it at ../shared/corpus (see CONTRIBUTING.md)"
	if os.Getenv("AZATTEST_CI") != "" {
		t.Fatal(how)
	}
	t.Skip(how)
	return ""
}

func find() (string, bool) {
	dir := os.Getenv("AZATTEST_CORPUS")
	if dir == "" {
		dir = beside()
	}
	if dir == "" {
		return "", false
	}
	_, err := os.Stat(filepath.Join(dir, "maa", "exchanges"))
	return dir, err == nil
}

// Seeds returns every file of the corpus that matches a pattern, for a fuzz
// target; none where there is no corpus.
func Seeds(t testing.TB, pattern ...string) [][]byte {
	t.Helper()
	dir, ok := find()
	if !ok {
		return nil
	}
	paths, err := filepath.Glob(filepath.Join(append([]string{dir}, pattern...)...))
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %d files of %v (%v), want some", len(paths), pattern, err)
	}
	seeds := make([][]byte, len(paths))
	for i, path := range paths {
		if seeds[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return seeds
}

// beside looks for the corpus next to the repository, from whichever folder of
// it the test runs in.
func beside() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared", "corpus")
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// Read returns a file of the corpus.
func Read(t testing.TB, path ...string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(append([]string{Dir(t)}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Exchange is one recorded request with its answer.
type Exchange struct {
	// Name is its folder and file.
	Name    string
	Request struct {
		Method, Path, Query string
		Headers             map[string]string
		Body                json.RawMessage
		DecodedJWS          *struct {
			Header, Claims json.RawMessage
		} `json:"decoded_jws"`
	}
	Response struct {
		Status       int
		Headers      map[string]string
		Body         json.RawMessage
		DecodedToken *struct {
			Header map[string]any
			Claims map[string]any
		} `json:"decoded_token"`
		// SignerX5C are the certificates of the key that signed the token.
		SignerX5C json.RawMessage `json:"signer_x5c"`
	}
}

// Load returns the exchanges whose folder matches a pattern, in their order.
func Load(t testing.TB, folder string) []*Exchange {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(Dir(t), "maa", "exchanges", folder, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %d recorded exchanges in %s (%v), want some", len(paths), folder, err)
	}
	exchanges := make([]*Exchange, len(paths))
	for i, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e := &Exchange{Name: filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path))}
		if err := json.Unmarshal(raw, e); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		exchanges[i] = e
	}
	return exchanges
}

// Endpoint is the URL of the instance that answered. A refusal does not say it;
// another exchange of the same recording went to the same instance.
func Endpoint(t testing.TB, e *Exchange, recording []*Exchange) string {
	t.Helper()
	for _, other := range append([]*Exchange{e}, recording...) {
		if filepath.Dir(other.Name) == filepath.Dir(e.Name) && other.Response.DecodedToken != nil {
			return other.Response.DecodedToken.Claims["iss"].(string) //nolint:errcheck // a panic fails the test
		}
	}
	return "https://recorded.example"
}

// Date is when the service answered.
func (e *Exchange) Date(t testing.TB) time.Time {
	t.Helper()
	at, err := http.ParseTime(e.Response.Headers["Date"])
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// isSigned reports whether the answer is a token that somebody signed.
func (e *Exchange) isSigned() bool {
	return e.Response.DecodedToken != nil && e.Response.DecodedToken.Header["alg"] != "none"
}

// text returns the body as it went over the wire: the recordings hold JSON bodies
// as JSON, everything else as a string.
func (e *Exchange) text() []byte {
	var text string
	if json.Unmarshal(e.Request.Body, &text) == nil {
		return []byte(text)
	}
	return e.Request.Body
}

// Transport plays one exchange. GET /certs it answers with the certificate that
// signed the recorded token or, of a refusal, another one of the recording.
type Transport struct {
	exchange *Exchange
	signed   *Exchange

	mu    sync.Mutex
	sent  int
	certs int
	wrong []string
}

// NewTransport returns a transport that plays e, one of a recording.
func NewTransport(e *Exchange, recording []*Exchange) *Transport {
	tr := &Transport{exchange: e, signed: e}
	for _, other := range recording {
		if tr.signed.Response.DecodedToken == nil && other.isSigned() {
			tr.signed = other
		}
	}
	return tr
}

// Do answers a request.
func (tr *Transport) Do(req *http.Request) (*http.Response, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if req.URL.Path == "/certs" && tr.exchange.Request.Path != "/certs" {
		tr.certs++
		body, err := tr.jwks()
		if err != nil {
			return nil, err
		}
		return answer(req, http.StatusOK, map[string]string{"Content-Type": "application/json; charset=utf-8"}, body), nil
	}
	tr.sent++
	if err := tr.compare(req); err != nil {
		return nil, err
	}
	return answer(req, tr.exchange.Response.Status, tr.exchange.Response.Headers, tr.exchange.Response.Body), nil
}

// Check reports each way in which what was sent differs from what was recorded.
func (tr *Transport) Check(t testing.TB) {
	t.Helper()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.sent != 1 {
		t.Errorf("%d requests were sent, want 1", tr.sent)
	}
	for _, text := range tr.wrong {
		t.Error(text)
	}
}

func (tr *Transport) jwks() ([]byte, error) {
	return json.Marshal(map[string]any{"keys": []any{map[string]any{
		"x5c": tr.signed.Response.SignerX5C, "kty": "RSA", "kid": tr.signed.Response.DecodedToken.Header["kid"],
	}}})
}

// compare holds a request against the recorded one: method, path, query, content
// type of a body, and what the body means.
func (tr *Transport) compare(req *http.Request) error {
	want := tr.exchange.Request
	tr.differ("method", req.Method, want.Method)
	tr.differ("path", req.URL.Path, want.Path)
	tr.differ("query", req.URL.RawQuery, want.Query)
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return err
		}
	}
	if len(want.Body) == 0 || string(want.Body) == "null" {
		tr.differ("body", string(body), "")
		return nil
	}
	// A request without a body has no content whose type could be named, whatever
	// header the recorded client set.
	tr.differ("content type", mediaType(req.Header.Get("Content-Type")), mediaType(want.Headers["Content-Type"]))
	tr.compareBody(body, tr.exchange.text())
	return nil
}

func (tr *Transport) compareBody(got, want []byte) {
	var a, b any
	if json.Unmarshal(want, &b) != nil {
		tr.differ("body", string(got), string(want)) // a bare token
		return
	}
	if err := json.Unmarshal(got, &a); err != nil {
		tr.wrong = append(tr.wrong, "body: "+err.Error())
		return
	}
	if !reflect.DeepEqual(a, b) {
		tr.wrong = append(tr.wrong, fmt.Sprintf("body:\n got %s\nwant %s", got, want))
	}
}

func (tr *Transport) differ(what, got, want string) {
	if got != want {
		tr.wrong = append(tr.wrong, fmt.Sprintf("%s: sent %q, recorded %q", what, got, want))
	}
}

func mediaType(header string) string {
	kind, _, err := mime.ParseMediaType(header)
	if err != nil {
		return header
	}
	return strings.ToLower(kind)
}

func answer(req *http.Request, status int, headers map[string]string, body []byte) *http.Response {
	h := http.Header{}
	for name, value := range headers {
		// The body is handed out as a whole, however it was sent.
		if name != "Transfer-Encoding" && name != "Content-Length" {
			h.Set(name, value)
		}
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: h, Request: req,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// Decode reads base64url without padding.
func Decode(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
