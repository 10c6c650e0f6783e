package simulator

import (
	"encoding/asn1"
	"fmt"
	"slices"

	"github.com/azattest/azattest/evidence/dcap"
)

// sgxExtensionID is the extension of PCK certificates ("SGX PCK Certificate and
// CRL Profile Specification", 1.3.5).
var sgxExtensionID = asn1.ObjectIdentifier{1, 2, 840, 113741, 1, 13, 1}

// member is one entry of the SGX extension and of the sequences inside it.
type member struct {
	ID    asn1.ObjectIdentifier
	Value any
}

func entry(value any, arcs ...int) member {
	return member{slices.Concat(sgxExtensionID, arcs), value}
}

// sgxExtension says in a certificate which platform this is. The last two
// members stand only under the platform CA.
func sgxExtension(c Config, ids *identifiers) ([]byte, error) {
	tcb := make([]member, 0, len(c.SVNs.Components)+2)
	for i, svn := range c.SVNs.Components {
		tcb = append(tcb, entry(int(svn), 2, i+1))
	}
	tcb = append(tcb, entry(int(c.SVNs.PCESVN), 2, 17), entry(c.SVNs.Components[:], 2, 18))
	sgxType := dcap.SGXStandard
	if c.CA == dcap.PlatformCA {
		sgxType = dcap.SGXScalable
	}
	members := []member{
		entry(ids.ppid[:], 1),
		entry(tcb, 2),
		entry(c.PCEID[:], 3),
		entry(c.FMSPC[:], 4),
		entry(asn1.Enumerated(sgxType), 5),
	}
	if c.CA == dcap.PlatformCA {
		// Dynamic platform, cached keys, SMT enabled.
		configuration := []member{entry(false, 7, 1), entry(true, 7, 2), entry(true, 7, 3)}
		members = append(members, entry(ids.instance[:], 6), entry(configuration, 7))
	}
	der, err := asn1.Marshal(members)
	if err != nil {
		return nil, fmt.Errorf("simulator: encoding the SGX extension: %w", err)
	}
	return der, nil
}
