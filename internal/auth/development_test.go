package auth

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestDevelopmentIssuerKeepsItsKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := LoadDevelopmentIssuer(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%v, want that there is none", err)
	}
	first, err := OpenDevelopmentIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func(string) (*DevelopmentIssuer, error){"open": OpenDevelopmentIssuer, "load": LoadDevelopmentIssuer} {
		again, err := open(dir)
		if err != nil || again.public.id != first.public.id {
			t.Errorf("%s: %v, want the same key", name, err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, developmentFile))
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o, want 0600", info.Mode().Perm())
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v %v, want one file", entries, err)
	}
}

func TestDevelopmentIssuersThatStartAtOnceAgree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var mu sync.Mutex
	ids := make(map[string]bool)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			d, err := OpenDevelopmentIssuer(dir)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[d.public.id] = true
		})
	}
	all.Wait()
	if len(ids) != 1 {
		t.Errorf("%d keys, want one", len(ids))
	}
}

// TestSlowerProcessKeepsTheKeyThatIsThere: it found no file, and finds one when its
// own is ready.
func TestSlowerProcessKeepsTheKeyThatIsThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var ids []string
	for range 2 {
		if err := makeDevelopmentKey(dir); err != nil {
			t.Fatal(err)
		}
		d, err := LoadDevelopmentIssuer(dir)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.public.id)
	}
	if ids[0] != ids[1] {
		t.Error("the key was replaced")
	}
}

func TestDevelopmentTokens(t *testing.T) {
	t.Parallel()
	d, err := OpenDevelopmentIssuer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	other, err := OpenDevelopmentIssuer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := newClock()
	a := newAuthenticator(t, Config{Issuers: []Issuer{d.Issuer()}, Bindings: d.Bindings(), Clock: c.Now})
	for role, mayDelete := range map[Role]bool{Reader: false, Contributor: true} {
		token, err := d.Token(role, MaxDevelopmentLifetime, day)
		if err != nil {
			t.Fatal(err)
		}
		got := wantCaller(t, a, withBearer(token))
		if !got.May(Read, "x") || got.May(Delete, "x") != mayDelete || got.Name() != "sub:development@development" {
			t.Errorf("%s: %+v", role, got)
		}
	}
	stranger, err := other.Token(Reader, time.Hour, day)
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Caller(t.Context(), withBearer(stranger))
	wantReason(t, err, ReasonKey, stranger)
	short, err := d.Token(Reader, time.Second, day)
	if err != nil {
		t.Fatal(err)
	}
	c.Advance(2 * time.Minute)
	_, err = a.Caller(t.Context(), withBearer(short))
	wantReason(t, err, ReasonExpired, short)
	for _, lifetime := range []time.Duration{-time.Hour, 0, time.Second - 1, MaxDevelopmentLifetime + 1} {
		if _, err := d.Token(Reader, lifetime, day); err == nil {
			t.Errorf("a lifetime of %s is accepted", lifetime)
		}
	}
	if _, err := d.Token("Owner", time.Hour, day); err == nil {
		t.Error("a role that is none is accepted")
	}
}

// TestDevelopmentTokensAreForOneService: with one key, in one folder, a token for
// attestation opens no vault, and one for a vault changes no policy.
func TestDevelopmentTokensAreForOneService(t *testing.T) {
	t.Parallel()
	d, err := OpenDevelopmentIssuer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := newClock()
	attestation := newAuthenticator(t, Config{Issuers: []Issuer{d.Issuer()}, Bindings: d.Bindings(), Clock: c.Now})
	vault := newAuthenticator(t, Config{Issuers: []Issuer{d.VaultIssuer()}, Bindings: d.VaultBindings(), Clock: c.Now})
	for role, tt := range map[Role]struct {
		believes, refuses *Authenticator
		may               []Action
	}{
		Reader:         {attestation, vault, []Action{Read}},
		Contributor:    {attestation, vault, []Action{Read, Write, Delete}},
		KeyReleaseUser: {vault, attestation, []Action{ReleaseKey}},
		KeyReader:      {vault, attestation, []Action{ReadKey}},
		KeyOfficer:     {vault, attestation, []Action{ReadKey, CreateKey, ImportKey, RotateKey, UpdateKey, DeleteKey}},
	} {
		token, err := d.Token(role, time.Hour, day)
		if err != nil {
			t.Fatal(err)
		}
		caller := wantCaller(t, tt.believes, withBearer(token))
		for _, action := range []Action{Read, Write, Delete, ReleaseKey, ReadKey, CreateKey, ImportKey, RotateKey, UpdateKey, DeleteKey} {
			if got := caller.May(action, "any"); got != slices.Contains(tt.may, action) {
				t.Errorf("%s: may %s: %v", role, action, got)
			}
		}
		_, err = tt.refuses.Caller(t.Context(), withBearer(token))
		wantReason(t, err, ReasonAudience, token)
	}
}

func TestDevelopmentKeyFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := OpenDevelopmentIssuer(dir); err != nil {
		t.Fatal(err)
	}
	good := string(must(os.ReadFile(filepath.Join(dir, developmentFile))))
	for name, content := range map[string]string{
		"empty": "", "text": "secret", "two keys": good + good, "text behind": good + "secret", "text before": "secret\n" + good, "cut": good[:len(good)/2],
		"of another kind": strings.ReplaceAll(good, "PRIVATE KEY", "PUBLIC KEY"), "large": good + strings.Repeat("secret\n", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, developmentFile), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := OpenDevelopmentIssuer(dir)
			if err == nil || errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v, want a refusal that quotes nothing", err)
			}
			if now := string(must(os.ReadFile(filepath.Join(dir, developmentFile)))); now != content {
				t.Error("the file was replaced")
			}
		})
	}
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, developmentFile), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenDevelopmentIssuer(dir); err == nil {
			t.Error("a folder is accepted")
		}
		if _, err := OpenDevelopmentIssuer(filepath.Join(dir, "nowhere")); err == nil {
			t.Error("a folder that is not there is accepted")
		}
	})
	t.Run("that others can read", func(t *testing.T) {
		t.Parallel()
		if runtime.GOOS == "windows" {
			t.Skip("needs file modes")
		}
		dir := t.TempDir()
		name := filepath.Join(dir, developmentFile)
		if err := os.WriteFile(name, []byte(good), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, 0o640); err != nil { //nolint:gosec // what others can read must be refused
			t.Fatal(err)
		}
		if _, err := OpenDevelopmentIssuer(dir); err == nil || !strings.Contains(err.Error(), "0640") {
			t.Errorf("%v, want a refusal that names the mode", err)
		}
	})
}
