package relyingparty

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/openenclave"
)

// ErrNoReport says that a certificate carries no enclave's report. It proves
// nothing, and claims nothing: a CA issued it, or nobody.
var ErrNoReport = errors.New("the certificate carries no enclave's report")

// Check is a step of [VerifySigningCertificate].
type Check string

// The checks, in their order.
const (
	CheckReport        Check = "report"         // there is a report, and it can be read
	CheckSelfSignature Check = "self-signature" // the certificate's own key signed it
	CheckValidity      Check = "validity"       // the certificate's dates
	CheckKeyBinding    Check = "key-binding"    // the report is about the certificate's key
	CheckKeyID         Check = "kid"            // the key was published under its own hash
	CheckQuote         Check = "quote"          // the report is genuine, down to a trusted root
	CheckIdentity      Check = "identity"       // the caller accepts the enclave
)

// SigningCertificateError says why a signing certificate was refused.
type SigningCertificateError struct {
	Check Check
	// Expected and Found say what should have been there and what was; either
	// may be empty.
	Expected, Found string
	// Err is the cause: an *[evidence.Error], [ErrNoReport], what the caller's
	// own Identity returned, or nil.
	Err error
}

func (e *SigningCertificateError) Error() string {
	var b strings.Builder
	b.WriteString("signing certificate: " + string(e.Check))
	sep := ": "
	if e.Found != "" {
		b.WriteString(sep + e.Found)
		sep = ", "
	}
	if e.Expected != "" {
		b.WriteString(sep + "want " + e.Expected)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *SigningCertificateError) Unwrap() error { return e.Err }

// oidSEVSNPReport marks the signing certificates of services that run in
// confidential containers on AMD's SEV-SNP: the extension's value is JSON with a
// report, the chain of the chip's key, and endorsements.
var oidSEVSNPReport = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 105, 1000, 1}

// reportOf reads the report and checks the self-signature. That there is a report
// comes first: a certificate of a CA is not to be blamed for its signature.
func reportOf(cert *x509.Certificate) (*openenclave.Report, error) {
	if !openenclave.IsAttested(cert) {
		return nil, withoutReport(cert)
	}
	report, err := openenclave.ParseCertificate(cert.Raw)
	if err == nil {
		return report, nil
	}
	if e, ok := errors.AsType[*evidence.Error](err); ok && e.Stage == evidence.StageSignature {
		return nil, refused(CheckSelfSignature, err)
	}
	return nil, refused(CheckReport, err)
}

func withoutReport(cert *x509.Certificate) error {
	for _, ext := range cert.Extensions {
		if ext.Id.Equal(oidSEVSNPReport) {
			return &SigningCertificateError{
				Check: CheckReport, Found: fmt.Sprintf("a report of AMD SEV-SNP (extension %s)", oidSEVSNPReport),
				Expected: "one of Intel SGX", Err: errors.ErrUnsupported,
			}
		}
	}
	return &SigningCertificateError{Check: CheckReport, Err: ErrNoReport}
}

// refused makes a refusal of what is wrong with the evidence. Any other error,
// such as that of a context, decides nothing and stays what it is.
func refused(check Check, err error) error {
	if e, ok := errors.AsType[*evidence.Error](err); ok {
		return &SigningCertificateError{Check: check, Err: e}
	}
	return fmt.Errorf("relyingparty: %w", err)
}

// clip shortens what others wrote, for an error of one line.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
