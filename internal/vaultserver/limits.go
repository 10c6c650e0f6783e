package vaultserver

import (
	"cmp"
	"time"

	"github.com/azattest/azattest/internal/throttle"
)

// Limits bound what callers can make the server do. Zero fields have the defaults
// that stand behind them.
type Limits struct {
	// BodyBytes of a request (1 MiB), but for a release's, which may have
	// [keyrelease.MaxRequestBytes]; HeaderBytes (32 KiB).
	BodyBytes   int64
	HeaderBytes int
	// Concurrent are releases at once, apart from them everything else, and apart from
	// both bodies of more than 16 KiB that are received (256 each).
	Concurrent int
	// Request is how long one may take (30 s), ReadHeader and Read until when its header
	// (10 s) and all of it (20 s) must have come, Write until when the answer must be gone
	// (60 s), Idle how long a connection may wait for another request (2 min).
	Request, ReadHeader, Read, Write, Idle time.Duration
	// Caller bounds how often one caller may ask. Zero: as often as it likes.
	Caller throttle.Limit
	// Linger is how long the server goes on after it was told to stop, so that balancers
	// notice; Drain how long requests then have (30 s).
	Linger, Drain time.Duration
}

func (l Limits) withDefaults() Limits {
	return Limits{
		BodyBytes: cmp.Or(l.BodyBytes, 1<<20), HeaderBytes: cmp.Or(l.HeaderBytes, 32<<10), Concurrent: cmp.Or(l.Concurrent, 256),
		Request: cmp.Or(l.Request, 30*time.Second), ReadHeader: cmp.Or(l.ReadHeader, 10*time.Second), Read: cmp.Or(l.Read, 20*time.Second),
		Write: cmp.Or(l.Write, time.Minute), Idle: cmp.Or(l.Idle, 2*time.Minute), Caller: l.Caller, Linger: l.Linger, Drain: cmp.Or(l.Drain, 30*time.Second),
	}
}

func (l Limits) check() error {
	if min(l.BodyBytes, int64(l.HeaderBytes), int64(l.Concurrent), int64(l.Request), int64(l.ReadHeader), int64(l.Read), int64(l.Write), int64(l.Idle), int64(l.Linger), int64(l.Drain)) < 0 {
		return &ConfigError{"Limits", "a negative number, want 0 for the default or more"}
	}
	if err := l.Caller.Check(); err != nil {
		return &ConfigError{"Limits.Caller", err.Error()}
	}
	return nil
}

const (
	// maxResults is the longest page, as at Key Vault.
	maxResults = 25

	// recordTime is how long the trail may take.
	recordTime = 5 * time.Second

	// abortTime is how long what has begun may take once its connection was closed: a
	// change is finished and recorded, or gives up.
	abortTime = 5 * time.Second

	// unauthorizedPerSecond and unauthorizedAtOnce bound the records of refusals of
	// callers who have no role.
	unauthorizedPerSecond = 10
	unauthorizedAtOnce    = 100
)
