package cli

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azattest/azattest/azattestation"
)

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

// A service that accepts and says nothing is given up, and whoever sits at a
// terminal is told meanwhile.
func TestSilentServiceIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, isTerminal := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			silent := transportFunc(func(r *http.Request) (*http.Response, error) {
				tries++
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
			var stderr bytes.Buffer
			s := Streams{Err: &stderr, Now: time.Now, IsTerminal: isTerminal}
			c, err := azattestation.NewClientWithNoCredential("https://attest.example", clientOptions(s, silent, "", credentialFlags{}))
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, err = c.GetSigningCertificates(t.Context(), nil)
			if waited := time.Since(began); waited != time.Minute || tries != 3 {
				t.Errorf("%d tries in %s, want 3 in a minute", tries, waited)
			}
			// One more question finds no patience left.
			_, again := c.GetSigningCertificates(t.Context(), nil)
			if waited := time.Since(began); again == nil || waited != time.Minute {
				t.Errorf("%v after %s, want no more patience", again, waited)
			}
			fault := serviceFault(err)
			if want := "ask the service: no answer within 1m0s"; fault.Error() != want || exitCode(fault) != exitFailed || hintFor(fault) == "" {
				t.Errorf("%v, want %s", fault, want)
			}
			want := ""
			if isTerminal {
				want = "azattest: waiting for attest.example, for 55 seconds at most\n"
			}
			if stderr.String() != want {
				t.Errorf("stderr %q, want %q", stderr.String(), want)
			}
		})
	}
}

// An answer that takes its time comes through, without a word if it does not take
// long.
func TestSlowServiceIsWaitedFor(t *testing.T) {
	t.Parallel()
	for delay, isTold := range map[time.Duration]bool{time.Second: false, 19 * time.Second: true} {
		synctest.Test(t, func(t *testing.T) {
			slow := transportFunc(func(*http.Request) (*http.Response, error) {
				time.Sleep(delay)
				return nil, errors.New("none of HTTP")
			})
			var stderr bytes.Buffer
			s := Streams{Err: &stderr, Now: time.Now, IsTerminal: true}
			c, err := azattestation.NewClientWithNoCredential("https://attest.example", clientOptions(s, slow, "", credentialFlags{}))
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.GetSigningCertificates(t.Context(), nil)
			if err == nil || !strings.Contains(err.Error(), "none of HTTP") {
				t.Errorf("error %v, want what came", err)
			}
			if got := stderr.Len() > 0; got != isTold {
				t.Errorf("after %s: stderr %q", delay, stderr.String())
			}
		})
	}
}
