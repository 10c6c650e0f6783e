package cli

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// keyReleaseServed is 'azattest keyrelease serve' at the tests' time, in this process.
type keyReleaseServed struct {
	ready
	t         *testing.T
	dir       string
	readyFile string
	end       context.CancelFunc
	ended     chan struct{}
	code      int
	log       *safeBuffer
	// officer may look after keys.
	officer string
}

// noAuthority is an attestation service that nobody asks: keys are made and changed
// without one.
const noAuthority = "https://127.0.0.1:1"

// startKeyRelease runs keyrelease serve with its data in dir until the test ends or
// somebody stops it.
func startKeyRelease(t *testing.T, dir string, args ...string) *keyReleaseServed {
	t.Helper()
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	v := &keyReleaseServed{
		t: t, dir: dir, readyFile: filepath.Join(t.TempDir(), "ready.json"), end: end, ended: make(chan struct{}), log: new(safeBuffer),
	}
	args = append([]string{"keyrelease", "serve", "--data-dir", dir, "--ready-file", v.readyFile}, args...)
	s := Streams{In: strings.NewReader(""), Out: io.Discard, Err: v.log, Now: func() time.Time { return testTime }}
	go func() {
		defer close(v.ended)
		v.code = run(ctx, args, s)
	}()
	t.Cleanup(func() { v.stop() })
	for {
		raw, err := os.ReadFile(v.readyFile)
		if err == nil {
			if err := json.Unmarshal(raw, &v.ready); err != nil {
				t.Fatal(err)
			}
			break
		}
		select {
		case <-v.ended:
			t.Fatalf("keyrelease serve ended with %d: %s", v.code, v.log)
		case <-time.After(5 * time.Millisecond):
		}
	}
	v.officer = v.devToken("crypto-officer")
	return v
}

// startDevKeyRelease runs keyrelease serve --dev.
func startDevKeyRelease(t *testing.T, dir string) *keyReleaseServed {
	t.Helper()
	return startKeyRelease(t, dir, "--dev", "--listen", "127.0.0.1:0", "--authority", noAuthority)
}

// stop ends it as SIGTERM does, and returns its exit code.
func (v *keyReleaseServed) stop() int {
	v.end()
	<-v.ended
	return v.code
}

func (v *keyReleaseServed) devToken(role string) string {
	v.t.Helper()
	got := runWith(v.t, nil, "dev-token", "--role", role, "--data-dir", v.dir)
	if got.code != exitDone {
		return "" // without --dev
	}
	return strings.TrimSpace(got.stdout)
}

// as runs keyrelease keys with a bearer.
func (v *keyReleaseServed) as(bearer string, args ...string) outcome {
	v.t.Helper()
	args = append([]string{"keyrelease", "keys"}, args...)
	args = append(args, "--ca-file", v.CAFile, "--credential", "bearer")
	return runWith(v.t, map[string]string{bearerVariable: bearer, vaultVariable: v.Endpoint}, args...)
}

// keys runs keyrelease keys as a key officer.
func (v *keyReleaseServed) keys(args ...string) outcome {
	v.t.Helper()
	return v.as(v.officer, args...)
}
