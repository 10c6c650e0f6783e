package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/auth"
)

// developmentService is an authenticator like that of serve --dev.
func developmentService(t *testing.T, now time.Time) (*auth.Authenticator, string) {
	t.Helper()
	dir := t.TempDir()
	issuer, err := auth.OpenDevelopmentIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	a, err := auth.New(auth.Config{
		Issuers: []auth.Issuer{issuer.Issuer()}, Bindings: issuer.Bindings(), Clock: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a, dir
}

func TestDevTokenIsBelievedByTheServiceOfItsFolder(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 3, 2, 1, 5e8, time.UTC)
	a, dir := developmentService(t, now)
	stranger, _ := developmentService(t, now)
	for role, mayWrite := range map[string]bool{"reader": false, "contributor": true} {
		got := runAt(t, now, "", "dev-token", "--role", role, "--data-dir", dir)
		if got.code != exitDone || got.stderr != "" || strings.Count(got.stdout, "\n") != 1 {
			t.Fatalf("%s: %+v, want one line", role, got)
		}
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(got.stdout))
		c, err := a.Caller(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if !c.May(auth.Read, "any") || c.May(auth.Write, "any") != mayWrite || c.May(auth.Delete, "any") != mayWrite {
			t.Errorf("%s: may read %v, write %v, delete %v", role, c.May(auth.Read, "any"), c.May(auth.Write, "any"), c.May(auth.Delete, "any"))
		}
		if _, err := stranger.Caller(t.Context(), r); err == nil {
			t.Errorf("%s: the token holds with a service of another folder", role)
		}
	}
}

// One folder may be that of both servers; each believes the tokens of its own roles.
func TestDevTokenOpensKeysToItsRoleAlone(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	attestation, dir := developmentService(t, now)
	issuer, err := auth.LoadDevelopmentIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	vault, err := auth.New(auth.Config{
		Issuers: []auth.Issuer{issuer.VaultIssuer()}, Bindings: issuer.VaultBindings(), Clock: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = vault.Close() })
	for role, want := range map[string]struct{ release, read, create bool }{
		"release-user": {release: true}, "key-reader": {read: true}, "crypto-officer": {read: true, create: true},
	} {
		got := runAt(t, now, "", "dev-token", "--role", role, "--data-dir", dir)
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(got.stdout))
		c, err := vault.Caller(t.Context(), r)
		if err != nil {
			t.Fatalf("%s: %+v: %v", role, got, err)
		}
		if c.May(auth.ReleaseKey, "k") != want.release || c.May(auth.ReadKey, "k") != want.read || c.May(auth.CreateKey, "k") != want.create {
			t.Errorf("%s: may release %v, read %v, create %v", role, c.May(auth.ReleaseKey, "k"), c.May(auth.ReadKey, "k"), c.May(auth.CreateKey, "k"))
		}
		if _, err := attestation.Caller(t.Context(), r); err == nil {
			t.Errorf("%s: the attestation service believes it", role)
		}
	}
}

func TestDevTokenSaysInJSONWhenItEnds(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 3, 2, 1, 5e8, time.UTC)
	_, dir := developmentService(t, now)
	got := runAt(t, now, "", "dev-token", "--role", "reader", "--data-dir", dir, "--lifetime", "90m", "--json")
	var shown mintedToken
	if err := json.Unmarshal([]byte(got.stdout), &shown); err != nil || got.code != exitDone {
		t.Fatalf("%+v: %v", got, err)
	}
	want := time.Date(2026, 5, 4, 4, 32, 1, 0, time.UTC)
	if !shown.Expires.Equal(want) || shown.Role != "Attestation Reader" || shown.Issuer != "https://dev.azattest.invalid" || shown.Token == "" {
		t.Errorf("%+v, want a reader's token until %s", shown, want)
	}
}

func TestDevTokenRefusesAKeyThatOthersCanRead(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("needs file modes")
	}
	_, dir := developmentService(t, time.Now())
	name := filepath.Join(dir, "dev-issuer.pem")
	if err := os.Chmod(name, 0o644); err != nil { //nolint:gosec // what others can read must be refused
		t.Fatal(err)
	}
	got := runAt(t, time.Now(), "", "dev-token", "--role", "reader", "--data-dir", dir)
	if got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, "0600") {
		t.Errorf("%+v, want a refusal that names the mode", got)
	}
}
