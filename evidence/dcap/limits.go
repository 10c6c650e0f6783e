package dcap

// Every bound of this package, each with its reason.
const (
	// maxQuote bounds a quote with its padding. Real ones have 4 to 5 KiB; a
	// platform manifest as certification data stays below 32 KiB.
	maxQuote = 64 << 10
	// maxCertificates bounds a PEM chain. Intel's have three.
	maxCertificates = 8
	// maxChain bounds the text of a PEM chain. Intel's have about 3.7 KiB.
	maxChain = 32 << 10
	// maxTCBInfo bounds a TCB info document. The largest seen has 30 KiB.
	maxTCBInfo = 1 << 20
	// maxQEIdentity bounds a QE identity document. The largest seen has 2 KiB.
	maxQEIdentity = 64 << 10
	// maxTCBLevels bounds the levels of one document. The most seen is 23.
	maxTCBLevels = 1024
	// maxAdvisories bounds the advisories of one level. The most seen is 17.
	maxAdvisories = 256
	// maxCRL bounds a revocation list. Platform CA lists with 129 serials have
	// 6 KiB; 4 MiB is room for some 100,000.
	maxCRL = 4 << 20
	// maxRememberedChains bounds the PCK chains whose verdict a verifier keeps:
	// one for each machine that attests. An entry takes about 10 KiB.
	maxRememberedChains = 4096
	// maxRememberedCollateral bounds the collateral sets whose verdict a
	// verifier keeps: one for each CPU family and date in use. An entry takes
	// about 20 KiB.
	maxRememberedCollateral = 256
)
