package collect

const (
	// maxEvidence is what is read of a quote or a report: the kernel gives at most
	// 32 KiB, and quotes have 4 to 8.
	maxEvidence = 64 << 10
	// maxAttribute is for the short texts beside them.
	maxAttribute = 256
	// maxInterleaved is how often another name is tried if somebody wrote to an
	// entry of ours. Names are random, so once is too often already.
	maxInterleaved = 3
)
