package dcap

import (
	"fmt"
	"slices"

	"github.com/azattest/azattest/evidence"
)

// level returns the first level, from the best down, all of whose SVNs the
// platform reaches (PCS v4, "TCB Info": matching), nil for none.
func (t *TCBInfo) level(p *PCK) *TCBLevel {
	for i := range t.Levels {
		if t.Levels[i].reachedBy(p) {
			return &t.Levels[i]
		}
	}
	return nil
}

func (l *TCBLevel) reachedBy(p *PCK) bool {
	for i, svn := range l.Components {
		if p.Components[i] < svn {
			return false
		}
	}
	return p.PCESVN >= l.PCESVN
}

// behind says where the platform falls short of the best level.
func (t *TCBInfo) behind(p *PCK) []string {
	best := &t.Levels[0]
	var lines []string
	for i, svn := range best.Components {
		if p.Components[i] < svn {
			lines = append(lines, fmt.Sprintf("SGX TCB component %d: SVN %d, newest level has %d", i+1, p.Components[i], svn))
		}
	}
	if p.PCESVN < best.PCESVN {
		lines = append(lines, fmt.Sprintf("PCE: SVN %d, newest level has %d", p.PCESVN, best.PCESVN))
	}
	return lines
}

// appraise merges what TCB info and QE identity say of a platform and its
// quoting enclave.
func appraise(t *TCBInfo, p *PCK, q *QEIdentity, qeSVN uint16) *evidence.TCB {
	tcb := &evidence.TCB{
		Platform: evidence.TCBNoMatchingLevel, QE: evidence.TCBNoMatchingLevel,
		EvaluationDataNumber: t.TCBEvaluationDataNumber, QEEvaluationDataNumber: q.TCBEvaluationDataNumber,
	}
	if l := t.level(p); l != nil {
		tcb.Platform, tcb.Date = l.Status, l.Date
		tcb.Advisories = slices.Clone(l.Advisories)
	}
	if l := q.level(qeSVN); l != nil {
		tcb.QE = l.Status
		tcb.Advisories = union(tcb.Advisories, l.Advisories)
	}
	tcb.Behind = t.behind(p)
	if best := q.Levels[0].ISVSVN; qeSVN < best {
		tcb.Behind = append(tcb.Behind, fmt.Sprintf("quoting enclave: SVN %d, newest level has %d", qeSVN, best))
	}
	tcb.Status = converge(tcb.Platform, tcb.QE)
	return tcb
}

// converge is the rule by which Intel's quote verification library merges the
// status of the platform with that of the quoting enclave (QuoteVerifier,
// convergeTcbStatus): a revoked part revokes the whole, an outdated quoting
// enclave makes an otherwise current platform out of date, and everything else
// is the platform's own status. A quoting enclave below every level is no
// better than a platform below every level.
func converge(platform, qe evidence.TCBStatus) evidence.TCBStatus {
	if platform == evidence.TCBRevoked || qe == evidence.TCBRevoked {
		return evidence.TCBRevoked
	}
	if platform == evidence.TCBNoMatchingLevel || qe == evidence.TCBNoMatchingLevel {
		return evidence.TCBNoMatchingLevel
	}
	switch qe {
	case evidence.TCBUpToDate:
		return platform
	case evidence.TCBOutOfDate, evidence.TCBOutOfDateConfigurationNeeded:
		return outdated(platform, qe)
	case evidence.TCBSWHardeningNeeded, evidence.TCBConfigurationNeeded, evidence.TCBConfigurationAndSWHardeningNeeded,
		evidence.TCBRevoked, evidence.TCBNoMatchingLevel:
	}
	// Intel has never given a quoting enclave one of these; the worse one holds.
	return worse(platform, qe)
}

func outdated(platform, qe evidence.TCBStatus) evidence.TCBStatus {
	switch platform {
	case evidence.TCBConfigurationNeeded, evidence.TCBConfigurationAndSWHardeningNeeded, evidence.TCBOutOfDateConfigurationNeeded:
		return evidence.TCBOutOfDateConfigurationNeeded
	case evidence.TCBUpToDate, evidence.TCBSWHardeningNeeded, evidence.TCBOutOfDate, evidence.TCBRevoked, evidence.TCBNoMatchingLevel:
	}
	return qe
}

// worse returns the later one in the order of evidence.TCBStatuses.
func worse(a, b evidence.TCBStatus) evidence.TCBStatus {
	order := evidence.TCBStatuses()
	if slices.Index(order, a) > slices.Index(order, b) {
		return a
	}
	return b
}

// union appends to a what b has beyond it.
func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
