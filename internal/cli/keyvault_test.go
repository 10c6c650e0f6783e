package cli

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// otherVault is a vault of somebody else.
type otherVault struct {
	*httptest.Server
	caFile string
	asked  atomic.Int32
}

func startOtherVault(t *testing.T, answer http.HandlerFunc) *otherVault {
	t.Helper()
	v := new(otherVault)
	v.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.asked.Add(1)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		answer(w, r)
	}))
	v.Config.ErrorLog = log.New(io.Discard, "", 0)
	v.StartTLS()
	t.Cleanup(v.Close)
	v.caFile = inFile(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: v.Certificate().Raw})))
	return v
}

func (v *otherVault) keys(t *testing.T, args ...string) outcome {
	t.Helper()
	args = append([]string{"keyrelease", "keys"}, args...)
	return runAt(t, v.Certificate().NotBefore.AddDate(0, 0, 1), "", append(args, "--vault", v.URL, "--ca-file", v.caFile, "--no-credential")...)
}

// Azure keeps what was deleted, and says for how long.
func TestDeletedKeyMayBeHadBack(t *testing.T) {
	t.Parallel()
	v := startOtherVault(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodDelete || r.URL.Path != "/keys/a" || r.URL.Query().Get("api-version") != "7.4" {
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = io.WriteString(w, `{"recoveryId":"https://v/deletedkeys/a","deletedDate":1,"scheduledPurgeDate":1800000000,"key":{"kid":"https://v/keys/a/1","kty":"RSA-HSM","n":"AQ=="},"attributes":{}}`)
	})
	if got := v.keys(t, "delete", "a", "--yes"); got.stdout != "deleted a, to be had back at https://v/deletedkeys/a until 2027-01-15T08:00:00Z\n" {
		t.Errorf("%+v", got)
	}
	if got := wantDone[shownVaultKey](t, v.keys(t, "delete", "a", "--yes", "--json")); got.RecoveryID == "" || got.ScheduledPurge == nil || got.Size != 8 {
		t.Errorf("%+v", got)
	}
}

// The name of what was deleted is not free, and no list shows why.
func TestNameOfADeletedKey(t *testing.T) {
	t.Parallel()
	v := startOtherVault(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"error":{"code":"KeyNotFound"}}`)
			return
		}
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"error":{"code":"Conflict","message":"Key a is currently in a deleted but recoverable state.","innererror":{"code":"ObjectIsDeletedButRecoverable"}}}`)
	})
	secret := inFile(t, "secret", "32 bytes that are to be imported")
	for _, args := range [][]string{{"create", "a", "--type", "oct", "--not-exportable"}, {"import", "a", secret, "--type", "oct", "--not-exportable"}} {
		wantFault(t, v.keys(t, args...), exitFailed, "status 409, Conflict (ObjectIsDeletedButRecoverable)", "hint: the name may be that of a deleted key", "recover or purge")
	}
	if got := v.keys(t, "rotate", "a"); got.code != exitFailed || strings.Contains(got.stderr, "recover or purge") {
		t.Errorf("%+v", got)
	}
}

// A link leads on in the vault, and never to somebody else.
func TestListStaysInItsVault(t *testing.T) {
	t.Parallel()
	var next atomic.Value
	v := startOtherVault(t, func(w http.ResponseWriter, r *http.Request) {
		link := "null"
		if r.URL.Query().Get("page") == "" {
			link = `"` + next.Load().(string) + `"`
		}
		_, _ = fmt.Fprintf(w, `{"value":[{"kid":"https://v/keys/k\u001b/1","attributes":{}}],"nextLink":%s}`, link)
	})
	next.Store(strings.ToUpper(v.URL[:5]) + v.URL[5:] + "/keys?page=2")
	if got := wantDone[listedVaultKeys](t, v.keys(t, "list", "--json")); len(got.Keys) != 2 {
		t.Errorf("%+v", got)
	}
	if got := v.keys(t, "list"); got.code != exitDone || strings.Contains(got.stdout, "\x1b") {
		t.Errorf("%+v", got)
	}
	for _, elsewhere := range []string{"https://other.example/keys?page=2", "http" + v.URL[5:] + "/keys?page=2", "//other.example", "/keys?page=2", strings.Replace(v.URL, "//", "//u:p@", 1), ":"} {
		next.Store(elsewhere)
		wantFault(t, v.keys(t, "list"), exitFailed, "the next page of the list is at ", "hint: is --vault the URL of a vault")
	}
}

// What may have been done is not done again.
func TestChangesAreMadeOnce(t *testing.T) {
	t.Parallel()
	policy := inFile(t, "release.json", releaseText)
	create := []string{"create", "a", "--type", "oct", "--new-version", "--policy", policy}
	busy := startOtherVault(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	wantFault(t, busy.keys(t, create...), exitFailed, "status 503", "hint: it may have been done")
	if n := busy.asked.Load(); n != 1 {
		t.Errorf("asked %d times for a change, want once", n)
	}
	wantFault(t, busy.keys(t, "show", "a"), exitFailed, "status 503", "hint: try again later")
	if n := busy.asked.Load(); n != 4 {
		t.Errorf("asked %d times for what changes nothing, want 3", n-1)
	}
	var gone *otherVault
	gone = startOtherVault(t, func(http.ResponseWriter, *http.Request) { gone.CloseClientConnections() })
	wantFault(t, gone.keys(t, create...), exitFailed, "ask the vault: ", "hint: it may have been done")
	if n := gone.asked.Load(); n != 1 {
		t.Errorf("asked %d times for a change, want once", n)
	}
	var throttled *otherVault
	throttled = startOtherVault(t, func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); !strings.Contains(string(body), `"kty":"oct"`) {
			t.Errorf("%s %q, want the whole request each time", r.URL, body)
		}
		if throttled.asked.Load() == 1 {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = io.WriteString(w, `{"key":{"kid":"https://v/keys/a/1"},"attributes":{"enabled":true}}`)
	})
	if got := wantDone[shownVaultKey](t, throttled.keys(t, append(create, "--json")...)); !got.Enabled {
		t.Errorf("%+v", got)
	}
}

// Who is no vault is not believed.
func TestAnswersOfNoVault(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   []string
	}{
		"a page of the web": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>")
		}, []string{"content type text/html"}},
		"no JSON": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "\x1b[2J{") }, []string{"none of a vault"}},
		"too long": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"a":"`+strings.Repeat("a", maxKeyAnswer)+`"}`)
		}, []string{"none of a vault"}},
		"a redirect": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://other.example")
			w.WriteHeader(http.StatusFound)
		}, []string{"status 302", "redirects are not followed"}},
		"a terminal's commands": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"error":{"code":"\u001b[2J","message":"a\nb\u001b"}}`)
		}, []string{"status 404", "hint: is --vault the URL of a vault"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := startOtherVault(t, test.answer)
			wantFault(t, v.keys(t, "show", "a"), exitFailed, test.want...)
		})
	}
}
