package server

import (
	"cmp"
	"fmt"
	"time"

	"github.com/azattest/azattest/internal/throttle"
)

// Limits bound what clients can make the server do.
type Limits struct {
	// BodyBytes of a request.
	BodyBytes int64
	// HeaderBytes of a request. The HTTP library allows some 4 KiB on top.
	HeaderBytes int
	// Uploads are request bodies of more than 16 KiB that may be received and
	// parsed at once. Smaller ones, such as those of nearly all enclaves, need no
	// place: who holds all places by sending slowly keeps nobody else out. Callers
	// with a role have as many places of their own: those who attest, TPMs among
	// them, and those who manage.
	Uploads int
	// Concurrent are attestations without a credential that may be worked on at once,
	// and, apart from them, those of callers with a role and what is managed.
	Concurrent int
	// Caller and Instance bound how many requests one caller may send, and one
	// instance get: attestations and what is managed, not documents. They have no
	// default; a caller is known by name or else by address.
	Caller, Instance throttle.Limit
	// Request is the time for one attestation, from the body's last byte on,
	// collateral included.
	Request time.Duration
	// ReadHeader, Read and Write are the times for a request's header, for
	// header and body, and from the end of the header to that of the answer. Idle
	// is how long a connection may wait for its next request.
	ReadHeader, Read, Write, Idle time.Duration
	// Linger is how long the server goes on serving after /readyz has begun to
	// say no, so that balancers notice. Drain is how long requests in flight may
	// go on after that.
	Linger, Drain time.Duration
}

func (l Limits) orDefaults() Limits {
	return Limits{
		// A quote has 5 KiB, with all its endorsements 20; the most runtime data
		// that is accepted, 256 KiB, and as much init-time data. In base64 all
		// of it grows by a third.
		BodyBytes: cmp.Or(l.BodyBytes, 1<<20),
		// The SDKs send a bearer token, which stays below 8 KiB.
		HeaderBytes: cmp.Or(l.HeaderBytes, 32<<10),
		// Slow or large bodies cost memory, at most three times this many times
		// BodyBytes: there are three kinds of callers.
		Uploads: cmp.Or(l.Uploads, 512),
		// An attestation is computation: more of them at once only make all of
		// them slower. The rest of the room is for those that wait for
		// collateral.
		Concurrent: cmp.Or(l.Concurrent, 256),
		Request:    cmp.Or(l.Request, 30*time.Second),
		ReadHeader: cmp.Or(l.ReadHeader, 10*time.Second),
		// A whole MiB in 20 s needs 50 KiB/s; real bodies have some 10 KiB.
		Read: cmp.Or(l.Read, 20*time.Second),
		// Read, Request and a little more, so that whoever ran out of time is
		// told.
		Write:  cmp.Or(l.Write, time.Minute),
		Idle:   cmp.Or(l.Idle, 2*time.Minute),
		Caller: l.Caller, Instance: l.Instance,
		Linger: l.Linger,
		Drain:  cmp.Or(l.Drain, 15*time.Second),
	}
}

func (l Limits) validate() error {
	for field, n := range map[string]int64{
		"BodyBytes": l.BodyBytes, "HeaderBytes": int64(l.HeaderBytes), "Uploads": int64(l.Uploads),
		"Concurrent": int64(l.Concurrent), "Request": int64(l.Request), "ReadHeader": int64(l.ReadHeader),
		"Read": int64(l.Read), "Write": int64(l.Write), "Idle": int64(l.Idle), "Linger": int64(l.Linger), "Drain": int64(l.Drain),
	} {
		if n < 0 {
			return &ConfigError{"Limits." + field, fmt.Sprintf("%d, want a bound, or 0 for the default", n)}
		}
	}
	if err := checkRate("Limits.Caller", l.Caller); err != nil {
		return err
	}
	return checkRate("Limits.Instance", l.Instance)
}

func checkRate(field string, l throttle.Limit) error {
	if e := l.Check(); e != nil {
		return &ConfigError{field + "." + e.Field, e.Problem}
	}
	return nil
}

const (
	// maxReason bounds, in bytes, the reason that follows Microsoft's sentence.
	// It may quote what the client sent, and 20 faults of a policy.
	maxReason = 4 << 10

	// strangersPerSecond bounds how many refusals of callers without a name come into
	// the audit trail: a gigabyte a day. strangersAtOnce may come together.
	strangersPerSecond = 10
	strangersAtOnce    = 1000

	// maxDetails bounds the list beside it.
	maxDetails = 20

	// queued is how many TPMs' requests there may be for each that is judged: some
	// seconds' worth.
	queued = 8
)
