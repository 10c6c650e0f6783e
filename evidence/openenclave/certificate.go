package openenclave

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"slices"

	"github.com/azattest/azattest/evidence"
)

// Object identifiers of the extensions that carry evidence. The first two hold
// a report (Azure Attestation's own signing certificates of 2020 hold a bare
// quote there), the other two hold evidence.
var (
	oidReport      = asn1.ObjectIdentifier{1, 2, 840, 113556, 10, 1, 1}
	oidReportNew   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 105, 1}
	oidEvidence    = asn1.ObjectIdentifier{1, 2, 840, 113556, 10, 1, 2}
	oidEvidenceNew = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 105, 2}
)

// ParseCertificate reads an attested certificate, DER: self-signed, with a
// report, a bare quote or evidence in one of four extensions, whose report data
// is the SHA-256 of the certificate's public key as PEM with its terminating
// NUL. That binding is checked by [Verifier.Verify]; the self-signature is
// checked here. Errors are *[evidence.Error].
func ParseCertificate(der []byte) (*Report, error) {
	if len(der) > maxReport {
		return nil, refuse(evidence.CodeTooLarge, "certificate", -1, fmt.Sprintf("%d bytes", len(der)), fmt.Sprintf("at most %d", maxReport))
	}
	cert, err := x509.ParseCertificate(bytes.Clone(der))
	if err != nil {
		e := refuse(evidence.CodeMalformed, "certificate", -1, "", "")
		e.Err = err
		return nil, e
	}
	if err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
		return nil, &evidence.Error{
			Stage: evidence.StageSignature, Code: evidence.CodeBadSignature, Part: "certificate", Offset: -1,
			Expected: "a self-signed certificate", Err: err,
		}
	}
	r, err := fromExtension(cert)
	if err != nil {
		return nil, err
	}
	key, err := publicKeyPEM(cert)
	if err != nil {
		return nil, err
	}
	r.Certificate = cert
	r.bound, r.boundName = key, "certificate's public key"
	return r, nil
}

// IsAttested reports whether a certificate has an extension that
// [ParseCertificate] reads. It says nothing of what is in it.
func IsAttested(cert *x509.Certificate) bool {
	return slices.ContainsFunc(cert.Extensions, func(ext pkix.Extension) bool {
		return slices.ContainsFunc(
			[]asn1.ObjectIdentifier{oidReport, oidReportNew, oidEvidence, oidEvidenceNew}, ext.Id.Equal)
	})
}

func fromExtension(cert *x509.Certificate) (*Report, error) {
	for _, ext := range cert.Extensions {
		switch {
		case ext.Id.Equal(oidReport), ext.Id.Equal(oidReportNew):
			if IsReport(ext.Value) {
				return Parse(ext.Value)
			}
			return newReport(ext.Value, unwrapOctets(ext.Value))
		case ext.Id.Equal(oidEvidence), ext.Id.Equal(oidEvidenceNew):
			return Parse(ext.Value)
		}
	}
	return nil, refuse(evidence.CodeMissing, "certificate", -1, "no extension with evidence",
		fmt.Sprintf("one of %s, %s, %s, %s", oidReport, oidReportNew, oidEvidence, oidEvidenceNew))
}

// unwrapOctets takes the quote out of the OCTET STRING in which some signing
// certificates of 2020 wrap it once more. Anything else is returned as it is.
func unwrapOctets(value []byte) []byte {
	var inner []byte
	if rest, err := asn1.Unmarshal(value, &inner); err == nil && len(rest) == 0 {
		return inner
	}
	return value
}

// publicKeyPEM is what Open Enclave hashes: the key as PEM with LF, the final
// newline and the NUL that ends a C string.
func publicKeyPEM(cert *x509.Certificate) ([]byte, error) {
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: cert.RawSubjectPublicKeyInfo})
	if text == nil {
		return nil, refuse(evidence.CodeMalformed, "certificate: public key", -1, "not encodable", "a public key")
	}
	return append(text, 0), nil
}
