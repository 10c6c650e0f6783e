package cli

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// update rewrites what the tests compare with: golden output in scripts, and the
// generated part of docs/cli.md.
var update = flag.Bool("update", false, "rewrite golden files")

// TestMain makes the command available to scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"azattest": func() { os.Exit(Main(os.Args[1:], Standard())) },
	})
}

// TestScripts plays users at a shell: arguments, files, output, exit codes. The
// script command "instance TOKEN" starts an instance that wants this bearer token,
// at $ENDPOINT with the CA file $CA.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: prepare,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"instance": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) != 1 {
					ts.Fatalf("usage: instance TOKEN")
				}
				i := startInstance(t, time.Now())
				i.mu.Lock() // the requests come from another process, after nothing that is seen here
				i.bearer = args[0]
				i.mu.Unlock()
				ts.Setenv("ENDPOINT", i.URL())
				ts.Setenv("CA", i.caFile)
			},
		},
	})
}

// prepare puts a simulated platform into the data directory "data" of each
// script. Its seed is fixed, and so is all that it makes as of a given time.
func prepare(env *testscript.Env) error {
	raw, err := os.ReadFile(filepath.Join("testdata", "platform.json"))
	if err != nil {
		return err
	}
	// Else each command waits a second at its end, under the race detector.
	env.Setenv("GORACE", "atexit_sleep_ms=0")
	dir := filepath.Join(env.WorkDir, "data", simulatorFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "platform.json"), raw, 0o600)
}

// exits is the script command "exits CODE COMMAND…": it runs a command and checks
// its exit code, of which exec only knows zero and not zero.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		failed, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = failed.ExitCode()
	}
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("exit code %d, want %s", got, want)
	}
}

// outcome is what a command left behind.
type outcome struct {
	code           int
	stdout, stderr string
}

// runAt runs a command in this process at a fixed time.
func runAt(t *testing.T, now time.Time, stdin string, args ...string) outcome {
	t.Helper()
	var out, err bytes.Buffer
	s := Streams{In: strings.NewReader(stdin), Out: &out, Err: &err, Now: func() time.Time { return now }}
	code := run(t.Context(), args, s)
	return outcome{code, out.String(), err.String()}
}
