package simulator

import (
	"crypto/x509"
	"encoding/binary"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
)

// quoteDefects are the faults of quotes, in the order in which a verifier comes
// upon them.
var quoteDefects = []defect{
	{
		fault: FaultQuoteTruncated, artifact: ArtifactQuote, stage: evidence.StageParse, code: evidence.CodeTruncated,
		description: "the quote lacks its last 100 bytes",
		quoteBytes:  func(raw []byte) []byte { return raw[:len(raw)-100] },
	},
	{
		fault: FaultQuoteTrailingData, artifact: ArtifactQuote, stage: evidence.StageParse, code: evidence.CodeTrailingData,
		description: "a byte other than zero follows the quote",
		quoteBytes:  func(raw []byte) []byte { return append(raw, 1) },
	},
	{
		fault: FaultQuoteVersion, artifact: ArtifactQuote, stage: evidence.StageParse, code: evidence.CodeUnsupported,
		description: "the header says version 7",
		quote:       setHeader(0, 7),
	},
	{
		fault: FaultQuoteKeyType, artifact: ArtifactQuote, stage: evidence.StageParse, code: evidence.CodeUnsupported,
		description: "the header says that the attestation key is on P-384",
		quote:       setHeader(2, 3),
	},
	{
		fault: FaultQuoteTEEType, artifact: ArtifactQuote, stage: evidence.StageParse, code: evidence.CodeMalformed,
		description: "the header says that this is TDX, which version 3 cannot",
		quote:       setHeader(4, byte(dcap.TDX)),
	},
	{
		fault: FaultQuoteVendor, artifact: ArtifactQuote, stage: evidence.StageParse, code: evidence.CodeUnsupported,
		description: "the header names another vendor of the quoting enclave",
		quote:       setHeader(12, 0),
	},
	{
		fault: FaultCertificationDataUnknown, artifact: ArtifactQuote, stage: evidence.StageParse, code: evidence.CodeMalformed,
		description: "the certification data has a type that does not exist",
		quote:       func(d *quoteDraft) { d.certificationType = 8 },
	},
	{
		fault: FaultCertificationDataPPID, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeUnsupported,
		description: "the quote names its PCK certificate by PPID and does not carry it",
		quote:       namePCK,
	},
	{
		fault: FaultCertificationDataLeaf, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeUnsupported,
		description: "the quote carries its PCK certificate without the CA, under type 4",
		quote: func(d *quoteDraft) {
			d.certificationType, d.certificationData = dcap.CertPCKLeaf, chainPEM(d.platform.quoting.pck)
		},
	},
	{
		fault: FaultChainGarbage, artifact: ArtifactQuote, stage: evidence.StageParse, code: evidence.CodeMalformed,
		description: "the certificate chain is no PEM",
		quote:       func(d *quoteDraft) { d.certificationData = []byte("not a certificate") },
	},
	{
		fault: FaultChainWithoutPCK, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeMissing,
		description: "the certificate chain lacks the PCK certificate",
		quote: func(d *quoteDraft) {
			d.certificationData = chainPEM(d.platform.quoting.ca, d.platform.quoting.root)
		},
	},
	{
		fault: FaultChainWithoutCA, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeMissing,
		description: "the certificate chain lacks the PCK CA",
		quote: func(d *quoteDraft) {
			d.certificationData = chainPEM(d.platform.quoting.pck, d.platform.quoting.root)
		},
	},
	{
		fault: FaultForeignRoot, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeUntrustedRoot,
		description: "another root with the same name issued the quote's chain",
		certificates: func(d *hierarchyDraft) {
			d.root.by(d.keys.stranger)
			d.root.key = &d.keys.stranger.PublicKey
			d.ca.by(d.keys.stranger)
		},
	},
	{
		fault: FaultPCKSignature, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeBadSignature,
		description:  "not the PCK CA signed the PCK certificate",
		certificates: func(d *hierarchyDraft) { d.pck.signer = d.keys.stranger },
	},
	{
		fault: FaultPCKCASignature, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeBadSignature,
		description:  "not the root signed the certificate of the PCK CA",
		certificates: func(d *hierarchyDraft) { d.ca.signer = d.keys.stranger },
	},
	{
		fault: FaultPCKExpired, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeExpired,
		description:  "the PCK certificate has expired",
		certificates: func(d *hierarchyDraft) { d.pck.valid = d.pck.valid.earlier() },
	},
	{
		fault: FaultPCKNotYetValid, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeNotYetValid,
		description:  "the PCK certificate is not valid yet",
		certificates: func(d *hierarchyDraft) { d.pck.valid = d.pck.valid.later() },
	},
	{
		fault: FaultPCKCAExpired, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeExpired,
		description:  "the certificate of the PCK CA has expired",
		certificates: func(d *hierarchyDraft) { d.ca.valid = d.ca.valid.earlier() },
	},
	{
		fault: FaultPCKCANotYetValid, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeNotYetValid,
		description:  "the certificate of the PCK CA is not valid yet",
		certificates: func(d *hierarchyDraft) { d.ca.valid = d.ca.valid.later() },
	},
	{
		fault: FaultRootExpired, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeExpired,
		description:  "the root certificate in the quote has expired",
		certificates: func(d *hierarchyDraft) { d.root.valid = d.root.valid.earlier() },
	},
	{
		fault: FaultRootNotYetValid, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeNotYetValid,
		description:  "the root certificate in the quote is not valid yet",
		certificates: func(d *hierarchyDraft) { d.root.valid = d.root.valid.later() },
	},
	{
		fault: FaultPCKName, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description:  "the PCK certificate is named otherwise",
		certificates: func(d *hierarchyDraft) { d.pck.subject = "Some other certificate" },
	},
	{
		fault: FaultPCKIsCA, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description:  "the PCK certificate is that of a CA",
		certificates: func(d *hierarchyDraft) { d.pck.isCA = true },
	},
	{
		fault: FaultPCKUsage, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description:  "the PCK certificate is not for signatures",
		certificates: func(d *hierarchyDraft) { d.pck.usage = x509.KeyUsageKeyAgreement },
	},
	{
		fault: FaultPCKWithoutExtension, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeMissing,
		description:  "the PCK certificate lacks the SGX extension",
		certificates: func(d *hierarchyDraft) { d.pck.extension = nil },
	},
	{
		fault: FaultPCKExtension, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description:  "the SGX extension of the PCK certificate is empty",
		certificates: func(d *hierarchyDraft) { d.pck.extension = []byte{0x30, 0} },
	},
	{
		fault: FaultPCKCAName, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description:  "the PCK CA is named otherwise",
		certificates: func(d *hierarchyDraft) { d.ca.subject, d.pck.issuer = "Some other CA", "Some other CA" },
	},
	{
		fault: FaultPCKCAIsNoCA, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description:  "the certificate of the PCK CA is not that of a CA",
		certificates: func(d *hierarchyDraft) { d.ca.isCA = false },
	},
	{
		fault: FaultPCKCAUsage, artifact: ArtifactQuote, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description:  "the certificate of the PCK CA is not for issuing",
		certificates: func(d *hierarchyDraft) { d.ca.usage = x509.KeyUsageCRLSign },
	},
	{
		fault: FaultQEReportSignature, artifact: ArtifactQuote, stage: evidence.StageQE, code: evidence.CodeBadSignature,
		description: "not the PCK signed the report of the quoting enclave",
		boundQuote:  func(d *quoteDraft) { d.pck = d.platform.keys.stranger },
	},
	{
		fault: FaultAttestationKeyBinding, artifact: ArtifactQuote, stage: evidence.StageQE, code: evidence.CodeMismatch,
		description: "the quoting enclave vouches for another attestation key",
		boundQuote:  swapAttestationKey,
	},
	{
		fault: FaultQEAuthData, artifact: ArtifactQuote, stage: evidence.StageQE, code: evidence.CodeMismatch,
		description: "the authentication data is not what the quoting enclave vouches for",
		boundQuote:  func(d *quoteDraft) { d.qeAuthData[0] ^= 1 },
	},
	{
		fault: FaultQEMRSIGNER, artifact: ArtifactQuote, stage: evidence.StageQE, code: evidence.CodeMismatch,
		description: "another signer's enclave did the quoting",
		quote:       func(d *quoteDraft) { d.qe.MRSIGNER[0] ^= 1 },
	},
	{
		fault: FaultQEAttributes, artifact: ArtifactQuote, stage: evidence.StageQE, code: evidence.CodeMismatch,
		description: "the quoting enclave is debuggable",
		quote:       func(d *quoteDraft) { d.qe.Debug = true },
	},
	{
		fault: FaultQEMISCSELECT, artifact: ArtifactQuote, stage: evidence.StageQE, code: evidence.CodeMismatch,
		description: "the quoting enclave has another MISCSELECT",
		quote:       func(d *quoteDraft) { d.qe.MISCSELECT = 1 },
	},
	{
		fault: FaultQEProdID, artifact: ArtifactQuote, stage: evidence.StageQE, code: evidence.CodeMismatch,
		description: "another product of the same signer did the quoting",
		quote:       func(d *quoteDraft) { d.qe.ISVProdID++ },
	},
	{
		fault: FaultQuoteSignature, artifact: ArtifactQuote, stage: evidence.StageSignature, code: evidence.CodeBadSignature,
		description: "not the attestation key signed the quote",
		boundQuote:  func(d *quoteDraft) { d.attestation = d.platform.keys.stranger },
	},
	{
		fault: FaultQuoteSignatureZero, artifact: ArtifactQuote, stage: evidence.StageSignature, code: evidence.CodeBadSignature,
		description: "the signature of the quote is all zero",
		signedQuote: func(d *quoteDraft) { clear(d.signature) },
	},
	{
		fault: FaultQuoteMeasurement, artifact: ArtifactQuote, stage: evidence.StageSignature, code: evidence.CodeBadSignature,
		description: "MRENCLAVE was changed after the quote was signed",
		quoteBytes: func(raw []byte) []byte {
			raw[mrenclaveOffset] ^= 1
			return raw
		},
	},
	{
		fault: FaultAttestationKeyInvalid, artifact: ArtifactQuote, stage: evidence.StageSignature, code: evidence.CodeMalformed,
		description: "the attestation key that the quoting enclave vouches for is no point on the curve",
		quote:       func(d *quoteDraft) { clear(d.attestationKey) },
	},
}

// setHeader changes one byte of the quote header before it is signed.
func setHeader(offset int, value byte) func(*quoteDraft) {
	return func(d *quoteDraft) { d.header[offset] = value }
}

// namePCK replaces the certificate chain by the plain PPID, CPUSVN, PCESVN and
// PCEID.
func namePCK(d *quoteDraft) {
	c := d.platform.config
	data := append(d.platform.ids.ppid[:len(d.platform.ids.ppid):len(d.platform.ids.ppid)], c.SVNs.Components[:]...)
	data = binary.LittleEndian.AppendUint16(data, c.SVNs.PCESVN)
	d.certificationType, d.certificationData = dcap.CertPPIDPlain, append(data, c.PCEID[:]...)
}

// swapAttestationKey signs with a key of which the quoting enclave knows
// nothing.
func swapAttestationKey(d *quoteDraft) {
	stranger := d.platform.keys.stranger
	if key, err := point(&stranger.PublicKey); err == nil {
		d.attestationKey = key
	}
	d.attestation = stranger
}
