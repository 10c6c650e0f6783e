package conformance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// startTime is how long the service may take to be ready.
const startTime = 30 * time.Second

// process is the command, running.
type process struct {
	binary, dir, dataDir string
	// secrets must not stand in its log.
	secrets []string
}

// ready is what the service says in its ready file.
type ready struct {
	Endpoint string `json:"endpoint"`
	CAFile   string `json:"caFile"`
}

// buildCommand builds the command as it is released.
func buildCommand(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "azattest")
	//nolint:gosec // G204: the test's own command line
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../cmd/azattest").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// azattest runs the command to its end and returns what it prints.
func (s *process) azattest(t *testing.T, args ...string) string {
	t.Helper()
	//nolint:gosec // G204: the command that the test has built
	cmd := exec.CommandContext(t.Context(), s.binary, args...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("azattest %s: %v\n%s", args[0], err, complaint.String())
	}
	return string(out)
}

// start runs a service, which a command such as serve is, with --dev until the test
// ends, and returns once it is ready.
func (s *process) start(t *testing.T, command []string, args ...string) ready {
	t.Helper()
	readyFile := filepath.Join(s.dir, "ready.json")
	// Without the test's context: that ends before its cleanup, which stops the
	// service in order.
	//nolint:gosec // G204: the command that the test has built
	cmd := exec.Command(s.binary, slices.Concat(command, []string{"--dev", "--ready-file", readyFile}, args)...)
	log, err := os.Create(filepath.Join(s.dir, "service.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { s.stop(t, cmd, ended, log) })
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline); {
		at, err := readReady(readyFile)
		if err == nil {
			return at
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the service did not start: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("the service was not ready within %s", startTime)
	return ready{}
}

func readReady(name string) (ready, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return ready{}, err
	}
	var at ready
	return at, json.Unmarshal(raw, &at)
}

// stop ends the service in order and looks through its log.
func (s *process) stop(t *testing.T, cmd *exec.Cmd, ended <-chan error, log *os.File) {
	t.Helper()
	if err := cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the service ended with: %v", err)
		}
	case <-time.After(startTime):
		t.Error("the service did not stop when told to")
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
	}
	if err := log.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
	raw, err := os.ReadFile(log.Name())
	if err != nil {
		t.Error(err)
	}
	for _, secret := range s.secrets {
		if bytes.Contains(raw, []byte(secret)) {
			t.Error("a bearer stands in the service's log")
		}
	}
	if t.Failed() {
		const most = 8 << 10
		t.Logf("the end of the service's log:\n%s", raw[max(0, len(raw)-most):])
	}
}
