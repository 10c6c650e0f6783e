package tpm

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/azattest/azattest/evidence"
)

// EK is an endorsement key: the key of a TPM to which its vendor gives a
// certificate. It decrypts and does not sign. It is immutable.
type EK struct {
	key   crypto.PublicKey
	chain []*x509.Certificate
	// What the template says to which the TPM makes the key.
	nameAlgorithm Algorithm
	symmetricBits int
}

// The attributes of an EK in the profile's templates (appendix B): those of the
// high range have userWithAuth beside.
const ekAttributes = resident | AdminWithPolicy | Restricted | Decrypt

// ekTemplate is what the EK credential profile says of a kind of key (appendix
// B.3 and B.4): the older templates L-1 and L-2 for RSA-2048 and P-256, those of
// the high range for RSA-3072, RSA-4096 and P-384.
type ekTemplate struct {
	nameAlgorithm Algorithm
	symmetricBits int
	// policy is PolicySecret(endorsement) for the older ones; in the high range
	// PolicyOR of that and of a policy in an NV index (appendix B.6).
	policy string
}

var (
	lowTemplate  = ekTemplate{SHA256, 128, "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"}
	highTemplate = ekTemplate{SHA384, 256, "b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12"}
)

// templateOf returns the template of a key.
func templateOf(key crypto.PublicKey) (ekTemplate, error) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		switch key.N.BitLen() {
		case 2048:
			return lowTemplate, nil
		case 3072, 4096:
			return highTemplate, nil
		}
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return lowTemplate, nil
		case elliptic.P384():
			return highTemplate, nil
		}
	}
	return ekTemplate{}, refuse(StageKey, evidence.CodeUnsupported, "EK", fmt.Sprintf("a key of type %T", key), "RSA of 2048, 3072 or 4096 bits, or P-256 or P-384")
}

// VerifyEK checks the certificate of an EK as of a time, up to a root, and returns
// the key with the template that the EK credential profile has for it. Every
// certificate between must be for EKs where it says what it is for. Revocation is
// not asked, as in [Authorities.VerifyAIK].
func (a *Authorities) VerifyEK(leaf *x509.Certificate, intermediates []*x509.Certificate, at time.Time) (*EK, error) {
	if leaf != nil && leaf.PublicKey == nil {
		var err error
		if leaf, err = withOAEPKey(leaf); err != nil {
			return nil, err
		}
	}
	chain, err := a.verify(leaf, intermediates, at, oidEKCertificate)
	if err != nil {
		return nil, err
	}
	const usage = x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement
	if leaf.KeyUsage&usage == 0 {
		return nil, chainError(evidence.CodeMalformed, leaf, "other key usages", "key encipherment or key agreement")
	}
	if err := CheckKey(leaf.PublicKey); err != nil {
		return nil, err
	}
	t, err := templateOf(leaf.PublicKey)
	if err != nil {
		return nil, err
	}
	return &EK{key: leaf.PublicKey, chain: chain, nameAlgorithm: t.nameAlgorithm, symmetricBits: t.symmetricBits}, nil
}

// WithPublic returns the EK with the public area that the TPM shows, for those that
// were not made to the profile's template. The public area must be of the same key,
// of a storage key that never leaves its TPM, and its policy one of the profile's.
func (e *EK) WithPublic(p *Public) (*EK, error) {
	if !equalKeys(e.key, p.Key) {
		return nil, refuse(StageKey, evidence.CodeMismatch, "EK", "a TPMT_PUBLIC with another key", "the key of the certificate")
	}
	if got := p.Attributes &^ (UserWithAuth | NoDA); got != ekAttributes {
		return nil, refuse(StageKey, evidence.CodeMismatch, "EK: objectAttributes", p.Attributes.String(), ekAttributes.String())
	}
	if p.Symmetric.Algorithm != AES || p.Scheme != Null {
		return nil, refuse(StageKey, evidence.CodeMismatch, "EK", fmt.Sprintf("cipher %s, scheme %s", p.Symmetric.Algorithm, p.Scheme), "AES and no scheme")
	}
	isKnown := false
	for _, t := range []ekTemplate{lowTemplate, highTemplate} {
		policy, err := hex.DecodeString(t.policy)
		isKnown = isKnown || err == nil && p.NameAlgorithm == t.nameAlgorithm && bytes.Equal(p.AuthPolicy, policy)
	}
	if !isKnown {
		return nil, refuse(StageKey, evidence.CodeMismatch, "EK: authPolicy", hex.EncodeToString(p.AuthPolicy), "a policy of the EK credential profile")
	}
	return &EK{key: e.key, chain: e.chain, nameAlgorithm: p.NameAlgorithm, symmetricBits: p.Symmetric.KeyBits}, nil
}

// Key returns the public key: *rsa.PublicKey or *ecdsa.PublicKey.
func (e *EK) Key() crypto.PublicKey { return e.key }

// Chain returns the certificates from the EK's to the root.
func (e *EK) Chain() []*x509.Certificate { return e.chain }

// oidRSAESOAEP is an algorithm by which some vendors name an EK's RSA key.
var oidRSAESOAEP = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 7}

// withOAEPKey returns a copy of a certificate whose key is named as id-RSAES-OAEP,
// as STMicroelectronics and others do (RFC 4055, 4.1): the key is an RSA key as
// any other, but crypto/x509 leaves it unread.
func withOAEPKey(leaf *x509.Certificate) (*x509.Certificate, error) {
	var info struct {
		Algorithm struct {
			Algorithm  asn1.ObjectIdentifier
			Parameters asn1.RawValue `asn1:"optional"`
		}
		Key asn1.BitString
	}
	rest, err := asn1.Unmarshal(leaf.RawSubjectPublicKeyInfo, &info)
	if err != nil || len(rest) > 0 || !info.Algorithm.Algorithm.Equal(oidRSAESOAEP) {
		return nil, chainError(evidence.CodeUnsupported, leaf, "a key that is neither RSA nor ECDSA", "RSA or ECDSA")
	}
	key, err := x509.ParsePKCS1PublicKey(info.Key.RightAlign())
	if err != nil {
		e := chainError(evidence.CodeMalformed, leaf, "", "an RSA key")
		e.Err = err
		return nil, e
	}
	c := *leaf
	c.PublicKey, c.PublicKeyAlgorithm = key, x509.RSA
	return &c, nil
}
