package cli

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"

	"github.com/azattest/azattest/evidence/dcap"
)

// shownPlatform is what the PCK certificate in a quote says of its platform.
type shownPlatform struct {
	FMSPC string  `json:"fmspc"`
	CA    dcap.CA `json:"ca"`
	// Components are the SVNs of the 16 TCB components.
	Components     []int             `json:"components"`
	PCESVN         int               `json:"pceSvn"`
	CPUSVN         string            `json:"cpuSvn"`
	PCKCertificate *shownCertificate `json:"pckCertificate"`
}

// newShownPlatform reads the PCK certificate of a quote without trusting it. It
// returns an *[evidence.Error] if the quote carries none that can be read.
func newShownPlatform(q *dcap.Quote) (*shownPlatform, error) {
	platform, err := q.Platform()
	if err != nil {
		return nil, err
	}
	certs, err := dcap.ParseCertificates(q.CertificationData.Data)
	if err != nil {
		return nil, err
	}
	shown := &shownPlatform{FMSPC: platform.FMSPC.String(), CA: platform.CA}
	for _, c := range certs {
		if tcb := tcbOf(c); tcb != nil {
			shown.PCKCertificate = newShownCertificate(c)
			shown.Components, shown.PCESVN, shown.CPUSVN = tcb.components, tcb.pcesvn, hex.EncodeToString(tcb.cpusvn)
		}
	}
	return shown, nil
}

func newShownCertificate(c *x509.Certificate) *shownCertificate {
	return &shownCertificate{
		Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: hex.EncodeToString(c.SerialNumber.Bytes()),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
	}
}

// Object identifiers of the SGX extension and of the TCB inside it ("SGX PCK
// Certificate and CRL Profile Specification", 1.3.5).
var (
	oidSGXExtension = asn1.ObjectIdentifier{1, 2, 840, 113741, 1, 13, 1}
	oidPCKTCB       = asn1.ObjectIdentifier{1, 2, 840, 113741, 1, 13, 1, 2}
)

// Members of the TCB by the last arc of their identifier; 1 to 16 are the
// components.
const (
	tcbComponents = 16
	tcbPCESVN     = 17
	tcbCPUSVN     = 18
)

// pckTCB is the TCB that a PCK certificate states. [dcap.Quote.Platform] has
// found the extension to be well formed, so reading it is short.
type pckTCB struct {
	components []int
	pcesvn     int
	cpusvn     []byte
}

// extensionMember is a member of the SGX extension and of the TCB inside it.
type extensionMember struct {
	ID    asn1.ObjectIdentifier
	Value asn1.RawValue
}

// tcbOf returns the TCB in a certificate, nil if it states none.
func tcbOf(c *x509.Certificate) *pckTCB {
	for _, ext := range c.Extensions {
		if !ext.Id.Equal(oidSGXExtension) {
			continue
		}
		for _, m := range extensionMembers(ext.Value) {
			if m.ID.Equal(oidPCKTCB) {
				return newPCKTCB(extensionMembers(m.Value.FullBytes))
			}
		}
	}
	return nil
}

func extensionMembers(der []byte) []extensionMember {
	var members []extensionMember
	if _, err := asn1.Unmarshal(der, &members); err != nil {
		return nil
	}
	return members
}

func newPCKTCB(members []extensionMember) *pckTCB {
	tcb := &pckTCB{components: make([]int, tcbComponents)}
	for _, m := range members {
		if len(m.ID) != len(oidPCKTCB)+1 {
			continue
		}
		switch arc := m.ID[len(oidPCKTCB)]; {
		case arc >= 1 && arc <= tcbComponents:
			tcb.components[arc-1] = integerOf(m.Value)
		case arc == tcbPCESVN:
			tcb.pcesvn = integerOf(m.Value)
		case arc == tcbCPUSVN:
			tcb.cpusvn = m.Value.Bytes
		}
	}
	return tcb
}

func integerOf(v asn1.RawValue) int {
	var i int
	if _, err := asn1.Unmarshal(v.FullBytes, &i); err != nil {
		return 0
	}
	return i
}
