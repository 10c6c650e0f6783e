package auth

import "time"

// What a caller may send.
const (
	// maxToken bounds a bearer token in bytes. Entra ID's stay below 8 KiB, since
	// it leaves out groups beyond 200.
	maxToken = 16 << 10
	// maxHeader bounds the first part of a token, encoded. It names a key and an
	// algorithm: some 150 bytes.
	maxHeader = 2 << 10
	// maxDepth is how deep the JSON of a token or of an issuer may nest. Real ones
	// take three levels.
	maxDepth = 8
	// maxName bounds what becomes part of a caller's name, in bytes: a subject has
	// at most 255 characters (OpenID Connect Core, section 2).
	maxName = 255
	// maxLifetime is the longest time between the issue of a token and its end.
	// Entra ID's longest live 28 hours (continuous access evaluation); what lives
	// longer than two days is a password.
	maxLifetime = 48 * time.Hour
	// maxDate is the last second of the year 9999, beyond which times cannot be
	// written down.
	maxDate = 253402300799
)

// What clocks may differ by.
const (
	defaultLeeway = time.Minute
	maxLeeway     = 5 * time.Minute
)

// How issuers are asked for their keys.
const (
	// fetchTimeout is for both documents together. Requests wait for it.
	fetchTimeout = 10 * time.Second
	// maxDocument bounds each document in bytes: a hundred keys with certificates
	// take some 300 KiB.
	maxDocument = 1 << 20
	// maxKeys bounds the keys of an issuer. Entra ID has about ten.
	maxKeys = 100
	// minFetchGap is the least time between two fetches while there are keys:
	// whoever makes up key IDs makes us ask no more often.
	minFetchGap = 30 * time.Second
	// refreshAfter is the age at which keys are fetched again. It is also how long
	// a key that the issuer withdrew lives on, while the issuer can be reached.
	refreshAfter = time.Hour
	// maxKeysAge is how long keys serve while the issuer cannot be reached. An
	// outage of a day must not lock everybody out, and a key that was withdrawn
	// must not live for ever.
	maxKeysAge = 24 * time.Hour
	// firstRetry doubles with each failure while there are no keys at all, up to
	// minFetchGap.
	firstRetry = time.Second
	// minRSABits is the least that NIST SP 800-131A still allows for signatures,
	// maxRSABits what can be verified in a fraction of a millisecond.
	minRSABits = 2048
	maxRSABits = 8192
)

// How verified tokens are remembered.
const (
	// maxVerified bounds how many are: at some 500 bytes each, 2 MiB.
	maxVerified = 4096
	// verifiedFor is how long a token may do without its key being looked up
	// again. It adds to how long a withdrawn key lives on.
	verifiedFor = 5 * time.Minute
)

// MaxDevelopmentLifetime is the longest life of a token of the development
// issuer: one day's work.
const MaxDevelopmentLifetime = 24 * time.Hour
