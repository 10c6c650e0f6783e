package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/azattest/azattest/evidence"
)

// qeProdID is the product ID of a quoting enclave.
const qeProdID = 1

// quotingEnclave is the report of the simulated quoting enclave, but for the
// report data. Its measurements are not those of Intel's.
func quotingEnclave(isvsvn uint16) Report {
	return Report{
		MRENCLAVE: sha256.Sum256([]byte("azattest simulated quoting enclave")),
		MRSIGNER:  sha256.Sum256([]byte("azattest simulated signer of quoting enclaves")),
		ISVProdID: qeProdID, ISVSVN: isvsvn,
		Attributes: [16]byte{0: attributeInit | attributeMode64 | attributeProvision, 8: 0xe7},
	}
}

// qeIdentity is the document of versions 1 and 2, members in Intel's order.
type qeIdentity struct {
	ID                      string    `json:"id,omitempty"` // since version 2
	Version                 int       `json:"version"`
	IssueDate               date      `json:"issueDate"`
	NextUpdate              date      `json:"nextUpdate"`
	TCBEvaluationDataNumber int       `json:"tcbEvaluationDataNumber,omitempty"` // since version 2
	MISCSELECT              string    `json:"miscselect"`
	MISCSELECTMask          string    `json:"miscselectMask"`
	Attributes              string    `json:"attributes"`
	AttributesMask          string    `json:"attributesMask"`
	MRSIGNER                string    `json:"mrsigner"`
	ISVProdID               uint16    `json:"isvprodid"`
	ISVSVN                  *uint16   `json:"isvsvn,omitempty"`    // version 1 only
	TCBLevels               []qeLevel `json:"tcbLevels,omitempty"` // since version 2
}

type qeLevel struct {
	TCB struct {
		ISVSVN uint16 `json:"isvsvn"`
	} `json:"tcb"`
	TCBDate     date               `json:"tcbDate"`
	TCBStatus   evidence.TCBStatus `json:"tcbStatus"`
	AdvisoryIDs []string           `json:"advisoryIDs,omitempty"`
}

// member is the name of the document within the signed answer.
func (q *qeIdentity) member() string {
	if q.Version == 1 {
		return "qeIdentity"
	}
	return "enclaveIdentity"
}

func newQEIdentity(c Config, o CollateralOptions) *qeIdentity {
	w, qe := o.window(), quotingEnclave(c.QESVN)
	q := &qeIdentity{
		Version: o.QEIdentityVersion, IssueDate: date(w.from), NextUpdate: date(w.to),
		MISCSELECT: "00000000", MISCSELECTMask: "FFFFFFFF",
		// Initialized and allowed to use the provisioning key, not debuggable;
		// 64-bit mode and XFRM do not matter.
		Attributes: "11" + strings.Repeat("00", 15), AttributesMask: "FBFFFFFFFFFFFFFF" + strings.Repeat("00", 8),
		MRSIGNER: strings.ToUpper(hex.EncodeToString(qe.MRSIGNER[:])), ISVProdID: qeProdID,
	}
	if q.Version == 1 {
		lowest := c.QESVN
		if o.QEStatus == evidence.TCBOutOfDate {
			lowest++
		}
		q.ISVSVN = &lowest
		return q
	}
	q.ID, q.TCBEvaluationDataNumber = "QE", o.EvaluationDataNumber
	q.TCBLevels = qeLevels(c, o)
	return q
}

// qeLevels are those under which the quoting enclave has the wanted status.
func qeLevels(c Config, o CollateralOptions) []qeLevel {
	at := func(isvsvn uint16, status evidence.TCBStatus, recoveries int, advisories []string) qeLevel {
		l := qeLevel{TCBDate: date(levelDate(o.IssueDate, recoveries)), TCBStatus: status, AdvisoryIDs: advisories}
		l.TCB.ISVSVN = isvsvn
		return l
	}
	newest := at(c.QESVN+1, evidence.TCBUpToDate, 0, nil)
	switch o.QEStatus {
	case evidence.TCBNoMatchingLevel:
		return []qeLevel{newest}
	case evidence.TCBUpToDate:
		return []qeLevel{
			at(c.QESVN, evidence.TCBUpToDate, 0, o.QEAdvisories),
			at(c.QESVN-1, evidence.TCBOutOfDate, 1, o.QEAdvisories),
		}
	case evidence.TCBSWHardeningNeeded, evidence.TCBConfigurationNeeded, evidence.TCBConfigurationAndSWHardeningNeeded,
		evidence.TCBOutOfDate, evidence.TCBOutOfDateConfigurationNeeded, evidence.TCBRevoked:
	}
	return []qeLevel{newest, at(c.QESVN, o.QEStatus, 1, o.QEAdvisories)}
}
