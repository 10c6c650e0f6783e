package vault_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
	"github.com/azattest/azattest/store/sqlite"
)

var (
	noon    = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	secretA = bytes.Repeat([]byte("A secret"), 4)
	secretB = bytes.Repeat([]byte("Bsecret "), 4)
)

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func open(t testing.TB, s store.Store, secrets ...[]byte) (*vault.Vault, *clock) {
	t.Helper()
	c := &clock{at: noon}
	v, err := vault.Open(vault.Config{Store: s, Secrets: secrets, Clock: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return v, c
}

// stores are one of each that needs no server.
func stores(t *testing.T) map[string]store.Store {
	t.Helper()
	file, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "store.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return map[string]store.Store{"memory": memory.New(), "sqlite": file}
}

// policyFor is a release policy that names what is to run.
func policyFor(t testing.TB, product string) *keyrelease.Policy {
	t.Helper()
	p, err := keyrelease.ParsePolicy(fmt.Appendf(nil, `{"version":"1.0.0","anyOf":[{"authority":"https://attest.example","allOf":[{"claim":"product","equals":%q}]}]}`, product))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func exportable(t testing.TB, product string) vault.Settings {
	t.Helper()
	return vault.Settings{Exportable: true, Policy: policyFor(t, product)}
}

func create(t testing.TB, v *vault.Vault, name string, with vault.Template) *vault.Version {
	t.Helper()
	if with.Type == "" {
		with.Type = "EC"
	}
	got, err := v.Create(t.Context(), name, with)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// same compares what is public of versions.
func same(t testing.TB, got, want *vault.Version) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *keyrelease.Policy) bool {
		return (a == nil) == (b == nil) && (a == nil || bytes.Equal(a.Text(), b.Text()))
	})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// secretOf returns the material of a key as x509 reads it.
func secretOf(t testing.TB, k *keyrelease.Key) any {
	t.Helper()
	private, err := x509.ParsePKCS8PrivateKey(k.Material)
	if err != nil {
		t.Fatalf("material of %s: %v", k.Type, err)
	}
	return private
}

func TestCreateMakesKeysOfEveryKind(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		make vault.Template
		// bits of RSA and symmetric keys, curve of others
		bits       int
		curve      string
		operations string
	}{
		{"RSA", vault.Template{Type: "RSA"}, 2048, "", "encrypt decrypt sign verify wrapKey unwrapKey"},
		{"RSA of 3072 bits in hardware", vault.Template{Type: "RSA-HSM", Size: 3072}, 3072, "", "encrypt decrypt sign verify wrapKey unwrapKey"},
		{"EC", vault.Template{Type: "EC"}, 0, "P-256", "sign verify"},
		{"EC on P-384 in hardware", vault.Template{Type: "EC-HSM", Curve: "P-384"}, 0, "P-384", "sign verify"},
		{"EC on P-521", vault.Template{Type: "EC", Curve: "P-521"}, 0, "P-521", "sign verify"},
		{"oct", vault.Template{Type: "oct"}, 256, "", "encrypt decrypt wrapKey unwrapKey"},
		{"oct of 128 bits in hardware", vault.Template{Type: "oct-HSM", Size: 128}, 128, "", "encrypt decrypt wrapKey unwrapKey"},
		{"oct of 192 bits", vault.Template{Type: "oct", Size: 192}, 192, "", "encrypt decrypt wrapKey unwrapKey"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v, _ := open(t, memory.New(), secretA)
			made := create(t, v, "Key-1", test.make)
			if made.Key.Material != nil || made.Key.Name != "Key-1" || len(made.Key.Version) != 32 || made.Key.Type != test.make.Type {
				t.Errorf("made %+v", made.Key)
			}
			if got := strings.Join(made.Key.Operations, " "); got != test.operations {
				t.Errorf("operations %s, want %s", got, test.operations)
			}
			if want := (keyrelease.Attributes{Enabled: true, Created: noon, Updated: noon, RecoveryLevel: "Purgeable"}); made.Key.Attributes != want {
				t.Errorf("attributes %+v, want %+v", made.Key.Attributes, want)
			}
			got, err := v.Get(t.Context(), "Key-1", "")
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, made)
			key, err := v.ReleaseKey(t.Context(), "Key-1", made.Key.Version)
			if err != nil {
				t.Fatal(err)
			}
			switch public := key.Public.(type) {
			case *rsa.PublicKey:
				if !secretOf(t, key).(*rsa.PrivateKey).PublicKey.Equal(public) || public.N.BitLen() != test.bits {
					t.Errorf("an RSA key of %d bits, or another secret", public.N.BitLen())
				}
			case *ecdsa.PublicKey:
				if !secretOf(t, key).(*ecdsa.PrivateKey).PublicKey.Equal(public) || public.Curve.Params().Name != test.curve {
					t.Errorf("a key on %s, or another secret", public.Curve.Params().Name)
				}
			default:
				if public != nil || len(key.Material) != test.bits/8 {
					t.Errorf("%d bytes and the public key %v", len(key.Material), public)
				}
			}
		})
	}
}

func TestVersionsOfAKey(t *testing.T) {
	t.Parallel()
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, c := open(t, s, secretA)
			ctx := t.Context()
			expires := noon.Add(time.Hour)
			first := create(t, v, "MyKey", vault.Template{Type: "EC-HSM", Curve: "P-384", Settings: vault.Settings{
				Exportable: true, Policy: policyFor(t, "one"), PolicyContentType: "application/json", Operations: []string{"sign"},
				NotBefore: noon, Expires: expires, Tags: map[string]string{"owner": "A <b> & c"}, Enabled: new(false),
			}})
			c.advance(time.Minute)
			second, err := v.Rotate(ctx, "mykey")
			if err != nil {
				t.Fatal(err)
			}
			want := *first
			want.Key.Version, want.Key.Public = second.Key.Version, second.Key.Public
			want.Key.Attributes.Created, want.Key.Attributes.Updated, want.Key.Attributes.Expires = noon.Add(time.Minute), noon.Add(time.Minute), time.Time{}
			same(t, second, &want)
			if first.Key.Version == second.Key.Version || first.Key.Public.(*ecdsa.PublicKey).Equal(second.Key.Public) {
				t.Error("not another key")
			}
			third := create(t, v, "MYKEY", vault.Template{Type: "oct", Settings: exportable(t, "three")})
			if third.Key.Name != "MyKey" {
				t.Errorf("called %s, want as it was spelled at first", third.Key.Name)
			}
			for version, want := range map[string]*vault.Version{"": third, first.Key.Version: first, second.Key.Version: second, strings.ToUpper(third.Key.Version): third} {
				got, err := v.Get(ctx, "mYkEY", version)
				if err != nil {
					t.Fatal(err)
				}
				same(t, got, want)
			}
			var versions []string
			for after, more := "", true; more; more = after != "" {
				page, next, err := v.Versions(ctx, "MyKey", after, 2)
				if err != nil || len(page) > 2 {
					t.Fatalf("%d versions, %v", len(page), err)
				}
				for _, one := range page {
					versions = append(versions, one.Key.Version)
				}
				after = next
			}
			if !slices.Equal(versions, []string{first.Key.Version, second.Key.Version, third.Key.Version}) {
				t.Errorf("versions %v", versions)
			}
			last, err := v.Delete(ctx, "mykey")
			if err != nil {
				t.Fatal(err)
			}
			same(t, last, third)
			if _, err := v.Get(ctx, "MyKey", first.Key.Version); !errors.Is(err, keyrelease.ErrKeyNotFound) {
				t.Errorf("after it was deleted: %v", err)
			}
			if left := recordsOf(t, s); len(left) > 0 {
				t.Errorf("left behind: %v", slices.Sorted(maps.Keys(left)))
			}
		})
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, _ := open(t, s, secretA)
			ctx := t.Context()
			for _, name := range []string{"b", "A", "a-1", "C", "a1"} {
				create(t, v, name, vault.Template{})
			}
			if _, err := v.Rotate(ctx, "b"); err != nil {
				t.Fatal(err)
			}
			for _, test := range []struct {
				after string
				most  int
				want  string
				next  string
			}{
				{"", 0, "A a-1 a1 b C", ""},
				{"", 5, "A a-1 a1 b C", ""},
				{"", 2, "A a-1", "a-1"},
				{"a-1", 2, "a1 b", "b"},
				{"A-1", 2, "a1 b", "b"},
				{"b", 2, "C", ""},
				{"c", 2, "", ""},
			} {
				page, next, err := v.List(ctx, test.after, test.most)
				if err != nil {
					t.Fatal(err)
				}
				var names []string
				for _, one := range page {
					current, err := v.Get(ctx, one.Key.Name, "")
					if err != nil {
						t.Fatal(err)
					}
					same(t, one, current)
					names = append(names, one.Key.Name)
				}
				if got := strings.Join(names, " "); got != test.want || next != test.next {
					t.Errorf("after %q: %q, then %q; want %q, then %q", test.after, got, next, test.want, test.next)
				}
			}
		})
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	v, _ := open(t, memory.New(), secretA)
	there := create(t, v, "there", vault.Template{})
	create(t, v, "other", vault.Template{})
	other, err := v.Get(t.Context(), "other", "")
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(context.Context) error{
		"no key":               func(ctx context.Context) error { _, err := v.Get(ctx, "missing", ""); return err },
		"no name":              func(ctx context.Context) error { _, err := v.Get(ctx, "../there", ""); return err },
		"an empty name":        func(ctx context.Context) error { _, err := v.Get(ctx, "", ""); return err },
		"a version of another": func(ctx context.Context) error { _, err := v.Get(ctx, "there", other.Key.Version); return err },
		"no version":           func(ctx context.Context) error { _, err := v.Get(ctx, "there", "latest"); return err },
		"to be released":       func(ctx context.Context) error { _, err := v.ReleaseKey(ctx, "missing", ""); return err },
		"a version to be released": func(ctx context.Context) error {
			_, err := v.ReleaseKey(ctx, "there", strings.Repeat("0", 32))
			return err
		},
		"to rotate":     func(ctx context.Context) error { _, err := v.Rotate(ctx, "missing"); return err },
		"to update":     func(ctx context.Context) error { _, err := v.Update(ctx, "missing", "", vault.Update{}); return err },
		"to delete":     func(ctx context.Context) error { _, err := v.Delete(ctx, "missing"); return err },
		"to discard":    func(ctx context.Context) error { return v.Discard(ctx, "missing") },
		"no versions":   func(ctx context.Context) error { _, _, err := v.Versions(ctx, "missing", "", 0); return err },
		"after another": func(ctx context.Context) error { _, _, err := v.Versions(ctx, "there", "x", 0); return err },
		"a long name":   func(ctx context.Context) error { _, err := v.Get(ctx, strings.Repeat("a", 128), ""); return err },
	} {
		err := call(t.Context())
		if _, ok := errors.AsType[*vault.NotFoundError](err); !ok || !errors.Is(err, keyrelease.ErrKeyNotFound) {
			t.Errorf("%s: %v, want a *NotFoundError", name, err)
		}
	}
	if got, err := v.Get(t.Context(), "there", there.Key.Version); err != nil || got.Key.Name != "there" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config vault.Config
		want   string
	}{
		"no store":              {vault.Config{Secrets: [][]byte{secretA}}, "Store: missing"},
		"no secret":             {vault.Config{Store: memory.New()}, "Secrets: 0 of them, want 1 to 16"},
		"a short one":           {vault.Config{Store: memory.New(), Secrets: [][]byte{secretA, secretB[:31]}}, "number 2 has 31 bytes, want 32"},
		"a long one":            {vault.Config{Store: memory.New(), Secrets: [][]byte{append(slices.Clone(secretA), 0)}}, "number 1 has 33 bytes"},
		"one of zeros":          {vault.Config{Store: memory.New(), Secrets: [][]byte{make([]byte, 32)}}, "the same byte all over"},
		"one that stands twice": {vault.Config{Store: memory.New(), Secrets: [][]byte{secretA, secretB, secretA}}, "number 3 is there twice"},
		"too many":              {vault.Config{Store: memory.New(), Secrets: make([][]byte, 17)}, "17 of them"},
	} {
		_, err := vault.Open(test.config)
		if _, ok := errors.AsType[*vault.ConfigError](err); !ok || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret ") {
			t.Errorf("%s: %v, want a *ConfigError with %q", name, err, test.want)
		}
	}
	// Its owner may clear a secret that was given.
	mine := slices.Clone(secretA)
	s := memory.New()
	v, _ := open(t, s, mine)
	clear(mine)
	create(t, v, "key", vault.Template{})
	again, _ := open(t, s, secretA)
	if _, err := again.Get(t.Context(), "key", ""); err != nil {
		t.Error(err)
	}
}

// recordsOf returns all records of a store.
func recordsOf(t testing.TB, s store.Store) map[string]store.Record {
	t.Helper()
	all := map[string]store.Record{}
	if _, err := s.Each(t.Context(), "", func(r store.Record) error {
		all[r.Key] = r
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}
