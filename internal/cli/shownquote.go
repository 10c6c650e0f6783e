package cli

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

// shownQuote is what quote show --json prints. Nothing in it is verified. Bytes
// are lower-case hexadecimal. Programs read it: members are added, never
// renamed.
type shownQuote struct {
	Verified bool   `json:"verified"` // false
	Format   string `json:"format"`
	// Size of the quote inside in bytes, and of the zero bytes after it.
	Size    int `json:"size"`
	Padding int `json:"padding"`
	// CustomClaims is the buffer that Open Enclave evidence carries.
	CustomClaims string            `json:"customClaims,omitempty"`
	Certificate  *shownCertificate `json:"certificate,omitempty"`
	Header       shownHeader       `json:"header"`
	Report       shownReport       `json:"report"`
	QEReport     shownReport       `json:"qeReport"`
	Certified    shownCertified    `json:"certificationData"`
	// Platform is null if the quote carries no PCK certificate chain that can be
	// read; PlatformError says why.
	Platform      *shownPlatform `json:"platform"`
	PlatformError *reason        `json:"platformError,omitempty"`
}

type shownHeader struct {
	Version            uint16 `json:"version"`
	AttestationKeyType uint16 `json:"attestationKeyType"`
	TEE                string `json:"tee"`
	QESVN              uint16 `json:"qeSvn"`
	PCESVN             uint16 `json:"pceSvn"`
	QEVendorID         string `json:"qeVendorId"`
	UserData           string `json:"userData"`
}

// shownCertified is the certification data.
type shownCertified struct {
	Type        int    `json:"type"`
	Description string `json:"description"`
	Size        int    `json:"size"`
	// PCKIdentifier is what types 1 to 3 hold in place of a certificate.
	PCKIdentifier *shownPCKIdentifier `json:"pckIdentifier,omitempty"`
}

type shownPCKIdentifier struct {
	PPID   string `json:"ppid"`
	CPUSVN string `json:"cpuSvn"`
	PCESVN uint16 `json:"pceSvn"`
	PCEID  string `json:"pceId"`
}

type shownCertificate struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
}

func newShownQuote(p *parsedEvidence) (*shownQuote, error) {
	quoting, err := dcap.ParseEnclaveReport(p.quote.QEReport)
	if err != nil {
		return nil, err
	}
	q := p.quote
	shown := &shownQuote{
		Format: p.format, Size: q.Size(), Padding: len(q.Raw()) - q.Size(),
		Header: shownHeader{
			Version: q.Header.Version, AttestationKeyType: q.Header.AttestationKeyType, TEE: q.Header.TEE.String(),
			QESVN: q.Header.QESVN, PCESVN: q.Header.PCESVN,
			QEVendorID: hex.EncodeToString(q.Header.QEVendorID[:]), UserData: hex.EncodeToString(q.Header.UserData[:]),
		},
		Report: newShownReport(q.Report), QEReport: newShownReport(quoting), Certified: newShownCertified(q.CertificationData),
	}
	if p.report != nil {
		shown.CustomClaims = hex.EncodeToString(p.report.CustomClaims)
		if c := p.report.Certificate; c != nil {
			shown.Certificate = newShownCertificate(c)
		}
	}
	if shown.Platform, err = newShownPlatform(q.Quote); err != nil {
		r, ok := reasonOf(err)
		if !ok {
			return nil, err
		}
		shown.PlatformError = r
	}
	return shown, nil
}

func newShownCertified(c dcap.CertificationData) shownCertified {
	shown := shownCertified{Type: int(c.Type), Description: c.Type.String(), Size: len(c.Data)}
	if id, ok := c.Identifier(); ok {
		shown.PCKIdentifier = &shownPCKIdentifier{
			PPID: hex.EncodeToString(id.PPID), CPUSVN: hex.EncodeToString(id.CPUSVN[:]), PCESVN: id.PCESVN, PCEID: fmt.Sprintf("%x", id.PCEID),
		}
	}
	return shown
}
