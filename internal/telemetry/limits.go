package telemetry

import "time"

const (
	// maxNames bounds each list of names: the service has some 20 routes, 8 types
	// and 40 codes, a vault 9 operations and 21 codes.
	maxNames = 256

	// maxInstances bounds how many instances have numbers of their own. Each has
	// some ten lines of every scrape; the rest are "other".
	maxInstances = 2000

	// maxScrapes bounds how many read the numbers at once. One is usual.
	maxScrapes = 4

	// scrapeTime is longer than Prometheus waits.
	scrapeTime = 20 * time.Second

	// maxQueue bounds the spans that wait to be sent, of some KiB each. Whatever
	// comes while it is full is dropped and counted.
	maxQueue = 4096

	// maxBatch is how many spans are sent at once.
	maxBatch = 512

	// batchTime is how long a span waits for others.
	batchTime = 5 * time.Second

	// exportTime bounds one attempt to send a batch, and retryTime all of them.
	exportTime = 10 * time.Second
	retryTime  = 30 * time.Second

	// flushTime bounds what is still sent at the end.
	flushTime = 5 * time.Second

	// maxAttributes and maxAttribute bound what a span says, beside our own lists.
	maxAttributes = 16
	maxAttribute  = 256
)
