package audit

import "time"

const (
	// maxText bounds each text of a record, in bytes. Names, hashes and codes are
	// shorter; what is longer was chosen by a client.
	maxText = 256

	// maxVersion bounds the value of api-version; "2022-09-01-preview" has 18.
	maxVersion = 32

	// maxLine bounds a line of the trail, in bytes. A record has some 30 texts of
	// at most maxText, of which each byte may take three as a replaced
	// character, and those within strings are escaped once more.
	maxLine = 64 << 10

	// maxRecord is what a record has of it: sequence and hash stand before it.
	maxRecord = maxLine - 256

	// defaultSegment is the size from which on the next segment is begun: large
	// enough for some 70,000 records, small enough to be sent around.
	defaultSegment = 64 << 20

	// defaultBuffer bounds what waits to be written, in bytes: what comes in
	// within a second at several thousand attestations a second.
	defaultBuffer = 4 << 20

	// defaultFlush is how long a buffered record may wait for others.
	defaultFlush = 200 * time.Millisecond

	// defaultWait is how long a record waits for a disk that is full or slow,
	// before whoever brought it is told. A client waits longer than that.
	defaultWait = 2 * time.Second
)
