// Package tpm verifies what a TPM 2.0 signs, and reads the structures that it is
// made of.
//
// Which function do I want?
//
//   - [Verifier] checks whole requests of the TPM attestation protocol, which
//     [Parse] reads. What follows are its parts, for who has them one by one.
//   - An [AIK] is the key that signs. [Authorities.VerifyAIK] makes one of a
//     certificate, which is the only way to aikValidated. [NewAIK] makes one of a
//     TPMT_PUBLIC whose attributes it checks, [AIKFromKey] one of a bare public
//     key, of which nobody knows whether a TPM holds it.
//   - [AIK.VerifyQuote] checks a quote: signature, challenge and PCR values.
//   - [AIK.VerifyCertification] checks that the TPM of the AIK holds another key,
//     and says with which attributes.
//   - [RequestKeyBinding] is what a quote must carry in place of the challenge if
//     it binds a request key.
//   - [EK.MakeCredential] enrolls an AIK that has no certificate; the EK comes of
//     [Authorities.VerifyEK].
//   - [ParseAttest], [ParsePublic], [ParseSignature], [ParseJWK],
//     [ParseCertificate], [ParsePlatformClaim] and [ParseEnclaveReport] take
//     structures apart without trusting them.
//   - [EnclaveReport.Verify] checks the report of a VBS enclave, with a key that
//     [IDKS] takes from a proven log.
//
// A verifier says what is true. Which PCRs must be quoted, whether an AIK needs a
// certificate and which attributes a certified key needs is for the policy to say.
// Event logs are read by evidence/tpm/eventlog.
//
// Errors are *[evidence.Error]; time is an input.
//
// Sources: TCG, "Trusted Platform Module Library", parts 1 (architecture) and 2
// (structures), revision 1.59, cited below as "part 1" and "part 2"; TCG, "EK
// Credential Profile for TPM Family 2.0", version 2.5; Microsoft, "TPM attestation
// message protocol" and the headers ncrypt.h, ntenclv.h and wbcl.h.
package tpm

import "github.com/azattest/azattest/evidence"

// Stages of a verification that only TPMs have, beside those of [evidence].
const (
	// StageKey is the check of a key: its strength and its attributes.
	StageKey evidence.Stage = "key"
	// StageQuote is the check of what a quote says.
	StageQuote evidence.Stage = "quote"
	// StageLog is the check of logs against the quoted PCRs.
	StageLog evidence.Stage = "log"
	// StageCertification is the check of what a TPM2_Certify says.
	StageCertification evidence.Stage = "certification"
	// StageCredential is the activation of a credential.
	StageCredential evidence.Stage = "credential"
	// StageEnclave is the check of a VBS enclave's report.
	StageEnclave evidence.Stage = "enclave"
)

// refuse makes an error of a stage without an offset.
func refuse(stage evidence.Stage, code evidence.Code, part, found, expected string) *evidence.Error {
	return &evidence.Error{Stage: stage, Code: code, Part: part, Offset: -1, Found: found, Expected: expected}
}
