package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/sqlite"
)

const (
	// writerVariable, when set, makes this test binary a writer into the file
	// that it names.
	writerVariable = "AZATTEST_TEST_SQLITE_WRITER"
	killWriters    = 3
	killRounds     = 15
)

// write commits without end and reports each commit on standard output after
// it was acknowledged. Each commit writes a pair that must agree, and a line of
// a log.
func write(path string) {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, sqlite.Config{Path: path})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	var writers sync.WaitGroup
	for w := range killWriters {
		writers.Go(func() {
			next, err := nextOf(ctx, s, w)
			for ; err == nil; next++ {
				value := []byte(strconv.Itoa(next))
				var revision int64
				revision, err = s.Commit(ctx,
					store.Put(fmt.Sprintf("pair/%d/a", w), value, store.Any),
					store.Put(fmt.Sprintf("log/%d/%010d", w, next), append(value, make([]byte, 3000)...), 0),
					store.Put(fmt.Sprintf("pair/%d/b", w), value, store.Any))
				if err == nil {
					// One write, so a line is whole or not there.
					_, err = fmt.Fprintf(os.Stdout, "%d %d %d\n", w, next, revision)
				}
			}
			fmt.Fprintln(os.Stderr, err)
		})
	}
	writers.Wait()
}

func nextOf(ctx context.Context, s store.Store, w int) (int, error) {
	next := 0
	_, err := s.Each(ctx, fmt.Sprintf("log/%d/", w), func(store.Record) error { next++; return nil })
	return next, err
}

// TestNothingAcknowledgedIsLostWhenKilled kills a writer under load, again and
// again, and looks at what it left.
func TestNothingAcknowledgedIsLostWhenKilled(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	acknowledged := make([]int, killWriters) // commits of each writer
	var newest int64
	for round := range killRounds {
		newest = max(newest, killOne(t, path, acknowledged))
		s := openFile(t, path)
		checkLeft(t, s, acknowledged, newest)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("after %d kills", round+1)
		}
	}
	t.Logf("%d kills, %d commits acknowledged", killRounds, newest)
}

// killOne runs a writer for a moment and kills it. It counts what it was told,
// and returns the newest revision.
func killOne(t *testing.T, path string, acknowledged []int) int64 {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	//nolint:gosec // G204: It is this very program.
	command := exec.CommandContext(t.Context(), self)
	command.Env = append(os.Environ(), writerVariable+"="+path)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var newest int64
	var kill sync.Once
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var w, n int
		var revision int64
		if _, err := fmt.Sscanf(lines.Text(), "%d %d %d", &w, &n, &revision); err != nil {
			t.Errorf("line %q: %v", lines.Text(), err)
		}
		acknowledged[w] = n + 1
		newest = max(newest, revision)
		// The first line says that it is under load.
		kill.Do(func() {
			// Some moment, another one each time.
			time.AfterFunc(time.Duration(revision*7919%150_000)*time.Microsecond, func() { _ = command.Process.Kill() })
		})
	}
	if err := command.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the writer ended with %v, want it killed", err)
	}
	return newest
}

// checkLeft fails the test unless every acknowledged commit is there, and none
// is half there.
func checkLeft(t *testing.T, s store.Store, acknowledged []int, newest int64) {
	t.Helper()
	for w := range killWriters {
		entries, err := nextOf(t.Context(), s, w)
		if err != nil {
			t.Fatal(err)
		}
		if entries < acknowledged[w] {
			t.Errorf("writer %d: %d commits left of %d acknowledged", w, entries, acknowledged[w])
		}
		var pair []string
		_, err = s.Each(t.Context(), fmt.Sprintf("pair/%d/", w), func(r store.Record) error {
			pair = append(pair, string(r.Value))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := strconv.Itoa(entries - 1); entries > 0 && (len(pair) != 2 || pair[0] != want || pair[1] != want) {
			t.Errorf("writer %d: the pair is %v with %d entries in the log: a commit is half there", w, pair, entries)
		}
	}
	revision, err := s.Changes(t.Context(), newest, func(store.Record) error { return nil })
	if err != nil || revision < newest {
		t.Errorf("revision %d, %v, after %d was acknowledged", revision, err, newest)
	}
}
