package attest

import "time"

const (
	// maxData bounds runtime and init-time data. Real data is a key or a set of
	// keys, a few KB; binary data stands in the token three times over, in
	// base64.
	maxData = 256 << 10
	// maxNonce bounds the nonce, which the token repeats. Nonces are some tens
	// of bytes long.
	maxNonce = 4 << 10
	// maxLifetime is the longest that Azure Attestation lets any of its reports
	// be valid: 525600 minutes, for TPM reports.
	maxLifetime = 365 * 24 * time.Hour
	// maxValidity is the same in minutes.
	maxValidity = int64(maxLifetime / time.Minute)
)
