package simulator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/simulator"
)

const (
	upToDate    = evidence.TCBUpToDate
	hardening   = evidence.TCBSWHardeningNeeded
	config      = evidence.TCBConfigurationNeeded
	configHard  = evidence.TCBConfigurationAndSWHardeningNeeded
	outOfDate   = evidence.TCBOutOfDate
	outOfConfig = evidence.TCBOutOfDateConfigurationNeeded
	revoked     = evidence.TCBRevoked
	noLevel     = evidence.TCBNoMatchingLevel
)

// merged is Intel's convergence rule, written out: the status of the whole by
// that of the platform (rows) and of the quoting enclave (columns), for all
// statuses that Intel gives a quoting enclave and for none at all.
var merged = map[evidence.TCBStatus]map[evidence.TCBStatus]evidence.TCBStatus{
	upToDate:    {upToDate: upToDate, outOfDate: outOfDate, revoked: revoked, noLevel: noLevel},
	hardening:   {upToDate: hardening, outOfDate: outOfDate, revoked: revoked, noLevel: noLevel},
	config:      {upToDate: config, outOfDate: outOfConfig, revoked: revoked, noLevel: noLevel},
	configHard:  {upToDate: configHard, outOfDate: outOfConfig, revoked: revoked, noLevel: noLevel},
	outOfDate:   {upToDate: outOfDate, outOfDate: outOfDate, revoked: revoked, noLevel: noLevel},
	outOfConfig: {upToDate: outOfConfig, outOfDate: outOfConfig, revoked: revoked, noLevel: noLevel},
	revoked:     {upToDate: revoked, outOfDate: revoked, revoked: revoked, noLevel: revoked},
	noLevel:     {upToDate: noLevel, outOfDate: noLevel, revoked: revoked, noLevel: noLevel},
}

func TestEveryStatusUnderEveryVersionAndCA(t *testing.T) {
	t.Parallel()
	for _, ca := range []dcap.CA{dcap.PlatformCA, dcap.ProcessorCA} {
		p := newPlatform(t, simulator.Config{CA: ca})
		v := newVerifier(t, p.Root())
		quote := quoteOf(t, p, simulator.Report{})
		for _, status := range evidence.TCBStatuses() {
			for qe, want := range merged[status] {
				for _, versions := range [][2]int{{2, 1}, {2, 2}, {3, 1}, {3, 2}} {
					if versions[1] == 1 && qe != upToDate && qe != outOfDate {
						continue
					}
					t.Run(fmt.Sprintf("%s/%s/%s/TCB info v%d, QE identity v%d", ca, status, qe, versions[0], versions[1]), func(t *testing.T) {
						t.Parallel()
						r, err := verify(t, v, quote, collateralOf(t, p, simulator.CollateralOptions{
							Status: status, QEStatus: qe, TCBInfoVersion: versions[0], QEIdentityVersion: versions[1],
						}))
						if err != nil {
							t.Fatal(err)
						}
						got := [3]evidence.TCBStatus{r.TCB.Platform, r.TCB.QE, r.TCB.Status}
						if got != [3]evidence.TCBStatus{status, qe, want} {
							t.Errorf("platform, QE and merged status %q, want %q, %q, %q", got, status, qe, want)
						}
					})
				}
			}
		}
	}
}

// Intel has never given a quoting enclave these, but its documents could.
func TestEveryStatusOfTheQuotingEnclave(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	v := newVerifier(t, p.Root())
	for _, qe := range evidence.TCBStatuses() {
		t.Run(string(qe), func(t *testing.T) {
			t.Parallel()
			r, err := verify(t, v, quoteOf(t, p, simulator.Report{}), collateralOf(t, p, simulator.CollateralOptions{QEStatus: qe}))
			if err != nil {
				t.Fatal(err)
			}
			if r.TCB.QE != qe || r.TCB.Platform != upToDate || r.TCB.Status != qe {
				t.Errorf("platform %s, QE %s, merged %s; want %s, %s, %[5]s", r.TCB.Platform, r.TCB.QE, r.TCB.Status, upToDate, qe)
			}
		})
	}
}

func TestStatusesHoldAtTheEdgesOfTheSVNs(t *testing.T) {
	t.Parallel()
	high := [16]uint8{}
	for i := range high {
		high[i] = 255
	}
	high[15] = 254
	for name, c := range map[string]simulator.Config{
		"highest":        {SVNs: simulator.SVNs{Components: high, PCESVN: 65534}, QESVN: 65534},
		"lowest but one": {SVNs: simulator.SVNs{PCESVN: 1}, QESVN: 1},
		"no PCE":         {SVNs: simulator.SVNs{Components: [16]uint8{15: 1}}},
	} {
		p := newPlatform(t, c)
		v := newVerifier(t, p.Root())
		for _, status := range evidence.TCBStatuses() {
			t.Run(name+"/"+string(status), func(t *testing.T) {
				t.Parallel()
				r, err := verify(t, v, quoteOf(t, p, simulator.Report{}), collateralOf(t, p, simulator.CollateralOptions{Status: status, QEStatus: status}))
				if err != nil {
					t.Fatal(err)
				}
				if r.TCB.Platform != status || r.TCB.QE != status {
					t.Errorf("platform %s, QE %s; want %s", r.TCB.Platform, r.TCB.QE, status)
				}
			})
		}
	}
}

func TestAPlatformBehindIsToldInWhat(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{SVNs: simulator.SVNs{Components: [16]uint8{255, 4}, PCESVN: 11}, QESVN: 6})
	v := newVerifier(t, p.Root())
	for status, isBehind := range map[evidence.TCBStatus]bool{
		upToDate: false, hardening: false, config: true, configHard: true, outOfDate: true, outOfConfig: true, revoked: true, noLevel: true,
	} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			r, err := verify(t, v, quoteOf(t, p, simulator.Report{}), collateralOf(t, p, simulator.CollateralOptions{Status: status}))
			if err != nil {
				t.Fatal(err)
			}
			// The first component cannot be any higher: the second one is.
			if got := slices.ContainsFunc(r.TCB.Behind, func(s string) bool { return strings.Contains(s, "component 2") }); got != isBehind {
				t.Errorf("behind: %q; want a line about component 2: %t", r.TCB.Behind, isBehind)
			}
		})
	}
}

func TestAdvisoriesNumbersAndDates(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	v := newVerifier(t, p.Root())
	for name, tc := range map[string]struct {
		options          simulator.CollateralOptions
		advisories       []string
		number, qeNumber int
		date             string
	}{
		"default": {simulator.CollateralOptions{}, nil, 17, 17, "2025-12-13"},
		"outdated": {
			simulator.CollateralOptions{
				Status: outOfDate, QEStatus: outOfDate, EvaluationDataNumber: 21,
				Advisories: []string{"INTEL-SA-00001", "INTEL-SA-00002"}, QEAdvisories: []string{"INTEL-SA-00002", "INTEL-SA-00003"},
			},
			[]string{"INTEL-SA-00001", "INTEL-SA-00002", "INTEL-SA-00003"},
			21, 21, "2024-12-13",
		},
		"of the quoting enclave": {
			simulator.CollateralOptions{QEAdvisories: []string{"INTEL-SA-00004"}}, []string{"INTEL-SA-00004"}, 17, 17, "2025-12-13",
		},
		"oldest versions": {
			simulator.CollateralOptions{TCBInfoVersion: 2, QEIdentityVersion: 1, Status: hardening, Advisories: []string{"INTEL-SA-00615"}},
			[]string{"INTEL-SA-00615"},
			17, 0, "2025-12-13",
		},
		"no level": {
			simulator.CollateralOptions{Status: noLevel, Advisories: []string{"INTEL-SA-00001"}}, nil, 17, 17, "0001-01-01",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := verify(t, v, quoteOf(t, p, simulator.Report{}), collateralOf(t, p, tc.options))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.advisories, r.TCB.Advisories); diff != "" {
				t.Errorf("advisories (-want +got):\n%s", diff)
			}
			if r.TCB.EvaluationDataNumber != tc.number || r.TCB.QEEvaluationDataNumber != tc.qeNumber {
				t.Errorf("evaluation data numbers %d and %d, want %d and %d", r.TCB.EvaluationDataNumber, r.TCB.QEEvaluationDataNumber, tc.number, tc.qeNumber)
			}
			if got := r.TCB.Date.Format(time.DateOnly); got != tc.date {
				t.Errorf("TCB date %s, want %s", got, tc.date)
			}
		})
	}
}

func TestAHigherEvaluationDataNumberCanBeDemanded(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	v := newVerifier(t, p.Root())
	o := sgx.Options{Collateral: collateralOf(t, p, simulator.CollateralOptions{EvaluationDataNumber: 16}), At: epoch, TCBEvaluationDataNumber: 16}
	if _, err := verifyWith(t, v, quoteOf(t, p, simulator.Report{}), o); err != nil {
		t.Error(err)
	}
	o.TCBEvaluationDataNumber = 17
	_, err := verifyWith(t, v, quoteOf(t, p, simulator.Report{}), o)
	wantRefusal(t, err, evidence.StageCollateral, evidence.CodeStale)
}
