package collateral

import "time"

// Every bound of this package, each with its reason.
const (
	// maxTCBInfo bounds a TCB info document. The largest seen has 30 KiB.
	maxTCBInfo = 1 << 20
	// maxQEIdentity bounds a QE identity document. The largest seen has 2 KiB.
	maxQEIdentity = 64 << 10
	// maxCRL bounds a revocation list as it is sent, perhaps in hexadecimal.
	// 4 MiB is room for some 50,000 revocations; the longest seen has 129.
	maxCRL = 4 << 20
	// maxChain bounds a PEM chain. Intel's have 4 KiB.
	maxChain = 32 << 10

	// maxArchiveDepth bounds the folders within folders of an archive. The
	// layout that WriteSet makes needs 2, one archive in a larger tree 4 or 5.
	maxArchiveDepth = 12
	// maxArchiveFolders bounds the folders looked at, so that an archive opened
	// in the wrong place (the root of a disk) fails at once.
	maxArchiveFolders = 20_000
	// maxArchiveBytes bounds what an archive keeps in memory: some 10,000 sets.
	maxArchiveBytes = 256 << 20
	// maxNamed bounds how many folders, numbers and the like an error lists.
	maxNamed = 5
	// maxVariants bounds the sets of one platform, date and number that differ
	// in other parts. A set fetched every minute of a day would need 1,440.
	maxVariants = 2000

	// maxErrorText bounds what an error repeats of a server's own words.
	maxErrorText = 200
	// maxHeaderBytes bounds the headers of an answer; three issuer chains in
	// percent encoding have 15 KiB.
	maxHeaderBytes = 128 << 10
	// maxRedirects bounds the redirects followed within one host.
	maxRedirects = 3

	// firstBackOff and maxBackOff bound the pause before a retry: twice as long
	// each time, with jitter.
	firstBackOff = 250 * time.Millisecond
	maxBackOff   = 5 * time.Second
	// maxRetryAfter bounds the pause that a server may ask for while a caller
	// waits. Who asks for more gets no retry.
	maxRetryAfter = 30 * time.Second

	// live is how far from now a query's time may lie and still mean now: the
	// difference of two clocks and the time a request takes.
	live = 5 * time.Minute
	// notFoundFor keeps "there is none": long enough to take the load of a
	// client that retries, short enough for a platform that has just been
	// registered.
	notFoundFor = time.Minute
	// failedFor keeps a failure to ask: one flood of requests, not the next.
	failedFor = 5 * time.Second
	// maxFailedFor bounds for how long a server may silence us with Retry-After.
	maxFailedFor = 10 * time.Minute
	// asIsFor keeps collateral that the source itself gave out of date (Azure
	// THIM does), and collateral of a time other than now.
	asIsFor = time.Hour
	// firstRefreshRetry and maxRefreshRetry bound the pause after a background
	// refresh that failed: twice as long each time.
	firstRefreshRetry = time.Minute
	maxRefreshRetry   = time.Hour
	// maxSleep bounds how long the refresher sleeps, so that it notices when the
	// clock is set or the machine wakes up.
	maxSleep = time.Hour
)
