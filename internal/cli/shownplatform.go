package cli

import (
	"crypto/x509"
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
	cert, pck, err := q.PCK()
	if err != nil {
		return nil, err
	}
	shown := &shownPlatform{
		FMSPC: pck.FMSPC.String(), CA: pck.CA, PCESVN: int(pck.PCESVN), CPUSVN: hex.EncodeToString(pck.CPUSVN[:]),
		PCKCertificate: newShownCertificate(cert),
	}
	for _, svn := range pck.Components {
		shown.Components = append(shown.Components, int(svn))
	}
	return shown, nil
}

func newShownCertificate(c *x509.Certificate) *shownCertificate {
	return &shownCertificate{
		Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: hex.EncodeToString(c.SerialNumber.Bytes()),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
	}
}
