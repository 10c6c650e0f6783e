package tpm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/azattest/azattest/evidence"
)

// AIK is an attestation identity key: the key with which a TPM signs what it says
// of itself. It is immutable and safe for concurrent use.
//
// What a quote is worth depends on where the AIK comes from. A key that is not
// restricted signs whatever it is given, a quote that no TPM made included.
type AIK struct {
	key    crypto.PublicKey
	spki   []byte // DER
	public *Public
	chain  []*x509.Certificate
}

// NewAIK returns the AIK of a TPMT_PUBLIC. It refuses a key that cannot be one: it
// must be restricted, sign and not decrypt, be fixed to its TPM and its parent, and
// have been made there. That the attributes are true is proved by the activation
// of a credential for its name, [EK.MakeCredential], or by a certificate.
func NewAIK(p *Public) (*AIK, error) {
	const need = resident | Restricted | Sign
	a := p.Attributes
	if !a.Has(need) || a&(Decrypt|X509Sign) != 0 {
		e := refuse(StageKey, evidence.CodeMismatch, "AIK: objectAttributes", a.String(), need.String()+", and neither decrypt nor x509sign")
		e.Hint = "a key that is not restricted signs anything, also what no TPM made"
		return nil, e
	}
	if p.NameAlgorithm == SHA1 {
		return nil, refuse(StageKey, evidence.CodeUnsupported, "AIK: nameAlg", SHA1.String(), "SHA256, SHA384 or SHA512")
	}
	aik, err := AIKFromKey(p.Key)
	if err != nil {
		return nil, err
	}
	switch p.Scheme {
	case RSASSA, RSAPSS, ECDSA:
	default:
		return nil, refuse(StageKey, evidence.CodeMismatch, "AIK: scheme", p.Scheme.String(), "RSASSA, RSAPSS or ECDSA, as every restricted signing key has one")
	}
	aik.public = p
	return aik, nil
}

// AIKFromKey returns the AIK of a bare public key, such as a JWK without a
// certificate. Nothing is known of it: neither whether it is in a TPM, nor whether
// it signs only what the TPM made.
func AIKFromKey(key crypto.PublicKey) (*AIK, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		e := refuse(StageKey, evidence.CodeMalformed, "AIK", "", "a public key")
		e.Err = err
		return nil, e
	}
	return &AIK{key: key, spki: spki}, nil
}

// CheckKey refuses keys that are too weak to prove anything: RSA below 2048 bits or
// with an exponent below 65537, and curves other than P-256 and P-384.
func CheckKey(key crypto.PublicKey) error {
	const part = "public key"
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key == nil || key.N == nil || key.N.Bit(0) == 0 || key.N.Sign() <= 0 {
			return refuse(StageKey, evidence.CodeMalformed, part, "RSA without an odd modulus", "a modulus")
		}
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return refuse(StageKey, evidence.CodeUnsupported, part, fmt.Sprintf("RSA of %d bits", bits), fmt.Sprintf("%d to %d", minRSABits, maxRSABits))
		}
		if key.E < 65537 || key.E%2 == 0 || key.E > 1<<31-1 {
			return refuse(StageKey, evidence.CodeUnsupported, part, "RSA exponent "+strconv.Itoa(key.E), "an odd number from 65537")
		}
		return nil
	case *ecdsa.PublicKey:
		if key != nil && (key.Curve == elliptic.P256() || key.Curve == elliptic.P384()) {
			if _, err := key.Bytes(); err == nil {
				return nil
			}
		}
	}
	return refuse(StageKey, evidence.CodeUnsupported, part, fmt.Sprintf("a key of type %T", key), "RSA, or ECDSA on P-256 or P-384")
}

// WithPublic returns the same AIK with the public area of its key, where a
// certificate and a TPMT_PUBLIC are both at hand. The public area must be that of
// an AIK and of this key.
func (a *AIK) WithPublic(p *Public) (*AIK, error) {
	other, err := NewAIK(p)
	if err != nil {
		return nil, err
	}
	if !equalKeys(a.key, p.Key) {
		return nil, refuse(StageKey, evidence.CodeMismatch, "AIK", "a TPMT_PUBLIC with another key", "the key of the AIK")
	}
	other.chain = a.chain
	return other, nil
}

// Key returns the public key: *rsa.PublicKey or *ecdsa.PublicKey.
func (a *AIK) Key() crypto.PublicKey { return a.key }

// Public returns the public area of the key, nil if it is not known.
func (a *AIK) Public() *Public { return a.public }

// Chain returns the certificates from the AIK's to the root, nil if there is none.
func (a *AIK) Chain() []*x509.Certificate { return a.chain }

// IsValidated reports whether a certificate under a root that the operator trusts
// names the key as an AIK: the claim aikValidated.
func (a *AIK) IsValidated() bool { return len(a.chain) > 0 }

// Hash is the claim aikPubHash: the SHA-256 of the key's SubjectPublicKeyInfo in
// DER, in base64 with padding.
func (a *AIK) Hash() string {
	sum := sha256.Sum256(a.spki)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// open checks a signature by the AIK and returns what is signed.
func (a *AIK) open(attest []byte, s *Signature, want Requirements) (*Attest, error) {
	if len(want.QualifyingData) == 0 && !want.anyData {
		return nil, refuse(StageQuote, evidence.CodeMissing, "expected qualifying data", "none", "the challenge that was given")
	}
	signed, err := ParseAttest(attest)
	if err != nil {
		return nil, err
	}
	if s.Hash == SHA1 && !want.AllowSHA1Signatures {
		return nil, refuse(evidence.StageSignature, evidence.CodeUnsupported, "signature: hash", SHA1.String(), "SHA256, SHA384 or SHA512")
	}
	if p := a.public; p != nil && (s.Scheme != p.Scheme || s.Hash != p.SchemeHash) {
		return nil, refuse(evidence.StageSignature, evidence.CodeMismatch, "signature: scheme",
			fmt.Sprintf("%s with %s", s.Scheme, s.Hash), fmt.Sprintf("%s with %s, to which the AIK is fixed", p.Scheme, p.SchemeHash))
	}
	if err := s.verify(a.key, attest); err != nil {
		return nil, err
	}
	if !signed.QualifiedSigner.isDigest() {
		return nil, refuse(StageQuote, evidence.CodeMissing, "TPMS_ATTEST: qualifiedSigner", "no key", "the qualified name of the AIK")
	}
	if p := a.public; p != nil && signed.QualifiedSigner.algorithm() != p.NameAlgorithm {
		return nil, refuse(StageQuote, evidence.CodeMismatch, "TPMS_ATTEST: qualifiedSigner",
			"a name by "+signed.QualifiedSigner.algorithm().String(), "one by "+p.NameAlgorithm.String()+", as the AIK's")
	}
	return signed, nil
}

// equalKeys reports whether two public keys of known types are the same.
func equalKeys(a, b crypto.PublicKey) bool {
	switch a := a.(type) {
	case *rsa.PublicKey:
		return a.Equal(b)
	case *ecdsa.PublicKey:
		return a.Equal(b)
	}
	return false
}
