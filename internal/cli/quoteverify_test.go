package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/simulator"
)

// refusedQuote is what quote verify --json says of evidence that is not genuine,
// read as strictly as a program could.
type refusedQuote struct {
	Genuine *bool `json:"genuine"`
	Error   struct {
		Code, Stage, Message, Part, Expected, Found, Hint string
	} `json:"error"`
}

// wantRefused checks everything that a refusal promises, and returns it.
func wantRefused(t *testing.T, got outcome) refusedQuote {
	t.Helper()
	if got.code != exitRefused {
		t.Fatalf("exit code %d, want %d\n%s%s", got.code, exitRefused, got.stdout, got.stderr)
	}
	if got.stderr != "" {
		t.Errorf("stderr %q, want nothing: the refusal stands on stdout", got.stderr)
	}
	var r refusedQuote
	d := json.NewDecoder(strings.NewReader(got.stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatalf("%v in %s", err, got.stdout)
	}
	if r.Genuine == nil || *r.Genuine {
		t.Errorf("genuine %v, want false", r.Genuine)
	}
	if r.Error.Code == "" || r.Error.Stage == "" || r.Error.Message == "" {
		t.Errorf("code %q, stage %q, message %q: want all three", r.Error.Code, r.Error.Stage, r.Error.Message)
	}
	return r
}

// genuineQuote is what quote verify --json says of genuine evidence.
type genuineQuote struct {
	Kind, Format                                       string
	Genuine                                            bool
	TCBStatus, PlatformTCBStatus, QETCBStatus          string
	AdvisoryIDs                                        []string
	TCBDate                                            *time.Time
	TCBEvaluationDataNumber, QETCBEvaluationDataNumber int
	FMSPC, CA                                          string
	Behind, StaleCollateral                            []string
	Simulated                                          bool
	At                                                 time.Time
	Claims                                             map[string]any
}

// wantGenuine checks what every success promises, and returns it.
func wantGenuine(t *testing.T, got outcome) genuineQuote {
	t.Helper()
	if got.code != exitDone {
		t.Fatalf("exit code %d, want %d\n%s%s", got.code, exitDone, got.stdout, got.stderr)
	}
	if got.stderr != "" {
		t.Errorf("stderr %q, want nothing", got.stderr)
	}
	var q genuineQuote
	if err := json.Unmarshal([]byte(got.stdout), &q); err != nil {
		t.Fatalf("%v in %s", err, got.stdout)
	}
	if !q.Genuine || q.Kind != "sgx" {
		t.Errorf("genuine %t, kind %q; want true, sgx", q.Genuine, q.Kind)
	}
	if q.AdvisoryIDs == nil || q.Behind == nil || q.StaleCollateral == nil {
		t.Errorf("advisoryIds %v, behind %v, staleCollateral %v: want arrays, not null", q.AdvisoryIDs, q.Behind, q.StaleCollateral)
	}
	if _, ok := q.Claims["x-ms-sgx-mrenclave"].(string); !ok {
		t.Errorf("no x-ms-sgx-mrenclave among the claims %v", q.Claims)
	}
	if _, ok := q.Claims["x-ms-sgx-collateral"].(map[string]any); !ok {
		t.Errorf("no x-ms-sgx-collateral among the claims %v", q.Claims)
	}
	return q
}

// simulatedCase is a data directory and a set of collateral in a folder.
type simulatedCase struct{ dir, quote, set, root string }

// simulate makes a quote and collateral through the command line.
func simulate(t *testing.T, quoteFlags, collateralFlags []string) simulatedCase {
	t.Helper()
	dir := t.TempDir()
	c := simulatedCase{dir: dir, quote: filepath.Join(dir, "quote.bin"), set: filepath.Join(dir, "set"), root: simulatorRoot(dir)}
	if err := testPlatform(t).Save(filepath.Join(dir, simulatorFolder)); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		append([]string{"simulate", "quote", "--data-dir", dir, "-o", c.quote}, quoteFlags...),
		append([]string{"simulate", "collateral", "--data-dir", dir, "--out", c.set}, collateralFlags...),
	} {
		if got := runAt(t, testTime, "", args...); got.code != exitDone {
			t.Fatalf("%v: exit code %d: %s", args, got.code, got.stderr)
		}
	}
	return c
}

func (c simulatedCase) verify(t *testing.T, flags ...string) outcome {
	t.Helper()
	args := append([]string{"quote", "verify", c.quote, "--json", "--collateral", c.set, "--simulator-root", c.root}, flags...)
	return runAt(t, testTime, "", args...)
}

func TestEveryFaultIsRefused(t *testing.T) {
	t.Parallel()
	for _, fault := range simulator.Faults() {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			flags := []string{"--fault", string(fault)}
			var c simulatedCase
			if fault.Artifact() == simulator.ArtifactQuote {
				c = simulate(t, flags, nil)
			} else {
				c = simulate(t, nil, flags)
			}
			r := wantRefused(t, c.verify(t))
			got := [2]string{r.Error.Stage, r.Error.Code}
			want := [2]string{string(fault.Stage()), string(fault.Code())}
			// Two roots are trusted here: who signed a forged certificate cannot
			// be told, and the chain is under neither.
			forged := fault.Stage() == evidence.StageChain || fault.Stage() == evidence.StageCollateral
			if got != want && (!forged || r.Error.Code != string(evidence.CodeUntrustedRoot)) {
				t.Errorf("refused with %q, want %q: %s", got, want, r.Error.Message)
			}
		})
	}
}

func TestEveryStatusIsReported(t *testing.T) {
	t.Parallel()
	for _, status := range evidence.TCBStatuses() {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			c := simulate(t, nil, []string{"--tcb-status", string(status), "--advisory", "INTEL-SA-1"})
			q := wantGenuine(t, c.verify(t))
			if q.TCBStatus != string(status) || q.PlatformTCBStatus != string(status) || q.QETCBStatus != "UpToDate" {
				t.Errorf("status %s, platform %s, QE %s; want %s, %[4]s, UpToDate", q.TCBStatus, q.PlatformTCBStatus, q.QETCBStatus, status)
			}
			matches := status != evidence.TCBNoMatchingLevel
			if (q.TCBDate != nil) != matches {
				t.Errorf("TCB date %v with status %s", q.TCBDate, status)
			}
			if !q.Simulated || !q.At.Equal(testTime) {
				t.Errorf("simulated %t at %s, want true at %s", q.Simulated, q.At, testTime)
			}
			if q.FMSPC != "53494d000000" || q.CA != "platform" || q.Format != formatQuote {
				t.Errorf("%s of FMSPC %s under the %s CA", q.Format, q.FMSPC, q.CA)
			}
			wantCode(t, c, status, exitDone)
			other := evidence.TCBUpToDate
			if status == other {
				other = evidence.TCBRevoked
			}
			wantCode(t, c, other, exitRefused)
		})
	}
}

func wantCode(t *testing.T, c simulatedCase, accepted evidence.TCBStatus, code int) {
	t.Helper()
	if got := c.verify(t, "--require-tcb", string(accepted)); got.code != code {
		t.Errorf("--require-tcb %s: exit code %d, want %d", accepted, got.code, code)
	}
}

func TestQuoteWithoutChainVerifiesWithOneBesideIt(t *testing.T) {
	t.Parallel()
	whole := simulate(t, nil, nil)
	e, err := loadEvidence(Streams{}, whole.quote)
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.parse()
	if err != nil {
		t.Fatal(err)
	}
	chain := filepath.Join(t.TempDir(), "chain.pem")
	if err := os.WriteFile(chain, p.quote.CertificationData.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, fault := range []simulator.Fault{simulator.FaultCertificationDataPPID, simulator.FaultCertificationDataLeaf} {
		c := simulate(t, []string{"--fault", string(fault)}, nil)
		if r := wantRefused(t, c.verify(t)); r.Error.Hint == "" {
			t.Errorf("%s: no hint that a chain is missing", fault)
		}
		if q := wantGenuine(t, c.verify(t, "--pck-chain", chain)); q.FMSPC != "53494d000000" {
			t.Errorf("%s: FMSPC %s", fault, q.FMSPC)
		}
	}
	// The chain is data: one of another platform verifies nothing.
	other := filepath.Join(t.TempDir(), "other.pem")
	if err := os.WriteFile(other, testPlatform(t).RootCertificatePEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	c := simulate(t, []string{"--fault", string(simulator.FaultCertificationDataPPID)}, nil)
	wantRefused(t, c.verify(t, "--pck-chain", other))
}

func TestDataIsBoundWhereTheServiceLooksForIt(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(data, []byte("key"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := simulate(t, []string{"--runtime-data", data, "--init-time-data", data, "--product-id", "7", "--svn", "3", "--debug"}, nil)
	q := wantGenuine(t, c.verify(t))
	const hash = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683" // SHA-256 of "key"
	for name, want := range map[string]any{
		"x-ms-sgx-report-data":   hash + strings.Repeat("0", 64),
		"x-ms-sgx-config-id":     hash + strings.Repeat("0", 64),
		"x-ms-sgx-product-id":    7.0,
		"x-ms-sgx-svn":           3.0,
		"x-ms-sgx-is-debuggable": true,
	} {
		if got := q.Claims[name]; got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
}
