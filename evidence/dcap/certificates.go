package dcap

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/azattest/azattest/evidence"
)

const (
	certificateBegin = "-----BEGIN CERTIFICATE-----"
	certificateEnd   = "-----END CERTIFICATE-----"
)

// ParseCertificates reads a PEM chain, in whatever order it stands.
//
// It is more tolerant than encoding/pem, because chains in circulation are:
// some lack the newline between two blocks (encoding/pem skips such blocks
// silently), some end in a NUL. Anything else between the blocks than white
// space and NUL is refused. Errors are *[evidence.Error] of stage parse.
func ParseCertificates(raw []byte) ([]*x509.Certificate, error) {
	blocks, err := certificateBlocks(raw)
	if err != nil {
		return nil, err
	}
	certs := make([]*x509.Certificate, len(blocks))
	for i, b := range blocks {
		if certs[i], err = x509.ParseCertificate(b.der); err != nil {
			e := chainError(evidence.CodeMalformed, b.offset, "", "")
			e.Err = err
			return nil, e
		}
	}
	return certs, nil
}

// block is a PEM block of a chain.
type block struct {
	offset int
	der    []byte
}

// certificateBlocks finds and decodes the blocks, at least one.
func certificateBlocks(raw []byte) ([]block, error) {
	if len(raw) > maxChain {
		return nil, chainError(evidence.CodeTooLarge, 0, fmt.Sprintf("%d bytes", len(raw)), fmt.Sprintf("at most %d", maxChain))
	}
	var blocks []block
	for rest := raw; ; {
		rest = bytes.TrimLeft(rest, " \t\r\n\x00")
		at := len(raw) - len(rest)
		if len(rest) == 0 {
			break
		}
		body, ok := bytes.CutPrefix(rest, []byte(certificateBegin))
		if !ok {
			return nil, chainError(evidence.CodeMalformed, at, fmt.Sprintf("%q", rest[:min(len(rest), 16)]), certificateBegin)
		}
		encoded, after, ok := bytes.Cut(body, []byte(certificateEnd))
		if !ok {
			return nil, chainError(evidence.CodeTruncated, at, "no end of the block", certificateEnd)
		}
		rest = after
		if len(blocks) == maxCertificates {
			return nil, chainError(evidence.CodeTooLarge, at, "more certificates", fmt.Sprintf("at most %d", maxCertificates))
		}
		der, err := decodeBlock(encoded)
		if err != nil {
			e := chainError(evidence.CodeMalformed, at, "", "base64")
			e.Err = err
			return nil, e
		}
		blocks = append(blocks, block{at, der})
	}
	if len(blocks) == 0 {
		return nil, chainError(evidence.CodeMissing, 0, "no certificate", "PEM blocks of type CERTIFICATE")
	}
	return blocks, nil
}

func decodeBlock(encoded []byte) ([]byte, error) {
	compact := bytes.Join(bytes.Fields(encoded), nil)
	der := make([]byte, base64.StdEncoding.DecodedLen(len(compact)))
	n, err := base64.StdEncoding.Strict().Decode(der, compact)
	return der[:n], err
}

func chainError(code evidence.Code, offset int, found, expected string) *evidence.Error {
	return &evidence.Error{
		Stage: evidence.StageParse, Code: code, Part: "certificate chain", Offset: offset, Found: found, Expected: expected,
	}
}

// certificatePart names a certificate in an error. The name is the sender's: it is
// cut, and quoted unless it is plain text, so that it cannot forge lines of a log.
func certificatePart(c *x509.Certificate) string {
	name := clip(c.Subject.CommonName)
	if quoted := strconv.Quote(name); quoted[1:len(quoted)-1] != name {
		name = quoted
	}
	return "certificate " + name
}

// clip shortens what a sender wrote.
func clip(text string) string {
	const most = 128 // Intel's distinguished names have some 90 bytes
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// issued checks that issuer's key signed cert and that both are what Intel's
// profile says: ECDSA with SHA-256 on P-256, no critical extension unknown to
// us.
func issued(cert *x509.Certificate, issuerName string, issuer *ecdsa.PublicKey) error {
	part := certificatePart(cert)
	refuse := func(code evidence.Code, found, expected string) error {
		return &evidence.Error{Stage: evidence.StageChain, Code: code, Part: part, Offset: -1, Found: found, Expected: expected}
	}
	if cert.Version != 3 {
		return refuse(evidence.CodeMalformed, fmt.Sprintf("X.509 version %d", cert.Version), "3")
	}
	if cert.SignatureAlgorithm != x509.ECDSAWithSHA256 {
		return refuse(evidence.CodeUnsupported, "signature algorithm "+cert.SignatureAlgorithm.String(), x509.ECDSAWithSHA256.String())
	}
	if _, err := publicKey(cert); err != nil {
		return err
	}
	if n := len(cert.UnhandledCriticalExtensions); n > 0 {
		return refuse(evidence.CodeUnsupported, "critical extension "+cert.UnhandledCriticalExtensions[0].String(), "none that is unknown")
	}
	if cert.Issuer.CommonName != issuerName {
		return refuse(evidence.CodeMismatch, fmt.Sprintf("issuer %q", clip(cert.Issuer.CommonName)), fmt.Sprintf("%q", issuerName))
	}
	digest := sha256.Sum256(cert.RawTBSCertificate)
	if !ecdsa.VerifyASN1(issuer, digest[:], cert.Signature) {
		return refuse(evidence.CodeBadSignature, "the signature does not hold", "one by "+issuerName)
	}
	return nil
}

// publicKey returns the certificate's key, which must be on P-256.
func publicKey(cert *x509.Certificate) (*ecdsa.PublicKey, error) {
	key, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, &evidence.Error{
			Stage: evidence.StageChain, Code: evidence.CodeUnsupported, Part: certificatePart(cert),
			Offset: -1, Found: fmt.Sprintf("a key of type %s", cert.PublicKeyAlgorithm), Expected: "ECDSA on P-256",
		}
	}
	return key, nil
}

// validity is the time within which a part may be used.
type validity struct {
	stage    evidence.Stage
	part     string
	from, to time.Time
}

func certificateValidity(stage evidence.Stage, cert *x509.Certificate) validity {
	return validity{stage: stage, part: certificatePart(cert), from: cert.NotBefore, to: cert.NotAfter}
}

// check refuses a time outside the window. Both ends belong to it.
func (v validity) check(at time.Time) error {
	switch {
	case at.Before(v.from):
		return v.refuse(evidence.CodeNotYetValid, at, "a time from ", v.from)
	case at.After(v.to):
		return v.refuse(evidence.CodeExpired, at, "a time up to ", v.to)
	}
	return nil
}

func (v validity) refuse(code evidence.Code, at time.Time, expected string, bound time.Time) error {
	return &evidence.Error{
		Stage: v.stage, Code: code, Part: v.part, Offset: -1,
		Found: "at " + at.UTC().Format(time.RFC3339), Expected: expected + bound.UTC().Format(time.RFC3339),
	}
}
