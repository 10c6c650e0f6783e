//go:build unix

package audit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// victimFolder is the environment variable that makes this test's program a
// process which writes a trail until it is killed.
const victimFolder = "AZATTEST_AUDIT_VICTIM"

// victim writes to the trail as fast as it can, and prints the number of each
// record that was acknowledged as durable.
func victim(dir string) {
	trail, err := Open(Config{Dir: dir, Segment: 100_000, Flush: time.Millisecond, Wait: time.Minute})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	ctx := context.Background()
	go trail.Run(ctx) //nolint:errcheck // it returns nil, and is killed before
	base := int(trail.Head().Sequence) * 1000
	var mu sync.Mutex
	for w := range 8 {
		go func() {
			for n := range 1 << 20 {
				number := base + 8*n + w
				if err := trail.Append(ctx, numbered(number)); err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				mu.Lock()
				fmt.Println(number)
				mu.Unlock()
				if err := trail.AppendSoon(ctx, numbered(-1)); err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
			}
		}()
	}
	select {}
}

// A process is killed at any moment: what was acknowledged is there, and the chain
// holds.
func TestKilledWriterLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	dir := t.TempDir()
	acknowledged := make(map[string]bool)
	for round := range rounds {
		killOne(t, dir, 20*round+5, acknowledged)
		trail, err := Open(Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := trail.Close(); err != nil {
			t.Fatal(err)
		}
		names, s := operations(t, dir, Expect{Head: trail.Head()})
		found := make(map[string]bool, len(names))
		for _, name := range names {
			found[name] = true
		}
		lost := 0
		for name := range acknowledged {
			if !found[name] {
				lost++
			}
		}
		if lost > 0 || len(acknowledged) == 0 {
			t.Fatalf("round %d: %d of %d acknowledged records are lost; summary %+v", round, lost, len(acknowledged), s)
		}
	}
}

// killOne runs a process and kills it after it has acknowledged some records.
func killOne(t *testing.T, dir string, after int, acknowledged map[string]bool) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self) //nolint:gosec // G204: it is this program
	cmd.Env = append(os.Environ(), victimFolder+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		number, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Errorf("the process says %q", lines.Text())
			break
		}
		acknowledged[fmt.Sprintf("Operation%d", number)] = true
		if seen++; seen == after {
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		}
	}
	if failed, ok := errors.AsType[*exec.ExitError](cmd.Wait()); !ok || failed.ExitCode() != -1 {
		t.Errorf("the process ended by itself: %v", failed)
	}
}
