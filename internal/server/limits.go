package server

import (
	"cmp"
	"time"
)

// Limits bound what a client can make the server do.
type Limits struct {
	// BodyBytes of a request.
	BodyBytes int64
	// HeaderBytes of a request.
	HeaderBytes int
	// Concurrent attestations; one more is asked to come again.
	Concurrent int
	// Request is the time for one attestation, collateral included.
	Request time.Duration
	// ReadHeader, Read, Write and Idle are the time-outs of a connection.
	ReadHeader, Read, Write, Idle time.Duration
	// Drain is how long requests in flight may go on at shutdown.
	Drain time.Duration
}

func (l Limits) orDefaults() Limits {
	return Limits{
		// A quote has 5 KiB; runtime data is a key or a set of keys. In base64
		// both grow by a third.
		BodyBytes: cmp.Or(l.BodyBytes, 1<<20),
		// No client sends more than a bearer token, which stays below 8 KiB.
		HeaderBytes: cmp.Or(l.HeaderBytes, 32<<10),
		// An attestation is computation: more at once only makes all of them
		// slower. The rest of the room is for those that wait for collateral.
		Concurrent: cmp.Or(l.Concurrent, 256),
		Request:    cmp.Or(l.Request, 30*time.Second),
		ReadHeader: cmp.Or(l.ReadHeader, 10*time.Second),
		Read:       cmp.Or(l.Read, 30*time.Second),
		// Longer than Request, so that the answer to a request that ran out of
		// time still goes out.
		Write: cmp.Or(l.Write, 45*time.Second),
		Idle:  cmp.Or(l.Idle, 2*time.Minute),
		Drain: cmp.Or(l.Drain, 10*time.Second),
	}
}
