package cli

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// shownLog is what tpm show-log --json prints. Nothing in it is verified. Bytes are
// lower-case hexadecimal. Programs read it: members are added, never renamed.
type shownLog struct {
	Verified bool     `json:"verified"` // false
	Format   string   `json:"format"`
	Banks    []string `json:"banks"`
	// Bank is the one in which it was looked what digests are of.
	Bank   string        `json:"bank"`
	Events []*shownEvent `json:"events"`
	// Values are what the events make of PCRs, with --pcrs.
	Values []*shownBank `json:"pcrBanks,omitempty"`
	// Problems say of which PCRs no quote could prove the events.
	Problems []*reason `json:"problems,omitempty"`
}

type shownEvent struct {
	Number int `json:"number"`
	Offset int `json:"offset"`
	// PCR is null of an event that says none.
	PCR     *int           `json:"pcr"`
	Type    string         `json:"type"`
	Digests []*shownDigest `json:"digests"`
	Data    string         `json:"data"`
	// Hashed is how much of Data the digest is of.
	Hashed      string `json:"hashed"`
	Description string `json:"description"`
}

type shownDigest struct {
	Bank  string `json:"bank"`
	Value string `json:"digest"`
}

// shownBank is the PCRs of one bank.
type shownBank struct {
	Bank   string      `json:"bank"`
	Values []*shownPCR `json:"values"`
}

type shownPCR struct {
	PCR   int    `json:"pcr"`
	Value string `json:"value"`
}

// How much of an event's data is what was hashed.
const (
	hashedNot     = "no"           // the data describes what was measured
	hashedNothing = "not-extended" // the event was not measured
	hashedUnknown = "unknown"      // it could not be found out
)

// hashedWords are the same and the [eventlog.Proof] of data for programs.
var hashedWords = map[eventlog.Proof]string{
	eventlog.ProofDigest:  hashedNot,
	eventlog.ProofValue:   "value",
	eventlog.ProofText:    "text",
	eventlog.ProofButLast: "all-but-last-byte",
	eventlog.ProofData:    "yes",
}

func newShownLog(l *eventlog.Log, only []int, withPCRs bool) (*shownLog, error) {
	wanted := func(pcr int) bool { return len(only) == 0 || slices.Contains(only, pcr) }
	bank := bankToShow(l)
	shown := &shownLog{Format: l.Format.String(), Banks: []string{}, Bank: bank.String(), Events: []*shownEvent{}}
	for _, b := range l.Banks {
		shown.Banks = append(shown.Banks, b.String())
	}
	proofs, problems := proofsOf(l, bank, wanted)
	shown.Problems = problems
	for i := range l.Events {
		if e := &l.Events[i]; wanted(e.PCR) {
			shown.Events = append(shown.Events, newShownEvent(e, proofs))
		}
	}
	if !withPCRs {
		return shown, nil
	}
	for _, b := range banksToReplay(l) {
		values, err := l.Replay(b)
		if err != nil {
			return nil, logError(tpm.StageLog, err)
		}
		shown.Values = append(shown.Values, newShownBank(b.String(), values, wanted))
	}
	return shown, nil
}

func newShownBank(name string, values map[int][]byte, wanted func(int) bool) *shownBank {
	shown := &shownBank{Bank: name, Values: []*shownPCR{}}
	for _, pcr := range slices.Sorted(maps.Keys(values)) {
		if wanted(pcr) {
			shown.Values = append(shown.Values, &shownPCR{pcr, hex.EncodeToString(values[pcr])})
		}
	}
	return shown
}

func newShownEvent(e *eventlog.Event, proofs map[int]eventlog.Proof) *shownEvent {
	// What stands in front are the columns of their own.
	_, description, _ := strings.Cut(eventlog.Describe(e), ": ")
	shown := &shownEvent{
		Number: e.Number, Offset: e.Offset, Type: e.Type.String(), Digests: []*shownDigest{},
		Data: hex.EncodeToString(e.Data), Hashed: hashedUnknown, Description: description,
	}
	if e.PCR >= 0 {
		shown.PCR = &e.PCR
	}
	for _, d := range e.Digests {
		shown.Digests = append(shown.Digests, &shownDigest{d.Bank.String(), hex.EncodeToString(d.Value)})
	}
	if proof, ok := proofs[e.Number]; ok {
		shown.Hashed = hashedWords[proof]
	} else if e.Type == eventlog.EvNoAction || e.PCR < 0 {
		shown.Hashed = hashedNothing
	}
	return shown
}

// bankToShow is the bank whose digests are shown to people: the first that is
// likely to be quoted. IMA's entries have a SHA-1 alone.
func bankToShow(l *eventlog.Log) eventlog.Bank {
	for _, b := range []eventlog.Bank{eventlog.SHA256, eventlog.SHA384, eventlog.SHA512, eventlog.SHA1} {
		if slices.Contains(l.Banks, b) {
			return b
		}
	}
	if len(l.Banks) > 0 {
		return l.Banks[0]
	}
	return eventlog.SHA1
}

// banksToReplay are those of the log whose hash is at hand. IMA's entries are
// extended into every bank of the TPM, of which SHA-256 is the one that counts.
func banksToReplay(l *eventlog.Log) []eventlog.Bank {
	var banks []eventlog.Bank
	for _, b := range l.Banks {
		if b.CanProve() {
			banks = append(banks, b)
		}
	}
	if l.Format == eventlog.FormatIMABinary || l.Format == eventlog.FormatIMAASCII {
		banks = append(banks, eventlog.SHA256)
	}
	return banks
}

// proofsOf says, by the numbers of events, how much of their data was hashed. It
// takes the PCRs to be as the log says: that proves nothing but what digests are of.
// The log of a PCR that would be refused even so is a problem of that PCR alone.
func proofsOf(l *eventlog.Log, bank eventlog.Bank, wanted func(int) bool) (map[int]eventlog.Proof, []*reason) {
	proofs := map[int]eventlog.Proof{}
	claimed, err := l.Replay(bank)
	if err != nil {
		return proofs, problemsOf(err)
	}
	maps.DeleteFunc(claimed, func(pcr int, _ []byte) bool { return !wanted(pcr) })
	p, err := l.Prove(bank, claimed)
	if err == nil {
		addProofs(proofs, p)
		return proofs, nil
	}
	problems := problemsOf(err)
	for pcr, value := range claimed {
		if p, err := l.Prove(bank, map[int][]byte{pcr: value}); err == nil {
			addProofs(proofs, p)
		}
	}
	return proofs, problems
}

func addProofs(proofs map[int]eventlog.Proof, p *eventlog.Proven) {
	for i := range p.Events {
		proofs[p.Events[i].Number] = p.Events[i].Proof
	}
}

func problemsOf(err error) []*reason {
	if r, ok := reasonOf(logError(tpm.StageLog, err)); ok {
		return []*reason{r}
	}
	return nil
}
