package openenclave

const (
	// maxReport bounds a report or evidence: a quote of at most 64 KiB and the
	// custom claims, which the SDK's own verifier limits to less.
	maxReport = 128 << 10
	// maxEndorsements bounds serialized endorsements; the SDK's own limit is
	// 200 KiB.
	maxEndorsements = 200 << 10
)
