package dcap

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"

	"github.com/azattest/azattest/evidence"
)

// ParseCRL reads a revocation list without trusting it: DER, PEM ("X509 CRL")
// or hexadecimal DER, for provisioning services answer in all three. Errors are
// *[evidence.Error] of stage parse.
func ParseCRL(raw []byte) (*x509.RevocationList, error) {
	const part = "CRL"
	refuse := func(code evidence.Code, found, expected string, err error) error {
		return &evidence.Error{
			Stage: evidence.StageParse, Code: code, Part: part, Offset: -1, Found: found, Expected: expected, Err: err,
		}
	}
	if len(raw) > maxCRL {
		return nil, refuse(evidence.CodeTooLarge, fmt.Sprintf("%d bytes", len(raw)), fmt.Sprintf("at most %d", maxCRL), nil)
	}
	der := raw
	switch text := bytes.Trim(raw, " \t\r\n\x00"); {
	case bytes.HasPrefix(text, []byte("-----BEGIN X509 CRL-----")):
		block, rest := pem.Decode(text)
		if block == nil || len(rest) > 0 {
			return nil, refuse(evidence.CodeMalformed, "broken PEM", "one block of type X509 CRL", nil)
		}
		der = block.Bytes
	case isHex(text):
		der = make([]byte, hex.DecodedLen(len(text)))
		if _, err := hex.Decode(der, text); err != nil {
			return nil, refuse(evidence.CodeMalformed, "", "hexadecimal DER", err)
		}
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, refuse(evidence.CodeMalformed, "", "", err)
	}
	return list, nil
}

// isHex tells hexadecimal from DER: a DER list begins with the byte 0x30, in
// hexadecimal with the digits "30".
func isHex(text []byte) bool {
	return len(text) >= 2 && text[0] == '3' && text[1] == '0'
}

// revocations is a revocation list whose signature holds.
type revocations struct {
	part    string
	der     []byte
	valid   validity
	serials map[string]struct{}
}

// verifyCRL checks that the CA with this name and key issued the list.
func verifyCRL(part string, raw []byte, issuerName string, issuer *ecdsa.PublicKey) (*revocations, error) {
	refuse := func(code evidence.Code, found, expected string) error {
		return &evidence.Error{Stage: evidence.StageRevocation, Code: code, Part: part, Offset: -1, Found: found, Expected: expected}
	}
	if len(raw) == 0 {
		return nil, refuse(evidence.CodeMissing, "none", "the list: without it nothing counts as unrevoked")
	}
	list, err := ParseCRL(raw)
	if err != nil {
		return nil, atStage(evidence.StageRevocation, part, err)
	}
	if list.Issuer.CommonName != issuerName {
		return nil, refuse(evidence.CodeMismatch, fmt.Sprintf("issuer %q", clip(list.Issuer.CommonName)), fmt.Sprintf("%q", issuerName))
	}
	if list.SignatureAlgorithm != x509.ECDSAWithSHA256 {
		return nil, refuse(evidence.CodeUnsupported, "signature algorithm "+list.SignatureAlgorithm.String(), x509.ECDSAWithSHA256.String())
	}
	for _, ext := range list.Extensions {
		if ext.Critical {
			return nil, refuse(evidence.CodeUnsupported, "critical extension "+ext.Id.String(), "none: a partial or indirect list proves nothing")
		}
	}
	digest := sha256.Sum256(list.RawTBSRevocationList)
	if !ecdsa.VerifyASN1(issuer, digest[:], list.Signature) {
		return nil, refuse(evidence.CodeBadSignature, "the signature does not hold", "one by "+issuerName)
	}
	if list.NextUpdate.IsZero() {
		return nil, refuse(evidence.CodeMalformed, "no nextUpdate", "one")
	}
	r := &revocations{
		part:    part,
		der:     list.Raw,
		valid:   validity{stage: evidence.StageRevocation, part: part, from: list.ThisUpdate, to: list.NextUpdate},
		serials: make(map[string]struct{}, len(list.RevokedCertificateEntries)),
	}
	for _, entry := range list.RevokedCertificateEntries {
		r.serials[serialKey(entry.SerialNumber)] = struct{}{}
	}
	return r, nil
}

// check refuses a certificate that the list names.
func (r *revocations) check(cert *x509.Certificate) error {
	if len(r.serials) == 0 {
		return nil
	}
	if _, revoked := r.serials[serialKey(cert.SerialNumber)]; !revoked {
		return nil
	}
	return &evidence.Error{
		Stage: evidence.StageRevocation, Code: evidence.CodeRevoked, Part: certificatePart(cert), Offset: -1,
		Found: fmt.Sprintf("serial %x in the %s", cert.SerialNumber, r.part), Expected: "a certificate that is not revoked",
	}
}

func serialKey(n *big.Int) string { return string(n.Bytes()) }
