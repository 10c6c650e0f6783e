// Package keyrelease is Secure Key Release, both halves. For who keeps a secret for an
// attested party it says whether a token satisfies the release policy of a key, and
// wraps the key so that only the attested party can read it. For the attested party it
// asks, verifies the answer and unwraps.
//
// Which function do I want?
//
//   - [ParsePolicy] reads a release policy in the grammar of Azure Key Vault's
//     Secure Key Release, with every fault at its line and column.
//   - [Policy.Evaluate] holds it against the claims of a token, and explains the
//     outcome condition by condition.
//   - [NewReleaser] and [Releaser.Release] decide about a request, with keys out of a
//     [KeySource] of your own, and answer it; [NewHandler] does so over HTTP as Key
//     Vault does.
//   - [VerifyResponse] is the attested party's half of that, [Response.Unwrap] the
//     last step.
//   - [ChooseTarget] finds the attested party's key in its token;
//     [WrapAlgorithm.Wrap] wraps a key to it, [WrapAlgorithm.Unwrap] is the attested
//     party's half. Releaser and Response do it for you.
//   - [NewClient] and [Client.Get] are for the attested party: with a key of its own and
//     an attestation of it, to the released key. [SGXAttester] attests an enclave.
//
// Whether a token is genuine is said by package relyingparty, Verifier.Verify. A policy
// must be held against the claims of a verified token only.
//
// Sources: Microsoft, "Azure Key Vault secure key release policy grammar" and the
// REST operation "Release" of Key Vault 7.4; PKCS #11 3.1, section 6.1.20
// (CKM_RSA_AES_KEY_WRAP); RFC 8017 (RSAES-OAEP); RFC 5649 and NIST SP 800-38F (KWP);
// RFC 7515 to 7518 (JWS, JWE, JWK).
package keyrelease
