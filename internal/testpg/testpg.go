// Package testpg starts a throw-away PostgreSQL for tests.
//
// Which function do I want? A package declares
//
//	var server testpg.Server
//
// for all its tests, which call [Server.DSN] for a database of their own; its
// TestMain calls [Server.Stop]. A test that stops or kills the server takes one for
// itself with [Start]. [NewProxy] puts a connection that fails between a test and
// the server.
//
// The server listens on a Unix socket that only its user can reach, and on
// loopback with a password. Commits are forced to disk, as in production. On Linux
// it ends with the process that started it.
package testpg

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// patience is how long a server may take to start or stop; some 1 s and
	// 0.1 s on an idle machine.
	patience = 60 * time.Second

	superuser = "postgres"
)

// Server is a PostgreSQL server. The zero value starts when it is first asked
// for a database.
type Server struct {
	mu       sync.Mutex
	programs string // the folder of initdb and postgres
	dir      string // everything of the server, empty before it starts
	port     int
	password string
	process  *exec.Cmd
	ended    chan struct{} // closed when the process is over
	output   bytes.Buffer
	count    int // databases made
}

// Start returns a server that ends with the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s := new(Server)
	tb.Cleanup(func() {
		if err := s.Stop(); err != nil {
			tb.Error(err)
		}
	})
	s.start(tb)
	return s
}

// DSN returns the connection string of a new, empty database. Where there is no
// PostgreSQL it skips the test; in CI it fails it.
func (s *Server) DSN(tb testing.TB) string {
	tb.Helper()
	s.start(tb)
	s.mu.Lock()
	s.count++
	name := fmt.Sprintf("test%d", s.count)
	s.mu.Unlock()
	if err := s.exec(tb.Context(), "CREATE DATABASE "+name); err != nil {
		tb.Fatal(err)
	}
	return s.dsn(name)
}

// dsn names a database through the Unix socket.
func (s *Server) dsn(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, s.password), Path: "/" + database,
		RawQuery: url.Values{"host": {s.dir}, "port": {strconv.Itoa(s.port)}, "sslmode": {"disable"}}.Encode(),
	}
	return u.String()
}

// Addr returns where the server listens on loopback, for [NewProxy].
func (s *Server) Addr(tb testing.TB) string {
	tb.Helper()
	s.start(tb)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
}

// start starts the server unless it was started before, and skips the test if it
// cannot.
func (s *Server) start(tb testing.TB) {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir != "" {
		return
	}
	programs, ok := find()
	if !ok {
		const text = "PostgreSQL not found: install it (Debian: apt-get install postgresql), or put initdb and postgres on PATH"
		if os.Getenv("AZATTEST_CI") != "" {
			tb.Fatal(text)
		}
		tb.Skip(text)
	}
	s.programs = programs
	if err := s.create(); err != nil {
		tb.Fatal(err)
	}
	if err := s.launch(); err != nil {
		tb.Fatal(err)
	}
}

// find returns the folder of the newest PostgreSQL.
func find() (string, bool) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), true
		}
	}
	// Debian keeps them off PATH, one folder for each version.
	newest, best := -1, ""
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", false
	}
	for _, path := range found {
		dir := filepath.Dir(path)
		if version, err := strconv.Atoi(filepath.Base(filepath.Dir(dir))); err == nil && version > newest {
			newest, best = version, dir
		}
	}
	return best, best != ""
}

// create makes an empty cluster.
func (s *Server) create() error {
	// A socket's path has 107 bytes at most, and some temporary folders more.
	parent := os.TempDir()
	if len(parent) > 40 {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "testpg")
	if err != nil {
		return fmt.Errorf("testpg: %w", err)
	}
	s.dir = dir
	s.password = rand.Text()
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(s.password), 0o600); err != nil {
		return fmt.Errorf("testpg: %w", err)
	}
	for _, path := range []string{dir, secret} {
		if err := giveAway(path); err != nil {
			return fmt.Errorf("testpg: %w", err)
		}
	}
	command := s.command("initdb", "--pgdata", s.data(), "--username", superuser, "--pwfile", secret,
		"--auth-local", "trust", "--auth-host", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("testpg: initdb: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// command is a program of PostgreSQL's, run by a user that it accepts.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	//nolint:gosec // G204: The folder was found by this package, the arguments are its own.
	command := exec.Command(filepath.Join(s.programs, name), args...)
	command.Dir = s.dir
	command.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	command.SysProcAttr = attributes()
	return command
}

// exec runs one statement as the superuser.
func (s *Server) exec(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, s.dsn("postgres"))
	if err != nil {
		return fmt.Errorf("testpg: %w", err)
	}
	_, err = conn.Exec(ctx, statement)
	if err := errors.Join(err, conn.Close(ctx)); err != nil {
		return fmt.Errorf("testpg: %s: %w", strings.Fields(statement)[0], err)
	}
	return nil
}

// Main runs the tests of a package and then stops the server that they share,
// so that whoever looks for goroutines left behind finds none of it.
type Main struct {
	M      interface{ Run() int }
	Server *Server
}

// Run returns the code with which the program should exit.
func (m Main) Run() int {
	code := m.M.Run()
	if err := m.Server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}
