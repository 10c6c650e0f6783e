package instance

import "time"

const (
	// maxHosts bounds the names of one instance: each costs a place in a table
	// that every request is looked up in.
	maxHosts = 64
	// maxCertificates bounds the policy management certificates of one instance:
	// they stand in one record and in one token.
	maxCertificates = 64
	// maxUsed bounds how many tokens that changed certificates are remembered, at
	// 46 bytes each in one record. Signers change some times a year.
	maxUsed = 4096
	// maxAttempts bounds how often a change begins again because somebody else
	// changed the same record first. At most one of those that collide fails, so
	// each attempt means that another change succeeded.
	maxAttempts = 32
	// defaultStaleness is how long attestation goes on without a word from the
	// store: a database fails over in some seconds.
	defaultStaleness = 10 * time.Second
	// defaultTokenLifetime is three times what tokens of Azure live.
	defaultTokenLifetime = 24 * time.Hour
	// azureTokenLifetime is how long tokens live whose settings say nothing.
	azureTokenLifetime = 8 * time.Hour
	// lookEvery is how often the store is asked whether it is still there, and
	// whether a change was missed. A second is promised.
	lookEvery = 500 * time.Millisecond
	// lookTimeout is how long an answer may take before it is asked again.
	lookTimeout = 5 * time.Second
)
