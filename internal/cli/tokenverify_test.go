package cli

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/corpus"
)

// shownVerdict is what token verify --json says.
type shownVerdict struct {
	Verified                 bool
	KeyID, Algorithm, Issuer string
	Expires                  time.Time
	Skipped                  []string
	Claims                   map[string]any
	Error                    struct {
		Check, Part, Expected, Found, Message string
	}
}

func verdictOf(t *testing.T, got outcome) shownVerdict {
	t.Helper()
	var v shownVerdict
	if err := json.Unmarshal([]byte(got.stdout), &v); err != nil {
		t.Fatalf("%v in %q; %s", err, got.stdout, got.stderr)
	}
	return v
}

// Tokens of the real service hold with the keys that it published, for the
// instance that issued them and for the time when they were issued.
func TestRecordedTokensVerify(t *testing.T) {
	t.Parallel()
	jwks := filepath.Join(corpus.Dir(t), "maa", "certs", "certs_response_1.11.02134.501_a5e6329b.json")
	names := []string{
		"policyapi-get-certificates", "policyapi-get-policy", "policyapi-get-policy-signed", "policyapi-get-policy-tpm-empty",
		"policyapi-reset-result", "policyapi-set-result-signed", "policyapi-set-result-unsigned",
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := string(corpus.Read(t, "maa", "tokens", name+".jwt"))
			run := func(at time.Time, flags ...string) outcome {
				return runAt(t, at, token, append([]string{"token", "verify", "-", "--json", "--jwks", jwks}, flags...)...)
			}
			parsed, err := azattestation.ParseToken(strings.TrimSpace(token))
			if err != nil {
				t.Fatal(err)
			}
			good := parsed.IssuedOn()
			got := run(good, "--issuer", parsed.Issuer())
			if v := verdictOf(t, got); got.code != exitDone || !v.Verified || v.Issuer != parsed.Issuer() || v.Algorithm != "RS256" || len(v.Skipped) != 0 {
				t.Errorf("exit code %d, %+v", got.code, v)
			}
			for check, got := range map[string]outcome{
				"issuer":     run(good, "--issuer", "https://another.example"),
				"expiration": run(good.AddDate(1, 0, 0), "--issuer", parsed.Issuer()),
				"not before": run(good.AddDate(-1, 0, 0), "--issuer", parsed.Issuer()),
			} {
				if v := verdictOf(t, got); got.code != exitRefused || v.Verified || v.Error.Check != check || v.Error.Expected == "" || v.Error.Found == "" || v.Claims != nil {
					t.Errorf("%s: exit code %d, %+v", check, got.code, v)
				}
			}
			got = run(good.AddDate(1, 0, 0), "--skip", "expiration,issuer")
			if v := verdictOf(t, got); got.code != exitDone || !v.Verified || !slices.Equal(v.Skipped, []string{"expiration", "issuer"}) {
				t.Errorf("with checks left out: exit code %d, %+v", got.code, v)
			}
		})
	}
}

// Nobody's forged token passes, whatever else is left out.
func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	forged, err := filepath.Glob(filepath.Join(corpus.Dir(t), "evidence", "negative-mutated", "share", "maa_recording-sgx-shared-2022--jwt-*"))
	if err != nil || len(forged) == 0 {
		t.Fatalf("found %d forged tokens (%v), want some", len(forged), err)
	}
	for _, dir := range forged {
		name := filepath.Base(dir)
		got := runAt(t, time.Date(2022, 6, 1, 0, 0, 0, 0, time.UTC), "", "token", "verify", filepath.Join(dir, "token1.jwt"),
			"--jwks", filepath.Join(dir, "certs.json"), "--skip", "expiration,not-before,issuer")
		if got.code != exitRefused || got.stdout != "" {
			t.Errorf("%s: exit code %d, %q", name, got.code, got.stdout)
		}
	}
}

// The keys are the endpoint's, the issuer too; keys out of reach decide nothing.
func TestTokenOfALiveEndpoint(t *testing.T) {
	t.Parallel()
	i, other := startInstance(t, testTime), startInstance(t, testTime)
	token, err := i.Token(map[string]string{"x-ms-attestation-type": "sgx"})
	if err != nil {
		t.Fatal(err)
	}
	got := i.run(t, token, "token", "verify", "-")
	if want := "verified: ES256 by key " + i.KeyID() + ", issuer " + i.URL(); got.code != exitDone || !strings.HasPrefix(got.stdout, want) {
		t.Errorf("%+v, want %q", got, want)
	}
	wantFault(t, other.run(t, token, "token", "verify", "-"), exitRefused, "signing key", i.KeyID(), "that "+other.URL()+" publishes")
	unsigned, err := i.UnsignedToken(map[string]string{"x-ms-attestation-type": "sgx"})
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, i.run(t, unsigned, "token", "verify", "-"), exitRefused, "algorithm: none")
	got = i.run(t, unsigned, "token", "verify", "-", "--skip", "signature")
	if got.code != exitDone || !strings.HasPrefix(got.stdout, "NOT VERIFIED: ") {
		t.Errorf("without the check of the signature: %+v", got)
	}
	// A clock that is off by the slack, and by more.
	for _, test := range []struct {
		flags []string
		code  int
	}{
		{[]string{"--at", "2026-01-31T11:59:00Z"}, exitDone},
		{[]string{"--at", "2026-01-31T11:59:00Z", "--slack", "0s"}, exitRefused},
		{[]string{"--at", "2026-01-31T11:58:00Z"}, exitRefused},
		{[]string{"--at", "2026-01-31T11:58:00Z", "--slack", "2m"}, exitDone},
	} {
		if got := i.run(t, token, append([]string{"token", "verify", "-"}, test.flags...)...); got.code != test.code {
			t.Errorf("%v: exit code %d, want %d; %s", test.flags, got.code, test.code, got.stderr)
		}
	}

	i.answer = func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusServiceUnavailable, "Busy", "later")
	}
	wantFault(t, i.run(t, token, "token", "verify", "-"), exitFailed, "signing keys of "+i.URL(), "503", "later")
	if f := wantFailure(t, i.run(t, token, "token", "verify", "-", "--json"), exitFailed); f.Status != http.StatusServiceUnavailable || f.Check != "" {
		t.Errorf("%+v", f)
	}
	i.answer = func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusBadRequest, "BadRequest", "what is this")
	}
	wantFault(t, i.run(t, token, "token", "verify", "-"), exitFailed, "status 400")
	wantFault(t, runAt(t, testTime, token, "token", "verify", "-", "--endpoint", i.URL()), exitFailed, "certificate", "--ca-file")
	wantFault(t, i.run(t, "nonsense", "token", "verify", "-"), exitRefused, "malformed", "3 parts")
}

func TestEndpointFromTheEnvironment(t *testing.T) {
	t.Parallel()
	i := startInstance(t, testTime)
	token, err := i.Token(map[string]string{})
	if err != nil {
		t.Fatal(err)
	}
	run := func(env map[string]string, args ...string) outcome {
		var out, errOut strings.Builder
		s := Streams{
			In: strings.NewReader(token), Out: &out, Err: &errOut, Now: func() time.Time { return testTime },
			Env: func(name string) string { return env[name] },
		}
		code := run(t.Context(), args, s)
		return outcome{code, out.String(), errOut.String()}
	}
	env := map[string]string{endpointVariable: i.URL()}
	if got := run(env, "token", "verify", "-", "--ca-file", i.caFile); got.code != exitDone {
		t.Errorf("%+v", got)
	}
	wantFault(t, run(nil, "token", "verify", "-", "--ca-file", i.caFile), exitUsage, endpointVariable)
	// What stands on the command line comes first.
	wantFault(t, run(env, "token", "verify", "-", "--endpoint", "https://127.0.0.1:1"), exitFailed, "127.0.0.1:1")
}
