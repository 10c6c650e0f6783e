// Package audit keeps the trail of what happened: one line of JSON for each
// attestation and each change, in the shape of Azure Attestation's diagnostic
// logs, in files that are only appended to. Each line names the SHA-256 of the
// one before, so that a line that was changed, removed or moved breaks the chain.
//
// Which function do I want? [Open] a trail and [Trail.Run] it for as long as the
// service runs. [Trail.Append] returns once the record is on the disk, and is for
// changes: whoever is told that a change was made must find it in the trail.
// [Trail.AppendSoon] returns at once, and the record is on the disk within
// [Config.Flush]; it is for attestations. An error of either means that the
// request must be refused. [Verify] reads a trail, checks the chain, and hands
// on its records.
//
// What the chain cannot show: lines cut off the end look like a trail that ended
// there, and whoever may write the files can compute a whole new chain. Keep
// [Trail.Head] elsewhere, and give it to Verify.
package audit

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// lockFile is the file in a trail's folder that its writer holds.
const lockFile = "lock"

// ErrInUse says that another process writes to the trail.
var ErrInUse = errors.New("in use by another process")

// ErrClosed says that the trail was closed.
var ErrClosed = errors.New("audit: the trail is closed")

// UnavailableError says that a record could not be written in time: the disk is
// full, slow or broken.
type UnavailableError struct {
	// Waited is for how long.
	Waited time.Duration
	// Err is the last failure, nil if the disk is slow.
	Err error
}

func (e *UnavailableError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("audit: the trail takes no more records for %s: its disk is too slow", e.Waited)
	}
	return fmt.Sprintf("audit: the trail takes no more records for %s: %v", e.Waited, e.Err)
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// ConfigError says why a [Config] makes no trail.
type ConfigError struct {
	// Field is the field of Config.
	Field string
	// Problem is what is wrong with it, and what would be right.
	Problem string
}

func (e *ConfigError) Error() string { return "audit: config: " + e.Field + ": " + e.Problem }

// Config says where a trail is and how it is written.
type Config struct {
	// Dir is its folder, made if it is not there. Required.
	Dir string
	// Clock names the files, and begins a new one each day in UTC; nil means
	// [time.Now].
	Clock func() time.Time
	// Segment is the size in bytes from which on a new file is begun; 0 means 64
	// MiB.
	Segment int64
	// Buffer bounds the bytes that wait to be written; 0 means 4 MiB.
	Buffer int
	// Flush is how long a record of [Trail.AppendSoon] waits for others; 0 means
	// 200 ms.
	Flush time.Duration
	// Wait is how long a record waits for a disk that is full or slow; 0 means 2 s.
	Wait time.Duration

	// open stands in for the system's files in tests.
	open opener
}

func (c Config) validate() error {
	switch {
	case c.Dir == "":
		return &ConfigError{"Dir", "missing, want the folder of the trail"}
	case c.Segment < 0:
		return &ConfigError{"Segment", fmt.Sprintf("%d, want a size in bytes, or 0 for the default", c.Segment)}
	case c.Buffer < 0 || c.Buffer > 0 && c.Buffer < maxLine:
		return &ConfigError{"Buffer", fmt.Sprintf("%d, want at least %d bytes, or 0 for the default", c.Buffer, maxLine)}
	case c.Flush < 0:
		return &ConfigError{"Flush", fmt.Sprintf("%s, want a time, or 0 for the default", c.Flush)}
	case c.Wait < 0:
		return &ConfigError{"Wait", fmt.Sprintf("%s, want a time, or 0 for the default", c.Wait)}
	}
	return nil
}

// Trail is a trail that this process writes. It is safe for concurrent use.
type Trail struct {
	dir    string
	buffer int
	every  time.Duration
	wait   time.Duration
	unlock func() error

	// wake tells Run that something waits to be written, urgent that somebody
	// waits for it.
	wake, urgent chan struct{}

	// writing is held while the disk works; it comes before mu.
	writing sync.Mutex
	// disk is where lines go. It belongs to whoever holds writing.
	disk disk

	mu sync.Mutex
	// head is that of the last record taken, synced that of the last one on the
	// disk.
	head, synced Head
	// pending are the lines between, but for those that are being written, of
	// which there are inFlight bytes. spare is what pending is exchanged with.
	pending, spare []byte
	inFlight       int
	isClosed       bool
	// failure is that of the last write, nil if it went well.
	failure error
	// progress is closed at the end of each write, and replaced.
	progress chan struct{}
}

// Open opens the trail in a folder, or begins one, and keeps other processes out.
// It checks the chain of the newest file. Half a line at the end, as a crash
// leaves it, is moved to a file "….torn", which a record notes. It returns a
// *[ConfigError] for a configuration that makes no sense, [ErrInUse] if another
// process has the trail open, and a *[ChainError] if the chain is broken: then
// somebody must look, and the service must not go on as if nothing had happened.
func Open(c Config) (*Trail, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	t := &Trail{
		dir:    filepath.Clean(c.Dir),
		buffer: cmp.Or(c.Buffer, defaultBuffer),
		every:  cmp.Or(c.Flush, defaultFlush),
		wait:   cmp.Or(c.Wait, defaultWait),
		wake:   make(chan struct{}, 1), urgent: make(chan struct{}, 1), progress: make(chan struct{}),
	}
	t.disk = disk{dir: t.dir, clock: c.Clock, limit: cmp.Or(c.Segment, defaultSegment), open: c.open}
	if t.disk.clock == nil {
		t.disk.clock = time.Now
	}
	if t.disk.open == nil {
		t.disk.open = openFile
	}
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	unlock, err := lock(t.dir)
	if err != nil {
		return nil, fmt.Errorf("audit: %s: %w", t.dir, err)
	}
	t.unlock = unlock
	if err := t.recover(); err != nil {
		_ = t.Close()
		return nil, err
	}
	return t, nil
}

// Head returns the end of the trail as it is on the disk.
func (t *Trail) Head() Head {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.synced
}

// Err returns why the last write failed, nil if it did not, and [ErrClosed] once
// the trail is. While there is an error, records wait, and then are refused.
func (t *Trail) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.isClosed {
		return ErrClosed
	}
	return t.failure
}

// Close writes what waits, and lets go of the trail. It returns an error if
// records are lost with it. Whoever appends after that is told [ErrClosed].
func (t *Trail) Close() error {
	t.mu.Lock()
	wasClosed := t.isClosed
	t.isClosed = true
	t.mu.Unlock()
	if wasClosed {
		return nil
	}
	err := t.flush()
	t.writing.Lock()
	defer t.writing.Unlock()
	t.mu.Lock()
	lost := t.head.Sequence - t.synced.Sequence
	t.mu.Unlock()
	if err = errors.Join(err, t.disk.close(), t.unlock()); err != nil {
		return fmt.Errorf("audit: close, with %d records that are not on the disk: %w", lost, err)
	}
	return nil
}
