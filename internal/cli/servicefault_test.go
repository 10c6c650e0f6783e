package cli

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
)

// What a service refuses with becomes one line, an exit code, and what to do.
func TestRefusalsOfTheService(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status        int
		code, message string
		args          []string
		exit          int
		stderr        []string
	}{
		"no role to read": {
			http.StatusUnauthorized, "Unauthorized", "",
			[]string{"policy", "get", "SgxEnclave"},
			exitFailed,
			[]string{"status 401, Unauthorized (request 00-42-01)", "hint: the caller needs the role Attestation Reader", "az login"},
		},
		"forbidden": {http.StatusForbidden, "Forbidden", "private endpoint", []string{"certs", "list"}, exitFailed, []string{"403", "Attestation Contributor"}},
		"a policy that cannot be read": {
			http.StatusBadRequest, "PolicyParsingError", "Native operation failed with 65526: Line: '2', Column: '1'",
			[]string{"policy", "set", "SgxEnclave", "-"},
			exitRefused,
			[]string{"the service refused with status 400, PolicyParsingError: Native operation failed with 65526: Line: '2', Column: '1'", "hint: correct the policy"},
		},
		"a question is never refused": {http.StatusBadRequest, "InvalidParameter", "what", []string{"policy", "get", "Tpm"}, exitFailed, []string{"the service answered with status 400, InvalidParameter: what"}},
		"no such path":                {http.StatusNotFound, "", "", []string{"policy", "get", "Tpm"}, exitFailed, []string{"status 404", "is it an attestation service", "azattest instance list"}},
		"down":                        {http.StatusServiceUnavailable, "Busy", "later", []string{"policy", "get", "Tpm"}, exitFailed, []string{"the service answered with status 503, Busy: later"}},
		"plays with terminals": {
			http.StatusBadRequest, "Bad\x1b[2J", "two\r\nlines\x1b]0;title\a", []string{"policy", "reset", "Tpm"}, exitRefused, []string{"two lines"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := startInstance(t, testTime)
			i.answer = func(w http.ResponseWriter, r *http.Request) {
				// Without keys to check the answer by, no change is asked for.
				if r.URL.Path == "/certs" {
					w.Header().Set("Content-Type", "application/json")
					_, _ = w.Write(i.JWKS())
					return
				}
				refuse(w, test.status, test.code, test.message)
			}
			got := i.run(t, somePolicy, test.args...)
			wantFault(t, got, test.exit, test.stderr...)
		})
	}
}

// Answers that are none of an attestation service.
func TestAnswersOfSomethingElse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		stderr []string
	}{
		"a web page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte("<html>"))
		}, []string{"content type text/html; charset=utf-8, want application/json", "hint: is the endpoint an attestation service?"}},
		"no token": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte("{}"))
		}, []string{"member token", "hint: is the endpoint"}},
		"a redirect elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/", http.StatusTemporaryRedirect)
		}, []string{"status 307", "hint: redirects are not followed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := startInstance(t, testTime)
			i.answer = test.answer
			wantFault(t, i.run(t, "", "policy", "get", "SgxEnclave"), exitFailed, test.stderr...)
		})
	}
}

// Every refusal that was recorded of the real service has a code that says what
// to do.
func TestRecordedRefusalsComeWithAHint(t *testing.T) {
	t.Parallel()
	var recorded []struct {
		Path   string
		Status int
		Body   struct {
			Error struct{ Code, Message string }
		}
	}
	if err := json.Unmarshal(corpus.Read(t, "maa", "errors", "recorded.json"), &recorded); err != nil {
		t.Fatal(err)
	}
	hints := 0
	for _, r := range recorded {
		e := &responseError{status: r.Status, code: r.Body.Error.Code, message: r.Body.Error.Message}
		if strings.Contains(r.Path, "Tpm") || e.code == "" {
			continue // nothing that the command sends
		}
		if e.hint() == "" {
			t.Errorf("%s: %v: no hint", r.Path, e)
		}
		if text := e.Error(); strings.ContainsAny(text, "\r\n") {
			t.Errorf("%s: %q is not one line", r.Path, text)
		}
		hints++
	}
	if hints == 0 {
		t.Error("no refusals in the recording")
	}
}

// Plain HTTP to another machine is refused before anything is sent, and a
// credential never goes over it.
func TestEndpointsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args   []string
		stderr string
	}{
		"plain HTTP":             {[]string{"policy", "get", "Tpm", "--no-credential", "--endpoint", "http://attest.example"}, "want https, or http to this machine"},
		"a credential over HTTP": {[]string{"policy", "get", "Tpm", "--credential", "azure-cli", "--endpoint", "http://127.0.0.1:1"}, "want https where there is a credential"},
		"no URL":                 {[]string{"signers", "list", "--endpoint", "attest.example"}, "--endpoint"},
		"a password":             {[]string{"signers", "list", "--endpoint", "https://me:secret@attest.example"}, "--endpoint"},
		"no endpoint":            {[]string{"certs", "list", "--no-credential"}, "--endpoint is missing"},
		"an unknown credential":  {[]string{"policy", "get", "Tpm", "--credential", "password", "--endpoint", "https://attest.example"}, "--credential"},
		"both":                   {[]string{"policy", "get", "Tpm", "--credential", "azure-cli", "--no-credential", "--endpoint", "https://attest.example"}, "exclude each other"},
		"an unknown cloud":       {[]string{"policy", "get", "Tpm", "--cloud", "moon", "--endpoint", "https://attest.example"}, "--cloud"},
		"an unknown version":     {[]string{"policy", "get", "Tpm", "--no-credential", "--api-version", "1.0", "--endpoint", "https://attest.example"}, "--api-version"},
		"an unknown type":        {[]string{"policy", "get", "SGX", "--no-credential", "--endpoint", "https://attest.example"}, "want one of AzureGuest, OpenEnclave"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runAt(t, testTime, "", test.args...)
			wantFault(t, got, exitUsage, test.stderr)
			if strings.Contains(got.stderr, "secret") {
				t.Errorf("stderr %q shows a password", got.stderr)
			}
		})
	}
}

// Each name is a credential, and what cannot be had says so without its secrets.
func TestCredentials(t *testing.T) {
	t.Parallel()
	for _, name := range credentialNames {
		if name == credentialBearer {
			continue // it authenticates nobody: the token is at hand, or it is not
		}
		f := credentialFlags{name: name, cloud: "us-government"}
		c, err := f.open(Streams{})
		if _, failed := errors.AsType[*credentialError](err); err != nil && !failed {
			t.Errorf("%s: error %v, want a *credentialError", name, err)
		}
		if name == credentialNone && (c != nil || err != nil) {
			t.Errorf("%s: credential %v, error %v", name, c, err)
		}
	}
	// Of a pod without its variables.
	got := runAt(t, testTime, "", "policy", "get", "Tpm", "--credential", "workload-identity", "--endpoint", "https://127.0.0.1:1")
	wantFault(t, got, exitFailed, "authenticate with credential workload-identity", "hint: log in with 'az login'")
}
