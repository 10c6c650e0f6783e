package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// shownDigits is how much of a digest people are shown.
const shownDigits = 16

// hashedInWords is what people read of [shownEvent.Hashed].
var hashedInWords = map[string]string{
	"yes": "hashed", "value": "value hashed", "text": "text hashed", "all-but-last-byte": "hashed but for its last byte",
	hashedNot: "NOT hashed", hashedNothing: "not extended", hashedUnknown: "unknown",
}

// print writes a warning and a table of events.
func (l *shownLog) print(w io.Writer) error {
	by := " ('azattest tpm show-quote --log' checks it)"
	if l.Format == eventlog.FormatCCEL.String() {
		by = "" // it is for the quote of a trust domain
	}
	_, err := fmt.Fprintf(w, "%s log, NOT VERIFIED: this is what it says of itself%s\n\n", l.Format, by)
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	for _, r := range l.Problems {
		if err := r.print(w, "no quote of these PCRs proves this log"); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	t := newTable(w)
	t.row("event", strings.Join([]string{"PCR", "type", l.Bank, "data", "says"}, "\t"))
	for _, e := range l.Events {
		e.print(t, l.Bank)
	}
	if err := t.flush(); err != nil {
		return err
	}
	return printBanks(w, l.Values)
}

func (e *shownEvent) print(t *table, bank string) {
	pcr, digest := "-", "-"
	if e.PCR != nil {
		pcr = strconv.Itoa(*e.PCR)
	}
	for _, d := range e.Digests {
		if d.Bank == bank {
			digest = d.Value[:min(len(d.Value), shownDigits)]
		}
	}
	t.row(strconv.Itoa(e.Number), strings.Join([]string{pcr, clean(e.Type), digest, hashedInWords[e.Hashed], clean(e.Description)}, "\t"))
}

// printBanks writes the values of PCRs, bank by bank.
func printBanks(w io.Writer, banks []*shownBank) error {
	for _, b := range banks {
		if _, err := fmt.Fprintf(w, "\n%s\n", b.Bank); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		t := newTable(w)
		for _, v := range b.Values {
			t.row(fmt.Sprintf("  PCR %d", v.PCR), v.Value)
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	return nil
}
