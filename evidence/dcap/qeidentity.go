package dcap

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/azattest/azattest/evidence"
)

// QEIdentity is what Intel expects of a quoting enclave (PCS v4, "Get Quoting
// Enclave Identity"), versions 1 and 2.
type QEIdentity struct {
	// ID is "QE" for SGX, "TD_QE" for TDX, "QVE" for the quote verification
	// enclave. Version 1 has none and means QE.
	ID         string
	Version    int
	IssueDate  time.Time
	NextUpdate time.Time
	// TCBEvaluationDataNumber is 0 in version 1, which has none.
	TCBEvaluationDataNumber int
	// MISCSELECT and Attributes of the enclave must equal these under the masks.
	MISCSELECT, MISCSELECTMask uint32
	Attributes, AttributesMask [16]byte
	MRSIGNER                   [32]byte
	ISVProdID                  uint16
	// Levels by ISVSVN, highest first. Version 1 has one lowest ISVSVN: at it
	// the enclave is up to date, below it out of date.
	Levels []QELevel
}

// QELevel is one level of a [QEIdentity].
type QELevel struct {
	ISVSVN     uint16
	Date       time.Time
	Status     evidence.TCBStatus
	Advisories []string
}

const qeIdentityPart = "QE identity"

type wireQEIdentity struct {
	ID                      string        `json:"id"`
	Version                 *int          `json:"version"`
	IssueDate               *string       `json:"issueDate"`
	NextUpdate              *string       `json:"nextUpdate"`
	TCBEvaluationDataNumber *uint32       `json:"tcbEvaluationDataNumber"`
	MISCSELECT              *string       `json:"miscselect"`
	MISCSELECTMask          *string       `json:"miscselectMask"`
	Attributes              *string       `json:"attributes"`
	AttributesMask          *string       `json:"attributesMask"`
	MRSIGNER                *string       `json:"mrsigner"`
	ISVProdID               *uint16       `json:"isvprodid"`
	ISVSVN                  *uint16       `json:"isvsvn"`
	TCBLevels               []wireQELevel `json:"tcbLevels"`
}

type wireQELevel struct {
	TCB *struct {
		ISVSVN *uint16 `json:"isvsvn"`
	} `json:"tcb"`
	TCBDate     *string  `json:"tcbDate"`
	TCBStatus   *string  `json:"tcbStatus"`
	AdvisoryIDs []string `json:"advisoryIDs"`
}

// ParseQEIdentity reads the answer {"enclaveIdentity":{…},"signature":"…"}, or
// version 1's {"qeIdentity":{…},"signature":"…"}, without checking the
// signature. Errors are *[evidence.Error] of stage collateral that name the
// member.
func ParseQEIdentity(raw []byte) (*QEIdentity, error) {
	doc, member, err := splitSigned(qeIdentityPart, raw, maxQEIdentity, "enclaveIdentity", "qeIdentity")
	if err != nil {
		return nil, err
	}
	return decodeQEIdentity(doc, member)
}

func decodeQEIdentity(doc signedDocument, outer string) (*QEIdentity, error) {
	var w wireQEIdentity
	if err := doc.decode(qeIdentityPart, &w); err != nil {
		return nil, err
	}
	err := absent(
		qeIdentityPart,
		member{"version", w.Version != nil}, member{"issueDate", w.IssueDate != nil}, member{"nextUpdate", w.NextUpdate != nil},
		member{"miscselect", w.MISCSELECT != nil}, member{"miscselectMask", w.MISCSELECTMask != nil},
		member{"attributes", w.Attributes != nil}, member{"attributesMask", w.AttributesMask != nil},
		member{"mrsigner", w.MRSIGNER != nil}, member{"isvprodid", w.ISVProdID != nil},
	)
	if err != nil {
		return nil, err
	}
	wantVersion := map[string]int{"enclaveIdentity": 2, "qeIdentity": 1}[outer]
	if *w.Version != wantVersion {
		return nil, documentError(evidence.CodeUnsupported, qeIdentityPart, fmt.Sprintf("version %d in member %q", *w.Version, outer), fmt.Sprint(wantVersion), nil)
	}
	q := &QEIdentity{ID: w.ID, Version: *w.Version, ISVProdID: *w.ISVProdID}
	if q.IssueDate, err = parseDate(qeIdentityPart, "issueDate", *w.IssueDate); err != nil {
		return nil, err
	}
	if q.NextUpdate, err = parseDate(qeIdentityPart, "nextUpdate", *w.NextUpdate); err != nil {
		return nil, err
	}
	if err := q.decodeMasks(&w); err != nil {
		return nil, err
	}
	if q.Version == 1 {
		return q, q.decodeV1(&w)
	}
	return q, q.decodeV2(&w)
}

func (q *QEIdentity) decodeMasks(w *wireQEIdentity) error {
	var misc, mask [4]byte
	for _, f := range []struct {
		name, text string
		dst        []byte
	}{
		{"miscselect", *w.MISCSELECT, misc[:]},
		{"miscselectMask", *w.MISCSELECTMask, mask[:]},
		{"attributes", *w.Attributes, q.Attributes[:]},
		{"attributesMask", *w.AttributesMask, q.AttributesMask[:]},
		{"mrsigner", *w.MRSIGNER, q.MRSIGNER[:]},
	} {
		if err := hexField(qeIdentityPart, f.name, f.text, f.dst); err != nil {
			return err
		}
	}
	// The document shows bytes as they lie in memory, like the attributes.
	q.MISCSELECT = binary.LittleEndian.Uint32(misc[:])
	q.MISCSELECTMask = binary.LittleEndian.Uint32(mask[:])
	return nil
}

func (q *QEIdentity) decodeV1(w *wireQEIdentity) error {
	if err := absent(qeIdentityPart, member{"isvsvn", w.ISVSVN != nil}); err != nil {
		return err
	}
	q.ID = "QE"
	q.Levels = []QELevel{{ISVSVN: *w.ISVSVN, Status: evidence.TCBUpToDate}}
	if *w.ISVSVN > 0 {
		q.Levels = append(q.Levels, QELevel{ISVSVN: 0, Status: evidence.TCBOutOfDate})
	}
	return nil
}

func (q *QEIdentity) decodeV2(w *wireQEIdentity) error {
	err := absent(
		qeIdentityPart,
		member{"id", w.ID != ""}, member{"tcbEvaluationDataNumber", w.TCBEvaluationDataNumber != nil}, member{"tcbLevels", len(w.TCBLevels) > 0},
	)
	if err != nil {
		return err
	}
	if len(w.TCBLevels) > maxTCBLevels {
		return documentError(evidence.CodeTooLarge, qeIdentityPart, fmt.Sprintf("%d TCB levels", len(w.TCBLevels)), fmt.Sprintf("at most %d", maxTCBLevels), nil)
	}
	q.TCBEvaluationDataNumber = int(*w.TCBEvaluationDataNumber)
	q.Levels = make([]QELevel, len(w.TCBLevels))
	for i, level := range w.TCBLevels {
		part := fmt.Sprintf("%s: tcbLevels[%d]", qeIdentityPart, i)
		err := absent(part, member{"tcb.isvsvn", level.TCB != nil && level.TCB.ISVSVN != nil},
			member{"tcbDate", level.TCBDate != nil}, member{"tcbStatus", level.TCBStatus != nil})
		if err != nil {
			return err
		}
		l := &q.Levels[i]
		l.ISVSVN = *level.TCB.ISVSVN
		if l.Status, l.Date, l.Advisories, err = decodeVerdict(part, *level.TCBStatus, *level.TCBDate, level.AdvisoryIDs); err != nil {
			return err
		}
	}
	slices.SortStableFunc(q.Levels, func(a, b QELevel) int { return cmp.Compare(b.ISVSVN, a.ISVSVN) })
	return nil
}

// matches checks the report of a quoting enclave against everything in the
// identity but the SVN.
func (q *QEIdentity) matches(r *EnclaveReport) error {
	refuse := func(field string, found, expected any) error {
		return &evidence.Error{
			Stage: evidence.StageQE, Code: evidence.CodeMismatch, Part: "QE report: " + field, Offset: -1,
			Found: fmt.Sprintf("%v", found), Expected: fmt.Sprintf("%v by the QE identity", expected),
		}
	}
	if got := r.MISCSELECT & q.MISCSELECTMask; got != q.MISCSELECT&q.MISCSELECTMask {
		return refuse("MISCSELECT", fmt.Sprintf("%#08x", r.MISCSELECT), fmt.Sprintf("%#08x under mask %#08x", q.MISCSELECT, q.MISCSELECTMask))
	}
	for i, mask := range q.AttributesMask {
		if r.Attributes[i]&mask != q.Attributes[i]&mask {
			return refuse("ATTRIBUTES", fmt.Sprintf("%x", r.Attributes), fmt.Sprintf("%x under mask %x", q.Attributes, q.AttributesMask))
		}
	}
	if r.MRSIGNER != q.MRSIGNER {
		return refuse("MRSIGNER", fmt.Sprintf("%x", r.MRSIGNER), fmt.Sprintf("%x", q.MRSIGNER))
	}
	if r.ISVProdID != q.ISVProdID {
		return refuse("ISVPRODID", r.ISVProdID, q.ISVProdID)
	}
	return nil
}

// level returns the level that an enclave of this SVN reaches, nil for none.
func (q *QEIdentity) level(isvsvn uint16) *QELevel {
	for i := range q.Levels {
		if isvsvn >= q.Levels[i].ISVSVN {
			return &q.Levels[i]
		}
	}
	return nil
}
