package conformance_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/attest/intel"
	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/server"
	"github.com/azattest/azattest/token"
)

// service is our service configured as the recorded instance: its URL, its
// default policy, the collateral by which it judged, on the day.
func service(t *testing.T, url string, at time.Time) http.Handler {
	t.Helper()
	signer, err := token.GenerateSigner(token.RS256, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.RS256, Issuer: url})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := token.NewIssuer(url, ring)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := collateral.OpenArchive(collateralOfTheInstance(t))
	if err != nil {
		t.Fatal(err)
	}
	trust := intel.Config{Source: archive, AcceptStaleCollateral: true}
	quotes, err := intel.NewSGX(trust)
	if err != nil {
		t.Fatal(err)
	}
	reports, err := intel.NewOpenEnclave(trust)
	if err != nil {
		t.Fatal(err)
	}
	pipeline, err := attest.New(attest.Config{
		Issuer:          issuer,
		Verifiers:       map[attest.Type]evidence.Verifier{attest.SGXEnclave: quotes, attest.OpenEnclave: reports},
		AzureDefaultTCB: 10,
		Clock:           func() time.Time { return at },
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(server.Config{Attest: pipeline, Issuer: issuer, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ownMembers are the claims that cannot be equal: what is drawn anew for each
// token, and the times of a token, which are compared by their distances. Every
// digest of collateral is among the claims that must be equal.
var ownMembers = []string{"jti", "iat", "nbf", "exp"}

func TestRecordedAttestationsEndAsTheRealServiceEndedThem(t *testing.T) {
	t.Parallel()
	all := attestExchanges(t)
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), e.Request.Method, e.Request.Path+"?"+e.Request.Query, bytes.NewReader(e.Request.Body))
			r.Header.Set("Content-Type", e.Request.Headers["Content-Type"])
			w := httptest.NewRecorder()
			service(t, e.instance(all), e.date(t)).ServeHTTP(w, r)
			if w.Code != e.Response.Status {
				t.Fatalf("status %d, want %d: %s", w.Code, e.Response.Status, w.Body)
			}
			if got, want := w.Header().Get("Content-Type"), e.Response.Headers["Content-Type"]; got != want {
				t.Errorf("content type %q, want %q", got, want)
			}
			if e.Response.Status == http.StatusOK {
				compareTokens(t, w.Body.Bytes(), e)
				return
			}
			compareErrors(t, w, e)
		})
	}
}

func compareTokens(t *testing.T, body []byte, e exchange) {
	t.Helper()
	var answer struct{ Token string }
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	header, got, text := decode(t, answer.Token)
	_, want, _ := decode(t, e.Response.Body.Token)
	recorded := e.Response.DecodedToken
	if diff := cmp.Diff(without(recorded.Header, "kid"), without(header, "kid")); diff != "" {
		t.Errorf("header (-recorded +ours):\n%s", diff)
	}
	if diff := cmp.Diff(without(want, ownMembers...), without(got, ownMembers...)); diff != "" {
		t.Errorf("claims (-recorded +ours):\n%s", diff)
	}
	for _, name := range []string{"nbf", "exp"} {
		if ours, theirs := got[name].(float64)-got["iat"].(float64), want[name].(float64)-want["iat"].(float64); ours != theirs {
			t.Errorf("%s is %v s after iat, want %v", name, ours, theirs)
		}
	}
	if jti, _ := got["jti"].(string); len(jti) != len(want["jti"].(string)) {
		t.Errorf("jti %q, want %d digits", jti, len(want["jti"].(string)))
	}
	// The form is the recorded one too: sorted, compact, to the byte.
	canonical, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if string(canonical) != text {
		t.Errorf("claims are not sorted and compact:\n%s", text)
	}
	isDraft := header["alg"] == "none"
	if signature := answer.Token[strings.LastIndexByte(answer.Token, '.')+1:]; (signature == "") != isDraft {
		t.Errorf("algorithm %v with a signature of %d characters", header["alg"], len(signature))
	}
}

func compareErrors(t *testing.T, w *httptest.ResponseRecorder, e exchange) {
	t.Helper()
	var got struct {
		Error struct {
			Code, Message string
			InnerError    struct{ Code, Message string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := e.Response.Body.Error
	if got.Error.Code != want.Code || got.Error.Message != want.Message {
		t.Errorf("error %s: %q\nwant  %s: %q", got.Error.Code, got.Error.Message, want.Code, want.Message)
	}
	if got.Error.InnerError.Code != want.Code || got.Error.InnerError.Message != want.Message {
		t.Errorf("inner error %+v, want the same again", got.Error.InnerError)
	}
	if header := w.Header().Get("x-ms-error-code"); header != want.Code {
		t.Errorf("x-ms-error-code %q, want %q", header, want.Code)
	}
}

func without(m map[string]any, names ...string) map[string]any {
	rest := maps.Clone(m)
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}
