package azattestation

import "time"

// Bounds. What exceeds one is refused; none is reached in ordinary use.
const (
	// maxToken bounds the text of a token. The largest genuine ones hold a stored
	// policy of 1 MiB, which base64 wraps three times over: 2.4 MiB.
	maxToken = 4 << 20
	// maxAnswer bounds an answer of the service: a token and its JSON around it.
	maxAnswer = maxToken + 64<<10
	// maxErrorAnswer bounds what is read of a refusal, which errors and traces
	// repeat. The longest known, of a policy with many faults, has some kilobytes.
	maxErrorAnswer = 64 << 10
	// maxMembers bounds the members of one JSON object: claims of a token, header
	// parameters. Real tokens have below a hundred.
	maxMembers = 4096
	// maxKeys bounds the keys that a service may publish. Microsoft's has five.
	maxKeys = 256
	// maxChain bounds the certificates of one key.
	maxChain = 16
	// minRSABits is the least size of an RSA key that may sign anything here.
	minRSABits = 2048
	// maxRSABits bounds the work that a published key can cause.
	maxRSABits = 8192
	// shownLength bounds what an error repeats of what came from outside.
	shownLength = 200
)

// Times of the key cache; see [KeySource].
const (
	// keysFreshFor is how long fetched keys are used before they are fetched
	// again. New keys are announced long before they sign, so an hour is short.
	keysFreshFor = time.Hour
	// keysRetryAfter is the least time, in the long run, between two fetches that
	// are caused by an unknown kid or follow a failure while there are keys, so that
	// forged tokens do not cause a request each.
	keysRetryAfter = time.Minute
	// keysColdRetryAfter is the least time between two fetches while there are no
	// keys at all and the last few have failed.
	keysColdRetryAfter = 2 * time.Second
	// keysFetchTimeout bounds a fetch with all its retries.
	keysFetchTimeout = 30 * time.Second
	// keysUsableFor is how long keys are used while they cannot be fetched again.
	// A service that withdraws a key must not be outlived by it for ever.
	keysUsableFor = 7 * 24 * time.Hour
)

// DefaultTimeSlack is how far the clocks of service and client may differ when a
// token's exp and nbf are checked.
const DefaultTimeSlack = time.Minute
