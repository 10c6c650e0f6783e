package tpm

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"math/big"

	"github.com/azattest/azattest/evidence"
)

// jws is a request in compact serialization (RFC 7515, section 3.1), not trusted.
type jws struct {
	version   int
	algorithm string
	payload   []byte
	// input is what is signed: the first two parts with the period between.
	input, signature []byte
}

// The values of "typ" that tell the versions of the request apart.
const (
	typeV1 = "attReq"
	typeV2 = "attReqV2"
)

// parseJWS takes a request apart. Its header says how it is signed and nothing of
// by whom: the key stands in the payload.
func parseJWS(raw []byte) (*jws, error) {
	const part = "request: JWS"
	if len(raw) > maxRequest {
		return nil, refuse(evidence.StageParse, evidence.CodeTooLarge, part, fmt.Sprintf("%d bytes", len(raw)), fmt.Sprintf("at most %d", maxRequest))
	}
	parts := bytes.SplitN(raw, []byte("."), 4)
	if len(parts) != 3 {
		return nil, refuse(evidence.StageParse, evidence.CodeMalformed, part, fmt.Sprintf("%d periods", bytes.Count(raw, []byte("."))), "a JWS in compact serialization, which has two")
	}
	if len(parts[0]) > maxHeader {
		return nil, refuse(evidence.StageParse, evidence.CodeTooLarge, part+": header", fmt.Sprintf("%d bytes", len(parts[0])), fmt.Sprintf("at most %d", maxHeader))
	}
	var decoded [3][]byte
	for i, name := range []string{"header", "payload", "signature"} {
		b, err := decodeRawURL(parts[i])
		if err != nil || len(b) == 0 {
			e := refuse(evidence.StageParse, evidence.CodeMalformed, part+": "+name, "", "base64url without padding")
			e.Err = err
			return nil, e
		}
		decoded[i] = b
	}
	j := &jws{payload: decoded[1], signature: decoded[2], input: raw[:len(parts[0])+1+len(parts[1])]}
	return j, j.readHeader(decoded[0])
}

func (j *jws) readHeader(raw []byte) error {
	header, err := parseJSON("request: JWS header", raw)
	if err != nil {
		return err
	}
	if j.algorithm, _, err = header.text("alg"); err != nil {
		return err
	}
	typ, _, err := header.text("typ")
	if err != nil {
		return err
	}
	if _, ok := header.get("crit"); ok {
		return jsonError("request: JWS header", evidence.CodeUnsupported, "crit", "no extension, for none is known")
	}
	switch typ {
	case typeV1:
		j.version = 1
	case typeV2:
		j.version = 2
	default:
		return jsonError("request: JWS header.typ", evidence.CodeUnsupported, fmt.Sprintf("%.32q", typ), typeV1+" or "+typeV2)
	}
	switch j.algorithm {
	case "PS256", "RS256", "ES256", "ES384":
		return nil
	}
	return jsonError("request: JWS header.alg", evidence.CodeUnsupported, fmt.Sprintf("%.32q", j.algorithm), "PS256, or ES256 or ES384 of an EC key")
}

// verify checks that a key signed the request: whoever sent it has the key. An
// AIK is fixed to a scheme, which may be RS256; others sign with what the protocol
// says.
func (j *jws) verify(key crypto.PublicKey, isAIK bool) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	problem := func(code evidence.Code, found, expected string) error {
		return refuse(evidence.StageSignature, code, "request: JWS", found, expected)
	}
	var ok bool
	switch key := key.(type) {
	case *rsa.PublicKey:
		digest := SHA256.sum(j.input)
		switch {
		case j.algorithm == "PS256":
			// A TPM before revision 1.38 salts with as many bytes as fit.
			ok = rsa.VerifyPSS(key, crypto.SHA256, digest, j.signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}) == nil
		case j.algorithm == "RS256" && isAIK:
			ok = rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, j.signature) == nil
		default:
			return problem(evidence.CodeMismatch, "alg "+j.algorithm+" of an RSA key", "PS256")
		}
	case *ecdsa.PublicKey:
		size := (key.Params().BitSize + 7) / 8
		algorithm, hash := "ES256", SHA256
		if size == 48 {
			algorithm, hash = "ES384", SHA384
		}
		if j.algorithm != algorithm {
			return problem(evidence.CodeMismatch, "alg "+j.algorithm+" of a key on "+key.Params().Name, algorithm)
		}
		if len(j.signature) != 2*size {
			return problem(evidence.CodeMalformed, fmt.Sprintf("a signature of %d bytes", len(j.signature)), fmt.Sprintf("%d, r and s", 2*size))
		}
		r, s := new(big.Int).SetBytes(j.signature[:size]), new(big.Int).SetBytes(j.signature[size:])
		ok = ecdsa.Verify(key, hash.sum(j.input), r, s)
	}
	if !ok {
		return problem(evidence.CodeBadSignature, "a signature that does not hold", "one by the key that the request names")
	}
	return nil
}
