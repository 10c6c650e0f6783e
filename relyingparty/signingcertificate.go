package relyingparty

import (
	"context"
	"crypto/sha1" //nolint:gosec // G505: key IDs of reports are made with it; nothing is trusted to it
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/openenclave"
	"github.com/azattest/azattest/evidence/sgx"
)

// SigningCertificateOptions is the input of one check beside the certificate.
type SigningCertificateOptions struct {
	// Roots are the trust anchors of the hardware; nil means Intel's production
	// root alone.
	Roots []dcap.Root
	// Collateral for the platform of the service's enclave. With nil its TCB is
	// not judged, nor revocation: see [SigningCertificateResult.TCBJudged].
	Collateral *dcap.Collateral
	// At is the time for which everything must be valid. Required.
	At time.Time
	// AcceptStaleCollateral accepts collateral past its nextUpdate; see
	// [dcap.Options]. Without Collateral it means nothing.
	AcceptStaleCollateral bool
	// KeyID is the kid under which the service published the key: the hash to which
	// the report is bound or, for a key that signs the reports of TPMs, that of the
	// certificate. Empty compares with nothing.
	KeyID string
	// Identity says whether the enclave is the right one; an error from it
	// refuses. It is called last, with what has been verified. With nil ANY
	// GENUINE ENCLAVE PASSES, that of an attacker who owns a machine with SGX
	// included: only this function knows whose enclave the service's is.
	Identity func(*Identity) error
}

// Identity is who an enclave is.
type Identity struct {
	// MRENCLAVE is the measurement of the enclave's code, MRSIGNER the hash of
	// the key that signed it.
	MRENCLAVE, MRSIGNER [32]byte
	ProductID, SVN      uint16
	// Debug says that the enclave's memory can be read from outside, its keys
	// with it. Azure's own enclaves said so until the middle of 2022.
	Debug bool
}

// SigningCertificateResult is what is true of a signing certificate whose report
// verifies.
type SigningCertificateResult struct {
	// Identity of the enclave that holds the key.
	Identity Identity
	// KeyID is the kid that the service gives such a key: the hash to which the
	// report is bound, in base64.
	KeyID string
	// TCBJudged says whether there was collateral to judge by. If not, the
	// signatures hold down to the root and no more is known: the platform may
	// have known holes, and its keys may have been revoked.
	TCBJudged bool
	// TCB is the state of the enclave's platform, nil unless TCBJudged. A bad
	// status is no error: whether it is good enough is for the caller to say.
	TCB *evidence.TCB
	// Simulated is true under a simulator's root: the certificate proves nothing
	// about hardware.
	Simulated bool
	// Report is the report itself, with its quote and the certificate as it was
	// read here.
	Report *openenclave.Report
}

// VerifySigningCertificate checks a certificate under which an attestation
// service publishes a key, as Open Enclave's oe_verify_attestation_certificate
// does: self-signed, with the report of an SGX enclave inside that is genuine and
// bound to the certificate's key. So whoever holds the key is that enclave. What
// is verified are the bytes of cert.Raw, whatever else stands in cert.
//
// A refusal is a *[SigningCertificateError], around an *[evidence.Error] where the
// evidence is at fault. A certificate without a report is [ErrNoReport]: services
// publish keys with certificates of a CA too. Any other error means that the
// question was not decided.
func VerifySigningCertificate(ctx context.Context, cert *x509.Certificate, o SigningCertificateOptions) (*SigningCertificateResult, error) {
	if cert == nil || len(cert.Raw) == 0 {
		return nil, errors.New("relyingparty: no certificate given, want one that was parsed")
	}
	if o.At.IsZero() {
		return nil, errors.New("relyingparty: no time given, want the time for which the certificate is verified")
	}
	report, err := reportOf(cert)
	if err != nil {
		return nil, err
	}
	if err := checkValidity(report.Certificate, o.At); err != nil {
		return nil, err
	}
	keyID, err := checkBinding(report)
	if err != nil {
		return nil, err
	}
	if o.KeyID != "" && o.KeyID != keyID && o.KeyID != reportKeyID(report.Certificate) {
		return nil, &SigningCertificateError{Check: CheckKeyID, Found: fmt.Sprintf("%q", clip(o.KeyID)), Expected: fmt.Sprintf("%q, the hash of the key", keyID)}
	}
	r := &SigningCertificateResult{Identity: identityOf(report), KeyID: keyID, Report: report}
	if err := r.verifyReport(ctx, o); err != nil {
		return nil, err
	}
	if o.Identity != nil {
		id := r.Identity // a copy: the callback judges and does not write
		if err := o.Identity(&id); err != nil {
			return nil, &SigningCertificateError{Check: CheckIdentity, Err: err}
		}
	}
	return r, nil
}

// reportKeyID is the kid under which the reports of TPMs name a key.
func reportKeyID(cert *x509.Certificate) string {
	sum := sha1.Sum(cert.Raw) //nolint:gosec // G401: see the import
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func identityOf(r *openenclave.Report) Identity {
	e := r.Quote.Report
	return Identity{MRENCLAVE: e.MRENCLAVE, MRSIGNER: e.MRSIGNER, ProductID: e.ISVProdID, SVN: e.ISVSVN, Debug: e.IsDebuggable()}
}

func checkValidity(cert *x509.Certificate, at time.Time) error {
	if !at.Before(cert.NotBefore) && !at.After(cert.NotAfter) {
		return nil
	}
	return &SigningCertificateError{
		Check:    CheckValidity,
		Found:    at.UTC().Format(time.RFC3339),
		Expected: cert.NotBefore.UTC().Format(time.RFC3339) + " to " + cert.NotAfter.UTC().Format(time.RFC3339),
	}
}

// checkBinding holds the whole of the report data against the certificate's key.
// Open Enclave looks at the first half alone; the other is zero in everything
// that the service ever published, and what it means otherwise nobody has said.
func checkBinding(r *openenclave.Report) (string, error) {
	hash := sha256.Sum256(r.Bound())
	var want [2 * sha256.Size]byte
	copy(want[:], hash[:])
	if got := r.Quote.Report.ReportData; got != want {
		return "", &SigningCertificateError{
			Check: CheckKeyBinding, Found: fmt.Sprintf("report data %x", got), Expected: fmt.Sprintf("%x, the hash of the certificate's key", want),
		}
	}
	return base64.StdEncoding.EncodeToString(hash[:]), nil
}

// verifyReport checks the quote with whatever there is to judge it by, and says
// which it was.
func (r *SigningCertificateResult) verifyReport(ctx context.Context, o SigningCertificateOptions) error {
	v, err := openenclave.NewVerifier(sgx.Config{Roots: o.Roots})
	if err != nil {
		return fmt.Errorf("relyingparty: %w", err)
	}
	if o.Collateral == nil {
		signatures, err := v.VerifySignatures(ctx, r.Report, o.At)
		if err != nil {
			return refused(CheckQuote, err)
		}
		r.Simulated = signatures.Simulated
		return nil
	}
	verified, err := v.Verify(ctx, r.Report, sgx.Options{
		Collateral: o.Collateral, At: o.At, AcceptStaleCollateral: o.AcceptStaleCollateral,
	})
	if err != nil {
		return refused(CheckQuote, err)
	}
	r.TCBJudged, r.TCB, r.Simulated = true, verified.TCB, verified.Simulated
	return nil
}
