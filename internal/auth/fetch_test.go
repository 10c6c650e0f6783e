package auth

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestAnswersOfBrokenIssuers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer func(p *idp) http.HandlerFunc
		want   string
	}{
		"not found":    {says(http.StatusNotFound, "{}"), "status 404"},
		"page":         {says(http.StatusOK, "<html>"), "not JSON"},
		"empty":        {says(http.StatusOK, ""), "not JSON"},
		"array":        {says(http.StatusOK, "[]"), "want an object"},
		"no members":   {says(http.StatusOK, "{}"), `issuer ""`},
		"issuer twice": {says(http.StatusOK, `{"issuer":"x","issuer":"y"}`), "stands twice"},
		"redirect": {func(p *idp) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, p.URL+"/elsewhere", http.StatusFound)
			}
		}, "status 302"},
		"huge": {func(*idp) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				line := bytes.Repeat([]byte(" "), 64<<10)
				for range 2 * maxDocument / len(line) {
					if _, err := w.Write(line); err != nil {
						return
					}
				}
			}
		}, "more than 1048576 bytes"},
		"of another issuer":  {describes("https://evil.example", "/keys"), `describes the issuer "https://evil.example"`},
		"of many tenants":    {describes("https://login.microsoftonline.com/{tenantid}/v2.0", "/keys"), "{tenantid}"},
		"keys by http":       {describes("", "http://127.0.0.1/keys"), "is not https"},
		"keys in a file":     {describes("", "file:///etc/passwd"), "no host"},
		"keys nowhere":       {describes("", "-"), "jwks_uri: missing"},
		"keys not found":     {describes("", "/nothing"), "status 404"},
		"keys with password": {describes("", "https://a:b@127.0.0.1/"), "want none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newIDP(t)
			p.answers(test.answer(p))
			a := newAuthenticator(t, p.config(newClock()))
			_, err := a.Caller(t.Context(), withBearer(p.token(nil)))
			wantUnavailable(t, err, test.want)
		})
	}
}

func says(status int, text string) func(*idp) http.HandlerFunc {
	return func(*idp) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
}

// describes answers metadata with an issuer ("" for the right one) and where the
// keys are ("-" for nowhere).
func describes(issuer, keys string) func(*idp) http.HandlerFunc {
	return func(p *idp) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != metadataPath {
				http.NotFound(w, r)
				return
			}
			document := map[string]any{"issuer": p.URL, "jwks_uri": keys}
			if issuer != "" {
				document["issuer"] = issuer
			}
			if strings.HasPrefix(keys, "/") {
				document["jwks_uri"] = p.URL + keys
			}
			if keys == "-" {
				delete(document, "jwks_uri")
			}
			_, _ = io.WriteString(w, encodeJSON(document))
		}
	}
}

// TestIssuerWithACAOfItsOwn: without it nobody believes the issuer's TLS
// certificate.
func TestIssuerWithACAOfItsOwn(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	config := p.config(newClock())
	config.HTTPClient = nil
	_, err := newAuthenticator(t, config).Caller(t.Context(), withBearer(p.token(nil)))
	wantUnavailable(t, err, "certificate")
	config.Issuers[0].RootCAs = p.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	wantCaller(t, newAuthenticator(t, config), withBearer(p.token(nil)))
}

func TestPlainHTTPIsForThisMachineOnly(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		"http://127.0.0.1:1/x": true, "http://localhost/x": true, "http://[::1]/x": true, "https://example.com": true,
		"http://127.0.0.1.evil.example/x": false, "http://example.com": false, "http://localhost.": false,
		"ftp://127.0.0.1": false, "//127.0.0.1": false, "127.0.0.1": false, "https://": false, "https://:443": false,
		"https://a#": false, "https://a#b": false, "https://u@a": false, "": false, "https://a b": false, "%": false,
	} {
		if err := checkURL(raw, true); (err == nil) != want {
			t.Errorf("%q: %v, want accepted %v", raw, err, want)
		}
	}
	if checkURL("http://127.0.0.1/x", false) == nil {
		t.Error("plain HTTP is accepted where it must not be")
	}
}
