package audit

import (
	"context"
	"fmt"
	"time"
)

// Append adds a record and returns once it is on the disk, whatever happens to
// the process or the machine afterwards. Records of callers that come together
// are made durable together. It returns the context's error, an
// *[UnavailableError] or [ErrClosed]; the record may then still come into the
// trail, if it had its place there already. Run must be running.
func (t *Trail) Append(ctx context.Context, r Record) error {
	deadline := time.NewTimer(t.wait)
	defer deadline.Stop()
	sequence, err := t.add(ctx, &r, deadline)
	if err != nil {
		return err
	}
	signal(t.urgent)
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.synced.Sequence < sequence {
		if err := t.await(ctx, deadline); err != nil {
			return err
		}
	}
	return nil
}

// AppendSoon adds a record, which Run brings to the disk soon. While the disk is
// full or slow it waits for [Config.Wait] at most, and returns an
// *[UnavailableError]; it also returns the context's error and [ErrClosed]. The
// record is not in the trail then.
func (t *Trail) AppendSoon(ctx context.Context, r Record) error {
	deadline := time.NewTimer(t.wait)
	defer deadline.Stop()
	_, err := t.add(ctx, &r, deadline)
	return err
}

// hasRoom reports whether one more record may wait. While writing fails none may:
// it would have been promised what nobody can keep. The caller holds the lock.
func (t *Trail) hasRoom() bool {
	return t.failure == nil && len(t.pending)+t.inFlight+maxLine <= t.buffer
}

// add gives a record its place in the chain, as soon as there is room for it, and
// returns its sequence.
func (t *Trail) add(ctx context.Context, r *Record, deadline *time.Timer) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	raw, err := r.encode()
	if err != nil {
		return 0, err
	}
	if len(raw) > maxRecord {
		// Whoever reads the trail takes such a line for one that was changed.
		return 0, fmt.Errorf("audit: a record of %d bytes, want at most %d", len(raw), maxRecord)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for !t.isClosed {
		if t.hasRoom() {
			t.pending, t.head = appendLine(t.pending, t.head, raw)
			signal(t.wake)
			return t.head.Sequence, nil
		}
		signal(t.urgent)
		if err := t.await(ctx, deadline); err != nil {
			return 0, err
		}
	}
	return 0, ErrClosed
}

// await lets go of the lock until the next write has ended.
func (t *Trail) await(ctx context.Context, deadline *time.Timer) error {
	progress := t.progress
	t.mu.Unlock()
	defer t.mu.Lock()
	select {
	case <-progress:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-deadline.C:
		return &UnavailableError{Waited: t.wait, Err: t.Err()}
	}
}

// signal leaves a note, unless one lies there already.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run brings records to the disk, and tries again what failed, until the context
// ends; what waits then is for [Trail.Close]. End it after everybody who appends.
// It returns nil.
func (t *Trail) Run(ctx context.Context) error {
	timer := time.NewTimer(t.every)
	defer timer.Stop()
	urgent := t.urgent
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.wake:
		}
		// Others may come until the time is up, or somebody waits.
		timer.Reset(t.every)
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-urgent:
		}
		urgent = t.urgent
		if err := t.flush(); err != nil {
			// Again, but not at once, whoever waits.
			signal(t.wake)
			urgent = nil
		}
	}
}

// flush writes what is pending, as one batch.
func (t *Trail) flush() error {
	t.writing.Lock()
	defer t.writing.Unlock()
	t.mu.Lock()
	batch, end, start := t.pending, t.head, t.synced.Sequence+1
	if len(batch) == 0 {
		t.mu.Unlock()
		return nil
	}
	t.pending, t.spare = t.spare[:0], nil
	t.inFlight = len(batch)
	t.mu.Unlock()

	err := t.disk.write(batch, start)

	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight, t.failure = 0, err
	if err == nil {
		t.synced, t.spare = end, batch
	} else {
		// It keeps its place, before what came meanwhile.
		t.pending = append(batch, t.pending...)
	}
	close(t.progress)
	t.progress = make(chan struct{})
	return err
}
