package collateral

import (
	"crypto/x509"
	"fmt"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

// Set describes a collateral set: what its parts say of themselves. Nothing of
// it is verified.
type Set struct {
	// Dir is the set's folder within the archive, with slashes; "." if the
	// archive is this one set.
	Dir string
	// Platform is the family of platforms that the set speaks for. A set whose
	// platform could not be read (see [Set.HasPlatform]) is found by no query;
	// Problems say why.
	Platform dcap.Platform
	// TCBEvaluationDataNumber and TCBInfoVersion are those of the TCB info.
	TCBEvaluationDataNumber int
	TCBInfoVersion          int
	// Issued is the issue date of the TCB info.
	Issued time.Time
	// ValidFrom and ValidUntil are the window, both ends included, in which all
	// parts are valid together: the documents, the revocation lists and the
	// certificates. Parts that never were leave it empty: until before from.
	ValidFrom, ValidUntil time.Time
	// Problems say what is missing, unreadable or of another platform. A set
	// without any is whole.
	Problems []error
	// Collateral are the bytes.
	Collateral *dcap.Collateral

	located bool
}

// HasPlatform reports whether Platform could be read whole.
func (s *Set) HasPlatform() bool { return s.located }

// ValidAt reports whether t lies within the set's window.
func (s *Set) ValidAt(t time.Time) bool {
	return !t.Before(s.ValidFrom) && !t.After(s.ValidUntil)
}

// Names of Intel's PCK CAs ("SGX PCK Certificate and CRL Profile
// Specification", 1.2).
var caNames = map[string]dcap.CA{
	"Intel SGX PCK Processor CA": dcap.ProcessorCA,
	"Intel SGX PCK Platform CA":  dcap.PlatformCA,
}

// qeIdentityIDs are the QE identities of each TEE.
var qeIdentityIDs = map[dcap.TEE]string{dcap.SGX: "QE", dcap.TDX: "TD_QE"}

// partError is a problem of one part.
type partError struct {
	part *part
	err  error
}

func (p *partError) Error() string { return p.part.name + ": " + p.err.Error() }
func (p *partError) Unwrap() error { return p.err }

// describe reads what the parts say of themselves. Parts that could not be read
// are named in unread.
func describe(c *dcap.Collateral, unread map[*part]error) Set {
	d := description{parts: c.Parts(), set: Set{Collateral: c}}
	for _, p := range setParts {
		if err := unread[p]; err != nil {
			d.problem(p, "%w", err)
		} else if !p.optional && len(*p.field(&d.parts)) == 0 {
			d.problem(p, "missing")
		}
	}
	hasTCBInfo := d.tcbInfo()
	d.qeIdentity(hasTCBInfo)
	tcbSigners := d.chain(tcbInfoChainPart)
	d.chain(qeIdentityChainPart)
	cas := d.chain(pckCRLChainPart)
	hasCA := d.pckCRL(cas)
	d.rootCRL(tcbSigners)
	d.set.located = hasTCBInfo && hasCA
	return d.set
}

// description is a set being described.
type description struct {
	parts dcap.CollateralParts
	set   Set
}

func (d *description) problem(p *part, format string, args ...any) {
	d.set.Problems = append(d.set.Problems, &partError{part: p, err: fmt.Errorf(format, args...)})
}

// narrow takes a part's window into the set's.
func (d *description) narrow(from, until time.Time) {
	if d.set.ValidFrom.IsZero() || from.After(d.set.ValidFrom) {
		d.set.ValidFrom = from
	}
	if d.set.ValidUntil.IsZero() || until.Before(d.set.ValidUntil) {
		d.set.ValidUntil = until
	}
}

func (d *description) tcbInfo() bool {
	if len(d.parts.TCBInfo) == 0 {
		return false
	}
	t, err := dcap.ParseTCBInfo(d.parts.TCBInfo)
	if err != nil {
		d.problem(tcbInfoPart, "%w", err)
		return false
	}
	d.narrow(t.IssueDate, t.NextUpdate)
	d.set.Issued = t.IssueDate
	d.set.TCBEvaluationDataNumber = t.TCBEvaluationDataNumber
	d.set.TCBInfoVersion = t.Version
	d.set.Platform.FMSPC = t.FMSPC
	switch t.ID {
	case dcap.SGX.String():
		d.set.Platform.TEE = dcap.SGX
	case dcap.TDX.String():
		d.set.Platform.TEE = dcap.TDX
	default:
		d.problem(tcbInfoPart, "id %q, want %q or %q", t.ID, dcap.SGX.String(), dcap.TDX.String())
		return false
	}
	return true
}

func (d *description) qeIdentity(hasTCBInfo bool) {
	if len(d.parts.QEIdentity) == 0 {
		return
	}
	q, err := dcap.ParseQEIdentity(d.parts.QEIdentity)
	if err != nil {
		d.problem(qeIdentityPart, "%w", err)
		return
	}
	d.narrow(q.IssueDate, q.NextUpdate)
	if want := qeIdentityIDs[d.set.Platform.TEE]; hasTCBInfo && q.ID != want {
		d.problem(qeIdentityPart, "id %q, want %q to go with TCB info for %s", q.ID, want, d.set.Platform.TEE)
	}
}

func (d *description) chain(p *part) []*x509.Certificate {
	raw := *p.field(&d.parts)
	if len(raw) == 0 {
		return nil
	}
	certs, err := dcap.ParseCertificates(raw)
	if err != nil {
		d.problem(p, "%w", err)
		return nil
	}
	for _, c := range certs {
		d.narrow(c.NotBefore, c.NotAfter)
	}
	return certs
}

// pckCRL finds the CA, in the issuer's chain if there is no list.
func (d *description) pckCRL(cas []*x509.Certificate) bool {
	list := d.crl(pckCRLPart)
	if list == nil {
		for _, c := range cas {
			if ca, ok := caNames[c.Subject.CommonName]; ok {
				d.set.Platform.CA = ca
				return true
			}
		}
		return false
	}
	ca, ok := caNames[list.Issuer.CommonName]
	if !ok {
		d.problem(pckCRLPart, "issuer %q, want one of Intel's PCK CAs", list.Issuer.CommonName)
		return false
	}
	d.set.Platform.CA = ca
	if len(cas) > 0 && !isSubject(list.Issuer.CommonName, cas) {
		d.problem(pckCRLChainPart, "no certificate of %q, which issued the list", list.Issuer.CommonName)
	}
	return true
}

// rootCRL takes for the root whoever issued the certificate that signed the TCB
// info.
func (d *description) rootCRL(tcbSigners []*x509.Certificate) {
	list := d.crl(rootCRLPart)
	if list == nil {
		return
	}
	if len(tcbSigners) > 0 && !isIssuer(list.Issuer.CommonName, tcbSigners) {
		d.problem(rootCRLPart, "issuer %q, want the root of the TCB info's issuer chain", list.Issuer.CommonName)
	}
}

func (d *description) crl(p *part) *x509.RevocationList {
	raw := *p.field(&d.parts)
	if len(raw) == 0 {
		return nil
	}
	list, err := dcap.ParseCRL(raw)
	if err != nil {
		d.problem(p, "%w", err)
		return nil
	}
	if list.NextUpdate.IsZero() {
		d.problem(p, "no nextUpdate")
		return list
	}
	d.narrow(list.ThisUpdate, list.NextUpdate)
	return list
}

func isSubject(name string, certs []*x509.Certificate) bool {
	for _, c := range certs {
		if c.Subject.CommonName == name {
			return true
		}
	}
	return false
}

func isIssuer(name string, certs []*x509.Certificate) bool {
	for _, c := range certs {
		if c.Issuer.CommonName == name {
			return true
		}
	}
	return false
}
