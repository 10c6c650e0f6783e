package tpm

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"

	"github.com/google/go-tpm/tpm2"
)

// Sign signs a digest in the TPM, in the manner of crypto.Signer: ECDSA signatures
// are in ASN.1, RSA signs by RSASSA-PSS if the options are *rsa.PSSOptions and else
// by RSASSA-PKCS1-v1_5. The random numbers are the TPM's.
//
// The TPM chooses how long the salt of RSASSA-PSS is, too: as long as the hash, or
// as long as there is room. Whoever verifies must take either, as
// rsa.PSSSaltLengthAuto does.
func (k *Key) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	// crypto.Signer has no context.
	return k.sign(context.Background(), digest, opts)
}

func (k *Key) sign(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	const op = "TPM2_Sign"
	scheme, err := k.scheme(opts)
	if err != nil {
		return nil, err
	}
	if len(digest) != opts.HashFunc().Size() {
		return nil, &Error{Op: op, Found: fmt.Sprintf("a digest of %d bytes", len(digest)), Expected: fmt.Sprint(opts.HashFunc().Size())}
	}
	var raw []byte
	err = k.tpm.do(ctx, func() error {
		return k.with(func(key tpm2.AuthHandle) error {
			signed, err := tpm2.Sign{
				KeyHandle: key, Digest: tpm2.TPM2BDigest{Buffer: digest}, InScheme: scheme,
				Validation: tpm2.TPMTTKHashCheck{Tag: tpm2.TPMSTHashCheck, Hierarchy: tpm2.TPMRHNull},
			}.Execute(k.tpm.device)
			if err != nil {
				return failed(op, err)
			}
			raw, err = rawSignature(signed.Signature)
			return err
		})
	})
	return raw, err
}

// scheme is what the TPM is asked for, which a key with a scheme of its own must
// have.
func (k *Key) scheme(opts crypto.SignerOpts) (tpm2.TPMTSigScheme, error) {
	const op = "TPM2_Sign"
	hashes := map[crypto.Hash]tpm2.TPMAlgID{crypto.SHA256: tpm2.TPMAlgSHA256, crypto.SHA384: tpm2.TPMAlgSHA384, crypto.SHA512: tpm2.TPMAlgSHA512}
	hash, ok := hashes[opts.HashFunc()]
	if !ok {
		return tpm2.TPMTSigScheme{}, &Error{Op: op, Found: "hash " + opts.HashFunc().String(), Expected: "SHA-256, SHA-384 or SHA-512"}
	}
	scheme, details := tpm2.TPMAlgRSASSA, tpm2.NewTPMUSigScheme(tpm2.TPMAlgRSASSA, &tpm2.TPMSSchemeHash{HashAlg: hash})
	_, isPSS := opts.(*rsa.PSSOptions)
	switch _, isECDSA := k.public.Key.(*ecdsa.PublicKey); {
	case isECDSA:
		scheme, details = tpm2.TPMAlgECDSA, tpm2.NewTPMUSigScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSchemeHash{HashAlg: hash})
	case isPSS:
		scheme, details = tpm2.TPMAlgRSAPSS, tpm2.NewTPMUSigScheme(tpm2.TPMAlgRSAPSS, &tpm2.TPMSSchemeHash{HashAlg: hash})
	}
	return tpm2.TPMTSigScheme{Scheme: scheme, Details: details}, nil
}

// rawSignature is a TPMT_SIGNATURE without its scheme.
func rawSignature(s tpm2.TPMTSignature) ([]byte, error) {
	const op = "TPM2_Sign"
	switch s.SigAlg {
	case tpm2.TPMAlgRSASSA:
		signature, err := s.Signature.RSASSA()
		if err != nil {
			return nil, failed(op, err)
		}
		return signature.Sig.Buffer, nil
	case tpm2.TPMAlgRSAPSS:
		signature, err := s.Signature.RSAPSS()
		if err != nil {
			return nil, failed(op, err)
		}
		return signature.Sig.Buffer, nil
	case tpm2.TPMAlgECDSA:
		signature, err := s.Signature.ECDSA()
		if err != nil {
			return nil, failed(op, err)
		}
		return asn1.Marshal(ecdsaSignature{new(big.Int).SetBytes(signature.SignatureR.Buffer), new(big.Int).SetBytes(signature.SignatureS.Buffer)})
	default:
		return nil, &Error{Op: op, Found: fmt.Sprintf("a signature of scheme %#04x", uint16(s.SigAlg)), Expected: "RSASSA, RSAPSS or ECDSA"}
	}
}

// ecdsaSignature is an Ecdsa-Sig-Value (RFC 3279, 2.2.3).
type ecdsaSignature struct{ R, S *big.Int }
