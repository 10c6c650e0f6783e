package cli

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/internal/testtoken"
	"github.com/azattest/azattest/token"
)

// signedToken returns a token that is valid about testTime, and the JWKS of its
// service.
func signedToken(t *testing.T, a token.Algorithm) (jws string, jwks []byte) {
	t.Helper()
	const url = "https://attest.example"
	ring := testtoken.New(t, url, a).Ring(t)
	issuer, err := token.NewIssuer(url, ring)
	if err != nil {
		t.Fatal(err)
	}
	c := new(claims.Set)
	c.Add("iss", claims.String(url))
	c.Add("nbf", claims.Integer(testTime.Unix()))
	c.Add("exp", claims.Integer(testTime.Unix()+3600))
	jws, err = issuer.Sign(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return jws, ring.JWKS()
}

// keyService publishes a JWKS over TLS, and returns its URL and the file with
// its CA.
func keyService(t *testing.T, jwks []byte, status int) (url, caFile string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/certs" || r.Method != http.MethodGet {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(status)
		// A client that hangs up has its own error to report.
		_, _ = w.Write(jwks)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients hang up on an unknown CA
	server.StartTLS()
	t.Cleanup(server.Close)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(caFile, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	return server.URL + "/certs", caFile
}

func TestTokensOfEveryAlgorithmVerifyWithTheServicesKeys(t *testing.T) {
	t.Parallel()
	for _, a := range []token.Algorithm{token.RS256, token.PS256, token.ES256} {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			jws, jwks := signedToken(t, a)
			url, ca := keyService(t, jwks, http.StatusOK)
			got := runAt(t, testTime, jws, "token", "show", "-", "--json", "--certs", url, "--ca-file", ca, "--issuer", "https://attest.example")
			var shown struct {
				Verified          bool
				Algorithm, Issuer string
			}
			if err := json.Unmarshal([]byte(got.stdout), &shown); err != nil {
				t.Fatalf("%v; %s", err, got.stderr)
			}
			if got.code != exitDone || !shown.Verified || shown.Algorithm != string(a) || shown.Issuer != "https://attest.example" {
				t.Errorf("exit code %d, %+v", got.code, shown)
			}
			// A bit of the signature decides.
			forged := jws[:len(jws)-8] + flip(jws[len(jws)-8:len(jws)-7]) + jws[len(jws)-7:]
			if got := runAt(t, testTime, forged, "token", "show", "-", "--certs", url, "--ca-file", ca); got.code != exitRefused || got.stdout != "" {
				t.Errorf("forged token: exit code %d, %s", got.code, got.stdout)
			}
		})
	}
}

// flip returns another digit of base64url.
func flip(digit string) string {
	if digit == "A" {
		return "B"
	}
	return "A"
}

func TestKeysOutOfReachDecideNothingAboutAToken(t *testing.T) {
	t.Parallel()
	jws, jwks := signedToken(t, token.ES256)
	for name, test := range map[string]struct {
		jwks    []byte
		status  int
		withCA  bool
		wantErr string
	}{
		"unknown CA":   {jwks, http.StatusOK, false, "certificate"},
		"no such path": {jwks, http.StatusNotFound, true, "404"},
		"down":         {jwks, http.StatusServiceUnavailable, true, "503"},
		"nonsense":     {[]byte("nonsense"), http.StatusOK, true, "want a JSON Web Key Set"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, ca := keyService(t, test.jwks, test.status)
			args := []string{"token", "show", "-", "--json", "--certs", url}
			if test.withCA {
				args = append(args, "--ca-file", ca)
			}
			got := runAt(t, testTime, jws, args...)
			if f := wantFailure(t, got, exitFailed); f.Check != "" || !strings.Contains(f.Message, test.wantErr) {
				t.Errorf("%+v, want %q and nothing about the token", f, test.wantErr)
			}
		})
	}
}
