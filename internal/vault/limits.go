package vault

const (
	// secretSize is that of an AES-256 key.
	secretSize = 32
	// maxSecrets is as many as there may be wrapping keys, of which they come.
	maxSecrets = 16
	// saltSize is random enough that no two boxes share a key.
	saltSize = 16
	// boxOverhead is what sealing adds: salt, nonce and tag.
	boxOverhead = saltSize + 12 + 16

	// versionSize is that of the random bytes which name a version.
	versionSize = 16
	// maxVersions bounds the list of a key. Rotated every week, it lasts for five
	// years.
	maxVersions = 256

	// maxMaterial bounds the secret of a key: in PKCS #8 an RSA key of 8192 bits
	// has 4.7 KiB. The rest is room for other encodings of it.
	maxMaterial = 16 << 10
	// minRSABits and maxRSABits bound RSA keys that are imported: below, they can
	// be broken; above, they cost whoever uses them.
	minRSABits = 2048
	maxRSABits = 8192
	// minOctBytes is the shortest key that AES-KWP may wrap; maxOctBytes is that of
	// HMAC-SHA-512.
	minOctBytes = 16
	maxOctBytes = 64

	// maxTags, maxTagName and maxTagValue are Key Vault's, the lengths in bytes.
	maxTags     = 15
	maxTagName  = 256
	maxTagValue = 256
	// maxContentType bounds the media type of a policy.
	maxContentType = 128

	// maxMetadata bounds all of a version that is not secret: a policy has 64 KiB
	// at most, in base64; tags have 8 KiB, each byte of which may be escaped.
	maxMetadata = 192 << 10
	// maxRecord is what becomes of that and of the secret in a record.
	maxRecord = (maxMetadata+maxMaterial+2*boxOverhead+4)/3*4 + 256

	// defaultPage is the page of Key Vault; maxPage bounds how many records one
	// call reads.
	defaultPage = 25
	maxPage     = 100

	// maxAttempts is how often a change is tried while others change the key. Each
	// time one of them got through.
	maxAttempts = 10
	// deleteAtOnce is how many versions one commit deletes: a store takes 128
	// changes, and the list of versions is one.
	deleteAtOnce = 120
	// maxNamedFailures bounds how many records a rewrap that failed names.
	maxNamedFailures = 10
	// shownLength bounds what an error repeats of what came from outside.
	shownLength = 100
)
