package simulator

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/azattest/azattest/evidence"
)

// tcbInfo is the document of versions 2 and 3, members in Intel's order.
type tcbInfo struct {
	ID                      string     `json:"id,omitempty"` // since version 3
	Version                 int        `json:"version"`
	IssueDate               date       `json:"issueDate"`
	NextUpdate              date       `json:"nextUpdate"`
	FMSPC                   string     `json:"fmspc"`
	PCEID                   string     `json:"pceId"`
	TCBType                 int        `json:"tcbType"`
	TCBEvaluationDataNumber int        `json:"tcbEvaluationDataNumber"`
	TCBLevels               []tcbLevel `json:"tcbLevels"`
}

type tcbLevel struct {
	TCB         json.RawMessage    `json:"tcb"`
	TCBDate     date               `json:"tcbDate"`
	TCBStatus   evidence.TCBStatus `json:"tcbStatus"`
	AdvisoryIDs []string           `json:"advisoryIDs,omitempty"`
}

// level is a TCB level whatever the version.
type level struct {
	svns       SVNs
	status     evidence.TCBStatus
	date       time.Time
	advisories []string
}

// newer is what a level has that is one step above s, and whether there can be
// one.
func (s SVNs) newer() (SVNs, bool) {
	for i, svn := range s.Components {
		if svn < 255 {
			s.Components[i]++
			return s, true
		}
	}
	return s, false
}

// age is the distance between two TCB levels.
const age = 365 * 24 * time.Hour

// levelDate is the TCB date of a level that is so many recoveries old.
func levelDate(issued time.Time, recoveries int) time.Time {
	return issued.Add(-age / 4).Add(-age * time.Duration(recoveries)).Truncate(24 * time.Hour)
}

// levels are those under which the platform's SVNs have the wanted status.
func levels(c Config, o CollateralOptions) []level {
	above, _ := c.SVNs.newer() // Validate has made sure that there is one
	newest := level{svns: above, status: evidence.TCBUpToDate, date: levelDate(o.IssueDate, 0)}
	own := level{svns: c.SVNs, status: o.Status, date: levelDate(o.IssueDate, 1), advisories: o.Advisories}
	// All zeros: no platform is that low, for zero SVNs mean the default.
	lowest := level{status: evidence.TCBOutOfDate, date: levelDate(o.IssueDate, 2), advisories: o.Advisories}
	switch o.Status {
	case evidence.TCBUpToDate, evidence.TCBSWHardeningNeeded:
		own.date = newest.date
		return []level{own, lowest}
	case evidence.TCBConfigurationNeeded, evidence.TCBConfigurationAndSWHardeningNeeded, evidence.TCBOutOfDate,
		evidence.TCBOutOfDateConfigurationNeeded, evidence.TCBRevoked:
		return []level{newest, own, lowest}
	case evidence.TCBNoMatchingLevel:
	}
	// Two levels out of reach, each for another reason: a component, the PCE.
	own.svns.PCESVN++
	own.status = evidence.TCBOutOfDate
	return []level{newest, own}
}

func newTCBInfo(c Config, o CollateralOptions) *tcbInfo {
	w := o.window()
	t := &tcbInfo{
		Version: o.TCBInfoVersion, IssueDate: date(w.from), NextUpdate: date(w.to), FMSPC: c.FMSPC.String(),
		PCEID: hex.EncodeToString(c.PCEID[:]), TCBEvaluationDataNumber: o.EvaluationDataNumber,
	}
	encode := SVNs.encodeV2
	if o.TCBInfoVersion == 3 {
		t.ID, encode = "SGX", SVNs.encodeV3
	}
	for _, l := range levels(c, o) {
		t.TCBLevels = append(t.TCBLevels, tcbLevel{
			TCB: encode(l.svns), TCBDate: date(l.date), TCBStatus: l.status, AdvisoryIDs: l.advisories,
		})
	}
	return t
}

// encodeV2 gives each component a member of its own.
func (s SVNs) encodeV2() json.RawMessage {
	b := []byte("{")
	for i, svn := range s.Components {
		b = fmt.Appendf(b, `"sgxtcbcomp%02dsvn":%d,`, i+1, svn)
	}
	return fmt.Appendf(b, `"pcesvn":%d}`, s.PCESVN)
}

// encodeV3 puts the components in an array and says of some what they are.
func (s SVNs) encodeV3() json.RawMessage {
	described := [len(s.Components)]string{
		`,"category":"BIOS","type":"Early Microcode Update"`,
		`,"category":"OS/VMM","type":"SGX Late Microcode Update"`,
		`,"category":"OS/VMM","type":"TXT SINIT"`,
		`,"category":"BIOS"`,
	}
	b := []byte(`{"sgxtcbcomponents":[`)
	for i, svn := range s.Components {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"svn":%d%s}`, svn, described[i])
	}
	return fmt.Appendf(b, `],"pcesvn":%d}`, s.PCESVN)
}
