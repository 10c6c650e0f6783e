package postgres_test

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

	"github.com/azattest/azattest/internal/testpg"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/postgres"
)

const (
	// writerVariable, when set, makes this test binary a writer into the database
	// that it names.
	writerVariable = "AZATTEST_TEST_POSTGRES_WRITER"
	killWriters    = 3
	killRounds     = 8
)

// write commits without end and reports each commit on standard output after
// it was acknowledged. Each commit writes a pair that must agree, and a line of
// a log.
func write(dsn string) {
	ctx := context.Background()
	s, err := postgres.Open(ctx, postgres.Config{DSN: dsn})
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
		})
	}
	writers.Wait()
}

func nextOf(ctx context.Context, s store.Store, w int) (int, error) {
	next := 0
	_, err := s.Each(ctx, fmt.Sprintf("log/%d/", w), func(store.Record) error { next++; return nil })
	return next, err
}

// TestNothingAcknowledgedIsLostWhenKilled kills, under load, the writer and
// every other time the server, and looks at what was left.
func TestNothingAcknowledgedIsLostWhenKilled(t *testing.T) {
	t.Parallel()
	own := testpg.Start(t)
	dsn := own.DSN(t)
	reader := open(t, postgres.Config{DSN: dsn})
	acknowledged := make([]int, killWriters) // commits of each writer
	var newest int64
	for round := range killRounds {
		newest = max(newest, killOne(t, dsn, acknowledged, func(writer *os.Process) {
			if round%2 == 0 {
				_ = writer.Kill()
				return
			}
			own.Kill()
		}))
		if round%2 == 1 {
			own.Restart(t)
		}
		// The same handle, which finds the server again by itself.
		checkLeft(t, reader, acknowledged, newest)
		if t.Failed() {
			t.Fatalf("after %d kills", round+1)
		}
	}
	t.Logf("%d kills, %d commits acknowledged", killRounds, newest)
}

// killOne runs a writer for a moment, until kill ends it. It counts what it was
// told, and returns the newest revision.
func killOne(t *testing.T, dsn string, acknowledged []int, kill func(*os.Process)) int64 {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	//nolint:gosec // G204: It is this very program.
	command := exec.CommandContext(t.Context(), self)
	command.Env = append(os.Environ(), writerVariable+"="+dsn)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var newest int64
	var killing sync.WaitGroup
	var once sync.Once
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var w, n int
		var revision int64
		if _, err := fmt.Sscanf(lines.Text(), "%d %d %d", &w, &n, &revision); err != nil {
			t.Errorf("line %q: %v", lines.Text(), err)
		}
		acknowledged[w] = n + 1
		newest = max(newest, revision)
		// The first line says that it is under load.
		once.Do(func() {
			killing.Go(func() {
				// Some moment, another one each time.
				time.Sleep(time.Duration(revision*7919%150_000) * time.Microsecond)
				kill(command.Process)
			})
		})
	}
	killing.Wait()
	if err := command.Wait(); err == nil {
		t.Error("the writer ended by itself, want it killed or without a server")
	}
	return newest
}

// checkLeft fails the test unless every acknowledged commit is there, and none
// is half there. It reads as of one moment: the server may still be busy with
// what a killed writer asked for.
func checkLeft(t *testing.T, s store.Store, acknowledged []int, newest int64) {
	t.Helper()
	entries, pairs := make([]int, killWriters), make([][]string, killWriters)
	revision, err := s.Each(t.Context(), "", func(r store.Record) error {
		parts := strings.Split(r.Key, "/")
		w, err := strconv.Atoi(parts[1])
		if parts[0] == "log" {
			entries[w]++
		} else {
			pairs[w] = append(pairs[w], string(r.Value))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if revision < newest {
		t.Errorf("revision %d after %d was acknowledged", revision, newest)
	}
	for w, pair := range pairs {
		if entries[w] < acknowledged[w] {
			t.Errorf("writer %d: %d commits left of %d acknowledged", w, entries[w], acknowledged[w])
		}
		acknowledged[w] = entries[w]
		if want := strconv.Itoa(entries[w] - 1); entries[w] > 0 && (len(pair) != 2 || pair[0] != want || pair[1] != want) {
			t.Errorf("writer %d: the pair is %v with %d entries in the log: a commit is half there", w, pair, entries[w])
		}
	}
}
