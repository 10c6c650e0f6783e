package cli

import (
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// wantFailure reads the document of a failure as strictly as a program could.
func wantFailure(t *testing.T, got outcome, code int) failureReason {
	t.Helper()
	if got.code != code {
		t.Errorf("exit code %d, want %d", got.code, code)
	}
	d := json.NewDecoder(strings.NewReader(got.stdout))
	d.DisallowUnknownFields()
	var f failure
	if err := d.Decode(&f); err != nil || d.More() {
		t.Fatalf("%v in %q, want one document", err, got.stdout)
	}
	first, _, _ := strings.Cut(got.stderr, "\n")
	if want := "azattest: " + f.Error.Message; first != want {
		t.Errorf("stderr %q, want %q", first, want)
	}
	return f.Error
}

// Every command answers a program with a document, whatever went wrong.
func TestFailuresAreDocuments(t *testing.T) {
	t.Parallel()
	own, i := startOwnService(t, ""), startInstance(t, testTime)
	signer := newPolicySigner(t, "somebody")
	bad := inFile(t, "bad.txt", "no evidence!")
	i.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/certs" {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(i.JWKS())
			return
		}
		status := http.StatusBadRequest
		if r.Method == http.MethodGet {
			status = http.StatusServiceUnavailable
		}
		refuse(w, status, "Busy", "later")
	}
	down := startInstance(t, testTime)
	down.answer = func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusUnauthorized, "Unauthorized", "no role")
	}
	token := inFile(t, "token.jwt", own.run(t, "attest", "sgx", own.quote).stdout)
	missing := filepath.Join(t.TempDir(), "missing")
	type run = func(t *testing.T, args ...string) outcome
	at := func(i *remoteInstance) run {
		return func(t *testing.T, args ...string) outcome { t.Helper(); return i.run(t, "", args...) }
	}
	alone := func(t *testing.T, args ...string) outcome { t.Helper(); return runAt(t, testTime, "", args...) }
	refused := failureReason{Code: "Busy", Status: 400, Request: "00-42-01"}
	for name, test := range map[string]struct {
		run  run
		args []string
		code int
		want failureReason // but for its texts
	}{
		"evidence refused":        {own.run, []string{"attest", "sgx", bad}, exitRefused, failureReason{Code: "malformed", Stage: "parse", Part: "evidence as text"}},
		"evidence refused there":  {own.run, []string{"attest", "openenclave", own.quote}, exitRefused, failureReason{Code: "InvalidQuote", Status: 400}},
		"no file":                 {own.run, []string{"attest", "sgx", missing}, exitFailed, failureReason{}},
		"a question":              {at(i), []string{"policy", "get", "SgxEnclave"}, exitFailed, failureReason{Code: "Busy", Status: 503, Request: "00-42-01"}},
		"a change":                {at(i), []string{"policy", "set", "SgxEnclave", bad}, exitRefused, refused},
		"a reset":                 {at(i), []string{"policy", "reset", "SgxEnclave"}, exitRefused, refused},
		"a certificate":           {at(i), append([]string{"certs", "add", signer.certificateFile}, signer.flags()...), exitRefused, refused},
		"certificates":            {at(i), []string{"certs", "list"}, exitFailed, failureReason{Code: "Busy", Status: 503, Request: "00-42-01"}},
		"an unknown kid":          {own.run, []string{"signers", "verify", "--kid", "unknown"}, exitRefused, failureReason{}},
		"no keys":                 {at(down), []string{"token", "verify", token}, exitFailed, failureReason{Code: "Unauthorized", Status: 401, Request: "00-42-01"}},
		"no policy":               {alone, []string{"policy", "token-hash", missing}, exitFailed, failureReason{}},
		"no collateral":           {alone, []string{"collateral", "show", missing}, exitFailed, failureReason{}},
		"no place for a quote":    {alone, []string{"simulate", "quote", "--data-dir", t.TempDir(), "--out", t.TempDir()}, exitFailed, failureReason{}},
		"evidence out of reach":   {alone, []string{"quote", "show", missing}, exitFailed, failureReason{}},
		"collateral out of reach": {alone, []string{"quote", "verify", own.quote, "--collateral", missing}, exitFailed, failureReason{}},
	} {
		got := wantFailure(t, test.run(t, append(test.args, "--json")...), test.code)
		if got.Message == "" || test.want.Part != "" && got.Found == "" || got.Status == http.StatusUnauthorized && got.Hint == "" {
			t.Errorf("%s: %+v lacks something", name, got)
		}
		if test.want.Request == "" {
			got.Request = ""
		}
		got.Message, got.Expected, got.Found, got.Hint = "", "", "", ""
		if got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	// Without --json stdout stays empty, and of wrong usage nothing is printed.
	wantFault(t, i.run(t, "", "policy", "get", "SgxEnclave"), exitFailed)
	wantFault(t, i.run(t, "", "policy", "get", "Sgx", "--json"), exitUsage)
}

// A document that was begun is not followed by another.
func TestFailureToWriteIsNoDocument(t *testing.T) {
	t.Parallel()
	out := new(brokenWriter)
	s := Streams{Out: out, Err: new(strings.Builder)}
	if code := run(t.Context(), []string{"version", "--json"}, s); code != exitFailed || out.calls != 1 {
		t.Errorf("exit code %d after %d writes, want %d after one", code, out.calls, exitFailed)
	}
}

type brokenWriter struct{ calls int }

func (w *brokenWriter) Write([]byte) (int, error) {
	w.calls++
	return 0, errors.New("no space left")
}
