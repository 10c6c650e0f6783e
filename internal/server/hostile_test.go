package server_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/store"
)

// stored is the policy of SgxEnclave in the store.
func stored(tb testing.TB, f *fixture) string {
	tb.Helper()
	jws, err := f.instances.Policy(tb.Context(), f.settings.Name, attest.SGXEnclave)
	if err != nil {
		tb.Fatal(err)
	}
	return jws
}

func TestTricksWithThePathOfAReset(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	jws := unsigned(numbered("kept"))
	tokenOf(t, do(t, s, http.MethodPut, "/policies/SgxEnclave?api-version=2020-10-01", jws, name, value))
	for path, status := range map[string]int{
		"/policies/SgxEnclave%3areset":           404,
		"/policies/SgxEnclave%3Areset":           404,
		"/policies/SgxEnclave::reset":            400,
		"/policies/SgxEnclave:reset/":            404,
		"/policies/SgxEnclave:reset:reset":       400,
		"/policies/SgxEnclave:reset%2f":          404,
		"/policies/SgxEnclave%2f:reset":          404,
		"/policies/SgxEnclave/:reset":            404,
		"/policies/:reset":                       400,
		"/policies/reset":                        404,
		"/policies/SgxEnclave":                   404,
		"/policies/SgxEnclave/reset":             404,
		"/policies/SgxEnclave:":                  404,
		"/policies/SgxEnclave:reset.":            404,
		"/policies/SgxEnclave:reset;x":           404,
		"/policies/SgxEnclave :reset":            400,
		"/policies/./SgxEnclave:reset":           404,
		"/policies/x/../SgxEnclave:reset":        404,
		"/policies//SgxEnclave:reset":            404,
		"//policies/SgxEnclave:reset":            404,
		"/policies/%2e%2e/policies/sgx:reset":    404,
		"/policies/\u017fgxEnclave:reset":        400, // a letter that some fold to s
		"/policies/SgxEnclave:re\u017fet":        404,
		"/policies/SgxEnclave%00:reset":          400,
		"/attest/SgxEnclave:reset":               400,
		"/tcbbaselines/SgxEnclave:reset":         405,
		"/certificates:reset":                    404,
		"/certificates:add:reset":                404,
		"/certificates:ADD/":                     404,
		"/operations/policy/current:reset":       404,
		"/policies/OpenEnclave:reset/SgxEnclave": 404,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(emptyJWS))
		// What a client may write in the request line, not only what url.Parse takes.
		u, err := r.URL.Parse(strings.ReplaceAll(path, " ", "%20"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(path, "//") || strings.Contains(path, "/.") {
			u.Path, u.RawPath, u.Host, u.Scheme = path, "", "", ""
		}
		u.RawQuery = "api-version=2020-10-01"
		r.URL = u
		r.Header.Set(name, value)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != status || w.Header().Get("Location") != "" {
			t.Errorf("%s: status %d, Location %q, want %d: %s", path, w.Code, w.Header().Get("Location"), status, w.Body)
		}
		if stored(t, f) != jws {
			t.Fatalf("%s reset the policy", path)
		}
	}
	// Other methods at the path of a reset are none.
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		w := do(t, s, method, "/policies/SgxEnclave:reset?api-version=2020-10-01", emptyJWS, name, value)
		if w.Code < 400 || w.Code >= 500 || stored(t, f) != jws {
			t.Errorf("%s: status %d", method, w.Code)
		}
	}
	// In any case it is the same path, as with the real service.
	tokenOf(t, do(t, s, http.MethodPost, "/POLICIES/SGXENCLAVE:RESET?api-version=2020-10-01", emptyJWS, name, value))
	if stored(t, f) == jws {
		t.Error("nothing was reset")
	}
}

func TestMalformedTokensAnswerTheDocumentedCode(t *testing.T) {
	t.Parallel()
	owner, stranger := newIdentity(t, "owner"), newIdentity(t, "stranger")
	f := newFixture(t)
	f.settings.Mode, f.certificates = instance.Isolated, []*x509.Certificate{owner.certificate}
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	good := owner.sign(t, policyPayload(numbered("1")))
	before := stored(t, f)
	cut := strings.LastIndexByte(good, '.')
	for what, test := range map[string]struct{ body, code string }{
		"nothing":                   {"", "InvalidParameter"},
		"white space":               {" \r\n", "InvalidParameter"},
		"a policy as it stands":     {numbered("1"), "InvalidOperation"},
		"one period":                {"a.b", "InvalidOperation"},
		"four parts":                {good + ".AAAA", "InvalidOperation"},
		"unsigned":                  {unsigned(numbered("1")), "InvalidOperation"},
		"signature cut off":         {good[:cut+1], "InvalidOperation"},
		"signature of another":      {good[:cut] + owner.sign(t, policyPayload(numbered("2")))[cut:], "InvalidOperation"},
		"a stranger":                {stranger.sign(t, policyPayload(numbered("1"))), "InvalidParameter"},
		"the owner's certificate":   {(&identity{stranger.key, owner.certificate}).sign(t, policyPayload(numbered("1"))), "InvalidOperation"},
		"alg none with signature":   {encode(`{"alg":"none"}`) + good[strings.IndexByte(good, '.'):], "InvalidOperation"},
		"alg HS256":                 {encode(`{"alg":"HS256"}`) + good[strings.IndexByte(good, '.'):], "InvalidOperation"},
		"an embedded key":           {encode(`{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256"}}`) + good[strings.IndexByte(good, '.'):], "InvalidOperation"},
		"crit":                      {encode(`{"alg":"ES256","crit":["b64"],"x5c":["`+owner.x5c()+`"]}`) + good[strings.IndexByte(good, '.'):], "InvalidOperation"},
		"JSON serialization":        {`{"payload":"e30","protected":"e30","signature":""}`, "InvalidOperation"},
		"padding":                   {strings.Replace(good, ".", "=.", 1), "InvalidOperation"},
		"a payload that is no JSON": {owner.sign(t, "version=1.0;"), "InvalidOperation"},
		"a payload of null":         {owner.sign(t, "null"), "InvalidOperation"},
		"a member twice":            {owner.sign(t, `{"AttestationPolicy":"YQ","AttestationPolicy":"YQ"}`), "InvalidOperation"},
		"a certificate":             {owner.sign(t, certificatePayload(stranger)), "InvalidOperation"},
		"no policy":                 {owner.sign(t, "{}"), "InvalidOperation"},
		"another audience":          {owner.sign(t, `{"AttestationPolicy":"`+encode(numbered("1"))+`","aud":"https://fabrikam.example"}`), "InvalidOperation"},
		"an end in the past":        {owner.sign(t, `{"AttestationPolicy":"`+encode(numbered("1"))+`","exp":1}`), "InvalidOperation"},
		"a policy that is none":     {owner.sign(t, policyPayload("permit();")), "PolicyParsingError"},
		"nested beyond measure":     {owner.sign(t, strings.Repeat(`{"a":`, 3000)+"1"+strings.Repeat("}", 3000)), "InvalidOperation"},
		"half a mebibyte":           {strings.Repeat("a", 600<<10), "InvalidOperation"},
	} {
		w := do(t, s, http.MethodPut, "/policies/SgxEnclave?api-version=2025-06-01", test.body, name, value)
		if w.Code != http.StatusBadRequest || w.Header().Get("X-Ms-Error-Code") != test.code {
			t.Errorf("%s: status %d, code %s, want %s: %.300s", what, w.Code, w.Header().Get("X-Ms-Error-Code"), test.code, w.Body)
		}
		if w.Body.Len() > 8<<10 || strings.Contains(w.Body.String(), "draftPolicy") {
			t.Errorf("%s: %d bytes: %.300s", what, w.Body.Len(), w.Body)
		}
		if stored(t, f) != before {
			t.Fatalf("%s changed the policy", what)
		}
	}
}

func TestAStoreThatGoesAwayChangesNothing(t *testing.T) {
	t.Parallel()
	owner, added := newIdentity(t, "owner"), newIdentity(t, "added")
	b := newBreakable()
	f := newFixture(t)
	lines := f.logged(t)
	f.records, f.settings.Mode, f.certificates = b, instance.Isolated, []*x509.Certificate{owner.certificate}
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	before := stored(t, f)
	for what, c := range calls(added) {
		if what == "baselines" || what == "preview propose" {
			continue // they need no store
		}
		target := c.path + "?api-version=" + c.versions[0] + c.query
		for _, when := range []string{"before", "at the commit"} {
			switch {
			case when == "before":
				b.isDown.Store(true)
			case strings.HasSuffix(c.payload, "}") && c.about != "" && !strings.HasSuffix(what, "remove"):
				b.onCommit = func() error { b.isDown.Store(true); return nil }
			default:
				continue // there is nothing to commit
			}
			w := do(t, s, c.method, target, c.body(t, owner), name, value)
			b.isDown.Store(false)
			b.onCommit = nil
			wantRefusal(t, w, http.StatusServiceUnavailable, "ServiceUnavailable")
			if w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "db.internal") || strings.Contains(w.Body.String(), "evidence") {
				t.Errorf("%s: Retry-After %q, %s", what, w.Header().Get("Retry-After"), w.Body)
			}
		}
	}
	if stored(t, f) != before {
		t.Error("a policy was changed")
	}
	if versions, err := f.instances.History(t.Context(), "contoso", attest.SGXEnclave); err != nil || len(versions) != 0 {
		t.Errorf("%d versions, %v", len(versions), err)
	}
	if listed, err := f.instances.Certificates(t.Context(), "contoso"); err != nil || len(listed) != 1 {
		t.Errorf("%d certificates, %v", len(listed), err)
	}
	if !strings.Contains(fmt.Sprint(lines()), "db.internal") {
		t.Error("the log does not say what was wrong")
	}
	// Attestation goes on: what is known is fresh enough.
	b.isDown.Store(true)
	tokenOf(t, do(t, s, http.MethodPost, sgxPath, body))
}

func TestACommitOfWhichNobodyKnowsIsSaidToBeOne(t *testing.T) {
	t.Parallel()
	b := newBreakable()
	f := newFixture(t)
	f.records = b
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	b.onCommit = func() error {
		b.isDown.Store(true)
		return &store.UncertainError{Err: errors.New("connection reset")}
	}
	w := do(t, s, http.MethodPut, "/policies/SgxEnclave?api-version=2025-06-01", unsigned(numbered("1")), name, value)
	wantRefusal(t, w, http.StatusServiceUnavailable, "ServiceUnavailable")
	if !strings.Contains(w.Body.String(), "did not say whether the change was made") {
		t.Errorf("%s", w.Body)
	}
}

func TestNothingIsChangedThatCannotBeAnswered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	before := stored(t, f)
	f.keys.err = errors.New("the wrapping key is locked away")
	f.keys.generation.Add(1)
	w := do(t, s, http.MethodPut, "/policies/SgxEnclave?api-version=2025-06-01", unsigned(numbered("1")), name, value)
	wantRefusal(t, w, http.StatusServiceUnavailable, "ServiceUnavailable")
	if stored(t, f) != before || strings.Contains(w.Body.String(), "wrapping") {
		t.Errorf("changed, or told too much: %s", w.Body)
	}
}

func TestAPolicyOfAnotherReleaseIsNotTheClientsFault(t *testing.T) {
	t.Parallel()
	b := newBreakable()
	f := newFixture(t)
	f.records = b
	lines := f.logged(t)
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	const policy = "SeCrEt of another release"
	text := fmt.Sprintf(`{"version":1,"action":"set","token":%q,"text":%q}`, unsigned(policy), policy)
	if _, err := b.Commit(t.Context(), store.Put("instances/contoso/policies/SgxEnclave", []byte(text), store.Any)); err != nil {
		t.Fatal(err)
	}
	if err := f.instances.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, w := range []*httptest.ResponseRecorder{
		do(t, s, http.MethodPost, sgxPath, body),
		do(t, s, http.MethodGet, "/tcbbaselines/SgxEnclave?api-version=2025-06-01", "", name, value),
	} {
		wantRefusal(t, w, http.StatusServiceUnavailable, "ServiceUnavailable")
		if strings.Contains(w.Body.String(), "SeCrEt") {
			t.Errorf("the policy is quoted: %s", w.Body)
		}
	}
	if strings.Contains(fmt.Sprint(lines()), "SeCrEt") {
		t.Error("the policy is logged")
	}
	// It can be mended over the network.
	tokenOf(t, do(t, s, http.MethodPut, "/policies/SgxEnclave?api-version=2025-06-01", unsigned(numbered("1")), name, value))
	tokenOf(t, do(t, s, http.MethodPost, sgxPath, body))
}

func TestAClientThatHangsUpDoesNotStopItsChange(t *testing.T) {
	t.Parallel()
	b := newBreakable()
	f := newFixture(t)
	f.records = b
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	ctx, hangUp := context.WithCancel(t.Context())
	b.onCommit = func() error { hangUp(); return nil }
	jws := unsigned(numbered("1"))
	r := httptest.NewRequestWithContext(ctx, http.MethodPut, "/policies/SgxEnclave?api-version=2025-06-01", strings.NewReader(jws))
	r.Header.Set(name, value)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusOK || stored(t, f) != jws {
		t.Errorf("status %d: a change that had begun was not finished: %s", w.Code, w.Body)
	}
	versions, err := f.instances.History(t.Context(), "contoso", attest.SGXEnclave)
	if err != nil || len(versions) != 1 || !strings.Contains(versions[0].By, "development") {
		t.Errorf("%+v, %v", versions, err)
	}
}

// broken is a body that ends before it is complete.
type broken struct{ text *strings.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.text.Read(p)
	if errors.Is(err, io.EOF) {
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

func TestHalfABodyChangesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	before := stored(t, f)
	// What came so far would be a token of its own.
	for method, path := range map[string]string{http.MethodPut: "/policies/SgxEnclave", http.MethodPost: "/policies/SgxEnclave:reset"} {
		r := httptest.NewRequestWithContext(t.Context(), method, path+"?api-version=2025-06-01", broken{strings.NewReader(unsigned(numbered("1")))})
		r.Header.Set(name, value)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		wantRefusal(t, w, http.StatusBadRequest, "InvalidParameter")
	}
	if stored(t, f) != before {
		t.Error("half a body changed the policy")
	}
}

func TestBodiesBeyondTheLimitAreRefusedOnEveryRoute(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Limits.BodyBytes = 4096
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	for what, c := range calls(newIdentity(t, "added")) {
		if c.method == http.MethodGet {
			continue
		}
		for _, announced := range []int64{5000, -1} {
			r := httptest.NewRequestWithContext(t.Context(), c.method, c.path+"?api-version="+c.versions[0]+c.query, strings.NewReader(strings.Repeat("a", 5000)))
			r.ContentLength = announced
			r.Header.Set(name, value)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != http.StatusRequestEntityTooLarge {
				t.Errorf("%s of %d: status %d: %s", what, announced, w.Code, w.Body)
			}
		}
	}
}

func TestASlowBodyOfAChangeIsCutOff(t *testing.T) {
	t.Parallel()
	name, value := bearer(t, auth.Contributor)
	synctest.Test(t, func(t *testing.T) {
		f := plain(t)
		s := serve(t, f.server(t))
		before := stored(t, f)
		c := s.connect(t)
		_, _ = fmt.Fprintf(c, "PUT /policies/SgxEnclave?api-version=2025-06-01 HTTP/1.1\r\nHost: contoso.example\r\n%s: %s\r\nContent-Length: 1000\r\n\r\n", name, value)
		_, _ = fmt.Fprint(c, unsigned(numbered("1")))
		began := time.Now()
		answer, err := io.ReadAll(c)
		if took := time.Since(began); took > time.Minute || err != nil && len(answer) == 0 {
			t.Errorf("after %s: %v", took, err)
		}
		if !bytes.Contains(answer, []byte(" 408 ")) {
			t.Errorf("%s, want 408", answer)
		}
		if stored(t, f) != before {
			t.Error("half a body changed the policy")
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestNoSecretIsLogged(t *testing.T) {
	t.Parallel()
	owner, added := newIdentity(t, "owner"), newIdentity(t, "added")
	f := newFixture(t)
	var text syncBuffer
	f.config.Log = slog.New(slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	f.settings.Mode, f.certificates = instance.Isolated, []*x509.Certificate{owner.certificate}
	s := f.server(t)
	name, contributor := bearer(t, auth.Contributor)
	_, reader := bearer(t, auth.Reader)
	secrets := []string{strings.TrimPrefix(contributor, "Bearer "), strings.TrimPrefix(reader, "Bearer "), "SeCrEt", encode("SeCrEt"), added.x5c()[40:80]}
	marked := policyPayload(numbered("SeCrEt"))
	for _, body := range []string{
		"", "SeCrEt", unsigned(numbered("SeCrEt")), owner.sign(t, marked), added.sign(t, marked), owner.sign(t, policyPayload("SeCrEt")),
		owner.sign(t, certificatePayload(added)), owner.sign(t, `{"SeCrEt":1}`), `{"policyCertificateToAdd":"SeCrEt"}`,
	} {
		secrets = append(secrets, longest(body)...)
		for _, c := range calls(added) {
			for _, bearer := range []string{contributor, reader, contributor + "SeCrEt", ""} {
				do(t, s, c.method, c.path+"?api-version="+c.versions[0]+c.query, body, name, bearer)
			}
		}
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text.String(), secret) {
			t.Errorf("the log holds %.60q", secret)
		}
	}
	if !strings.Contains(text.String(), `"token_hash"`) || !strings.Contains(text.String(), `"caller"`) {
		t.Error("the log does not say who asked for what")
	}
}

// longest returns the parts of a token that are long enough to tell something.
func longest(body string) []string {
	var parts []string
	for part := range strings.SplitSeq(body, ".") {
		if len(part) > 40 {
			parts = append(parts, part[:40], part[len(part)-40:])
		}
	}
	return parts
}

func TestFixedPoliciesAreToldApart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.policy = numbered("fixed")
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	w := do(t, s, http.MethodPut, "/policies/SgxEnclave?api-version=2025-06-01", unsigned(numbered("1")), name, value)
	wantRefusal(t, w, http.StatusBadRequest, "InvalidOperation")
	if !strings.Contains(w.Body.String(), "configuration") {
		t.Errorf("%s", w.Body)
	}
	_, claims := tokenOf(t, do(t, s, http.MethodPost, sgxPath, body))
	if claims["x-ms-policy-hash"] != policy.Hash(numbered("fixed")) {
		t.Errorf("judged by %v", claims["x-ms-policy-hash"])
	}
}

func TestNobodyAttestsByWhatMayBeOutOfDate(t *testing.T) {
	t.Parallel()
	name, value := bearer(t, auth.Contributor)
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		s := f.server(t)
		tokenOf(t, do(t, s, http.MethodPost, sgxPath, body))
		time.Sleep(time.Hour + time.Second)
		for path, method := range map[string]string{sgxPath: http.MethodPost, "/servicehealth": http.MethodGet} {
			w := do(t, s, method, path, body)
			wantRefusal(t, w, http.StatusServiceUnavailable, "ServiceUnavailable")
			if w.Header().Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After", path)
			}
		}
		if w := do(t, s, http.MethodGet, "/readyz", ""); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "stale") {
			t.Errorf("/readyz: status %d, %s", w.Code, w.Body)
		}
		// Old tokens are to be verified, and management asks the store itself.
		if w := do(t, s, http.MethodGet, "/certs", ""); w.Code != http.StatusOK {
			t.Errorf("/certs: status %d", w.Code)
		}
		tokenOf(t, do(t, s, http.MethodGet, "/policies/SgxEnclave?api-version=2025-06-01", "", name, value))
		if err := f.instances.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		tokenOf(t, do(t, s, http.MethodPost, sgxPath, body))
	})
}
