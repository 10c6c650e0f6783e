package audit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// errFull is what a full disk says.
var errFull = errors.New("no space left on device")

// fullDisk is the system's files, on a disk that tests fill.
type fullDisk struct {
	mu sync.Mutex
	// room is how many more bytes it takes; negative means any number.
	room int
	// sync fails the next syncs with this error.
	sync error
	// opens fails to open files.
	opens error
	// gate, unless nil, holds syncs up until it is closed.
	gate chan struct{}
}

func (d *fullDisk) set(change func(d *fullDisk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

func (d *fullDisk) open(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opens != nil {
		return nil, d.opens
	}
	f, err := openFile(name)
	if err != nil {
		return nil, err
	}
	return &fullFile{f, d}, nil
}

type fullFile struct {
	file
	disk *fullDisk
}

// WriteAt writes what fits, as systems do.
func (f *fullFile) WriteAt(p []byte, offset int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.room < 0 || len(p) <= f.disk.room {
		if f.disk.room >= 0 {
			f.disk.room -= len(p)
		}
		return f.file.WriteAt(p, offset)
	}
	n, err := f.file.WriteAt(p[:f.disk.room], offset)
	if err == nil {
		err = errFull
	}
	return n, err
}

func (f *fullFile) Sync() error {
	f.disk.mu.Lock()
	failure, gate := f.disk.sync, f.disk.gate
	f.disk.mu.Unlock()
	if gate != nil {
		<-gate
	}
	if failure != nil {
		return failure
	}
	return f.file.Sync()
}

// A disk that is full, cannot sync or cannot open: nobody is told that it went
// well, and nothing is lost or twice there once the disk works again.
func TestBrokenDiskRefusesAndLosesNothing(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(*fullDisk){
		"full":           func(d *fullDisk) { d.room = 0 },
		"full in a line": func(d *fullDisk) { d.room = 100 },
		"no sync":        func(d *fullDisk) { d.sync = errFull },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				d := &fullDisk{room: -1}
				trail := running(t, Config{Dir: dir, open: d.open})
				mustAppend(t, trail, 1)
				d.set(breakIt)

				// The first is taken, and tried in vain.
				start := time.Now()
				err := trail.Append(t.Context(), numbered(2))
				wantUnavailable(t, err)
				if took := time.Since(start); took != defaultWait {
					t.Errorf("refused after %s, want %s", took, defaultWait)
				}
				if trail.Err() == nil || trail.Head().Sequence != 1 {
					t.Errorf("failure %v, head %v", trail.Err(), trail.Head())
				}
				// The next have no place at all.
				wantUnavailable(t, trail.Append(t.Context(), numbered(99)))
				wantUnavailable(t, trail.AppendSoon(t.Context(), numbered(99)))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := trail.AppendSoon(ctx, numbered(99)); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v, want that of the context", err)
				}

				d.set(func(d *fullDisk) { d.room, d.sync = -1, nil })
				mustAppend(t, trail, 3)
				if trail.Err() != nil {
					t.Errorf("failure %v after it went well", trail.Err())
				}
			})
			got, _ := operations(t, dir, Expect{})
			if diff := cmp.Diff(numberedNames(3), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func wantUnavailable(t *testing.T, err error) {
	t.Helper()
	if e, ok := errors.AsType[*UnavailableError](err); !ok || !errors.Is(err, errFull) || e.Waited != defaultWait {
		t.Errorf("error %v, want that the trail is unavailable", err)
	}
}

// A slow disk lets callers wait for so long and no longer, with bounded memory.
func TestSlowDiskBoundsWhatWaits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		d := &fullDisk{room: -1}
		trail := running(t, Config{Dir: dir, Buffer: 2 * maxLine, open: d.open})
		mustAppend(t, trail, 1)
		d.set(func(d *fullDisk) { d.gate = gate })
		taken := 1
		var err error
		for err == nil {
			if err = trail.AppendSoon(t.Context(), numbered(taken+1)); err == nil {
				taken++
			}
		}
		if e, ok := errors.AsType[*UnavailableError](err); !ok || e.Err != nil {
			t.Errorf("error %v, want that the disk is too slow", err)
		}
		trail.mu.Lock()
		held := len(trail.pending) + trail.inFlight
		trail.mu.Unlock()
		if held > 2*maxLine || held < maxLine/2 {
			t.Errorf("%d bytes wait, want at most %d", held, 2*maxLine)
		}
		close(gate)
		d.set(func(d *fullDisk) { d.gate = nil })
		mustAppend(t, trail, taken+1)
		got, _ := operations(t, dir, Expect{})
		if diff := cmp.Diff(numberedNames(taken+1), got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestBufferedRecordsAreOnTheDiskSoon(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		trail := running(t, Config{Dir: dir})
		for n := range 3 {
			if err := trail.AppendSoon(t.Context(), numbered(n+1)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if got := trail.Head().Sequence; got != 0 {
			t.Errorf("%d records on the disk at once, want them to wait for others", got)
		}
		time.Sleep(defaultFlush)
		synctest.Wait()
		if got := trail.Head().Sequence; got != 3 {
			t.Errorf("%d records on the disk after %s, want 3", got, defaultFlush)
		}
	})
}

// The day changes while the disk is full: what an attempt left in the old file is
// not there twice.
func TestNewDayAfterAFailureLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := &fullDisk{room: -1}
		trail := running(t, Config{Dir: dir, open: d.open, Clock: time.Now})
		mustAppend(t, trail, 1)
		d.set(func(d *fullDisk) { d.sync = errFull })
		wantUnavailable(t, trail.Append(t.Context(), numbered(2)))
		time.Sleep(24 * time.Hour)
		d.set(func(d *fullDisk) { d.opens = errFull })
		wantUnavailable(t, trail.Append(t.Context(), numbered(99)))
		d.set(func(d *fullDisk) { d.sync, d.opens = nil, nil })
		mustAppend(t, trail, 3)
	})
	got, s := operations(t, dir, Expect{})
	if diff := cmp.Diff(numberedNames(3), got); diff != "" || s.Files != 2 {
		t.Error(s, diff)
	}
}

func TestCloseSaysWhatIsLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := &fullDisk{room: -1}
	trail, err := Open(Config{Dir: dir, Clock: clock, open: d.open})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		if err := trail.AppendSoon(t.Context(), numbered(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	d.set(func(d *fullDisk) { d.room = 900 })
	if err := trail.Close(); !errors.Is(err, errFull) || !strings.Contains(err.Error(), "2 records") {
		t.Errorf("error %v, want that two records are lost", err)
	}
	// What came to the disk whole is kept all the same.
	running(t, Config{Dir: dir})
	got, _ := operations(t, dir, Expect{})
	if diff := cmp.Diff([]string{"Operation1", "RecoverAuditTrail"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDiskThatIsFullAtTheStartIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, segmentName(1, at)), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &fullDisk{room: 10}
	if _, err := Open(Config{Dir: dir, Clock: clock, open: d.open}); !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
	// The folder is free again.
	running(t, Config{Dir: dir})
}
