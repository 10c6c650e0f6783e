package simulator

import (
	"crypto/x509"
	"encoding/binary"
	"slices"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
)

// quoteDefects are the faults of quotes.
var quoteDefects = []defect{
	{
		fault: FaultQuoteTruncated, stage: evidence.StageParse, code: evidence.CodeTruncated,
		description: "the quote lacks its last 100 bytes",
		quoteBytes:  func(raw []byte) []byte { return raw[:len(raw)-100] },
	},
	{
		fault: FaultQuoteTrailingData, stage: evidence.StageParse, code: evidence.CodeTrailingData,
		description: "a byte other than zero follows the quote",
		quoteBytes:  func(raw []byte) []byte { return append(raw, 1) },
	},
	{
		fault: FaultQuoteTooLarge, stage: evidence.StageParse, code: evidence.CodeTooLarge,
		description: "64 KiB of zero bytes follow the quote",
		quoteBytes:  func(raw []byte) []byte { return append(raw, make([]byte, 64<<10)...) },
	},
	{
		fault: FaultQuoteVersion, stage: evidence.StageParse, code: evidence.CodeUnsupported,
		description: "the header says version 7",
		quote:       setHeader(0, 7),
	},
	{
		fault: FaultQuoteKeyType, stage: evidence.StageParse, code: evidence.CodeUnsupported,
		description: "the header says that the attestation key is on P-384",
		quote:       setHeader(2, 3),
	},
	{
		fault: FaultQuoteTEEType, stage: evidence.StageParse, code: evidence.CodeMalformed,
		description: "the header says that this is TDX, which version 3 cannot",
		quote:       setHeader(4, byte(dcap.TDX)),
	},
	{
		fault: FaultQuoteVendor, stage: evidence.StageParse, code: evidence.CodeUnsupported,
		description: "the header names another vendor of the quoting enclave",
		quote:       setHeader(12, 0),
	},
	{
		fault: FaultCertificationDataUnknown, stage: evidence.StageParse, code: evidence.CodeMalformed,
		description: "the certification data has a type that does not exist",
		quote:       func(d *quoteDraft) { d.certificationType = 8 },
	},
	{
		fault: FaultCertificationDataPPID, stage: evidence.StageChain, code: evidence.CodeUnsupported,
		description: "the quote names its PCK certificate by PPID and does not carry it",
		quote:       namePCK,
	},
	{
		fault: FaultCertificationDataLeaf, stage: evidence.StageChain, code: evidence.CodeUnsupported,
		description: "the quote carries its PCK certificate without the CA, under type 4",
		quote: func(d *quoteDraft) {
			d.certificationType, d.certificationData = dcap.CertPCKLeaf, chainPEM(d.platform.quoting.pck)
		},
	},
	{
		fault: FaultChainGarbage, stage: evidence.StageParse, code: evidence.CodeMalformed,
		description: "the certificate chain is no PEM",
		quote:       func(d *quoteDraft) { d.certificationData = []byte("not a certificate") },
	},
	{
		fault: FaultChainWithoutPCK, stage: evidence.StageChain, code: evidence.CodeMissing,
		description: "the certificate chain lacks the PCK certificate",
		quote: func(d *quoteDraft) {
			d.certificationData = chainPEM(d.platform.quoting.ca, d.platform.quoting.root)
		},
	},
	{
		fault: FaultChainWithoutCA, stage: evidence.StageChain, code: evidence.CodeMissing,
		description: "the certificate chain lacks the PCK CA",
		quote: func(d *quoteDraft) {
			d.certificationData = chainPEM(d.platform.quoting.pck, d.platform.quoting.root)
		},
	},
	{
		fault: FaultForeignRoot, stage: evidence.StageChain, code: evidence.CodeUntrustedRoot,
		description: "another root with the same name issued the quote's chain",
		chain:       issueUnderForeignRoot,
	},
	{
		fault: FaultRootKey, stage: evidence.StageChain, code: evidence.CodeUntrustedRoot,
		description: "the root certificate in the quote has another key than the root that issued the PCK CA",
		chain: func(d *hierarchyDraft) {
			d.root.key, d.root.issuerKey, d.root.signer = &d.keys.stranger.PublicKey, &d.keys.stranger.PublicKey, d.keys.stranger
		},
	},
	{
		fault: FaultPCKByTCBSigner, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description: "the TCB signer issued the PCK certificate",
		chain: func(d *hierarchyDraft) {
			d.ca = d.tcbSigner
			d.pck.issuer, d.pck.issuerKey, d.pck.signer = d.ca.subject, d.ca.key, d.keys.tcbSigning
		},
	},
	{
		fault: FaultPCKSignature, stage: evidence.StageChain, code: evidence.CodeBadSignature,
		description: "a stranger signed the PCK certificate",
		chain:       func(d *hierarchyDraft) { d.pck.signer = d.keys.stranger },
	},
	{
		fault: FaultPCKCASignature, stage: evidence.StageChain, code: evidence.CodeBadSignature,
		description: "a stranger signed the certificate of the PCK CA",
		chain:       func(d *hierarchyDraft) { d.ca.signer = d.keys.stranger },
	},
	{
		fault: FaultPCKExpired, stage: evidence.StageChain, code: evidence.CodeExpired,
		description: "the PCK certificate has expired",
		chain:       func(d *hierarchyDraft) { d.pck.valid = d.pck.valid.earlier() },
	},
	{
		fault: FaultPCKNotYetValid, stage: evidence.StageChain, code: evidence.CodeNotYetValid,
		description: "the PCK certificate is not valid yet",
		chain:       func(d *hierarchyDraft) { d.pck.valid = d.pck.valid.later() },
	},
	{
		fault: FaultPCKCAExpired, stage: evidence.StageChain, code: evidence.CodeExpired,
		description: "the certificate of the PCK CA has expired",
		chain:       func(d *hierarchyDraft) { d.ca.valid = d.ca.valid.earlier() },
	},
	{
		fault: FaultPCKCANotYetValid, stage: evidence.StageChain, code: evidence.CodeNotYetValid,
		description: "the certificate of the PCK CA is not valid yet",
		chain:       func(d *hierarchyDraft) { d.ca.valid = d.ca.valid.later() },
	},
	{
		fault: FaultRootExpired, stage: evidence.StageChain, code: evidence.CodeExpired,
		description: "the root certificate in the quote has expired",
		chain:       func(d *hierarchyDraft) { d.root.valid = d.root.valid.earlier() },
	},
	{
		fault: FaultRootNotYetValid, stage: evidence.StageChain, code: evidence.CodeNotYetValid,
		description: "the root certificate in the quote is not valid yet",
		chain:       func(d *hierarchyDraft) { d.root.valid = d.root.valid.later() },
	},
	{
		fault: FaultPCKName, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description: "the PCK certificate is named otherwise",
		chain:       func(d *hierarchyDraft) { d.pck.subject = "Some other certificate" },
	},
	{
		fault: FaultPCKIsCA, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description: "the PCK certificate is that of a CA",
		chain:       func(d *hierarchyDraft) { d.pck.isCA = true },
	},
	{
		fault: FaultPCKUsage, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description: "the PCK certificate is not for signatures",
		chain:       func(d *hierarchyDraft) { d.pck.usage = x509.KeyUsageKeyAgreement },
	},
	{
		fault: FaultPCKWithoutExtension, stage: evidence.StageChain, code: evidence.CodeMissing,
		description: "the PCK certificate lacks the SGX extension",
		chain:       func(d *hierarchyDraft) { d.pck.extension = nil },
	},
	{
		fault: FaultPCKExtension, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description: "the SGX extension of the PCK certificate is empty",
		chain:       func(d *hierarchyDraft) { d.pck.extension = []byte{0x30, 0} },
	},
	{
		fault: FaultPCKCAName, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description: "the PCK CA is named otherwise",
		chain:       func(d *hierarchyDraft) { d.ca.subject, d.pck.issuer = "Some other CA", "Some other CA" },
	},
	{
		fault: FaultPCKCAIsNoCA, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description: "the certificate of the PCK CA is not that of a CA",
		chain:       func(d *hierarchyDraft) { d.ca.isCA = false },
	},
	{
		fault: FaultPCKCAUsage, stage: evidence.StageChain, code: evidence.CodeMalformed,
		description: "the certificate of the PCK CA is not for issuing",
		chain:       func(d *hierarchyDraft) { d.ca.usage = x509.KeyUsageCRLSign },
	},
	{
		fault: FaultQEReportSignature, stage: evidence.StageQE, code: evidence.CodeBadSignature,
		description: "a stranger signed the report of the quoting enclave",
		boundQuote:  func(d *quoteDraft) { d.pck = d.platform.keys.stranger },
	},
	{
		fault: FaultAttestationKeyBinding, stage: evidence.StageQE, code: evidence.CodeMismatch,
		description: "the quoting enclave vouches for another attestation key",
		boundQuote:  swapAttestationKey,
	},
	{
		fault: FaultQEAuthData, stage: evidence.StageQE, code: evidence.CodeMismatch,
		description: "the authentication data is not what the quoting enclave vouches for",
		boundQuote:  func(d *quoteDraft) { d.qeAuthData[0] ^= 1 },
	},
	{
		fault: FaultQEMRSIGNER, stage: evidence.StageQE, code: evidence.CodeMismatch,
		description: "another signer's enclave did the quoting",
		quote:       func(d *quoteDraft) { d.qe.MRSIGNER[0] ^= 1 },
	},
	{
		fault: FaultQEAttributes, stage: evidence.StageQE, code: evidence.CodeMismatch,
		description: "the quoting enclave is debuggable",
		quote:       func(d *quoteDraft) { d.qe.Debug = true },
	},
	{
		fault: FaultQEMISCSELECT, stage: evidence.StageQE, code: evidence.CodeMismatch,
		description: "the quoting enclave has another MISCSELECT",
		quote:       func(d *quoteDraft) { d.qe.MISCSELECT = 1 },
	},
	{
		fault: FaultQEProdID, stage: evidence.StageQE, code: evidence.CodeMismatch,
		description: "another product of the same signer did the quoting",
		quote:       func(d *quoteDraft) { d.qe.ISVProdID++ },
	},
	{
		fault: FaultQuoteSignature, stage: evidence.StageSignature, code: evidence.CodeBadSignature,
		description: "a stranger signed the quote",
		boundQuote:  func(d *quoteDraft) { d.attestation = d.platform.keys.stranger },
	},
	{
		fault: FaultQuoteSignatureZero, stage: evidence.StageSignature, code: evidence.CodeBadSignature,
		description: "the signature of the quote is all zero",
		signedQuote: func(d *quoteDraft) { clear(d.signature) },
	},
	{
		fault: FaultQuoteMeasurement, stage: evidence.StageSignature, code: evidence.CodeBadSignature,
		description: "MRENCLAVE was changed after the quote was signed",
		quoteBytes: func(raw []byte) []byte {
			raw[mrenclaveOffset] ^= 1
			return raw
		},
	},
	{
		fault: FaultAttestationKeyInvalid, stage: evidence.StageSignature, code: evidence.CodeMalformed,
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
	data := slices.Concat(d.platform.ids.ppid[:], c.SVNs.Components[:])
	data = binary.LittleEndian.AppendUint16(data, c.SVNs.PCESVN)
	data = append(data, c.PCEID[:]...)
	d.certificationType, d.certificationData = dcap.CertPPIDPlain, data
}

// swapAttestationKey signs with a key of which the quoting enclave knows
// nothing.
func swapAttestationKey(d *quoteDraft) {
	d.attestation, d.attestationKey = d.platform.keys.stranger, d.platform.keys.strangerPoint
}

// issueUnderForeignRoot issues everything below the root as usual, but under a
// root with another key.
func issueUnderForeignRoot(d *hierarchyDraft) {
	d.root.key = &d.keys.stranger.PublicKey
	for _, issued := range []*certificateDraft{&d.root, &d.ca, &d.tcbSigner} {
		issued.signer, issued.issuerKey = d.keys.stranger, &d.keys.stranger.PublicKey
	}
}
