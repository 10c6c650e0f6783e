package simulator

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
)

// collateralDefects are the faults of collateral.
var collateralDefects = []defect{
	{
		fault: FaultTCBInfoMissing, stage: evidence.StageCollateral, code: evidence.CodeMissing,
		description:      "there is no TCB info",
		signedCollateral: func(p *dcap.CollateralParts) { p.TCBInfo = nil },
	},
	{
		fault: FaultTCBInfoSignerMissing, stage: evidence.StageCollateral, code: evidence.CodeMissing,
		description:      "nothing says who signed the TCB info",
		signedCollateral: func(p *dcap.CollateralParts) { p.TCBInfoIssuerChain = nil },
	},
	{
		fault: FaultTCBInfoSignature, stage: evidence.StageCollateral, code: evidence.CodeBadSignature,
		description: "a stranger signed the TCB info",
		collateral:  draft(func(d *collateralDraft) { d.tcbInfoKey = d.platform.keys.stranger }),
	},
	{
		fault: FaultTCBInfoReformatted, stage: evidence.StageCollateral, code: evidence.CodeBadSignature,
		description: "the TCB info was reformatted after it was signed",
		signedCollateral: func(p *dcap.CollateralParts) {
			p.TCBInfo = bytes.Replace(p.TCBInfo, []byte(":{"), []byte(":{ "), 1)
		},
	},
	{
		fault: FaultTCBInfoGarbage, stage: evidence.StageCollateral, code: evidence.CodeMalformed,
		description:      "the TCB info is no JSON",
		signedCollateral: func(p *dcap.CollateralParts) { p.TCBInfo = p.TCBInfo[:len(p.TCBInfo)/2] },
	},
	{
		fault: FaultTCBInfoVersion, stage: evidence.StageCollateral, code: evidence.CodeUnsupported,
		description: "the TCB info is of version 9, properly signed",
		collateral:  draft(func(d *collateralDraft) { d.tcbInfo.Version = 9 }),
	},
	{
		fault: FaultTCBInfoExpired, stage: evidence.StageCollateral, code: evidence.CodeExpired,
		description: "the TCB info is past its next update",
		collateral:  draft(func(d *collateralDraft) { d.tcbInfo.setWindow(window.earlier) }),
	},
	{
		fault: FaultTCBInfoNotYetValid, stage: evidence.StageCollateral, code: evidence.CodeNotYetValid,
		description: "the TCB info is from the future",
		collateral:  draft(func(d *collateralDraft) { d.tcbInfo.setWindow(window.later) }),
	},
	{
		fault: FaultQEIdentityMissing, stage: evidence.StageCollateral, code: evidence.CodeMissing,
		description:      "there is no QE identity",
		signedCollateral: func(p *dcap.CollateralParts) { p.QEIdentity = nil },
	},
	{
		fault: FaultQEIdentitySignerMissing, stage: evidence.StageCollateral, code: evidence.CodeMissing,
		description:      "nothing says who signed the QE identity",
		signedCollateral: func(p *dcap.CollateralParts) { p.QEIdentityIssuerChain = nil },
	},
	{
		fault: FaultQEIdentitySignature, stage: evidence.StageCollateral, code: evidence.CodeBadSignature,
		description: "a stranger signed the QE identity",
		collateral:  draft(func(d *collateralDraft) { d.qeIdentityKey = d.platform.keys.stranger }),
	},
	{
		fault: FaultQEIdentityReformatted, stage: evidence.StageCollateral, code: evidence.CodeBadSignature,
		description: "the QE identity was reformatted after it was signed",
		signedCollateral: func(p *dcap.CollateralParts) {
			p.QEIdentity = bytes.Replace(p.QEIdentity, []byte(":{"), []byte(":{ "), 1)
		},
	},
	{
		fault: FaultQEIdentityGarbage, stage: evidence.StageCollateral, code: evidence.CodeMalformed,
		description:      "the QE identity is no JSON",
		signedCollateral: func(p *dcap.CollateralParts) { p.QEIdentity = p.QEIdentity[:len(p.QEIdentity)/2] },
	},
	{
		fault: FaultQEIdentityVersion, stage: evidence.StageCollateral, code: evidence.CodeUnsupported,
		description: "the QE identity is of version 9, properly signed",
		collateral:  draft(func(d *collateralDraft) { d.qeIdentity.Version = 9 }),
	},
	{
		fault: FaultQEIdentityExpired, stage: evidence.StageCollateral, code: evidence.CodeExpired,
		description: "the QE identity is past its next update",
		collateral:  draft(func(d *collateralDraft) { d.qeIdentity.setWindow(window.earlier) }),
	},
	{
		fault: FaultQEIdentityNotYetValid, stage: evidence.StageCollateral, code: evidence.CodeNotYetValid,
		description: "the QE identity is from the future",
		collateral:  draft(func(d *collateralDraft) { d.qeIdentity.setWindow(window.later) }),
	},
	{
		fault: FaultTCBInfoStatus, stage: evidence.StageCollateral, code: evidence.CodeBadSignature,
		description: "a worse status in the TCB info was rewritten to UpToDate after it was signed",
		collateral:  draft(outdate), signedCollateral: upgrade,
	},
	{
		fault: FaultTCBInfoFMSPC, stage: evidence.StageCollateral, code: evidence.CodeMismatch,
		description: "the TCB info is for another family of platforms",
		collateral:  draft(func(d *collateralDraft) { d.tcbInfo.FMSPC = otherFMSPC(d.platform.config.FMSPC) }),
	},
	{
		fault: FaultTCBInfoPCEID, stage: evidence.StageCollateral, code: evidence.CodeMismatch,
		description: "the TCB info is for another PCE",
		collateral:  draft(func(d *collateralDraft) { d.tcbInfo.PCEID = otherPCEID(d.platform.config.PCEID) }),
	},
	{
		fault: FaultTCBInfoTDX, stage: evidence.StageCollateral, code: evidence.CodeMismatch,
		description: "the TCB info is for TDX",
		collateral:  draft(func(d *collateralDraft) { d.tcbInfo.ID = "TDX" }),
	},
	{
		fault: FaultQEIdentityTDX, stage: evidence.StageCollateral, code: evidence.CodeMismatch,
		description: "the QE identity is that of the quoting enclave for TDX",
		collateral:  identifyTDX,
	},
	{
		fault: FaultTCBSignerExpired, stage: evidence.StageCollateral, code: evidence.CodeExpired,
		description: "the certificate of the TCB signer has expired",
		signers:     func(d *hierarchyDraft) { d.tcbSigner.valid = d.tcbSigner.valid.earlier() },
	},
	{
		fault: FaultTCBSignerNotYetValid, stage: evidence.StageCollateral, code: evidence.CodeNotYetValid,
		description: "the certificate of the TCB signer is not valid yet",
		signers:     func(d *hierarchyDraft) { d.tcbSigner.valid = d.tcbSigner.valid.later() },
	},
	{
		fault: FaultTCBSignerSignature, stage: evidence.StageCollateral, code: evidence.CodeBadSignature,
		description: "a stranger signed the certificate of the TCB signer",
		signers:     func(d *hierarchyDraft) { d.tcbSigner.signer = d.keys.stranger },
	},
	{
		fault: FaultTCBSignerForeignRoot, stage: evidence.StageCollateral, code: evidence.CodeUntrustedRoot,
		description: "another root with the same name issued the certificate of the TCB signer",
		signers:     issueUnderForeignRoot,
	},
	{
		fault: FaultTCBSignerName, stage: evidence.StageCollateral, code: evidence.CodeMalformed,
		description: "TCB info and QE identity are signed under a certificate of the root that is not for it",
		signers:     func(d *hierarchyDraft) { d.tcbSigner.subject = pckName },
	},
	{
		fault: FaultTCBSignerIsPCK, stage: evidence.StageCollateral, code: evidence.CodeMismatch,
		description: "the platform signed TCB info and QE identity itself, with its PCK",
		collateral:  draft(signWithPCK),
	},
	{
		fault: FaultPCKRevoked, stage: evidence.StageRevocation, code: evidence.CodeRevoked,
		description: "the PCK certificate is revoked",
		collateral:  draft(func(d *collateralDraft) { d.pckCRL.revoke(d.platform.genuine.pck) }),
	},
	{
		fault: FaultPCKCARevoked, stage: evidence.StageRevocation, code: evidence.CodeRevoked,
		description: "the certificate of the PCK CA is revoked",
		collateral:  draft(func(d *collateralDraft) { d.rootCRL.revoke(d.platform.genuine.ca) }),
	},
	{
		fault: FaultTCBSignerRevoked, stage: evidence.StageRevocation, code: evidence.CodeRevoked,
		description: "the certificate of the TCB signer is revoked",
		collateral:  draft(func(d *collateralDraft) { d.rootCRL.revoke(d.platform.genuine.tcbSigner) }),
	},
	{
		fault: FaultPCKCRLMissing, stage: evidence.StageRevocation, code: evidence.CodeMissing,
		description:      "the PCK CA's revocation list is missing",
		signedCollateral: func(p *dcap.CollateralParts) { p.PCKCRL = nil },
	},
	{
		fault: FaultPCKCRLGarbage, stage: evidence.StageRevocation, code: evidence.CodeMalformed,
		description:      "the PCK CA's revocation list is cut in half",
		signedCollateral: func(p *dcap.CollateralParts) { p.PCKCRL = p.PCKCRL[:len(p.PCKCRL)/2] },
	},
	{
		fault: FaultPCKCRLSignature, stage: evidence.StageRevocation, code: evidence.CodeBadSignature,
		description: "a stranger signed the PCK CA's revocation list",
		collateral:  draft(func(d *collateralDraft) { d.pckCRL.signer = d.platform.keys.stranger }),
	},
	{
		fault: FaultPCKCRLExpired, stage: evidence.StageRevocation, code: evidence.CodeExpired,
		description: "the PCK CA's revocation list is past its next update",
		collateral:  draft(func(d *collateralDraft) { d.pckCRL.valid = d.pckCRL.valid.earlier() }),
	},
	{
		fault: FaultPCKCRLNotYetValid, stage: evidence.StageRevocation, code: evidence.CodeNotYetValid,
		description: "the PCK CA's revocation list is from the future",
		collateral:  draft(func(d *collateralDraft) { d.pckCRL.valid = d.pckCRL.valid.later() }),
	},
	{
		fault: FaultPCKCRLPartial, stage: evidence.StageRevocation, code: evidence.CodeUnsupported,
		description: "the PCK CA's revocation list says in a critical extension that it is not the whole",
		collateral:  draft(func(d *collateralDraft) { d.pckCRL.limit() }),
	},
	{
		fault: FaultRootCRLMissing, stage: evidence.StageRevocation, code: evidence.CodeMissing,
		description:      "the root's revocation list is missing",
		signedCollateral: func(p *dcap.CollateralParts) { p.RootCACRL = nil },
	},
	{
		fault: FaultRootCRLGarbage, stage: evidence.StageRevocation, code: evidence.CodeMalformed,
		description:      "the root's revocation list is cut in half",
		signedCollateral: func(p *dcap.CollateralParts) { p.RootCACRL = p.RootCACRL[:len(p.RootCACRL)/2] },
	},
	{
		fault: FaultRootCRLSignature, stage: evidence.StageRevocation, code: evidence.CodeBadSignature,
		description: "a stranger signed the root's revocation list",
		collateral:  draft(func(d *collateralDraft) { d.rootCRL.signer = d.platform.keys.stranger }),
	},
	{
		fault: FaultRootCRLExpired, stage: evidence.StageRevocation, code: evidence.CodeExpired,
		description: "the root's revocation list is past its next update",
		collateral:  draft(func(d *collateralDraft) { d.rootCRL.valid = d.rootCRL.valid.earlier() }),
	},
	{
		fault: FaultRootCRLNotYetValid, stage: evidence.StageRevocation, code: evidence.CodeNotYetValid,
		description: "the root's revocation list is from the future",
		collateral:  draft(func(d *collateralDraft) { d.rootCRL.valid = d.rootCRL.valid.later() }),
	},
	{
		fault: FaultRootCRLPartial, stage: evidence.StageRevocation, code: evidence.CodeUnsupported,
		description: "the root's revocation list says in a critical extension that it is not the whole",
		collateral:  draft(func(d *collateralDraft) { d.rootCRL.limit() }),
	},
	{
		fault: FaultPCKCRLOtherCA, stage: evidence.StageRevocation, code: evidence.CodeMismatch,
		description: "the revocation list is that of the other PCK CA",
		collateral:  draft(func(d *collateralDraft) { d.pckCRL = d.platform.otherCRL(d.pckCRL.valid) }),
	},
	{
		fault: FaultPCKCRLIsRootCRL, stage: evidence.StageRevocation, code: evidence.CodeMismatch,
		description:      "the root's revocation list stands in for the PCK CA's",
		signedCollateral: func(p *dcap.CollateralParts) { p.PCKCRL = p.RootCACRL },
	},
	{
		fault: FaultRootCRLIsPCKCRL, stage: evidence.StageRevocation, code: evidence.CodeMismatch,
		description:      "the PCK CA's revocation list stands in for the root's",
		signedCollateral: func(p *dcap.CollateralParts) { p.RootCACRL = p.PCKCRL },
	},
}

// draft is a change of a draft that cannot fail.
func draft(change func(*collateralDraft)) func(*collateralDraft) error {
	return func(d *collateralDraft) error {
		change(d)
		return nil
	}
}

// signWithPCK has the platform vouch for itself.
func signWithPCK(d *collateralDraft) {
	h := d.platform.genuine
	d.tcbInfoKey, d.qeIdentityKey = d.platform.keys.pck, d.platform.keys.pck
	d.tcbSigning = chainPEM(h.pck, h.ca, h.root)
}

// outdate makes every level outdated, for upgrade to rewrite.
func outdate(d *collateralDraft) {
	for i := range d.tcbInfo.TCBLevels {
		d.tcbInfo.TCBLevels[i].TCBStatus = evidence.TCBOutOfDate
	}
}

func upgrade(p *dcap.CollateralParts) {
	p.TCBInfo = bytes.ReplaceAll(p.TCBInfo, []byte(evidence.TCBOutOfDate), []byte(evidence.TCBUpToDate))
}

func otherFMSPC(f dcap.FMSPC) string {
	f[len(f)-1] ^= 1
	return f.String()
}

func otherPCEID(id [2]byte) string {
	id[0] ^= 1
	return hex.EncodeToString(id[:])
}

func identifyTDX(d *collateralDraft) error {
	if d.qeIdentity.Version == 1 {
		return fmt.Errorf("simulator: fault %s: version 1 of the QE identity has no ID, ask for version 2", FaultQEIdentityTDX)
	}
	d.qeIdentity.ID = "TD_QE"
	return nil
}

func (t *tcbInfo) setWindow(shift func(window) window) {
	w := shift(window{time.Time(t.IssueDate), time.Time(t.NextUpdate)})
	t.IssueDate, t.NextUpdate = date(w.from), date(w.to)
}

func (q *qeIdentity) setWindow(shift func(window) window) {
	w := shift(window{time.Time(q.IssueDate), time.Time(q.NextUpdate)})
	q.IssueDate, q.NextUpdate = date(w.from), date(w.to)
}

func (d *crlDraft) revoke(c *certificate) { d.revoked = append(d.revoked, c.serial) }

// limit says that the list covers end entities only: an issuing distribution
// point (RFC 5280, 5.2.5) with onlyContainsUserCerts.
func (d *crlDraft) limit() {
	d.extensions = append(d.extensions, pkix.Extension{
		Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 3, 0x81, 1, 0xff},
	})
}

// otherCRL is a genuine list of the PCK CA that did not issue the platform's
// certificate.
func (p *Platform) otherCRL(valid window) *crlDraft {
	other := dcap.ProcessorCA
	if p.config.CA == other {
		other = dcap.PlatformCA
	}
	return newCRL(caName(other), p.keys.ca(other), valid, p.ids.otherPCKSerial)
}
