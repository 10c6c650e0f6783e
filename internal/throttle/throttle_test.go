package throttle

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"
)

// watch is a clock that tests turn.
type watch struct {
	mu  sync.Mutex
	now time.Time
}

func newWatch() *watch {
	return &watch{now: time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)}
}

func (w *watch) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *watch) turn(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(by)
}

// passed counts how many of a number of requests get through.
func passed(th *Throttle, instance, caller string, requests int) int {
	n := 0
	for range requests {
		if _, by := th.Allow(instance, caller); by == "" {
			n++
		}
	}
	return n
}

func TestCallerIsHeldToTheRate(t *testing.T) {
	t.Parallel()
	w := newWatch()
	th := New(Limit{PerSecond: 2, Burst: 5}, Limit{}, w.time)
	if got := passed(th, "i", "a", 100); got != 5 {
		t.Errorf("%d at once, want the burst of 5", got)
	}
	if wait, by := th.Allow("i", "a"); by != ReachedCaller || wait != 500*time.Millisecond {
		t.Errorf("wait %s by %q, want 500ms for the caller's next", wait, by)
	}
	if got := passed(th, "i", "b", 5); got != 5 {
		t.Errorf("%d of another caller, want 5", got)
	}
	// Who was refused has not lost what comes in meanwhile.
	w.turn(time.Second)
	if got := passed(th, "i", "a", 100); got != 2 {
		t.Errorf("%d after a second, want 2", got)
	}
	// Whoever waits as told gets through.
	wait, _ := th.Allow("i", "a")
	w.turn(wait)
	if _, by := th.Allow("i", "a"); by != "" {
		t.Error("refused after the wait")
	}
	w.turn(time.Hour)
	if got := passed(th, "i", "a", 100); got != 5 {
		t.Errorf("%d after an hour, want the burst of 5", got)
	}
}

func TestInstanceIsHeldToTheRateOfAllItsCallers(t *testing.T) {
	t.Parallel()
	w := newWatch()
	th := New(Limit{PerSecond: 1, Burst: 3}, Limit{PerSecond: 10}, w.time)
	got := 0
	for n := range 20 {
		got += passed(th, "i", fmt.Sprint(n), 1)
	}
	if got != 10 {
		t.Errorf("%d from 20 callers, want the instance's 10", got)
	}
	if wait, by := th.Allow("i", "new"); by != ReachedInstance || wait != 100*time.Millisecond {
		t.Errorf("wait %s by %q, want 100ms for the instance's next", wait, by)
	}
	// What the instance refused does not count for the caller.
	if got := passed(th, "other", "new", 3); got != 3 {
		t.Errorf("%d to another instance, want 3", got)
	}
}

// A caller who is refused uses nothing up for others.
func TestHeavyCallerDoesNotUseUpTheInstance(t *testing.T) {
	t.Parallel()
	th := New(Limit{PerSecond: 1}, Limit{PerSecond: 5}, newWatch().time)
	if got := passed(th, "i", "heavy", 1000); got != 1 {
		t.Errorf("%d of the heavy caller, want 1", got)
	}
	for n := range 4 {
		if got := passed(th, "i", fmt.Sprint(n), 1); got != 1 {
			t.Error("another caller was refused")
		}
	}
}

func TestWithoutLimitsAllPass(t *testing.T) {
	t.Parallel()
	th := New(Limit{}, Limit{}, func() time.Time { t.Error("the clock was read"); return time.Time{} })
	if got := passed(th, "i", "a", 1000); got != 1000 {
		t.Errorf("%d of 1000", got)
	}
	th = New(Limit{}, Limit{PerSecond: 1}, newWatch().time)
	if got := passed(th, "i", "a", 10) + passed(th, "j", "a", 10); got != 2 {
		t.Errorf("%d with a limit for instances only, want one each", got)
	}
}

// A flood of fresh callers neither wipes out the debt of a heavy one nor grows the
// table, and its own callers are limited together.
func TestFloodOfFreshCallersFreesNobody(t *testing.T) {
	t.Parallel()
	w := newWatch()
	th := New(Limit{PerSecond: 1, Burst: 10}, Limit{}, w.time)
	if got := passed(th, "i", "heavy", 100); got != 10 {
		t.Fatalf("%d of the heavy caller, want 10", got)
	}
	through := 0
	for n := range 4 * maxBuckets {
		through += passed(th, "i", fmt.Sprint("fresh ", n), 1)
		if n%100 == 0 && passed(th, "i", "heavy", 1) != 0 {
			t.Fatalf("the heavy caller is free after %d fresh ones", n)
		}
	}
	if got := len(th.addresses.byKey); got != maxBuckets || th.addresses.recent.Len() != got {
		t.Errorf("%d buckets, want %d", got, maxBuckets)
	}
	if most := maxBuckets - 1 + sharedBuckets*10; through > most {
		t.Errorf("%d of the flood passed, want at most %d", through, most)
	}
	if got := passed(th, "i", CallerKey("app", ""), 20); got != 10 {
		t.Errorf("%d of a caller with a name during the flood, want the burst of 10", got)
	}
	// Even quietly waiting: it gets what its rate gives, and no more.
	w.turn(3 * time.Second)
	if got := passed(th, "i", "heavy", 100); got != 3 {
		t.Errorf("%d of the heavy caller after 3 s, want 3", got)
	}
	// Once the flood's buckets are full again, they make room.
	w.turn(time.Second)
	if got := passed(th, "i", "late", 20); got != 10 {
		t.Errorf("%d of a caller after the flood, want a bucket of its own with 10", got)
	}
}

// One heavy bucket at the end of the table keeps no other from going.
func TestFullBucketIsFoundBehindThoseInDebt(t *testing.T) {
	t.Parallel()
	w := newWatch()
	b := newBuckets(Limit{PerSecond: 1, Burst: 100}, 20)
	for n := range 20 {
		key := fmt.Sprint(n)
		for range 100 {
			b.reserve(key, w.time())
		}
	}
	full := held(b.recent.Front()).key
	b.byKey[full].Value = &bucket{key: full, limiter: b.limiter()}
	for n := range 4 {
		b.find(fmt.Sprint("new ", n), w.time())
	}
	if _, ok := b.byKey[full]; ok || len(b.byKey) != 20 {
		t.Errorf("the full bucket is still there (%t), %d in all", ok, len(b.byKey))
	}
}

func TestCallersAreToldApart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, remote, want string }{
		{"", "192.0.2.1:4711", "address 192.0.2.1"},
		{"", "[::ffff:192.0.2.1]:4711", "address 192.0.2.1"},
		{"", "[2001:db8:1:2:3:4:5:6]:4711", "address 2001:db8:1:2::/64"},
		{"", "[2001:db8:1:2::1]:1", "address 2001:db8:1:2::/64"},
		{"", "[2001:db8:1:3::1]:1", "address 2001:db8:1:3::/64"},
		{"", "[fe80::1%eth0]:1", "address fe80::/64"},
		{"", "@", "address"},
		{"", "", "address"},
		{"app", "192.0.2.1:4711", "name app"},
		// A name that looks like an address is none.
		{"192.0.2.1", "192.0.2.1:1", "name 192.0.2.1"},
	} {
		if got := CallerKey(tt.name, tt.remote); got != tt.want {
			t.Errorf("%q at %q is %q, want %q", tt.name, tt.remote, got, tt.want)
		}
	}
}

func TestLimitsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for field, l := range map[string]Limit{
		"PerSecond": {PerSecond: -1}, "Burst": {PerSecond: 1, Burst: -1},
	} {
		if e := l.Check(); e == nil || e.Field != field {
			t.Errorf("%+v: %v, want an error of %s", l, e, field)
		}
	}
	for _, l := range []Limit{{PerSecond: math.NaN()}, {PerSecond: math.Inf(1)}, {Burst: 1}, {PerSecond: 1, Burst: maxRate + 1}} {
		if l.Check() == nil {
			t.Errorf("%+v is accepted", l)
		}
	}
	for _, l := range []Limit{{}, {PerSecond: 0.001}, {PerSecond: maxRate, Burst: maxRate}} {
		if err := l.Check(); err != nil {
			t.Error(err)
		}
	}
	if got := (Limit{PerSecond: 0.001}).burst(); got != 1 {
		t.Errorf("burst %d, want at least one", got)
	}
}

// A clock that goes back gives nothing away and locks nobody out.
func TestClockThatGoesBack(t *testing.T) {
	t.Parallel()
	w := newWatch()
	th := New(Limit{PerSecond: 1, Burst: 5}, Limit{}, w.time)
	passed(th, "i", "a", 5)
	w.turn(-time.Hour)
	if got := passed(th, "i", "a", 5); got != 0 {
		t.Errorf("%d passed when the clock went back, want 0", got)
	}
	w.turn(2 * time.Second)
	if got := passed(th, "i", "a", 5); got != 2 {
		t.Errorf("%d passed after two seconds more, want 2", got)
	}
}

func TestThrottleIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	th := New(Limit{PerSecond: 1, Burst: 100}, Limit{PerSecond: 1, Burst: 300}, newWatch().time)
	var all sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for n := range 8 {
		all.Go(func() {
			got := passed(th, "i", fmt.Sprint(n%4), 200)
			mu.Lock()
			defer mu.Unlock()
			total += got
		})
	}
	all.Wait()
	if total != 300 {
		t.Errorf("%d passed, want the instance's 300", total)
	}
}

func BenchmarkThrottle(b *testing.B) {
	limit := Limit{PerSecond: maxRate}
	b.Run("one caller", func(b *testing.B) {
		th := New(limit, limit, time.Now)
		b.ReportAllocs()
		for b.Loop() {
			th.Allow("contoso", "address 192.0.2.1")
		}
	})
	b.Run("a flood", func(b *testing.B) {
		th := New(Limit{PerSecond: 1, Burst: 2}, limit, time.Now)
		keys := make([]string, 4*maxBuckets)
		for n := range keys {
			keys[n] = fmt.Sprint(n)
		}
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			th.Allow("contoso", keys[n%len(keys)])
			n++
		}
	})
}
