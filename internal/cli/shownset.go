package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
)

// shownSet is one set of collateral, as collateral show and fetch print it.
type shownSet struct {
	// Dir is the set's folder within the archive.
	Dir   string  `json:"dir"`
	TEE   string  `json:"tee"`
	FMSPC string  `json:"fmspc"`
	CA    dcap.CA `json:"ca"`

	TCBInfoVersion            int       `json:"tcbInfoVersion"`
	QEIdentityVersion         int       `json:"qeIdentityVersion"`
	TCBEvaluationDataNumber   int       `json:"tcbEvaluationDataNumber"`
	QETCBEvaluationDataNumber int       `json:"qeTcbEvaluationDataNumber"`
	Issued                    time.Time `json:"issued"`
	// ValidFrom and ValidUntil are the window of all parts together.
	ValidFrom  time.Time `json:"validFrom"`
	ValidUntil time.Time `json:"validUntil"`
	// ValidAt says whether the time asked about lies within.
	ValidAt bool `json:"validAt"`

	// Verified says whether all signatures hold down to a trusted root, as of a
	// time within the window; Error says why not.
	Verified  bool     `json:"verified"`
	Simulated bool     `json:"simulated"`
	Error     *reason  `json:"error,omitempty"`
	Problems  []string `json:"problems"`
	// Levels of the TCB info, from best to worst.
	Levels []shownLevel `json:"levels"`
}

// shownLevel is one TCB level.
type shownLevel struct {
	Status      evidence.TCBStatus `json:"tcbStatus"`
	Date        time.Time          `json:"tcbDate"`
	PCESVN      uint16             `json:"pceSvn"`
	Components  []int              `json:"components"`
	AdvisoryIDs []string           `json:"advisoryIds"`
}

func newShownSet(ctx context.Context, set *collateral.Set, v *dcap.Verifier, at time.Time) (*shownSet, error) {
	shown := &shownSet{
		Dir: set.Dir, TEE: strings.ToLower(set.Platform.TEE.String()), FMSPC: set.Platform.FMSPC.String(), CA: set.Platform.CA,
		TCBInfoVersion: set.TCBInfoVersion, TCBEvaluationDataNumber: set.TCBEvaluationDataNumber,
		Issued: set.Issued.UTC(), ValidFrom: set.ValidFrom.UTC(), ValidUntil: set.ValidUntil.UTC(), ValidAt: set.ValidAt(at),
		Problems: []string{}, Levels: []shownLevel{},
	}
	for _, p := range set.Problems {
		shown.Problems = append(shown.Problems, p.Error())
	}
	shown.describe(set.Collateral.Parts())
	if !shown.ValidAt {
		// Whether it was ever good is asked apart from whether it is now.
		at = set.ValidFrom
	}
	if at.IsZero() {
		return shown, nil
	}
	return shown, shown.check(ctx, v, set.Collateral, at)
}

// describe adds what the documents say. Those that cannot be read stand among
// the problems already.
func (s *shownSet) describe(parts dcap.CollateralParts) {
	if qe, err := dcap.ParseQEIdentity(parts.QEIdentity); err == nil {
		s.QEIdentityVersion, s.QETCBEvaluationDataNumber = qe.Version, qe.TCBEvaluationDataNumber
	}
	tcb, err := dcap.ParseTCBInfo(parts.TCBInfo)
	if err != nil {
		return
	}
	for i := range tcb.Levels {
		l := &tcb.Levels[i]
		level := shownLevel{Status: l.Status, Date: l.Date.UTC(), PCESVN: l.PCESVN, AdvisoryIDs: list(l.Advisories)}
		for _, svn := range l.Components {
			level.Components = append(level.Components, int(svn))
		}
		s.Levels = append(s.Levels, level)
	}
}

// check says whether the signatures hold. It returns an error only if that could
// not be decided.
func (s *shownSet) check(ctx context.Context, v *dcap.Verifier, set *dcap.Collateral, at time.Time) error {
	result, err := v.CheckCollateral(ctx, dcap.Options{Collateral: set, At: at})
	if err == nil {
		s.Verified, s.Simulated = true, result.Simulated
		return nil
	}
	r, ok := reasonOf(err)
	if !ok {
		return err
	}
	s.Error = r
	return nil
}

func (s *shownSet) rows(t *table) {
	ca := string(s.CA)
	if ca == "" {
		ca = "unknown"
	}
	t.row("platform", fmt.Sprintf("%s FMSPC %s, %s CA", strings.ToUpper(s.TEE), s.FMSPC, ca))
	switch {
	case s.Verified && s.Simulated:
		t.row("verified", "yes, down to a SIMULATED root")
	case s.Verified:
		t.row("verified", "yes, down to Intel's root")
	case s.Error != nil:
		t.row("verified", "NO: "+clean(s.Error.Message))
	default:
		t.row("verified", "NO")
	}
	t.row("valid", s.window())
	t.row("TCB info", fmt.Sprintf("version %d, evaluation data number %d, issued %s",
		s.TCBInfoVersion, s.TCBEvaluationDataNumber, s.Issued.Format(time.RFC3339)))
	t.row("QE identity", fmt.Sprintf("version %d, evaluation data number %d", s.QEIdentityVersion, s.QETCBEvaluationDataNumber))
	t.row("TCB levels", s.levels())
	t.rows("problem", s.Problems)
}

// window says when all parts are valid together.
func (s *shownSet) window() string {
	if s.ValidUntil.Before(s.ValidFrom) || s.ValidFrom.IsZero() {
		return "NEVER: there is no time at which all parts are"
	}
	window := s.ValidFrom.Format(time.RFC3339) + " to " + s.ValidUntil.Format(time.RFC3339)
	if !s.ValidAt {
		window += ", NOT at the time asked about"
	}
	return window
}

// levels counts the levels by status.
func (s *shownSet) levels() string {
	count := map[evidence.TCBStatus]int{}
	for _, l := range s.Levels {
		count[l.Status]++
	}
	if len(s.Levels) == 0 {
		return "none"
	}
	var counts []string
	for _, status := range evidence.TCBStatuses() {
		if n := count[status]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, status))
		}
	}
	return fmt.Sprintf("%d: %s", len(s.Levels), strings.Join(counts, ", "))
}

func (k *keptSet) print(w io.Writer) error {
	t := newTable(w)
	t.row("kept in", k.Folder)
	k.rows(t)
	return t.flush()
}
