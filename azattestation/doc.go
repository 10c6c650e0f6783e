// Package azattestation is the client library for Azure Attestation: for
// Microsoft's service and for azattest's own, which speak the same REST API.
//
// Attestation proves to a relying party that software was properly started on a
// trusted platform. A machine sends evidence (an SGX quote, an Open Enclave
// report, a report of a confidential virtual machine, TPM evidence) to an
// instance of the service; the instance verifies it, runs its policy over what
// it says, and answers with a signed token. Whoever trusts the instance can check
// the token.
//
// # Which function do I want?
//
//   - To attest: [NewClientWithNoCredential] or [NewClient], then
//     [Client.AttestSGXEnclave], [Client.AttestOpenEnclave],
//     [Client.AttestSEVSNPVM], [Client.AttestTDXVM], [Client.AttestAzureGuest] or
//     [Client.AttestTPM].
//   - To check a token that somebody hands you: [ParseToken], then
//     [Token.Validate] with the [Client.KeySource] of the instance that you trust,
//     or with a [NewKeySource] of keys that you keep; then [Token.Claims].
//   - To see which keys sign tokens: [Client.GetSigningCertificates],
//     [ParseSigningCertificates] for a saved answer, [Client.GetOpenIDMetadata].
//   - To read or change policies: [NewAdministrationClient], then
//     [AdministrationClient.GetPolicy], [AdministrationClient.SetPolicy],
//     [AdministrationClient.ResetPolicy]. [NewPolicyToken] and [NewResetToken] make the
//     token that is sent, [PolicyHash] the hash that attestation tokens carry.
//   - To say who may change the policies of an instance in isolated mode:
//     [AdministrationClient.GetPolicyCertificates],
//     [AdministrationClient.AddPolicyCertificate],
//     [AdministrationClient.RemovePolicyCertificate], each signed by a [SigningKey]
//     ([NewSigningKey], [ParseSigningKey]).
//   - To test your own program without a network: package fake.
//
// # What is checked
//
// Every token in an answer of the service is validated before a method returns
// it: signed by a key that the endpoint published, with an algorithm of a fixed
// list that fits the key, issued by the endpoint, valid now. See
// [TokenValidationOptions] for how to relax a check, and [Token.Validate] for
// what is never believed.
//
// # Errors
//
// A refusal of the service is an *azcore.ResponseError with its status and code.
// Everything else has a type of its own: [ArgumentError] (nothing was sent),
// [AnswerError] (no answer of an attestation service), [TokenValidationError] (a
// token that does not hold), [KeySourceError] (no keys to check a token by),
// [UnconfirmedError] (a change was made, and the answer does not confirm it),
// [ClaimError] (a claim of another type).
package azattestation
