package tpm

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// signJWS signs a payload in the compact serialization (RFC 7515, 3.1).
func signJWS(ctx context.Context, key crypto.Signer, kind string, payload []byte) (string, error) {
	const op = "sign the request"
	var algorithm string
	var opts crypto.SignerOpts
	half := 0 // of an ECDSA signature
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		// RFC 7518, 3.5.
		algorithm, opts = "PS256", &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	case *ecdsa.PublicKey:
		algorithm, opts, half = "ES256", crypto.SHA256, 32
		if public.Curve.Params().BitSize == 384 {
			algorithm, opts, half = "ES384", crypto.SHA384, 48
		}
	default:
		return "", &Error{Op: op, Found: fmt.Sprintf("a key of type %T", public), Expected: "RSA, P-256 or P-384"}
	}
	signed := signingInput(algorithm, kind, payload)
	h := opts.HashFunc().New()
	h.Write([]byte(signed))
	var signature []byte
	var err error
	if k, ok := key.(*Key); ok {
		signature, err = k.sign(ctx, h.Sum(nil), opts)
	} else {
		signature, err = key.Sign(rand.Reader, h.Sum(nil), opts)
	}
	if err == nil && half > 0 {
		signature, err = fixedWidth(signature, half)
	}
	if err != nil {
		return "", failed(op, err)
	}
	return signed + "." + encode(signature), nil
}

// signingInput is what a JWS signs. The header is exactly what the protocol has:
// algorithm and type.
func signingInput(algorithm, kind string, payload []byte) string {
	return encode([]byte(`{"alg":"`+algorithm+`","typ":"`+kind+`"}`)) + "." + encode(payload)
}

// fixedWidth writes an ECDSA signature in ASN.1 as r‖s (RFC 7518, 3.4).
func fixedWidth(signature []byte, half int) ([]byte, error) {
	var parsed ecdsaSignature
	rest, err := asn1.Unmarshal(signature, &parsed)
	if err != nil {
		return nil, err
	}
	isFit := func(n *big.Int) bool { return n.Sign() > 0 && n.BitLen() <= 8*half }
	if len(rest) > 0 || !isFit(parsed.R) || !isFit(parsed.S) {
		return nil, fmt.Errorf("an ECDSA signature that is none of %d bits", 8*half)
	}
	return append(parsed.R.FillBytes(make([]byte, half)), parsed.S.FillBytes(make([]byte, half))...), nil
}
