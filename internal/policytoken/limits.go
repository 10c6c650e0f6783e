package policytoken

import "time"

const (
	// maxToken bounds a token's text, quotes and white space included. Base64
	// wraps a policy twice, so that this carries one of 280 KiB; the largest
	// published policies have some ten.
	maxToken = 512 << 10

	// maxHeader bounds the decoded header. Eight certificates of RSA 8192 have
	// some 24 KiB in base64.
	maxHeader = 64 << 10

	// maxChain bounds the certificates in one x5c. Public authorities issue with
	// three; each costs a signature to be checked.
	maxChain = 8

	// maxDepth bounds the nesting of JSON. A header with jwk.x5c nests three deep,
	// as does a payload with a certificate.
	maxDepth = 8

	// maxMembers bounds the members of one object. Headers have two or three,
	// payloads one, a JWK of RSA with everything eighteen.
	maxMembers = 64

	// maxEcho bounds, in bytes, how much of a client's text an error repeats.
	maxEcho = 96

	// minRSABits is the least that NIST SP 800-131A still allows for signatures.
	minRSABits = 2048
	// maxRSABits bounds what a hostile key costs; crypto/tls draws the same line.
	maxRSABits = 8192
	// minRSAExponent is 2^16+1: smaller ones are not approved (FIPS 186-5,
	// section 5.1).
	minRSAExponent = 1<<16 + 1

	// maxTimestamp bounds exp and nbf, in seconds since 1970: the year 5138. A
	// float beyond may be anything.
	maxTimestamp = 1e11

	// maxLeeway bounds Options.Leeway: clocks that differ by more are broken.
	maxLeeway = 10 * time.Minute
)
