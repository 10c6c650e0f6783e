// Package policytoken is the JSON Web Signature (RFC 7515) with which policies
// and policy management certificates are changed: who signed it is checked here,
// before anybody reads a policy in it.
//
// Which function do I want?
//
//   - to read what a client sent: [Parse];
//   - to know whether it may be obeyed: [Token.Verify]. Do this before any of the
//     next ones, which say what a token asks for, whoever asks;
//   - to know what it asks for: [Token.Policy] to set a policy (of the first
//     preview, [Token.PreviewPolicy]), [Token.IsEmpty] to reset one,
//     [Token.Certificate] to add or remove a certificate;
//   - to decide whether a certificate may be listed: [CheckCertificate], and
//     whether it may sign: [CheckSigner];
//   - to answer: [Token.String], [Token.Hash], [Token.SignerJWK], [NewJWK],
//     [Thumbprint], [Unsigned].
//
// # What is accepted
//
// Algorithms are a fixed set: none, RS256, ES256, ES384 and ES512. Which one of
// the last four is meant follows from the certificate's key; the header's name
// must agree with it, in its own spelling or in one that a client is known to
// write: RSA256 (.NET, Python) and RS256 for RSA; ECDH256 (.NET, Python) and RS256
// (Java, which says so of every key) for P-256. Keys are RSA of 2048 to 8192 bits
// with an exponent of 65537 or more, or ECDSA on P-256, P-384 or P-521. An ES256
// signature is R‖S (RFC 7518, section 3.4), or ASN.1 DER as the client for C++ has
// it from OpenSSL; ES384 and ES512 are R‖S only.
//
// A signed token carries the certificate of its key in x5c, or in the x5c of jwk
// (Python, the first .NET). A key without a certificate, in jwk, is never used, and
// nothing is ever fetched: kid, jku, x5u and thumbprints have no effect. A header
// with crit or with b64 other than true is refused, for it changes what is signed.
//
// Where certificates are listed, the signer's chain must end at one of them, and a
// root must be an authority (basic constraints CA:TRUE). Where none are, whoever
// holds the key of a certificate may sign, and a root need not be one. Certificates
// must be valid at the time in both cases. Revocation is not asked for: a
// certificate that must not sign any more is removed from the list.
//
// Claims exp, nbf and aud are optional, since no client of Microsoft's writes them.
// Where one stands it is enforced: it is how a signer keeps a policy from being
// replayed later, or at another instance.
//
// Sources: the recorded exchanges of the real service, its troubleshooting guide,
// and the source of Microsoft's clients.
package policytoken

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"slices"
)

// Token is a JSON Web Signature as a client sent it. It is immutable and safe
// for concurrent use. That it could be parsed says nothing of who signed it.
type Token struct {
	text      string // header.payload.signature, as sent
	signed    string // header.payload, the JWS signing input
	algorithm string // as the header says it; "none" for an unsigned token
	chain     []*x509.Certificate
	claims    object // no members for an empty payload
	signature []byte
}

// String returns the token exactly as it was sent, without the quotes and the
// white space around it. It is what is stored, hashed and given back.
func (t *Token) String() string { return t.text }

// Hash returns the SHA-256 of the token as it was sent, in base64url: the claim
// x-ms-policy-token-hash.
func (t *Token) Hash() string {
	sum := sha256.Sum256([]byte(t.text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// InputHash returns the SHA-256, in base64url, of what is signed: header and payload.
// An ECDSA signature can be turned into another one by whoever has the token, which
// changes [Token.Hash] and not this.
func (t *Token) InputHash() string {
	sum := sha256.Sum256([]byte(t.signed))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// IsSigned reports whether the token has a signature, right or wrong.
func (t *Token) IsSigned() bool { return t.algorithm != algorithmNone }

// IsEmpty reports whether the token asks for nothing, as the one that resets a
// policy does: it has no payload, or a payload with none but the registered
// claims of RFC 7519, section 4.1.
func (t *Token) IsEmpty() bool {
	for name := range t.claims.members {
		if !slices.Contains(registeredClaims(), name) {
			return false
		}
	}
	return true
}

func registeredClaims() []string { return []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"} }

// Chain returns the certificates that a signed token carries, that of the signing
// key first; nil for an unsigned one. The slice is the caller's.
func (t *Token) Chain() []*x509.Certificate { return slices.Clone(t.chain) }
