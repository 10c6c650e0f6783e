package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/internal/vault"
)

// inVault does something with the keys of a store, as a server would.
func inVault(t *testing.T, f vaultStoreFlags, do func(context.Context, *vault.Vault) error) error {
	t.Helper()
	return f.with(t.Context(), Streams{Now: func() time.Time { return testTime }}, func(v *vault.Vault) error { return do(t.Context(), v) })
}

// The wrapping key is changed beside a server: with both every key opens, after rewrap
// with the new one alone.
func TestKeyReleaseRewraps(t *testing.T) {
	t.Parallel()
	file, _ := keyReleaseConfig(t, "")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	second := inFile(t, "second.key", keyring.GenerateWrappingKey())
	first := string(raw[strings.Index(string(raw), "keys: {")+len("keys: {wrappingKeyFile: ") : strings.LastIndex(string(raw), "}")])
	keys := "keys: {wrappingKeyFile: " + first + "}"
	change := inFile(t, "change.yaml", strings.Replace(string(raw), keys, "keys: {wrappingKeyFile: "+second+", previousWrappingKeyFiles: ["+first+"]}", 1))
	after := inFile(t, "after.yaml", strings.Replace(string(raw), keys, "keys: {wrappingKeyFile: "+second+"}", 1))

	wantFault(t, runWith(t, nil, "keyrelease", "rewrap", "--config", file), exitFailed, "store: ", "hint: start the server once")
	if code := startKeyRelease(t, filepath.Join(filepath.Dir(first), "data"), "--config", file).stop(); code != exitDone {
		t.Fatalf("exit code %d", code)
	}
	err = inVault(t, vaultStoreFlags{configFile: file}, func(ctx context.Context, v *vault.Vault) error {
		_, err := v.Create(ctx, "disk", vault.Template{Type: "oct"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	got := runWith(t, nil, "keyrelease", "rewrap", "--config", after)
	wantFault(t, got, exitFailed, "2 records are not sealed anew", "hint: give the wrapping keys before it")
	if got := runWith(t, nil, "keyrelease", "rewrap", "--config", change); got.code != exitDone || got.stdout != "rewrapped 2 records\n" {
		t.Errorf("%+v", got)
	}
	if got := wantDone[rewrappedKeys](t, runWith(t, nil, "keyrelease", "rewrap", "--config", change, "--json")); got.Rewrapped != 0 {
		t.Errorf("%+v, want nothing left to do", got)
	}
	disk := func(ctx context.Context, v *vault.Vault) error {
		_, err := v.Get(ctx, "disk", "")
		return err
	}
	if err := inVault(t, vaultStoreFlags{configFile: after}, disk); err != nil {
		t.Error(err)
	}
	if err := inVault(t, vaultStoreFlags{configFile: file}, disk); err == nil {
		t.Error("the old wrapping key alone opens what was rewrapped")
	}

	// Whoever has lost the new one goes on without the key.
	wantFault(t, runWith(t, nil, "keyrelease", "discard", "disk", "--config", file), exitUsage, "--yes is missing")
	if got := runWith(t, nil, "keyrelease", "discard", "Disk", "--yes", "--config", file); got.code != exitDone || got.stdout != "discarded Disk\n" {
		t.Errorf("%+v", got)
	}
	wantFault(t, runWith(t, nil, "keyrelease", "discard", "disk", "--yes", "--config", file), exitFailed, `no key "disk"`, "hint: ")
}

// A server that runs notices: it reads each key of the store.
func TestRunningKeyReleaseNoticesDiscard(t *testing.T) {
	t.Parallel()
	v := startDevKeyRelease(t, t.TempDir())
	if got := v.keys("create", "disk", "--type", "oct", "--not-exportable"); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	if got := wantDone[rewrappedKeys](t, runWith(t, nil, "keyrelease", "rewrap", "--data-dir", v.dir, "--json")); got.Rewrapped != 0 {
		t.Errorf("%+v", got)
	}
	if got := wantDone[discardedKey](t, runWith(t, nil, "keyrelease", "discard", "disk", "--yes", "--data-dir", v.dir, "--json")); got.Discarded != "disk" {
		t.Errorf("%+v", got)
	}
	wantFault(t, v.keys("show", "disk"), exitFailed, "KeyNotFound")
}

// A command leaves nothing where no server has been.
func TestStoreCommandsMakeNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	wantFault(t, runWith(t, nil, "keyrelease", "rewrap", "--data-dir", dir), exitFailed, "store: ")
	if err := os.WriteFile(filepath.Join(dir, "store.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantFault(t, runWith(t, nil, "keyrelease", "rewrap", "--data-dir", dir), exitFailed, "wrapping key: ", "hint: name the server's --config")
	if _, err := os.Stat(filepath.Join(dir, "wrapping.key")); err == nil {
		t.Error("the command made a wrapping key")
	}
	file, _ := keyReleaseConfig(t, "store: {driver: memory}\n")
	wantFault(t, runWith(t, nil, "keyrelease", "rewrap", "--config", file), exitFailed, "store.driver is memory")
}
