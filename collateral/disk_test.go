package collateral

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

// fill runs a cache with this folder once, at day0, so that the folder holds
// collateral for these queries.
func fill(t *testing.T, dir string, queries ...Query) {
	t.Helper()
	inBubble(t, CacheConfig{Dir: dir}, func(t bubble) {
		c := t.cache
		for _, q := range queries {
			if _, err := c.Collateral(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
	})
}

var errOffline = errors.New("offline")

func TestCacheWorksOfflineAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fill(t, dir, Query{Platform: sgxProcessor}, Query{Platform: sgxProcessor, TCBEvaluationDataNumber: 18}, Query{Platform: tdxPlatform})
	var log bytes.Buffer
	inBubble(t, CacheConfig{Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(t bubble) {
		c, s := t.cache, t.source
		s.set(failing(errOffline))
		time.Sleep(days(20))
		first := get(t, c, sgxProcessor)
		if got := describe(first, nil); got.TCBEvaluationDataNumber != 17 || !got.Issued.Equal(day0) {
			t.Errorf("got e%d of %s", got.TCBEvaluationDataNumber, got.Issued)
		}
		higher, err := c.Collateral(t.Context(), Query{Platform: sgxProcessor, TCBEvaluationDataNumber: 18})
		if err != nil || describe(higher, nil).TCBEvaluationDataNumber != 18 {
			t.Errorf("error %v, want number 18", err)
		}
		get(t, c, tdxPlatform)
		synctest.Wait()
		if n := s.calls(); n != 3 {
			t.Errorf("the source was asked %d times, want once for each, behind the answers", n)
		}
		if get(t, c, sgxProcessor) != first {
			t.Error("another pointer")
		}
		if _, err := c.Collateral(t.Context(), Query{Platform: sgxPlatform}); !errors.Is(err, errOffline) {
			t.Errorf("error %v for a platform that was never fetched", err)
		}
		// Past its time it is not served, offline or not.
		time.Sleep(days(11))
		if got, err := c.Collateral(t.Context(), Query{Platform: sgxProcessor}); !errors.Is(err, errOffline) {
			t.Errorf("got %v, error %v", got, err)
		}
	})
	if !strings.Contains(log.String(), "offline") {
		t.Errorf("the log does not say that refreshes fail: %s", log.String())
	}
}

func TestCacheReplacesWhatCameFromDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fill(t, dir, Query{Platform: sgxProcessor})
	inBubble(t, CacheConfig{Dir: dir}, func(t bubble) {
		c, s := t.cache, t.source
		time.Sleep(days(3))
		got := get(t, c, sgxProcessor)
		expectCalls(t, s, 1)
		if !describe(got, nil).Issued.Equal(day0.Add(days(3))) {
			t.Error("collateral of three days ago is served from disk, though the network can be asked")
		}
		sets := openArchive(t.T, dir).Sets()
		if len(sets) != 1 || sets[0].Collateral.Digest() != got.Digest() {
			t.Errorf("%d sets on disk, want the newest alone", len(sets))
		}
	})
}

// A command that runs once must neither ask each time nor miss a revocation for
// longer than it says.
func TestAgeOfWhatIsOnDisk(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		age   time.Duration
		calls int
	}{
		"an hour":     {time.Hour, 0},
		"half a day":  {days(1) / 2, 0},
		"a day":       {days(1), 1},
		"twenty days": {days(20), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			fill(t, dir, Query{Platform: sgxProcessor})
			inBubble(t, CacheConfig{Dir: dir}, func(t bubble) {
				time.Sleep(test.age)
				get(t, t.cache, sgxProcessor)
				if got := t.source.calls(); got != test.calls {
					t.Errorf("the source was asked %d times before the answer, want %d", got, test.calls)
				}
			})
		})
	}
}

func TestBadAnswersAreNotKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fill(t, dir, Query{Platform: sgxProcessor})
	forged := errors.New("signature does not hold")
	isBad := false
	check := func(context.Context, *dcap.Collateral, time.Time) error {
		if isBad {
			return forged
		}
		return nil
	}
	inBubble(t, CacheConfig{Dir: dir, Check: check}, func(t bubble) {
		before := openArchive(t.T, dir).Sets()[0].Collateral.Digest()
		time.Sleep(days(2))
		isBad = true
		if got := get(t, t.cache, sgxProcessor); got.Digest() != before {
			t.Error("a forged answer was served")
		}
		if after := openArchive(t.T, dir).Sets(); len(after) != 1 || after[0].Collateral.Digest() != before {
			t.Error("a forged answer was written")
		}
		if _, err := t.cache.Collateral(t.Context(), Query{Platform: tdxPlatform}); !errors.Is(err, forged) {
			t.Errorf("error %v with nothing on disk, want that of the check", err)
		}
		isBad = false
		time.Sleep(failedFor)
		get(t, t.cache, tdxPlatform)
	})
}

func TestOlderCollateralDoesNotReplaceNewer(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{}, func(t bubble) {
		time.Sleep(days(5))
		first := get(t, t.cache, sgxProcessor)
		get(t, t.cache, sgxProcessor) // what is not used again is not refreshed
		old := issuing(days(30))
		t.source.set(func(ctx context.Context, q Query) (*dcap.Collateral, error) {
			q.At = q.At.Add(-days(4))
			return old(ctx, q)
		})
		time.Sleep(days(2))
		synctest.Wait()
		if t.source.calls() < 2 {
			t.Fatal("the source was not asked again")
		}
		if get(t, t.cache, sgxProcessor) != first {
			t.Error("collateral issued earlier took the place of newer that is still valid")
		}
	})
}

func TestCacheFolderIsAnArchive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fill(t, dir, Query{Platform: sgxProcessor}, Query{Platform: sgxProcessor, TCBEvaluationDataNumber: 18}, Query{Platform: sgxPlatform, At: day0.Add(-days(50))})
	var got []string
	for _, s := range openArchive(t, dir).Sets() {
		got = append(got, s.Dir)
	}
	want := []string{"current/sgx-00906ed50000-processor/2025-06-01-e17-tcbv3", "e18/sgx-00906ed50000-processor/2025-06-01-e18-tcbv3"}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("sets %v, want %v (and nothing of the past)", got, want)
	}
}

func TestCacheIgnoresWhatIsCorrupt(t *testing.T) {
	t.Parallel()
	set := filepath.Join("current", "sgx-00906ed50000-processor", "2025-06-01-e17-tcbv3")
	for name, test := range map[string]struct {
		damage func(t *testing.T, dir string) error
		warns  bool
	}{
		"half a file": {func(_ *testing.T, dir string) error {
			return os.Truncate(filepath.Join(dir, set, tcbInfoPart.file), 100)
		}, true},
		"a file gone": {func(_ *testing.T, dir string) error {
			return os.Remove(filepath.Join(dir, set, rootCRLPart.file))
		}, true},
		"a byte changed": {func(_ *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, set, pckCRLPart.file), []byte("0\x82"), 0o600)
		}, true},
		"another platform's": {func(t *testing.T, dir string) error {
			t.Helper()
			writeParts(t, filepath.Join(dir, set), recipe{platform: sgxPlatform, number: 99}.parts())
			return nil
		}, false},
		"expired": {func(t *testing.T, dir string) error {
			t.Helper()
			writeParts(t, filepath.Join(dir, set), recipe{platform: sgxProcessor, issued: day0.Add(-days(60))}.parts())
			return nil
		}, false},
		"a file where the folder was": {func(_ *testing.T, dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "current")), os.WriteFile(filepath.Join(dir, "current"), nil, 0o600))
		}, true},
		"a link to elsewhere": {func(t *testing.T, dir string) error {
			t.Helper()
			outside := filepath.Join(t.TempDir(), "tcb_info.json")
			return errors.Join(
				os.Rename(filepath.Join(dir, set, tcbInfoPart.file), outside),
				os.Symlink(outside, filepath.Join(dir, set, tcbInfoPart.file)))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			fill(t, dir, Query{Platform: sgxProcessor})
			if err := test.damage(t, dir); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			inBubble(t, CacheConfig{Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(t bubble) {
				c, s := t.cache, t.source
				s.set(failing(errOffline))
				if got, err := c.Collateral(t.Context(), Query{Platform: sgxProcessor}); !errors.Is(err, errOffline) {
					t.Errorf("got %v, error %v, want the source's error", got, err)
				}
				s.set(issuing(days(30)))
				time.Sleep(failedFor)
				get(t, c, sgxProcessor)
				expectCalls(t, s, 2)
			})
			if warned := strings.Contains(log.String(), "level=WARN msg=\"collateral on disk\""); warned != test.warns {
				t.Errorf("warned %v, want %v: %s", warned, test.warns, log.String())
			}
		})
	}
}

// A folder that cannot be written costs the offline start, and nothing else.
func TestCacheServesWithoutItsDisk(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	inBubble(t, CacheConfig{Dir: file, Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(t bubble) {
		c, s := t.cache, t.source
		get(t, c, sgxProcessor)
		get(t, c, sgxProcessor)
		expectCalls(t, s, 1)
	})
	if !strings.Contains(log.String(), "not written") {
		t.Errorf("log %q does not say so", log.String())
	}
}

func TestCacheWritesOnlyWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inBubble(t, CacheConfig{Dir: dir}, func(t bubble) {
		c, s := t.cache, t.source
		s.set(func(context.Context, Query) (*dcap.Collateral, error) {
			return recipe{platform: sgxPlatform}.collateral(), nil
		})
		get(t, c, sgxProcessor)
	})
	if _, err := OpenArchive(dir); err == nil {
		t.Error("collateral of another platform was written")
	}
}

func TestCacheRemovesNothingOfOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mine := recipe{platform: sgxProcessor, issued: day0.Add(-days(400))}.collateral()
	folder, err := WriteSet(dir, mine)
	if err != nil {
		t.Fatal(err)
	}
	unfinished := filepath.Join(dir, "current", "sgx-00906ed50000-processor", ".set-1")
	note := filepath.Join(dir, "current", "sgx-00906ed50000-processor", "note.txt")
	if err := errors.Join(os.MkdirAll(unfinished, 0o700), os.WriteFile(note, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	fill(t, dir, Query{Platform: sgxProcessor})
	for _, kept := range []string{folder, unfinished, note} {
		if _, err := os.Stat(kept); err != nil {
			t.Errorf("%v", err)
		}
	}
}
