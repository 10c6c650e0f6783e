package dcap

import (
	"slices"
	"testing"

	"github.com/azattest/azattest/evidence"
)

// TestConvergence states the whole table: what Intel's library answers for each
// pair, and the worse of both where Intel never gave a quoting enclave such a
// status.
func TestConvergence(t *testing.T) {
	t.Parallel()
	const (
		up     = evidence.TCBUpToDate
		sw     = evidence.TCBSWHardeningNeeded
		conf   = evidence.TCBConfigurationNeeded
		confSW = evidence.TCBConfigurationAndSWHardeningNeeded
		old    = evidence.TCBOutOfDate
		oldC   = evidence.TCBOutOfDateConfigurationNeeded
		rev    = evidence.TCBRevoked
		none   = evidence.TCBNoMatchingLevel
	)
	// One row for each status of the quoting enclave; columns are the platform's
	// status in the order of evidence.TCBStatuses.
	for qe, row := range map[evidence.TCBStatus][8]evidence.TCBStatus{
		up:     {up, sw, conf, confSW, old, oldC, rev, none},
		sw:     {sw, sw, conf, confSW, old, oldC, rev, none},
		conf:   {conf, conf, conf, confSW, old, oldC, rev, none},
		confSW: {confSW, confSW, confSW, confSW, old, oldC, rev, none},
		old:    {old, old, oldC, oldC, old, oldC, rev, none},
		oldC:   {oldC, oldC, oldC, oldC, oldC, oldC, rev, none},
		rev:    {rev, rev, rev, rev, rev, rev, rev, rev},
		none:   {none, none, none, none, none, none, rev, none},
	} {
		for i, platform := range evidence.TCBStatuses() {
			if got := converge(platform, qe); got != row[i] {
				t.Errorf("platform %s, QE %s: %s, want %s", platform, qe, got, row[i])
			}
		}
	}
}

func level(status evidence.TCBStatus, pcesvn uint16, components ...uint8) TCBLevel {
	l := TCBLevel{Status: status, PCESVN: pcesvn}
	copy(l.Components[:], components)
	return l
}

func TestLevelMatching(t *testing.T) {
	t.Parallel()
	info := &TCBInfo{Levels: []TCBLevel{
		level(evidence.TCBUpToDate, 13, 5, 5, 2),
		level(evidence.TCBConfigurationNeeded, 13, 5, 5),
		level(evidence.TCBOutOfDate, 11, 4, 5),
		level(evidence.TCBRevoked, 10, 4, 4),
	}}
	for name, test := range map[string]struct {
		pck  PCK
		want evidence.TCBStatus
	}{
		"exactly the best":                     {PCK{Components: [16]uint8{5, 5, 2}, PCESVN: 13}, evidence.TCBUpToDate},
		"above the best":                       {PCK{Components: [16]uint8{9, 9, 9, 9}, PCESVN: 99}, evidence.TCBUpToDate},
		"one component below":                  {PCK{Components: [16]uint8{5, 5, 1}, PCESVN: 13}, evidence.TCBConfigurationNeeded},
		"PCE below":                            {PCK{Components: [16]uint8{5, 5, 2}, PCESVN: 12}, evidence.TCBOutOfDate},
		"one high component buys nothing":      {PCK{Components: [16]uint8{255, 4, 255}, PCESVN: 255}, evidence.TCBRevoked},
		"below every level":                    {PCK{Components: [16]uint8{4, 3, 2}, PCESVN: 13}, ""},
		"all components but the PCE too old":   {PCK{Components: [16]uint8{5, 5, 2}, PCESVN: 9}, ""},
		"components of later positions matter": {PCK{Components: [16]uint8{5, 5, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, PCESVN: 13}, evidence.TCBUpToDate},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := evidence.TCBStatus("")
			if l := info.level(&test.pck); l != nil {
				got = l.Status
			}
			if got != test.want {
				t.Errorf("status %q, want %q", got, test.want)
			}
		})
	}
}

func TestLevelsAreSortedByTheVerifier(t *testing.T) {
	t.Parallel()
	sorted := []TCBLevel{
		level(evidence.TCBUpToDate, 13, 5, 5, 2),
		level(evidence.TCBSWHardeningNeeded, 11, 5, 5, 2),
		level(evidence.TCBConfigurationNeeded, 13, 5, 5),
		level(evidence.TCBOutOfDate, 15, 4, 255, 255),
		level(evidence.TCBRevoked, 1),
	}
	for range 20 {
		shuffled := slices.Clone(sorted)
		for i := range shuffled {
			j := (i*7 + 3) % len(shuffled)
			shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
		}
		slices.SortStableFunc(shuffled, func(a, b TCBLevel) int { return compareLevels(&b, &a) })
		for i := range sorted {
			if shuffled[i].Status != sorted[i].Status {
				t.Fatalf("position %d is %s, want %s", i, shuffled[i].Status, sorted[i].Status)
			}
		}
	}
}

func TestAppraisalSaysWhatIsBehind(t *testing.T) {
	t.Parallel()
	info := &TCBInfo{TCBEvaluationDataNumber: 17, Levels: []TCBLevel{level(evidence.TCBUpToDate, 13, 5, 5), level(evidence.TCBOutOfDate, 10, 4, 4)}}
	info.Levels[1].Advisories = []string{"INTEL-SA-1", "INTEL-SA-2"}
	qe := &QEIdentity{TCBEvaluationDataNumber: 16, Levels: []QELevel{
		{ISVSVN: 8, Status: evidence.TCBUpToDate},
		{ISVSVN: 6, Status: evidence.TCBOutOfDate, Advisories: []string{"INTEL-SA-2", "INTEL-SA-3"}},
	}}
	got := appraise(info, &PCK{Components: [16]uint8{5, 4}, PCESVN: 12}, qe, 7)
	if got.Status != evidence.TCBOutOfDate || got.Platform != evidence.TCBOutOfDate || got.QE != evidence.TCBOutOfDate {
		t.Errorf("status %s, platform %s, QE %s; want all out of date", got.Status, got.Platform, got.QE)
	}
	if want := []string{"INTEL-SA-1", "INTEL-SA-2", "INTEL-SA-3"}; !slices.Equal(got.Advisories, want) {
		t.Errorf("advisories %v, want %v", got.Advisories, want)
	}
	want := []string{
		"SGX TCB component 2: SVN 4, newest level has 5",
		"PCE: SVN 12, newest level has 13",
		"quoting enclave: SVN 7, newest level has 8",
	}
	if !slices.Equal(got.Behind, want) {
		t.Errorf("behind %q, want %q", got.Behind, want)
	}
	if got.EvaluationDataNumber != 17 || got.QEEvaluationDataNumber != 16 {
		t.Errorf("evaluation data numbers %d and %d, want 17 and 16", got.EvaluationDataNumber, got.QEEvaluationDataNumber)
	}
	if len(info.Levels[1].Advisories) != 2 {
		t.Error("the appraisal changed the TCB info it read")
	}
}

func TestQuotingEnclaveBelowEveryLevel(t *testing.T) {
	t.Parallel()
	info := &TCBInfo{Levels: []TCBLevel{level(evidence.TCBUpToDate, 1)}}
	qe := &QEIdentity{Levels: []QELevel{{ISVSVN: 2, Status: evidence.TCBUpToDate}}}
	got := appraise(info, &PCK{PCESVN: 1}, qe, 1)
	if got.QE != evidence.TCBNoMatchingLevel || got.Status != evidence.TCBNoMatchingLevel {
		t.Errorf("QE %s, merged %s; want no matching level", got.QE, got.Status)
	}
}
