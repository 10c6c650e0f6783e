// Package relyingparty is for programs that trust what an attestation service
// says: it checks what they receive of the service, with public keys alone, as of a
// time that the caller gives, and asks nobody for anything but keys.
//
// Which function do I want?
//
//   - [New] takes what you require of those who show tokens, and
//     [Verifier.Verify] verifies a token against it.
//   - [Verifier.Middleware] does so for the requests of a net/http server;
//     [FromContext] gives its handlers the result.
//   - [Result.HeldKeys] and [Result.EncryptionKey] are the keys that the attested
//     party holds, to encrypt a secret to.
//   - [Result.ConfirmedKey] is the key that the report of a TPM confirms, and how it
//     is bound to the TPM.
//   - [VerifySigningCertificate] checks that the service's signing key was made
//     in an enclave, by the report in the certificate that the service publishes.
//
// Sources: Microsoft, "Azure Attestation: validate the attestation token" (signing
// certificates with an enclave's report), "claim sets", and "Azure Key Vault secure key
// release policy grammar"; Open Enclave SDK, oe_verify_attestation_certificate;
// "TPM attestation" (reports and request keys); RFC 6750, RFC 7517, RFC 7518 and RFC 7800.
package relyingparty
