package enroll

import "time"

const (
	// maxCertificates bounds what a client sends: the EK's certificate and the
	// intermediates that a chain may have.
	maxCertificates = 1 + 8
	// maxChain bounds the issuer's own chain alike: it is handed to every client,
	// who must be able to send it with evidence.
	maxChain = 8
	// secretSize is the most that a credential of each kind of EK carries.
	secretSize = 32
	// maxNameValue bounds each of the names of a TPM, in bytes: with three of them
	// a ticket stays far below its bound. Vendors write 20.
	maxNameValue = 128
	// backdate is by how much clocks of those may be behind who verify.
	backdate = 5 * time.Minute
	// serialBits is the size of serial numbers: nobody can foresee one, and no two
	// are the same.
	serialBits = 128
	// maxCommonName is the upper bound of a common name (RFC 5280, appendix A.1).
	maxCommonName = 64
	// rsaBits is as strong as P-256.
	rsaBits = 3072
)
