package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// print writes what was said, a table, and what of it was verified.
func (a *shownAttest) print(w io.Writer) error {
	head := "NOT VERIFIED: this is what it says of itself"
	if a.Verified {
		head = "verified as far as said below"
	}
	if a.Error != nil {
		head = "DOES NOT HOLD: " + clean(a.Error.Message)
	}
	if _, err := fmt.Fprintf(w, "TPM %s, %s\n\n", a.Type, head); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	t := newTable(w)
	a.rows(t)
	t.gap()
	for _, c := range a.Checks {
		verdict := "NOT VERIFIED: "
		if c.Holds {
			verdict = "holds: "
		}
		t.row(c.Check, verdict+c.Text)
	}
	if a.Error != nil && a.Error.Hint != "" {
		t.row("hint", clean(a.Error.Hint))
	}
	if err := t.flush(); err != nil {
		return err
	}
	return printBanks(w, a.Values)
}

func (a *shownAttest) rows(t *table) {
	t.row("qualified signer", a.QualifiedSigner)
	t.row("qualifying data", a.QualifyingData)
	safe := ""
	if !a.Clock.Safe {
		safe = " (NOT SAFE: it may have been larger before)"
	}
	t.row("clock", fmt.Sprintf("%s%s, %d resets, %d restarts", duration(a.Clock.Milliseconds), safe, a.Clock.ResetCount, a.Clock.RestartCount))
	t.row("firmware version", a.FirmwareVersion)
	if q := a.Quote; q != nil {
		for _, s := range q.Selection {
			t.row("PCRs of "+s.Bank, numbers(s.PCRs))
		}
		t.row("PCR digest", q.Digest)
	}
	if c := a.Certify; c != nil {
		t.row("certified key", c.Name)
		t.row("  qualified name", c.QualifiedName)
		if c.Attributes != "" {
			t.row("  attributes", c.Attributes)
		}
	}
	if c := a.Creation; c != nil {
		t.row("created key", c.Name)
		t.row("  creation hash", c.Hash)
	}
	if a.AIK != nil {
		t.row("AIK", a.AIK.Hash)
		if a.AIK.Attributes != "" {
			t.row("  attributes", a.AIK.Attributes)
		}
	}
	for _, l := range a.Logs {
		l.rows(t)
	}
}

func (l *shownProven) rows(t *table) {
	t.row("log, "+l.Bank, fmt.Sprintf("%s, %d events proven, of %d the data too", l.Format, l.Events, l.DataProven))
	t.row("  proven PCRs", numbers(l.Proven))
	if len(l.Omitted) > 0 {
		t.row("  NOT QUOTED", numbers(l.Omitted)+" (their events are not proven)")
	}
	if len(l.Unexplained) > 0 {
		t.row("  UNEXPLAINED", numbers(l.Unexplained)+" (quoted, and without an event)")
	}
	if l.Later > 0 {
		t.row("  later entries", fmt.Sprintf("%d (not proven)", l.Later))
	}
}

func numbers(list []int) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Trim(fmt.Sprint(list), "[]")
}

// duration gives milliseconds as a time, as a number where that has no room.
func duration(ms uint64) string {
	const most = 1 << 40 // 34 years
	if ms > most {
		return fmt.Sprintf("%d ms", ms)
	}
	return (time.Duration(ms) * time.Millisecond).String()
}
