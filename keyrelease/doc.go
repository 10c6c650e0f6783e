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
//   - [WrapAlgorithm.Wrap] wraps a key to the attested party's RSA key;
//     [WrapAlgorithm.Unwrap] is the attested party's half.
//   - [NewClient] and [Client.Get] are for the attested party: with a key of its own and
//     an attestation of it, to the released key. [SGXAttester] attests an enclave.
//
// Whether a token is genuine, and which of its keys to wrap to, is said by package
// relyingparty: Verifier.Verify and Result.EncryptionKey. A policy must be held
// against the claims of a verified token only.
//
// Sources: Microsoft, "Azure Key Vault secure key release policy grammar" and the
// REST operation "Release" of Key Vault 7.4; PKCS #11 3.1, section 6.1.20
// (CKM_RSA_AES_KEY_WRAP); RFC 8017 (RSAES-OAEP); RFC 5649 and NIST SP 800-38F (KWP).
package keyrelease
