package cli

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Whoever waits for what nobody writes can be stopped, and is not refused.
func TestReadingEndsWithTheCommand(t *testing.T) {
	t.Parallel()
	in, never := io.Pipe()
	t.Cleanup(func() { _ = never.Close() })
	ctx, interrupt := context.WithCancel(t.Context())
	var out, stderr bytes.Buffer
	s := Streams{In: in, Out: &out, Err: &stderr, Now: func() time.Time { return testTime }}
	done := make(chan int)
	go func() { done <- run(ctx, []string{"quote", "show", "-"}, s) }()
	// The reader is there once it has taken this.
	if _, err := never.Write([]byte("3")); err != nil {
		t.Fatal(err)
	}
	interrupt()
	wantFault(t, outcome{<-done, out.String(), stderr.String()}, exitFailed, "azattest: read standard input: interrupted\n")
}

func TestFoldersAreNoInput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	wantFault(t, runAt(t, testTime, "", "quote", "show", dir), exitFailed, "azattest: read "+dir+": is a directory\n")
}

// The second - of a command line finds nothing, which must not pass for empty
// data.
func TestStandardInputIsReadOnce(t *testing.T) {
	t.Parallel()
	const unsigned = "eyJhbGciOiJub25lIn0.e30."
	for command, test := range map[string]struct {
		stdin string
		args  []string
	}{
		"attest sgx":     {"3030", []string{"--runtime-data", "-", "--endpoint", "https://attest.example", "-"}},
		"token show":     {unsigned, []string{"--certs", "-", "-"}},
		"token verify":   {unsigned, []string{"--jwks", "-", "--issuer", "https://attest.example", "-"}},
		"policy set":     {somePolicy, []string{"--signing-key", "-", "--signing-cert", "c", "--endpoint", "https://attest.example", "Tpm", "-"}},
		"simulate quote": {"data", []string{"--runtime-data", "-", "--init-time-data", "-", "--out", "-"}},
	} {
		got := runAt(t, testTime, test.stdin, append(strings.Fields(command), test.args...)...)
		wantFault(t, got, exitUsage, "standard input can be read once", "hint: run 'azattest "+command+" --help'")
	}
}

// Whoever waits for a service can stop too, and that refuses nothing.
func TestWaitingForServicesEndsWithTheCommand(t *testing.T) {
	t.Parallel()
	c := simulate(t, nil, nil)
	for name, args := range map[string][]string{
		"quote verify":   {"quote", "verify", c.quote, "--simulator-root", c.root, "--collateral"},
		"attest":         {"attest", "sgx", c.quote, "--endpoint"},
		"signers list":   {"signers", "list", "--endpoint"},
		"policy get":     {"policy", "get", "Tpm", "--no-credential", "--endpoint"},
		"token show":     {"token", "show", inFile(t, "token.jwt", "eyJhbGciOiJub25lIn0.e30."), "--certs"},
		"collateral set": {"collateral", "fetch", "--quote", c.quote, "--simulator-root", c.root, "--out", t.TempDir(), "--from"},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		over := make(chan struct{})
		silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			interrupt()
			<-over
		}))
		var out, stderr bytes.Buffer
		s := Streams{Out: &out, Err: &stderr, Now: func() time.Time { return testTime }}
		code := run(ctx, append(args, silent.URL), s)
		close(over)
		silent.Close()
		t.Log(name)
		wantFault(t, outcome{code, out.String(), stderr.String()}, exitFailed)
	}
}
