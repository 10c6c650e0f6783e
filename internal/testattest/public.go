package testattest

import (
	"crypto/rsa"

	"github.com/azattest/azattest/evidence/tpm"
)

// Public writes the TPMT_PUBLIC of an RSA key with a name by SHA-256, without a
// scheme.
func Public(key *rsa.PublicKey, attributes tpm.Attributes) []byte {
	b := be.AppendUint16(be.AppendUint16(nil, uint16(tpm.RSA)), uint16(tpm.SHA256))
	b = sized(be.AppendUint32(b, uint32(attributes)), nil)                      // no authPolicy
	b = be.AppendUint16(be.AppendUint16(b, uint16(tpm.Null)), uint16(tpm.Null)) // symmetric, scheme
	b = be.AppendUint16(b, uint16(key.N.BitLen()))                              //nolint:gosec // G115: 2048
	b = be.AppendUint32(b, 0)                                                   // the exponent 65537
	return sized(b, key.N.Bytes())
}
