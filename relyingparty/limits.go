package relyingparty

import "time"

// Bounds. What exceeds one is refused; none is reached in ordinary use.
const (
	// maxDepth bounds how deep the JSON of a claim nests. Runtime data is an
	// enclave's to choose, and reading it recurses.
	maxDepth = 32
	// maxHeldKeys bounds the keys of one token's runtime data. Real ones hold one
	// or two.
	maxHeldKeys = 64
	// minRSABits and maxRSABits bound an RSA key that secrets may be encrypted to:
	// below, it can be broken; above, it costs whoever uses it.
	minRSABits = 2048
	maxRSABits = 8192
	// maxExponentBytes bounds the public exponent of an RSA key; crypto/rsa takes
	// no more than 31 bits.
	maxExponentBytes = 4
	// maxCheckedCertificates bounds the signing certificates whose check is
	// remembered: as many as one service may publish.
	maxCheckedCertificates = 256
	// shownLength bounds what an error repeats of a token.
	shownLength = 100
)

// DefaultMaxTokenBytes is the longest token that a middleware verifies. Real ones
// have 3 to 8 KiB; those with much runtime data may need more, and the server's
// MaxHeaderBytes too.
const DefaultMaxTokenBytes = 32 << 10

// DefaultSigningCertificateMaxAge is how long the check of a signing certificate
// is good for: as long as a key source keeps the keys themselves.
const DefaultSigningCertificateMaxAge = time.Hour

// defaultRetryAfter is what a client is told while keys are out of reach: a key
// source does not ask more often itself.
const defaultRetryAfter = time.Minute

// maxTimeSlack bounds by how much clocks may differ. More would let tokens live on
// that have expired.
const maxTimeSlack = time.Hour
