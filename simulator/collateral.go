package simulator

import (
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
)

// CollateralOptions says what the collateral is to say of the platform. The zero
// value is collateral of the platform's own time under which all is up to date.
type CollateralOptions struct {
	// Status is the TCB status that the platform's SVNs shall have; empty means
	// up to date. Where the status means that there is a newer level, there is.
	Status evidence.TCBStatus
	// QEStatus is that of the quoting enclave; empty means up to date. Version 1
	// of the QE identity only knows UpToDate and OutOfDate.
	QEStatus evidence.TCBStatus
	// Advisories and QEAdvisories are the IDs that apply to the level which the
	// platform and the quoting enclave reach.
	Advisories, QEAdvisories []string
	// EvaluationDataNumber of TCB info and QE identity; zero means 17.
	EvaluationDataNumber int
	// IssueDate of all parts, to the second; zero means the platform's time.
	IssueDate time.Time
	// Validity is how long all parts hold from IssueDate on; zero means 30 days.
	Validity time.Duration
	// TCBInfoVersion is 3 or 2, QEIdentityVersion 2 or 1; zero means the newer
	// one.
	TCBInfoVersion, QEIdentityVersion int
}

const (
	defaultCollateralValidity   = 30 * 24 * time.Hour
	defaultEvaluationDataNumber = 17
)

// Validate says what is wrong with o, nil if [Platform.Collateral] takes it.
func (o CollateralOptions) Validate() error {
	o = o.withDefaults(time.Date(minYear, time.January, 1, 0, 0, 0, 0, time.UTC))
	switch {
	case !o.Status.Valid():
		return fmt.Errorf("simulator: TCB status %q, want one of %q", o.Status, evidence.TCBStatuses())
	case !o.QEStatus.Valid():
		return fmt.Errorf("simulator: QE status %q, want one of %q", o.QEStatus, evidence.TCBStatuses())
	case o.TCBInfoVersion != 2 && o.TCBInfoVersion != 3:
		return fmt.Errorf("simulator: TCB info of version %d, want 2 or 3", o.TCBInfoVersion)
	case o.QEIdentityVersion != 1 && o.QEIdentityVersion != 2:
		return fmt.Errorf("simulator: QE identity of version %d, want 1 or 2", o.QEIdentityVersion)
	case o.EvaluationDataNumber < 0 || o.EvaluationDataNumber > maxEvaluationDataNumber:
		return fmt.Errorf("simulator: evaluation data number %d, want 0 to %d", o.EvaluationDataNumber, maxEvaluationDataNumber)
	case o.Validity < time.Second || o.Validity > maxValidity:
		return fmt.Errorf("simulator: collateral valid for %v, want %v to %v", o.Validity, time.Second, maxValidity)
	case o.IssueDate.Year() < minYear || o.IssueDate.Year() > maxYear:
		return fmt.Errorf("simulator: collateral issued in the year %d, want %d to %d", o.IssueDate.Year(), minYear, maxYear)
	}
	if o.QEIdentityVersion == 1 {
		if o.QEStatus != evidence.TCBUpToDate && o.QEStatus != evidence.TCBOutOfDate {
			return fmt.Errorf("simulator: version 1 of the QE identity cannot say %s, only %s and %s", o.QEStatus, evidence.TCBUpToDate, evidence.TCBOutOfDate)
		}
		if len(o.QEAdvisories) > 0 {
			return fmt.Errorf("simulator: version 1 of the QE identity has no advisories, %d given", len(o.QEAdvisories))
		}
	}
	return checkAdvisories(o.Advisories, o.QEAdvisories)
}

func checkAdvisories(lists ...[]string) error {
	for _, list := range lists {
		if len(list) > maxAdvisories {
			return fmt.Errorf("simulator: %d advisories, want at most %d", len(list), maxAdvisories)
		}
		for _, id := range list {
			if id == "" || len(id) > maxAdvisory {
				return fmt.Errorf("simulator: advisory %q, want 1 to %d bytes like INTEL-SA-00615", id[:min(len(id), maxAdvisory)], maxAdvisory)
			}
		}
	}
	return nil
}

func (o CollateralOptions) withDefaults(now time.Time) CollateralOptions {
	if o.Status == "" {
		o.Status = evidence.TCBUpToDate
	}
	if o.QEStatus == "" {
		o.QEStatus = evidence.TCBUpToDate
	}
	if o.EvaluationDataNumber == 0 {
		o.EvaluationDataNumber = defaultEvaluationDataNumber
	}
	if o.IssueDate.IsZero() {
		o.IssueDate = now
	}
	o.IssueDate = o.IssueDate.UTC().Truncate(time.Second)
	if o.Validity == 0 {
		o.Validity = defaultCollateralValidity
	}
	o.Validity = o.Validity.Truncate(time.Second)
	if o.TCBInfoVersion == 0 {
		o.TCBInfoVersion = 3
	}
	if o.QEIdentityVersion == 0 {
		o.QEIdentityVersion = 2
	}
	return o
}

func (o CollateralOptions) window() window { return window{o.IssueDate, o.IssueDate.Add(o.Validity)} }

// collateralDraft is collateral before it is signed: the place where faults
// change it.
type collateralDraft struct {
	platform              *Platform
	tcbInfo               *tcbInfo
	qeIdentity            *qeIdentity
	tcbInfoKey            *ecdsa.PrivateKey
	qeIdentityKey         *ecdsa.PrivateKey
	pckCRL, rootCRL       *crlDraft
	tcbSigning, pckCRLCAs []byte // issuer chains, PEM
}

// Collateral makes the collateral for p's quotes, signed as Intel signs it, under
// which the platform has the wanted status. The same options give the same
// bytes. It returns an error if the options are invalid, or if p has a fault
// that these versions of the documents cannot express.
func (p *Platform) Collateral(o CollateralOptions) (*dcap.Collateral, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	d := p.newCollateral(o.withDefaults(p.config.Now))
	if hook := p.defect.collateral; hook != nil {
		if err := hook(d); err != nil {
			return nil, err
		}
	}
	parts, err := d.sign()
	if err != nil {
		return nil, err
	}
	if hook := p.defect.signedCollateral; hook != nil {
		hook(&parts)
	}
	return dcap.NewCollateral(parts), nil
}

func (p *Platform) newCollateral(o CollateralOptions) *collateralDraft {
	h := p.endorsing
	return &collateralDraft{
		platform: p, tcbInfo: newTCBInfo(p.config, o), qeIdentity: newQEIdentity(p.config, o),
		tcbInfoKey: p.keys.tcbSigning, qeIdentityKey: p.keys.tcbSigning,
		pckCRL:     newCRL(caName(p.config.CA), p.keys.ca(p.config.CA), o.window(), p.ids.otherPCKSerial),
		rootCRL:    newCRL(RootName, p.keys.root, o.window()),
		tcbSigning: chainPEM(h.tcbSigner, h.root), pckCRLCAs: chainPEM(h.ca, h.root),
	}
}

func (d *collateralDraft) sign() (dcap.CollateralParts, error) {
	parts := dcap.CollateralParts{
		TCBInfoIssuerChain: d.tcbSigning, QEIdentityIssuerChain: d.tcbSigning, PCKCRLIssuerChain: d.pckCRLCAs,
	}
	var err error
	if parts.TCBInfo, err = signDocument("tcbInfo", d.tcbInfo, d.tcbInfoKey); err != nil {
		return parts, err
	}
	if parts.QEIdentity, err = signDocument(d.qeIdentity.member(), d.qeIdentity, d.qeIdentityKey); err != nil {
		return parts, err
	}
	if parts.PCKCRL, err = d.pckCRL.sign(); err != nil {
		return parts, err
	}
	parts.RootCACRL, err = d.rootCRL.sign()
	return parts, err
}

// signDocument writes {"<member>":<document>,"signature":"<r‖s in hexadecimal>"}.
// The signature covers the document's bytes exactly as they stand there.
func signDocument(member string, document any, key *ecdsa.PrivateKey) ([]byte, error) {
	body, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("simulator: encoding %s: %w", member, err)
	}
	signature, err := sign(key, body)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `{"%s":%s,"signature":"%s"}`, member, body, hex.EncodeToString(signature)), nil
}
