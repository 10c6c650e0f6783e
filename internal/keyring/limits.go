package keyring

import "time"

const (
	// maxRecord bounds what is parsed: an RSA key of 4096 bits has 2,400 bytes,
	// a report at most 32 KiB, and base64 adds a third.
	maxRecord = 64 << 10
	// maxSequence leaves room to add one. Nobody makes so many keys; but the record
	// of a revoked key is not sealed, and may say anything.
	maxSequence = 1 << 52
	// maxDeviceReference is the longest name by which a device may know a key.
	maxDeviceReference = 256
	// leeway is added to the life of a token before a key that no longer signs is
	// withdrawn: clocks of relying parties lag by minutes, and so may a replica's
	// knowledge of who signs.
	leeway = time.Hour
	// keepExpired is how long a key that expired stays in the store, unpublished:
	// a replica whose clock runs days ahead must not remove what the others need.
	keepExpired = 7 * 24 * time.Hour
	// keepRevoked is how long the record of a revoked key stays for operators to
	// read. It holds no private key.
	keepRevoked = 365 * 24 * time.Hour
	// maxCertificates is how many certificates are kept, one for each key and
	// instance: some 4 KiB each, 10 with a report. Beyond it the longest unused
	// are signed anew when they are asked for, 1 ms each.
	maxCertificates = 8192
	// maxAttempts is how often a change is tried while others change the same
	// records. Each failure means that somebody else got on.
	maxAttempts = 16
	// checkEvery is the time between two looks of Run for keys that are due. The
	// wait is drawn between three quarters of it and five quarters, so that
	// replicas do not look all at once.
	checkEvery = 5 * time.Minute
	// wrappingKeySize is that of AES-256.
	wrappingKeySize = 32
	// maxWrappingKeys bounds how many there are to choose from: one that seals
	// and those that are on their way out.
	maxWrappingKeys = 16
)

// Defaults of [Config].
const (
	// DefaultAnnounce is longer than any relying party ought to cache keys.
	DefaultAnnounce = 24 * time.Hour
	// DefaultRotateAfter is within what NIST SP 800-57 recommends for keys that
	// sign: one to three years at the most.
	DefaultRotateAfter = 90 * 24 * time.Hour
)
