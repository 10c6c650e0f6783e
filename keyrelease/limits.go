package keyrelease

// Bounds. What exceeds one is refused; none is reached in ordinary use.
const (
	// maxPolicyBytes bounds a release policy. Those in use have a few hundred bytes,
	// with a condition for each of many measurements some KiB.
	maxPolicyBytes = 64 << 10
	// maxClaimsBytes bounds the claims that a policy is held against. What an
	// attested party may have put into its token by default is shorter.
	maxClaimsBytes = 1 << 20
	// maxPathBytes and maxPathDots bound the path to a claim. Each dot may lead into
	// an object or be part of a name, and all ways are tried.
	maxPathBytes = 1024
	maxPathDots  = 32
	// maxRequestValues bounds the values in a request, which has three.
	maxRequestValues = 64
	// maxSteps bounds how often claims are looked up for all paths of a policy
	// together: a path is read in every way, and both ends choose how many there are.
	maxSteps = 200_000
	// maxKeyIDBytes bounds the ID of an attested party's key, which is written down and
	// sent back.
	maxKeyIDBytes = 256
	// maxDepth bounds how deep policies and claims nest; reading them recurses.
	maxDepth = 32
	// maxValues bounds the values in a policy or in claims; each takes much more
	// memory than its text.
	maxValues = 50_000
	// maxFaults bounds the faults that one policy is reported with.
	maxFaults = 20
	// maxNumberBytes bounds the text of a number that is compared by its value: a
	// measurement of 64 bytes as a decimal number has 155.
	maxNumberBytes = 400
	// maxExponent bounds the power of ten of a number that is compared by its value:
	// beyond, the value would need more memory than its text suggests.
	maxExponent = 400
	// shownLength bounds what an error or explanation repeats of a policy or token.
	shownLength = 100
	// minRSABits and maxRSABits bound an RSA key that secrets are wrapped to: below,
	// it can be broken; above, it costs whoever uses it.
	minRSABits = 2048
	maxRSABits = 8192
	// maxNameBytes and maxVersionBytes bound names and versions of keys, as Key Vault
	// does.
	maxNameBytes    = 127
	maxVersionBytes = 32
	// maxChain bounds the certificates with a response.
	maxChain = 8
	// maxTokenBytes bounds the token of an attested party. Runtime data make it long.
	maxTokenBytes = 512 << 10
	// maxNonceBytes bounds the nonce of a request.
	maxNonceBytes = 1024
	// maxResponseBytes bounds a response: the longest key, wrapped and encoded three
	// times over, with the longest policy and chain.
	maxResponseBytes = 1 << 20
	// maxAnswerBytes bounds an answer to a client: a response and the JSON around it.
	maxAnswerBytes = maxResponseBytes + 4<<10
	// maxErrorBytes bounds what a client reads of a refusal. The longest known have
	// some hundred bytes.
	maxErrorBytes = 64 << 10
	// maxToldBytes bounds what an error repeats of a refusal: Key Vault's longest say
	// who may not do what where.
	maxToldBytes = 1000
)
