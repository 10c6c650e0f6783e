package simulator

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
)

// collateralDefects are the faults of collateral.
var collateralDefects = []defect{
	{
		fault: FaultTCBInfoMissing, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeMissing,
		description:      "there is no TCB info",
		signedCollateral: func(p *dcap.CollateralParts) { p.TCBInfo = nil },
	},
	{
		fault: FaultTCBInfoSignerMissing, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeMissing,
		description:      "nothing says who signed the TCB info",
		signedCollateral: func(p *dcap.CollateralParts) { p.TCBInfoIssuerChain = nil },
	},
	{
		fault: FaultTCBInfoSignature, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeBadSignature,
		description: "not the TCB signer signed the TCB info",
		collateral:  draft(func(d *collateralDraft) { d.tcbInfoKey = d.platform.keys.stranger }),
	},
	{
		fault: FaultTCBInfoReformatted, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeBadSignature,
		description: "the TCB info was reformatted after it was signed",
		signedCollateral: func(p *dcap.CollateralParts) {
			p.TCBInfo = bytes.Replace(p.TCBInfo, []byte(":{"), []byte(":{ "), 1)
		},
	},
	{
		fault: FaultTCBInfoGarbage, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeMalformed,
		description:      "the TCB info is no JSON",
		signedCollateral: func(p *dcap.CollateralParts) { p.TCBInfo = p.TCBInfo[:len(p.TCBInfo)/2] },
	},
	{
		fault: FaultTCBInfoVersion, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeUnsupported,
		description: "the TCB info is of version 9, properly signed",
		collateral:  draft(func(d *collateralDraft) { d.tcbInfo.Version = 9 }),
	},
	{
		fault: FaultTCBInfoExpired, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeExpired,
		description: "the TCB info is past its next update",
		collateral:  draft(func(d *collateralDraft) { d.tcbInfo.setWindow(window.earlier) }),
	},
	{
		fault: FaultTCBInfoNotYetValid, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeNotYetValid,
		description: "the TCB info is from the future",
		collateral:  draft(func(d *collateralDraft) { d.tcbInfo.setWindow(window.later) }),
	},
	{
		fault: FaultQEIdentityMissing, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeMissing,
		description:      "there is no QE identity",
		signedCollateral: func(p *dcap.CollateralParts) { p.QEIdentity = nil },
	},
	{
		fault: FaultQEIdentitySignerMissing, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeMissing,
		description:      "nothing says who signed the QE identity",
		signedCollateral: func(p *dcap.CollateralParts) { p.QEIdentityIssuerChain = nil },
	},
	{
		fault: FaultQEIdentitySignature, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeBadSignature,
		description: "not the TCB signer signed the QE identity",
		collateral:  draft(func(d *collateralDraft) { d.qeIdentityKey = d.platform.keys.stranger }),
	},
	{
		fault: FaultQEIdentityReformatted, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeBadSignature,
		description: "the QE identity was reformatted after it was signed",
		signedCollateral: func(p *dcap.CollateralParts) {
			p.QEIdentity = bytes.Replace(p.QEIdentity, []byte(":{"), []byte(":{ "), 1)
		},
	},
	{
		fault: FaultQEIdentityGarbage, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeMalformed,
		description:      "the QE identity is no JSON",
		signedCollateral: func(p *dcap.CollateralParts) { p.QEIdentity = p.QEIdentity[:len(p.QEIdentity)/2] },
	},
	{
		fault: FaultQEIdentityVersion, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeUnsupported,
		description: "the QE identity is of version 9, properly signed",
		collateral:  draft(func(d *collateralDraft) { d.qeIdentity.Version = 9 }),
	},
	{
		fault: FaultQEIdentityExpired, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeExpired,
		description: "the QE identity is past its next update",
		collateral:  draft(func(d *collateralDraft) { d.qeIdentity.setWindow(window.earlier) }),
	},
	{
		fault: FaultQEIdentityNotYetValid, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeNotYetValid,
		description: "the QE identity is from the future",
		collateral:  draft(func(d *collateralDraft) { d.qeIdentity.setWindow(window.later) }),
	},
	{
		fault: FaultTCBInfoStatus, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeBadSignature,
		description:      "a worse status in the TCB info was rewritten to UpToDate after it was signed",
		signedCollateral: upgradeStatus,
	},
	{
		fault: FaultTCBInfoFMSPC, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeMismatch,
		description: "the TCB info is for another family of platforms",
		collateral:  draft(func(d *collateralDraft) { d.tcbInfo.FMSPC = "000000000001" }),
	},
	{
		fault: FaultTCBInfoPCEID, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeMismatch,
		description: "the TCB info is for another PCE",
		collateral:  draft(func(d *collateralDraft) { d.tcbInfo.PCEID = otherPCEID(d.platform.config.PCEID) }),
	},
	{
		fault: FaultTCBInfoTDX, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeMismatch,
		description: "the TCB info is for TDX",
		collateral:  draft(func(d *collateralDraft) { d.tcbInfo.ID = "TDX" }),
	},
	{
		fault: FaultQEIdentityTDX, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeMismatch,
		description: "the QE identity is that of the quoting enclave for TDX",
		collateral:  identifyTDX,
	},
	{
		fault: FaultTCBSignerExpired, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeExpired,
		description:  "the certificate of the TCB signer has expired",
		certificates: func(d *hierarchyDraft) { d.tcbSigner.valid = d.tcbSigner.valid.earlier() },
	},
	{
		fault: FaultTCBSignerNotYetValid, artifact: ArtifactCollateral, stage: evidence.StageCollateral, code: evidence.CodeNotYetValid,
		description:  "the certificate of the TCB signer is not valid yet",
		certificates: func(d *hierarchyDraft) { d.tcbSigner.valid = d.tcbSigner.valid.later() },
	},
	{
		fault: FaultTCBSignerSignature, artifact: ArtifactCollateral, stage: evidence.StageChain, code: evidence.CodeBadSignature,
		description:  "not the root signed the certificate of the TCB signer",
		certificates: func(d *hierarchyDraft) { d.tcbSigner.signer = d.keys.stranger },
	},
	{
		fault: FaultTCBSignerForeignRoot, artifact: ArtifactCollateral, stage: evidence.StageChain, code: evidence.CodeUntrustedRoot,
		description: "another root with the same name issued the certificate of the TCB signer",
		certificates: func(d *hierarchyDraft) {
			d.root.by(d.keys.stranger)
			d.tcbSigner.by(d.keys.stranger)
		},
	},
	{
		fault: FaultTCBSignerName, artifact: ArtifactCollateral, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description:  "a certificate of the root that is not for TCB signing signed TCB info and QE identity",
		certificates: func(d *hierarchyDraft) { d.tcbSigner.subject = pckName },
	},
	{
		fault: FaultTCBSignerIsPCK, artifact: ArtifactCollateral, stage: evidence.StageChain, code: evidence.CodeMismatch,
		description: "the platform signed TCB info and QE identity itself, with its PCK",
		collateral:  draft(signWithPCK),
	},
	{
		fault: FaultPCKRevoked, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeRevoked,
		description: "the PCK certificate is revoked",
		collateral:  draft(func(d *collateralDraft) { d.pckCRL.revoke(d.platform.genuine.pck) }),
	},
	{
		fault: FaultPCKCARevoked, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeRevoked,
		description: "the certificate of the PCK CA is revoked",
		collateral:  draft(func(d *collateralDraft) { d.rootCRL.revoke(d.platform.genuine.ca) }),
	},
	{
		fault: FaultTCBSignerRevoked, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeRevoked,
		description: "the certificate of the TCB signer is revoked",
		collateral:  draft(func(d *collateralDraft) { d.rootCRL.revoke(d.platform.genuine.tcbSigner) }),
	},
	{
		fault: FaultPCKCRLMissing, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeMissing,
		description:      "the PCK CA's revocation list is missing",
		signedCollateral: func(p *dcap.CollateralParts) { p.PCKCRL = nil },
	},
	{
		fault: FaultPCKCRLGarbage, artifact: ArtifactCollateral, stage: evidence.StageParse, code: evidence.CodeMalformed,
		description:      "the PCK CA's revocation list is cut in half",
		signedCollateral: func(p *dcap.CollateralParts) { p.PCKCRL = p.PCKCRL[:len(p.PCKCRL)/2] },
	},
	{
		fault: FaultPCKCRLSignature, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeBadSignature,
		description: "somebody else signed the PCK CA's revocation list",
		collateral:  draft(func(d *collateralDraft) { d.pckCRL.signer = d.platform.keys.stranger }),
	},
	{
		fault: FaultPCKCRLExpired, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeExpired,
		description: "the PCK CA's revocation list is past its next update",
		collateral:  draft(func(d *collateralDraft) { d.pckCRL.valid = d.pckCRL.valid.earlier() }),
	},
	{
		fault: FaultPCKCRLNotYetValid, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeNotYetValid,
		description: "the PCK CA's revocation list is from the future",
		collateral:  draft(func(d *collateralDraft) { d.pckCRL.valid = d.pckCRL.valid.later() }),
	},
	{
		fault: FaultPCKCRLPartial, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeUnsupported,
		description: "the PCK CA's revocation list says in a critical extension that it is not the whole",
		collateral:  draft(func(d *collateralDraft) { d.pckCRL.limit() }),
	},
	{
		fault: FaultRootCRLMissing, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeMissing,
		description:      "the root's revocation list is missing",
		signedCollateral: func(p *dcap.CollateralParts) { p.RootCACRL = nil },
	},
	{
		fault: FaultRootCRLGarbage, artifact: ArtifactCollateral, stage: evidence.StageParse, code: evidence.CodeMalformed,
		description:      "the root's revocation list is cut in half",
		signedCollateral: func(p *dcap.CollateralParts) { p.RootCACRL = p.RootCACRL[:len(p.RootCACRL)/2] },
	},
	{
		fault: FaultRootCRLSignature, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeBadSignature,
		description: "somebody else signed the root's revocation list",
		collateral:  draft(func(d *collateralDraft) { d.rootCRL.signer = d.platform.keys.stranger }),
	},
	{
		fault: FaultRootCRLExpired, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeExpired,
		description: "the root's revocation list is past its next update",
		collateral:  draft(func(d *collateralDraft) { d.rootCRL.valid = d.rootCRL.valid.earlier() }),
	},
	{
		fault: FaultRootCRLNotYetValid, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeNotYetValid,
		description: "the root's revocation list is from the future",
		collateral:  draft(func(d *collateralDraft) { d.rootCRL.valid = d.rootCRL.valid.later() }),
	},
	{
		fault: FaultRootCRLPartial, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeUnsupported,
		description: "the root's revocation list says in a critical extension that it is not the whole",
		collateral:  draft(func(d *collateralDraft) { d.rootCRL.limit() }),
	},
	{
		fault: FaultPCKCRLOtherCA, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeMismatch,
		description: "the revocation list is that of the other PCK CA",
		collateral:  draft(func(d *collateralDraft) { d.pckCRL = d.platform.otherCRL(d.pckCRL.valid) }),
	},
	{
		fault: FaultPCKCRLIsRootCRL, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeMismatch,
		description:      "the root's revocation list stands in for the PCK CA's",
		signedCollateral: func(p *dcap.CollateralParts) { p.PCKCRL = p.RootCACRL },
	},
	{
		fault: FaultRootCRLIsPCKCRL, artifact: ArtifactCollateral, stage: evidence.StageRevocation, code: evidence.CodeMismatch,
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
