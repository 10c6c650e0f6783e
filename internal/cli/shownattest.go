package cli

import (
	"encoding/hex"
	"fmt"
	"math/bits"
	"strings"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// shownAttest is what tpm show-quote --json prints. Bytes are lower-case
// hexadecimal. Programs read it: members are added, never renamed.
type shownAttest struct {
	// Verified is whether the signature holds and with it all that was given.
	// Checks say what was not.
	Verified        bool            `json:"verified"`
	Type            string          `json:"type"`
	QualifiedSigner string          `json:"qualifiedSigner"`
	QualifyingData  string          `json:"qualifyingData"`
	Clock           shownClock      `json:"clock"`
	FirmwareVersion string          `json:"firmwareVersion"`
	Quote           *shownTPMQuote  `json:"quote,omitempty"`
	Certify         *shownCertify   `json:"certify,omitempty"`
	Creation        *shownCreation  `json:"creation,omitempty"`
	Signature       *shownSignature `json:"signature,omitempty"`
	AIK             *shownAIK       `json:"aik,omitempty"`
	// Values are the PCRs that the quote proves.
	Values []*shownBank `json:"pcrBanks,omitempty"`
	// Logs say what the PCRs of each bank prove of the log.
	Logs   []*shownProven `json:"logs,omitempty"`
	Checks []*shownCheck  `json:"checks"`
	Error  *reason        `json:"error,omitempty"`
}

type shownClock struct {
	Milliseconds uint64 `json:"milliseconds"`
	ResetCount   uint32 `json:"resetCount"`
	RestartCount uint32 `json:"restartCount"`
	Safe         bool   `json:"safe"`
}

type shownTPMQuote struct {
	Selection []*shownSelection `json:"selection"`
	Digest    string            `json:"pcrDigest"`
}

type shownSelection struct {
	Bank string `json:"bank"`
	PCRs []int  `json:"pcrs"`
}

type shownCertify struct {
	Name          string `json:"name"`
	QualifiedName string `json:"qualifiedName"`
	// Attributes are those of the public area, if it was given and verified.
	Attributes string `json:"attributes,omitempty"`
}

type shownCreation struct {
	Name string `json:"name"`
	Hash string `json:"creationHash"`
}

type shownSignature struct {
	Scheme string `json:"scheme"`
	Hash   string `json:"hash"`
}

type shownAIK struct {
	// Hash is the claim aikPubHash.
	Hash string `json:"aikPubHash"`
	// Attributes are those of the public area, absent of a bare key.
	Attributes string `json:"attributes,omitempty"`
}

// shownProven is what one bank proves of a log.
type shownProven struct {
	Bank   string `json:"bank"`
	Format string `json:"format"`
	// Proven are the PCRs whose events are proven, Unexplained those that hold
	// something and have no event, Omitted those that the log has and no quote.
	Proven      []int `json:"proven"`
	Unexplained []int `json:"unexplained"`
	Omitted     []int `json:"notQuoted"`
	Events      int   `json:"events"`
	// DataProven counts the events whose data is proven whole.
	DataProven int `json:"dataProven"`
	// Later counts entries of IMA after the quote.
	Later int `json:"later"`
}

// shownCheck is a verdict on one thing.
type shownCheck struct {
	Check string `json:"check"`
	Holds bool   `json:"holds"` // false: not verified
	Text  string `json:"text"`
}

// The things that are checked, in the order in which they are shown.
const (
	checkedSignature = "signature"
	checkedAIK       = "AIK"
	checkedData      = "qualifying data"
	checkedPCRs      = "PCR values"
	checkedKey       = "certified key"
	checkedLog       = "log"
)

func newShownAttest(a *tpm.Attest) *shownAttest {
	shown := &shownAttest{
		Type: a.Type.String(), QualifiedSigner: a.QualifiedSigner.String(), QualifyingData: hex.EncodeToString(a.ExtraData),
		Clock:           shownClock{a.Clock.Clock, a.Clock.ResetCount, a.Clock.RestartCount, a.Clock.IsSafe},
		FirmwareVersion: fmt.Sprintf("%016x", a.FirmwareVersion),
	}
	shown.notVerified(checkedSignature, "anybody can write this: give --signature, --aik, and --pcrs or --certified")
	shown.notVerified(checkedAIK, "whether a TPM holds the key that signed is not known")
	shown.notVerified(checkedData, "it may be an old one, made for somebody else: give --qualifying-data")
	switch {
	case a.Quote != nil:
		shown.Quote = &shownTPMQuote{Selection: []*shownSelection{}, Digest: hex.EncodeToString(a.Quote.Digest)}
		for _, s := range a.Quote.Selection {
			shown.Quote.Selection = append(shown.Quote.Selection, &shownSelection{s.Bank.String(), pcrsOf(s.Mask)})
		}
		shown.notVerified(checkedPCRs, "give --pcrs")
		shown.notVerified(checkedLog, "what was measured is not known: give --log")
	case a.Certify != nil:
		shown.Certify = &shownCertify{Name: a.Certify.Name.String(), QualifiedName: a.Certify.QualifiedName.String()}
		shown.notVerified(checkedKey, "give --certified")
	case a.Creation != nil:
		shown.Creation = &shownCreation{Name: a.Creation.Name.String(), Hash: hex.EncodeToString(a.Creation.Hash)}
		shown.set(checkedSignature, false, "creations are shown only")
	}
	return shown
}

func pcrsOf(mask uint32) []int {
	pcrs := []int{}
	for i := range bits.Len32(mask) {
		if mask&(1<<i) != 0 {
			pcrs = append(pcrs, i)
		}
	}
	return pcrs
}

func (a *shownAttest) notVerified(check, text string) {
	a.Checks = append(a.Checks, &shownCheck{Check: check, Text: text})
}

func (a *shownAttest) set(check string, holds bool, text string) {
	for _, c := range a.Checks {
		if c.Check == check {
			c.Holds, c.Text = holds, text
		}
	}
}

// refuse writes down why something that was given does not hold. What did not come
// to be checked because of it is said to be so.
func (a *shownAttest) refuse(r *reason, isGiven func(check string) bool) {
	a.Verified, a.Error = false, r
	for _, c := range a.Checks {
		if !c.Holds && c.Check != checkedAIK && isGiven(c.Check) {
			c.Text = "given, but not found to hold: see above"
		}
	}
}

// holds writes down that the signature does, and what is not known even so.
func (a *shownAttest) holds(aik *tpm.AIK, s *tpm.Signature, isDataGiven bool) {
	a.Verified = true
	a.Signature = &shownSignature{s.Scheme.String(), s.Hash.String()}
	a.AIK = &shownAIK{Hash: aik.Hash()}
	a.set(checkedSignature, true, fmt.Sprintf("%s with %s by the AIK", s.Scheme, s.Hash))
	if p := aik.Public(); p != nil {
		a.AIK.Attributes = p.Attributes.String()
		a.set(checkedAIK, false, "its public area is that of an AIK, but nobody vouches that a TPM holds it")
	} else {
		a.set(checkedAIK, false, "a bare key: whether a TPM holds it, and signs with it only what the TPM made, is not known; the chain of a certificate is not looked at")
	}
	if isDataGiven {
		a.set(checkedData, true, "as given")
	}
}

func (a *shownAttest) quoted(q *tpm.Quote) {
	for _, b := range q.Banks {
		values := map[int][]byte{}
		for _, p := range b.PCRs {
			values[p.Index] = p.Digest
		}
		a.Values = append(a.Values, newShownBank(b.Algorithm.String(), values, func(int) bool { return true }))
	}
	a.set(checkedPCRs, true, "they are what was quoted")
}

func (a *shownAttest) certified(c *tpm.Certification) {
	a.Certify.Attributes = c.Public.Attributes.String()
	text := "the AIK's TPM held it"
	if !c.Public.Attributes.IsResident() {
		text += "; its private part may be elsewhere too"
	}
	a.set(checkedKey, true, text)
}

func (a *shownAttest) proven(all []*eventlog.Proven, l *eventlog.Log) {
	banks := make([]string, 0, len(all))
	for _, p := range all {
		shown := &shownProven{
			Bank: p.Bank.String(), Format: p.Format.String(), Proven: append([]int{}, p.PCRs...),
			Unexplained: append([]int{}, p.Unexplained...), Omitted: notIn(l.PCRs(), p.PCRs), Events: len(p.Events), Later: p.Later,
		}
		for i := range p.Events {
			if p.Events[i].DataProven {
				shown.DataProven++
			}
		}
		a.Logs = append(a.Logs, shown)
		banks = append(banks, p.Bank.String())
	}
	a.set(checkedLog, true, "its events make the PCRs of "+strings.Join(banks, ", "))
}

// notIn returns what of all is not in some.
func notIn(all, some []int) []int {
	seen := map[int]bool{}
	for _, n := range some {
		seen[n] = true
	}
	rest := []int{}
	for _, n := range all {
		if !seen[n] {
			rest = append(rest, n)
		}
	}
	return rest
}
