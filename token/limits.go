package token

const (
	// minRSABits is the least that NIST SP 800-131A still allows for
	// signatures. The real service left 1024 bits behind in April 2021.
	minRSABits = 2048
	// maxRSABits keeps signing below some ten milliseconds; relying parties
	// commonly refuse larger moduli.
	maxRSABits = 4096
	// minRSAExponent is 2^16+1: smaller exponents are not approved (FIPS 186-5,
	// section 5.1).
	minRSAExponent = 1<<16 + 1
	// maxKeyFile holds an RSA key of 4096 bits and its certificate with the
	// longest URL, about 7 KB, and the longest report in base64.
	maxKeyFile = 64 << 10
	// maxPrivateKey holds an RSA key of 4096 bits in PKCS#8, some 2,400 bytes. It
	// bounds what a hostile file costs: checking a private key takes time cubic
	// in its size.
	maxPrivateKey = 4 << 10
	// maxReport is for the report of an enclave in a certificate. The recorded
	// ones have 4,600 bytes, most of them the platform's certificates.
	maxReport = 32 << 10
	// maxURLLength leaves room for the longest host name (253 bytes), a port and
	// a path.
	maxURLLength = 512
	// typicalPayload is the first guess at the size of a payload: real SGX
	// tokens carry between 1.5 and 3 KB.
	typicalPayload = 4 << 10
)
