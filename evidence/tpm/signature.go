package tpm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"math/big"

	"github.com/azattest/azattest/evidence"
)

// Signature is a TPMT_SIGNATURE (part 2, 11.3.4).
type Signature struct {
	// Scheme is RSASSA, RSAPSS or ECDSA.
	Scheme Algorithm
	Hash   Algorithm
	// RSA is the signature by RSA, empty for ECDSA.
	RSA []byte
	// R and S are the signature by ECDSA, big-endian.
	R, S []byte
}

// ParseSignature reads a TPMT_SIGNATURE, all of it.
func ParseSignature(raw []byte) (*Signature, error) {
	const part = "TPMT_SIGNATURE"
	r := newReader(raw, maxSignature, part)
	s := &Signature{Scheme: r.algorithm(part + ": sigAlg")}
	switch s.Scheme {
	case RSASSA, RSAPSS:
		s.Hash = r.hash(part + ": hash")
		s.RSA = r.sized(maxRSABits/8, part+": sig")
	case ECDSA:
		s.Hash = r.hash(part + ": hash")
		s.R = r.sized(maxCoordinate, part+": signatureR")
		s.S = r.sized(maxCoordinate, part+": signatureS")
	default:
		r.fail(evidence.CodeUnsupported, part+": sigAlg", 0, s.Scheme.String(), "RSASSA, RSAPSS or ECDSA")
	}
	r.end(part)
	if err := r.problem(); err != nil {
		return nil, err
	}
	return s, nil
}

// RawSignature makes a signature of the bare bytes, where a protocol states scheme
// and hash elsewhere: the signature itself for RSA, r‖s for ECDSA, each half of it.
func RawSignature(scheme, hash Algorithm, raw []byte) (*Signature, error) {
	const part = "signature"
	r := newReader(raw, maxRSABits/8, part)
	if hash.size() == 0 {
		r.fail(evidence.CodeUnsupported, part, 0, "hash "+hash.String(), "SHA1, SHA256, SHA384 or SHA512")
	}
	s := &Signature{Scheme: scheme, Hash: hash}
	switch scheme {
	case RSASSA, RSAPSS:
		s.RSA = r.take(len(raw), part)
	case ECDSA:
		if len(raw)%2 != 0 || len(raw) > 2*maxCoordinate {
			r.fail(evidence.CodeMalformed, part, 0, fmt.Sprintf("%d bytes", len(raw)), "r and s of the same length")
		}
		s.R = r.take(len(raw)/2, part)
		s.S = r.take(len(raw)/2, part)
	default:
		r.fail(evidence.CodeUnsupported, part, 0, scheme.String(), "RSASSA, RSAPSS or ECDSA")
	}
	if err := r.problem(); err != nil {
		return nil, err
	}
	return s, nil
}

// verify checks the signature over a message.
func (s *Signature) verify(key crypto.PublicKey, message []byte) error {
	const part = "signature"
	h, ok := s.Hash.Hash()
	if !ok {
		return refuse(evidence.StageSignature, evidence.CodeUnsupported, part, "hash "+s.Hash.String(), "SHA1, SHA256, SHA384 or SHA512")
	}
	digest := s.Hash.sum(message)
	var isGood bool
	switch key := key.(type) {
	case *rsa.PublicKey:
		switch s.Scheme {
		case RSASSA:
			isGood = rsa.VerifyPKCS1v15(key, h, digest, s.RSA) == nil
		case RSAPSS:
			// A TPM's salt is as long as the key lets it be, or as the digest
			// where FIPS 186 rules (part 1, B.7).
			isGood = rsa.VerifyPSS(key, h, digest, s.RSA, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}) == nil
		default:
			return refuse(evidence.StageSignature, evidence.CodeMismatch, part, s.Scheme.String(), "RSASSA or RSAPSS, for the key is RSA")
		}
	case *ecdsa.PublicKey:
		if s.Scheme != ECDSA {
			return refuse(evidence.StageSignature, evidence.CodeMismatch, part, s.Scheme.String(), "ECDSA, for the key is ECC")
		}
		isGood = ecdsa.Verify(key, digest, new(big.Int).SetBytes(s.R), new(big.Int).SetBytes(s.S))
	default:
		return refuse(evidence.StageSignature, evidence.CodeUnsupported, part, fmt.Sprintf("a key of type %T", key), "RSA or ECDSA")
	}
	if !isGood {
		return refuse(evidence.StageSignature, evidence.CodeBadSignature, part, fmt.Sprintf("%s with %s that does not hold", s.Scheme, s.Hash), "one by the AIK")
	}
	return nil
}
