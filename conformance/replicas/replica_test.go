package replicas_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// command is the program as it is released.
var command = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "azattest-replicas-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "azattest")
	out, err := exec.CommandContext(context.Background(), "go", "build", "-o", binary, "../../cmd/azattest").CombinedOutput() //nolint:gosec // G204: the test's own command line
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := command(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// replica is one process of a service that has several.
type replica struct {
	config, dataDir, address string

	cmd *exec.Cmd
}

// run runs the command to its end.
func run(tb testing.TB, args ...string) string {
	tb.Helper()
	binary, err := command()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), binary, args...) //nolint:gosec // G204: the command that the test has built
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("azattest %s: %v\n%s", strings.Join(args, " "), err, complaint.String())
	}
	return string(out)
}

// start runs the service, and returns once it is ready.
func (r *replica) start(tb testing.TB) {
	tb.Helper()
	binary, err := command()
	if err != nil {
		tb.Fatal(err)
	}
	readyFile := filepath.Join(r.dataDir, "ready.json")
	_ = os.Remove(readyFile)
	// A file, so that reading it costs whoever measures nothing.
	logFile := r.config + ".log"
	log, err := os.Create(logFile)
	if err != nil {
		tb.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // the process has it open

	r.cmd = exec.CommandContext(context.WithoutCancel(tb.Context()), binary, "serve", "--dev", "--config", r.config, "--ready-file", readyFile) //nolint:gosec // G204: see above
	r.cmd.Stderr = log
	if err := r.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.kill)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(readyFile); err == nil {
			return
		} else if !errors.Is(err, fs.ErrNotExist) || time.Now().After(deadline) {
			r.kill()
			text, _ := os.ReadFile(logFile)
			tb.Fatalf("the service does not start: %v\n%s", err, text)
		}
	}
}

// kill ends the process at once, whatever it does.
func (r *replica) kill() {
	if r.cmd != nil && r.cmd.ProcessState == nil {
		_ = r.cmd.Process.Signal(syscall.SIGKILL)
		_ = r.cmd.Wait()
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it served nobody
	return l.Addr().String()
}

// newReplicas starts n replicas over one database, behind the balancer, that share
// the development issuer and the simulated platform.
func newReplicas(tb testing.TB, n int, dsn string, b *balancer) []*replica {
	tb.Helper()
	root := tb.TempDir()
	var all []*replica
	var addresses []string
	for i := range n {
		r := &replica{dataDir: filepath.Join(root, fmt.Sprintf("replica-%d", i)), address: freeAddress(tb)}
		if i > 0 {
			// What the first has made on its first start.
			copySecrets(tb, all[0].dataDir, r.dataDir)
		}
		r.config = filepath.Join(root, fmt.Sprintf("replica-%d.yaml", i))
		text, err := json.Marshal(map[string]any{ // YAML, too
			"listen": r.address, "dataDir": r.dataDir,
			"store":     map[string]any{"driver": "postgres", "dsn": dsn},
			"instances": []any{map[string]any{"name": "contoso", "url": "https://localhost:" + b.port(), "mode": "aad"}},
			"log":       map[string]any{"level": "warn"},
		})
		if err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(r.config, text, 0o600); err != nil {
			tb.Fatal(err)
		}
		r.start(tb)
		all, addresses = append(all, r), append(addresses, r.address)
	}
	b.to(addresses...)
	return all
}

// copySecrets copies a folder whose files are for their owner alone.
func copySecrets(tb testing.TB, from, to string) {
	tb.Helper()
	err := os.CopyFS(to, os.DirFS(from))
	if err == nil {
		err = filepath.WalkDir(to, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				err = os.Chmod(name, 0o600)
			}
			return err
		})
	}
	if err != nil {
		tb.Fatal(err)
	}
}
