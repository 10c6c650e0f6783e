// Package relyingparty is for programs that trust what an attestation service
// says: it checks what they receive of the service, with public keys alone, offline
// and as of a time that the caller gives.
//
// Which function do I want?
//
//   - [VerifySigningCertificate] checks that the service's signing key was made
//     in an enclave, by the report in the certificate that the service publishes.
//
// Sources: Microsoft, "Azure Attestation: validate the attestation token" (signing
// certificates with an enclave's report); Open Enclave SDK,
// oe_verify_attestation_certificate.
package relyingparty
