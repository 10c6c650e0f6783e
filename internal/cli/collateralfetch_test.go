package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/simulator"
)

// provisioning is a provisioning service on loopback that knows one platform.
func provisioning(t *testing.T, platform dcap.Platform, parts dcap.CollateralParts) string {
	t.Helper()
	mux := http.NewServeMux()
	serve := func(path, header string, chain, body []byte, want url.Values) {
		mux.HandleFunc("GET /sgx/certification/v4/"+path, func(w http.ResponseWriter, r *http.Request) {
			for name := range want {
				if r.FormValue(name) != want.Get(name) {
					http.NotFound(w, r)
					return
				}
			}
			if header != "" {
				w.Header().Set(header, url.PathEscape(string(chain)))
			}
			// A client that hangs up has its own error to report.
			_, _ = w.Write(body)
		})
	}
	serve("tcb", "TCB-Info-Issuer-Chain", parts.TCBInfoIssuerChain, parts.TCBInfo, url.Values{"fmspc": {platform.FMSPC.String()}})
	serve("qe/identity", "SGX-Enclave-Identity-Issuer-Chain", parts.QEIdentityIssuerChain, parts.QEIdentity, nil)
	serve("pckcrl", "SGX-PCK-CRL-Issuer-Chain", parts.PCKCRLIssuerChain, parts.PCKCRL, url.Values{"ca": {string(platform.CA)}})
	serve("rootcacrl", "", nil, parts.RootCACRL, nil)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// provisioningOf serves the collateral of the test platform with a fault, if it
// is given one.
func provisioningOf(t *testing.T, fault simulator.Fault) string {
	t.Helper()
	p := testPlatform(t)
	if fault != "" {
		var err error
		if p, err = p.With(fault); err != nil {
			t.Fatal(err)
		}
	}
	set, err := p.Collateral(simulator.CollateralOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return provisioning(t, p.Identity(), set.Parts())
}

func fetch(t *testing.T, flags ...string) outcome {
	t.Helper()
	return runAt(t, testTime.Add(time.Hour), "", append([]string{"collateral", "fetch"}, flags...)...)
}

func TestFetchedCollateralIsVerifiedAndKept(t *testing.T) {
	t.Parallel()
	c := simulate(t, nil, nil)
	out := filepath.Join(t.TempDir(), "archive")
	from := provisioningOf(t, "")
	got := fetch(t, "--quote", c.quote, "--from", from, "--out", out, "--simulator-root", c.root, "--json")
	if got.code != exitDone {
		t.Fatalf("exit code %d: %s", got.code, got.stderr)
	}
	var kept struct {
		Folder, Dir, TEE, FMSPC, CA string
		TCBEvaluationDataNumber     int
		ValidFrom, ValidUntil       time.Time
		ValidAt, Verified           bool
		Simulated                   bool
		Problems                    []string
		Levels                      []struct{ TCBStatus string }
	}
	if err := json.Unmarshal([]byte(got.stdout), &kept); err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(out, "sgx-53494d000000-platform", "2026-01-31-e17-tcbv3")
	if kept.Folder != want || kept.TEE != "sgx" || kept.FMSPC != "53494d000000" || kept.CA != "platform" {
		t.Errorf("kept %+v, want folder %s", kept, want)
	}
	if !kept.Verified || !kept.Simulated || !kept.ValidAt || len(kept.Problems) > 0 || len(kept.Levels) == 0 {
		t.Errorf("kept %+v, want a whole set, verified and simulated", kept)
	}
	// The archive serves offline from here on.
	c.set = out
	if q := wantGenuine(t, c.verify(t, "--at", "2026-02-01")); q.TCBStatus != "UpToDate" {
		t.Errorf("TCB status %s by the fetched collateral, want UpToDate", q.TCBStatus)
	}
	// Fetching it again by name changes nothing.
	again := fetch(t, "--fmspc", "53494D000000", "--ca", "platform", "--from", from, "--out", out, "--simulator-root", c.root)
	if again.code != exitDone || !strings.Contains(again.stdout, want) {
		t.Errorf("exit code %d, %s%s; want the same folder", again.code, again.stdout, again.stderr)
	}
	sets, err := os.ReadDir(filepath.Dir(want))
	if err != nil || len(sets) != 1 {
		t.Errorf("%d sets (%v), want one", len(sets), err)
	}
}

func TestFetchedCollateralThatDoesNotVerifyIsNotKept(t *testing.T) {
	t.Parallel()
	for _, fault := range []simulator.Fault{
		simulator.FaultTCBInfoSignature, simulator.FaultTCBInfoExpired, simulator.FaultPCKCRLSignature, simulator.FaultTCBSignerRevoked,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			c := simulate(t, nil, nil)
			out := filepath.Join(t.TempDir(), "archive")
			got := fetch(t, "--quote", c.quote, "--from", provisioningOf(t, fault), "--out", out, "--simulator-root", c.root)
			if got.code != exitRefused || got.stdout != "" || !strings.HasPrefix(got.stderr, "azattest: ") {
				t.Errorf("exit code %d, %q, %q; want a refusal", got.code, got.stdout, got.stderr)
			}
			if _, err := os.Stat(out); !os.IsNotExist(err) {
				t.Errorf("something was kept in %s (%v)", out, err)
			}
		})
	}
	t.Run("nobody's root", func(t *testing.T) {
		t.Parallel()
		c := simulate(t, nil, nil)
		got := fetch(t, "--quote", c.quote, "--from", provisioningOf(t, ""), "--out", filepath.Join(t.TempDir(), "archive"))
		if got.code != exitRefused || !strings.Contains(got.stderr, "not trusted") {
			t.Errorf("exit code %d, %q; want a refusal of the root", got.code, got.stderr)
		}
	})
}

func TestStaleCollateralIsKeptOnDemand(t *testing.T) {
	t.Parallel()
	c := simulate(t, nil, nil)
	from := provisioningOf(t, simulator.FaultTCBInfoExpired)
	out := t.TempDir()
	got := fetch(t, "--quote", c.quote, "--from", from, "--out", out, "--simulator-root", c.root, "--accept-stale-collateral")
	if got.code != exitDone || !strings.Contains(got.stdout, "kept in") {
		t.Errorf("exit code %d, %q, %q; want the set kept", got.code, got.stdout, got.stderr)
	}
}

// TestServiceWithoutAnAnswerDecidesNothing: a service that is out of reach, that
// does not know the platform, or that answers with something else has refused no
// evidence.
func TestServiceWithoutAnAnswerDecidesNothing(t *testing.T) {
	t.Parallel()
	c := simulate(t, nil, nil)
	nonsense := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("TCB-Info-Issuer-Chain", "nonsense")
		w.Header().Set("SGX-Enclave-Identity-Issuer-Chain", "nonsense")
		_, _ = w.Write([]byte("nonsense"))
	}))
	defer nonsense.Close()
	t.Run("nonsense", func(t *testing.T) {
		got := fetch(t, "--quote", c.quote, "--from", nonsense.URL, "--out", t.TempDir(), "--simulator-root", c.root)
		if got.code != exitFailed {
			t.Errorf("exit code %d (%s), want %d", got.code, got.stderr, exitFailed)
		}
		got = runAt(t, testTime, "", "quote", "verify", c.quote, "--collateral", nonsense.URL, "--simulator-root", c.root, "--json")
		wantFailure(t, got, exitFailed)
	})
	t.Run("unknown platform", func(t *testing.T) {
		from := provisioningOf(t, "")
		got := fetch(t, "--fmspc", "00906ed50000", "--ca", "platform", "--from", from, "--out", t.TempDir())
		if got.code != exitFailed || !strings.Contains(got.stderr, "no collateral for") {
			t.Errorf("exit code %d (%s), want %d", got.code, got.stderr, exitFailed)
		}
	})
}

func TestQuoteVerifiesWithALiveService(t *testing.T) {
	t.Parallel()
	c := simulate(t, nil, nil)
	c.set = provisioningOf(t, "")
	if q := wantGenuine(t, c.verify(t)); q.TCBStatus != "UpToDate" {
		t.Errorf("TCB status %s, want UpToDate", q.TCBStatus)
	}
	// A service that answers that it does not know the platform leaves the quote
	// unproved.
	other, err := testPlatform(t).Sibling(simulator.Config{FMSPC: dcap.FMSPC{1}})
	if err != nil {
		t.Fatal(err)
	}
	set, err := other.Collateral(simulator.CollateralOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.set = provisioning(t, other.Identity(), set.Parts())
	r := wantRefused(t, c.verify(t))
	if r.Error.Stage != "collateral" || r.Error.Code != "missing" || r.Error.Hint == "" {
		t.Errorf("refused with %s, %s, hint %q; want collateral, missing and a hint", r.Error.Stage, r.Error.Code, r.Error.Hint)
	}
}
