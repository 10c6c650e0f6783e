package dcap

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/azattest/azattest/evidence"
)

// TCBInfo is Intel's judgment on every TCB level of a family of platforms
// (PCS v4, "Get TCB Info"), versions 2 and 3.
type TCBInfo struct {
	// ID is "SGX" or "TDX"; version 2 has none and means SGX.
	ID         string
	Version    int
	IssueDate  time.Time
	NextUpdate time.Time
	FMSPC      FMSPC
	PCEID      [2]byte
	// TCBEvaluationDataNumber grows with each TCB recovery event.
	TCBEvaluationDataNumber int
	// Levels from best to worst, sorted here: the order of the document is not
	// relied on.
	Levels []TCBLevel
}

// TCBLevel is one level of a [TCBInfo].
type TCBLevel struct {
	// Components are the lowest SVNs of the 16 SGX TCB components, PCESVN the
	// lowest of the PCE, that reach this level.
	Components [16]uint8
	PCESVN     uint16
	// Date up to which fixes are in place.
	Date       time.Time
	Status     evidence.TCBStatus
	Advisories []string
}

const tcbInfoPart = "TCB info"

// wireTCBInfo is the document as it stands on the wire. Pointers tell a missing
// member from a zero one.
type wireTCBInfo struct {
	ID                      string         `json:"id"`
	Version                 *int           `json:"version"`
	IssueDate               *string        `json:"issueDate"`
	NextUpdate              *string        `json:"nextUpdate"`
	FMSPC                   *string        `json:"fmspc"`
	PCEID                   *string        `json:"pceId"`
	TCBType                 *int           `json:"tcbType"`
	TCBEvaluationDataNumber *uint32        `json:"tcbEvaluationDataNumber"`
	TCBLevels               []wireTCBLevel `json:"tcbLevels"`
}

type wireTCBLevel struct {
	TCB         *wireTCB `json:"tcb"`
	TCBDate     *string  `json:"tcbDate"`
	TCBStatus   *string  `json:"tcbStatus"`
	AdvisoryIDs []string `json:"advisoryIDs"`
}

// wireTCB has the components of version 2 as members of their own and those of
// version 3 as an array.
type wireTCB struct {
	PCESVN        *uint16         `json:"pcesvn"`
	SGXComponents []wireComponent `json:"sgxtcbcomponents"`

	C01 *uint8 `json:"sgxtcbcomp01svn"`
	C02 *uint8 `json:"sgxtcbcomp02svn"`
	C03 *uint8 `json:"sgxtcbcomp03svn"`
	C04 *uint8 `json:"sgxtcbcomp04svn"`
	C05 *uint8 `json:"sgxtcbcomp05svn"`
	C06 *uint8 `json:"sgxtcbcomp06svn"`
	C07 *uint8 `json:"sgxtcbcomp07svn"`
	C08 *uint8 `json:"sgxtcbcomp08svn"`
	C09 *uint8 `json:"sgxtcbcomp09svn"`
	C10 *uint8 `json:"sgxtcbcomp10svn"`
	C11 *uint8 `json:"sgxtcbcomp11svn"`
	C12 *uint8 `json:"sgxtcbcomp12svn"`
	C13 *uint8 `json:"sgxtcbcomp13svn"`
	C14 *uint8 `json:"sgxtcbcomp14svn"`
	C15 *uint8 `json:"sgxtcbcomp15svn"`
	C16 *uint8 `json:"sgxtcbcomp16svn"`
}

type wireComponent struct {
	SVN *uint8 `json:"svn"`
}

// ParseTCBInfo reads the answer {"tcbInfo":{…},"signature":"…"} without
// checking the signature. Errors are *[evidence.Error] of stage collateral that
// name the member.
func ParseTCBInfo(raw []byte) (*TCBInfo, error) {
	doc, _, err := splitSigned(tcbInfoPart, raw, maxTCBInfo, "tcbInfo")
	if err != nil {
		return nil, err
	}
	return decodeTCBInfo(doc)
}

func decodeTCBInfo(doc signedDocument) (*TCBInfo, error) {
	var w wireTCBInfo
	if err := doc.decode(tcbInfoPart, &w); err != nil {
		return nil, err
	}
	err := absent(
		tcbInfoPart,
		member{"version", w.Version != nil}, member{"issueDate", w.IssueDate != nil}, member{"nextUpdate", w.NextUpdate != nil},
		member{"fmspc", w.FMSPC != nil},
	)
	if err != nil {
		return nil, err
	}
	if *w.Version != 2 && *w.Version != 3 {
		return nil, documentError(evidence.CodeUnsupported, tcbInfoPart, fmt.Sprintf("version %d", *w.Version), "2 or 3", nil)
	}
	err = absent(
		tcbInfoPart,
		member{"pceId", w.PCEID != nil}, member{"tcbType", w.TCBType != nil},
		member{"tcbEvaluationDataNumber", w.TCBEvaluationDataNumber != nil}, member{"tcbLevels", len(w.TCBLevels) > 0},
		member{"id", w.ID != "" || *w.Version == 2},
	)
	if err != nil {
		return nil, err
	}
	if *w.TCBType != 0 {
		return nil, documentError(evidence.CodeUnsupported, tcbInfoPart, fmt.Sprintf("tcbType %d", *w.TCBType), "0", nil)
	}
	t := &TCBInfo{ID: w.ID, Version: *w.Version, TCBEvaluationDataNumber: int(*w.TCBEvaluationDataNumber)}
	if t.ID == "" {
		t.ID = SGX.String()
	}
	if t.IssueDate, err = parseDate(tcbInfoPart, "issueDate", *w.IssueDate); err != nil {
		return nil, err
	}
	if t.NextUpdate, err = parseDate(tcbInfoPart, "nextUpdate", *w.NextUpdate); err != nil {
		return nil, err
	}
	if err := hexField(tcbInfoPart, "fmspc", *w.FMSPC, t.FMSPC[:]); err != nil {
		return nil, err
	}
	if err := hexField(tcbInfoPart, "pceId", *w.PCEID, t.PCEID[:]); err != nil {
		return nil, err
	}
	if t.Levels, err = decodeLevels(w.TCBLevels, t.Version); err != nil {
		return nil, err
	}
	return t, nil
}

func decodeLevels(wire []wireTCBLevel, version int) ([]TCBLevel, error) {
	if len(wire) > maxTCBLevels {
		return nil, documentError(evidence.CodeTooLarge, tcbInfoPart, fmt.Sprintf("%d TCB levels", len(wire)), fmt.Sprintf("at most %d", maxTCBLevels), nil)
	}
	levels := make([]TCBLevel, len(wire))
	for i := range wire {
		part := fmt.Sprintf("%s: tcbLevels[%d]", tcbInfoPart, i)
		w := &wire[i]
		err := absent(part, member{"tcb", w.TCB != nil}, member{"tcbDate", w.TCBDate != nil}, member{"tcbStatus", w.TCBStatus != nil})
		if err != nil {
			return nil, err
		}
		l := &levels[i]
		if l.Status, l.Date, l.Advisories, err = decodeVerdict(part, *w.TCBStatus, *w.TCBDate, w.AdvisoryIDs); err != nil {
			return nil, err
		}
		if err := w.TCB.decode(part, version, l); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(levels, func(a, b TCBLevel) int { return compareLevels(&b, &a) })
	return levels, nil
}

// compareLevels orders by components, the first one first, then by PCESVN: the
// order in which Intel's own verifier tries levels.
func compareLevels(a, b *TCBLevel) int {
	if c := slices.Compare(a.Components[:], b.Components[:]); c != 0 {
		return c
	}
	return cmp.Compare(a.PCESVN, b.PCESVN)
}

func (w *wireTCB) decode(part string, version int, l *TCBLevel) error {
	if w.PCESVN == nil {
		return absent(part, member{"tcb.pcesvn", false})
	}
	l.PCESVN = *w.PCESVN
	svns := []*uint8{
		w.C01, w.C02, w.C03, w.C04, w.C05, w.C06, w.C07, w.C08, w.C09, w.C10, w.C11, w.C12, w.C13, w.C14, w.C15, w.C16,
	}
	if version == 3 {
		if len(w.SGXComponents) != len(l.Components) {
			return documentError(evidence.CodeMalformed, part,
				fmt.Sprintf("%d sgxtcbcomponents", len(w.SGXComponents)), fmt.Sprintf("%d", len(l.Components)), nil)
		}
		for i := range svns {
			svns[i] = w.SGXComponents[i].SVN
		}
	}
	for i, svn := range svns {
		if svn == nil {
			return documentError(evidence.CodeMissing, part, fmt.Sprintf("no SVN of component %d", i+1), "16 SVNs", nil)
		}
		l.Components[i] = *svn
	}
	return nil
}

// decodeVerdict reads what TCB info and QE identity say of a level alike.
func decodeVerdict(part, status, date string, advisories []string) (evidence.TCBStatus, time.Time, []string, error) {
	s := evidence.TCBStatus(status)
	if !s.Valid() || s == evidence.TCBNoMatchingLevel {
		return "", time.Time{}, nil, documentError(evidence.CodeMalformed, part, fmt.Sprintf("tcbStatus %q", status), "a status of Intel's list", nil)
	}
	if len(advisories) > maxAdvisories {
		return "", time.Time{}, nil, documentError(evidence.CodeTooLarge, part, fmt.Sprintf("%d advisories", len(advisories)), fmt.Sprintf("at most %d", maxAdvisories), nil)
	}
	d, err := parseDate(part, "tcbDate", date)
	return s, d, advisories, err
}
