//go:build pkcs11

package keyring

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"slices"

	"github.com/miekg/pkcs11"
)

// digestInfo comes before a SHA-256 in an RSASSA-PKCS1-v1_5 signature (RFC 8017,
// section 9.2, note 1): the token pads what it is given.
var digestInfo = []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}

// hsmSigner signs with one key of a token. It finds the key again if the token
// was away.
type hsmSigner struct {
	token *hsm
	name  string
	pub   crypto.PublicKey
}

// Signer finds a key pair by its name.
func (t *hsm) Signer(ctx context.Context, name string) (crypto.Signer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &hsmSigner{token: t, name: name}
	err := t.do(func(in session) error {
		if _, err := t.private(in, name); err != nil {
			return err
		}
		var err error
		s.pub, err = t.public(in, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keyring: PKCS #11: key %s: %w", clip(name), err)
	}
	return s, nil
}

// Public returns the public half.
func (s *hsmSigner) Public() crypto.PublicKey { return s.pub }

// Sign signs a SHA-256. The token draws its own randomness.
func (s *hsmSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts == nil || opts.HashFunc() != crypto.SHA256 || len(digest) != sha256.Size {
		return nil, fmt.Errorf("keyring: PKCS #11: %d bytes to sign, want a SHA-256", len(digest))
	}
	mechanism, input, err := s.mechanism(digest, opts)
	if err != nil {
		return nil, err
	}
	var signature []byte
	err = s.token.do(func(in session) error {
		key, err := s.token.private(in, s.name)
		if err != nil {
			return err
		}
		if err := s.token.lib.SignInit(in.handle, []*pkcs11.Mechanism{mechanism}, key); err != nil {
			return err
		}
		signature, err = s.token.lib.Sign(in.handle, input)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keyring: PKCS #11: sign with %s: %w", s.name, err)
	}
	if _, ok := s.pub.(*ecdsa.PublicKey); ok {
		return encodeECDSA(signature)
	}
	return signature, nil
}

func (s *hsmSigner) mechanism(digest []byte, opts crypto.SignerOpts) (*pkcs11.Mechanism, []byte, error) {
	if _, ok := s.pub.(*ecdsa.PublicKey); ok {
		return pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil), digest, nil
	}
	pss, ok := opts.(*rsa.PSSOptions)
	if !ok {
		return pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS, nil), slices.Concat(digestInfo, digest), nil
	}
	if pss.SaltLength != rsa.PSSSaltLengthEqualsHash && pss.SaltLength != sha256.Size {
		return nil, nil, fmt.Errorf("keyring: PKCS #11: a salt of %d bytes, want %d", pss.SaltLength, sha256.Size)
	}
	parameters := pkcs11.NewPSSParams(pkcs11.CKM_SHA256, pkcs11.CKG_MGF1_SHA256, sha256.Size)
	return pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_PSS, parameters), digest, nil
}

// encodeECDSA turns R‖S, which tokens return, into the ASN.1 that Go's signers
// do.
func encodeECDSA(signature []byte) ([]byte, error) {
	const half = 32
	if len(signature) != 2*half {
		return nil, fmt.Errorf("keyring: PKCS #11: an ECDSA signature of %d bytes, want %d", len(signature), 2*half)
	}
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])})
}
