package instance

import (
	"testing"
	"time"
	"unsafe"
)

// suspended returns the time that is read after the machine was suspended for some
// whole seconds: the wall clock has gone on, and the monotonic one has not. Package
// time makes no such values by itself; it keeps the seconds above 30 bits of
// nanoseconds.
func suspended(at time.Time, seconds int64) time.Time {
	wall := (*int64)(unsafe.Pointer(&at)) //nolint:gosec // G103: see above
	*wall += seconds << 30
	return at
}

func TestKnowledgeAgesWhileTheMachineIsSuspended(t *testing.T) {
	t.Parallel()
	from := time.Now()
	asleep := suspended(from.Add(time.Second), 3600)
	if by := asleep.Sub(from); by != time.Second {
		t.Fatalf("the monotonic clock says %s, want a second: does package time keep times in another way?", by)
	}
	for name, test := range map[string]struct {
		to   time.Time
		want time.Duration
	}{
		"awake":         {from.Add(time.Minute), time.Minute},
		"asleep":        {asleep, time.Hour + time.Second},
		"set back":      {suspended(from.Add(time.Minute), -3600), time.Minute},
		"by wall alone": {from.Round(0).Add(time.Minute), time.Minute},
	} {
		if got := between(from, test.to); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
