package sgx

import (
	"encoding/hex"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence/dcap"
)

// claimsOf states what a report body says, in Azure Attestation's words.
func claimsOf(r *dcap.EnclaveReport) *claims.Set {
	c := new(claims.Set)
	c.Add("x-ms-attestation-type", claims.String(AttestationType))
	c.Add("x-ms-sgx-is-debuggable", claims.Boolean(r.IsDebuggable()))
	c.Add("x-ms-sgx-product-id", claims.Integer(int64(r.ISVProdID)))
	c.Add("x-ms-sgx-mrsigner", hexadecimal(r.MRSIGNER[:]))
	c.Add("x-ms-sgx-mrenclave", hexadecimal(r.MRENCLAVE[:]))
	c.Add("x-ms-sgx-svn", claims.Integer(int64(r.ISVSVN)))
	c.Add("x-ms-sgx-report-data", hexadecimal(r.ReportData[:]))
	if r.HasKSS() {
		c.Add("x-ms-sgx-config-id", hexadecimal(r.ConfigID[:]))
		c.Add("x-ms-sgx-config-svn", claims.Integer(int64(r.ConfigSVN)))
		c.Add("x-ms-sgx-isv-extended-product-id", hexadecimal(r.ISVExtProdID[:]))
		c.Add("x-ms-sgx-isv-family-id", hexadecimal(r.ISVFamilyID[:]))
	}
	return c
}

// aliases are the names of the preview, which policies may still read and no
// token shows.
var aliases = [...]struct{ deprecated, name string }{
	{"$is-debuggable", "x-ms-sgx-is-debuggable"},
	{"$product-id", "x-ms-sgx-product-id"},
	{"$svn", "x-ms-sgx-svn"},
	{"$sgx-mrsigner", "x-ms-sgx-mrsigner"},
	{"$sgx-mrenclave", "x-ms-sgx-mrenclave"},
	{"$tee", "x-ms-attestation-type"},
}

// Aliases returns the claims of an enclave once more under the names of the
// preview: what policies see beside those that a token shows.
func Aliases(c *claims.Set) *claims.Set {
	out := new(claims.Set)
	for _, a := range aliases {
		for _, v := range c.Values(a.name) {
			out.Add(a.deprecated, v)
		}
	}
	return out
}

// collateralClaim is the object that a token shows under x-ms-sgx-collateral:
// digests of the evidence and of the collateral that judged it.
func collateralClaim(evidenceDigest []byte, h *dcap.CollateralHashes) claims.Value {
	c := new(claims.Set)
	c.Add("qeidcertshash", claims.String(h.QEIdentityIssuerChain))
	c.Add("qeidcrlhash", claims.String(h.QEIdentityCRL))
	c.Add("qeidhash", claims.String(h.QEIdentity))
	c.Add("quotehash", hexadecimal(evidenceDigest))
	c.Add("tcbinfocertshash", claims.String(h.TCBInfoIssuerChain))
	c.Add("tcbinfocrlhash", claims.String(h.TCBInfoCRL))
	c.Add("tcbinfohash", claims.String(h.TCBInfo))
	return claims.Object(c)
}

func hexadecimal(b []byte) claims.Value {
	var buf [2 * len(dcap.EnclaveReport{}.ReportData)]byte // the longest field
	return claims.String(string(hex.AppendEncode(buf[:0], b)))
}
