package simulator

import "time"

// Every bound of this package, each with its reason.
const (
	// maxSeed bounds a seed. 32 bytes carry all the entropy that P-256 can use;
	// more room lets tests write a sentence.
	maxSeed = 1 << 10
	// maxPlatformFile bounds what Load reads. A file with the longest seed has
	// about 3 KiB.
	maxPlatformFile = 16 << 10
	// maxSVN is the largest 16-bit SVN: nothing is newer.
	maxSVN = 1<<16 - 1
	// minYear and maxYear keep every date, also those of faults before and after
	// it, within what X.509 can say (years 1950 to 9999).
	minYear, maxYear = 2000, 9000
	// maxValidity keeps date arithmetic of faults within those years.
	maxValidity = 40 * 365 * 24 * time.Hour
	// maxAdvisories bounds the advisories of one level, as the verifier does.
	maxAdvisories = 256
	// maxAdvisory bounds the text of one advisory ID: "INTEL-SA-00615" has 14.
	maxAdvisory = 64
	// maxEvaluationDataNumber keeps the number within 31 bits, the least that
	// readers of the JSON documents take.
	maxEvaluationDataNumber = 1<<31 - 1
)
