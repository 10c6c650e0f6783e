package vault_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
)

// faulty is a store with faults to order.
type faulty struct {
	store.Store
	// before is called by each commit, before it happens.
	before func([]store.Change)
	// fail says what a commit ends with, and whether it happens all the same.
	fail func([]store.Change) (done bool, err error)
	// read is what reading ends with.
	read error
}

func (f *faulty) Get(ctx context.Context, key string) (store.Record, error) {
	if f.read != nil {
		return store.Record{}, f.read
	}
	return f.Store.Get(ctx, key)
}

func (f *faulty) Each(ctx context.Context, prefix string, visit func(store.Record) error) (int64, error) {
	if f.read != nil {
		return 0, f.read
	}
	return f.Store.Each(ctx, prefix, visit)
}

func (f *faulty) Commit(ctx context.Context, changes ...store.Change) (int64, error) {
	if f.before != nil {
		f.before(changes)
	}
	if f.fail != nil {
		if done, err := f.fail(changes); err != nil {
			if done {
				_, _ = f.Store.Commit(ctx, changes...)
			}
			return 0, err
		}
	}
	return f.Store.Commit(ctx, changes...)
}

func TestManyChangeAKeyAtOnce(t *testing.T) {
	t.Parallel()
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			v, _ := open(t, s, secretA)
			first := create(t, v, "key", vault.Template{Settings: exportable(t, "p")})
			var mu sync.Mutex
			made, updated := map[string]bool{first.Key.Version: true}, 0
			var wg sync.WaitGroup
			for i := range 12 {
				wg.Go(func() {
					replica, _ := open(t, s, secretA)
					for range 3 {
						var got *vault.Version
						var err error
						switch i % 3 {
						case 0:
							got, err = replica.Rotate(ctx, "key")
						case 1:
							got, err = replica.Create(ctx, "key", vault.Template{Type: "EC", Settings: exportable(t, "p")})
						default:
							_, err = replica.Update(ctx, "key", first.Key.Version, vault.Update{Tags: &map[string]string{"by": fmt.Sprint(i)}})
						}
						mu.Lock()
						if got != nil {
							made[got.Key.Version] = true
						} else if err == nil {
							updated++
						}
						mu.Unlock()
						if _, ok := errors.AsType[*vault.ConflictError](err); err != nil && !ok {
							t.Error(err)
						}
						if key, err := replica.ReleaseKey(ctx, "key", ""); err != nil || !secretMatches(key) {
							t.Errorf("released %v, %v", key, err)
						}
					}
				})
			}
			wg.Wait()
			page, next, err := v.Versions(ctx, "key", "", 100)
			if err != nil || next != "" || len(page) != len(made) || len(made) == 1 || updated == 0 {
				t.Fatalf("%d versions, %v; %d were made, %d changes", len(page), err, len(made), updated)
			}
			for _, one := range page {
				if !made[one.Key.Version] {
					t.Errorf("version %s, which nobody made", one.Key.Version)
				}
			}
		})
	}
}

func secretMatches(k *keyrelease.Key) bool { return k != nil && len(k.Material) > 0 && k.Policy != nil }

func TestDeleteWhileOthersAdd(t *testing.T) {
	t.Parallel()
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			v, _ := open(t, s, secretA)
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					for range 4 {
						var err error
						if i%2 == 0 {
							_, err = v.Create(ctx, "key", vault.Template{Type: "oct"})
						} else {
							_, err = v.Delete(ctx, "key")
						}
						if _, ok := errors.AsType[*vault.ConflictError](err); err != nil && !ok && !errors.Is(err, keyrelease.ErrKeyNotFound) {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			// Whatever came last, no record is left that no list names.
			want := 0
			if page, _, err := v.Versions(ctx, "key", "", 100); err == nil {
				want = len(page) + 1
			}
			if left := recordsOf(t, s); len(left) != want {
				t.Errorf("%d records, want %d", len(left), want)
			}
		})
	}
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	conflict := func([]store.Change) (bool, error) {
		return false, &store.ConflictError{Key: "k", Expected: 1, Found: 2}
	}
	for name, call := range map[string]func(context.Context, *vault.Vault) error{
		"create": func(ctx context.Context, v *vault.Vault) error {
			_, err := v.Create(ctx, "key", vault.Template{Type: "oct"})
			return err
		},
		"rotate": func(ctx context.Context, v *vault.Vault) error { _, err := v.Rotate(ctx, "key"); return err },
		"update": func(ctx context.Context, v *vault.Vault) error {
			_, err := v.Update(ctx, "key", "", vault.Update{})
			return err
		},
		"delete":  func(ctx context.Context, v *vault.Vault) error { _, err := v.Delete(ctx, "key"); return err },
		"discard": func(ctx context.Context, v *vault.Vault) error { return v.Discard(ctx, "key") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &faulty{Store: memory.New()}
			v, _ := open(t, s, secretA)
			create(t, v, "key", vault.Template{Type: "oct"})
			before := recordsOf(t, s)
			s.fail = conflict
			err := call(t.Context(), v)
			if e, ok := errors.AsType[*vault.ConflictError](err); !ok || e.Name != "key" || !strings.Contains(err.Error(), "try again") {
				t.Errorf("got %v, want a *ConflictError", err)
			}
			gone := errors.New("the database went away")
			s.fail = func([]store.Change) (bool, error) { return false, gone }
			if err := call(t.Context(), v); !errors.Is(err, gone) {
				t.Errorf("got %v, want the store's error", err)
			}
			if after := recordsOf(t, s); len(after) != len(before) {
				t.Error("something was written")
			}
		})
	}
}

func TestACommitThatMayHaveHappened(t *testing.T) {
	t.Parallel()
	for _, happened := range []bool{true, false} {
		s := &faulty{Store: memory.New()}
		v, _ := open(t, s, secretA)
		ctx := t.Context()
		uncertain := func() {
			first := true
			s.fail = func([]store.Change) (bool, error) {
				if first {
					first = false
					return happened, &store.UncertainError{Err: errors.New("cut off")}
				}
				return false, nil
			}
		}
		uncertain()
		made := create(t, v, "key", vault.Template{})
		uncertain()
		rotated, err := v.Rotate(ctx, "key")
		if err != nil {
			t.Fatal(err)
		}
		page, _, err := v.Versions(ctx, "key", "", 0)
		if err != nil || len(page) != 2 {
			t.Fatalf("%d versions, %v; want each once", len(page), err)
		}
		same(t, page[0], made)
		same(t, page[1], rotated)
		uncertain()
		if got, err := v.Update(ctx, "key", "", vault.Update{Enabled: new(false)}); err != nil || got.Key.Attributes.Enabled {
			t.Errorf("update: %v", err)
		}
		uncertain()
		if got, err := v.Delete(ctx, "key"); err != nil || got.Key.Version != rotated.Key.Version {
			t.Errorf("delete: %v", err)
		}
		if left := recordsOf(t, s); len(left) > 0 {
			t.Errorf("%d records left", len(left))
		}
		s.fail = func([]store.Change) (bool, error) { return false, &store.UncertainError{Err: errors.New("cut off")} }
		_, err = v.Create(ctx, "key", vault.Template{Type: "oct"})
		if _, ok := errors.AsType[*vault.UncertainError](err); !ok {
			t.Errorf("always cut off: %v, want a *vault.UncertainError", err)
		}
	}
}

func TestAPolicyThatBecomesImmutableMeanwhile(t *testing.T) {
	t.Parallel()
	s := &faulty{Store: memory.New()}
	v, _ := open(t, s, secretA)
	create(t, v, "key", vault.Template{Settings: exportable(t, "p")})
	s.before = func([]store.Change) {
		s.before = nil
		if _, err := v.Update(t.Context(), "key", "", vault.Update{PolicyImmutable: new(true)}); err != nil {
			t.Error(err)
		}
	}
	_, err := v.Create(t.Context(), "key", vault.Template{Type: "EC", Settings: exportable(t, "q")})
	refused(t, err, vault.CodePolicyImmutable, "cannot be modified")
}

func TestAnUpdateIsOfTheVersionThatWasCurrent(t *testing.T) {
	t.Parallel()
	s := &faulty{Store: memory.New()}
	v, _ := open(t, s, secretA)
	first := create(t, v, "key", vault.Template{})
	s.before = func([]store.Change) {
		s.before = nil
		if _, err := v.Update(t.Context(), "key", "", vault.Update{Tags: &map[string]string{"a": "b"}}); err != nil {
			t.Error(err)
		}
		create(t, v, "key", vault.Template{})
	}
	got, err := v.Update(t.Context(), "key", "", vault.Update{Enabled: new(false)})
	if err != nil || got.Key.Version != first.Key.Version || got.Tags["a"] != "b" || got.Key.Attributes.Enabled {
		t.Errorf("%v, %v; want both changes of %s", got, err, first.Key.Version)
	}
}

func TestDiscardSparesAKeyThatIsMadeMeanwhile(t *testing.T) {
	t.Parallel()
	s := &faulty{Store: memory.New()}
	v, _ := open(t, s, secretA)
	write(t, s, "keyrelease/versions/key/0123456789abcdef0123456789abcdef", []byte("left over"))
	s.before = func([]store.Change) {
		s.before = nil
		create(t, v, "key", vault.Template{})
	}
	if _, ok := errors.AsType[*vault.ConflictError](v.Discard(t.Context(), "key")); !ok || len(recordsOf(t, s)) != 3 {
		t.Errorf("%d records, want all of them and a *ConflictError", len(recordsOf(t, s)))
	}
	if err := v.Discard(t.Context(), "key"); err != nil || len(recordsOf(t, s)) > 0 {
		t.Errorf("once more: %v, %d records", err, len(recordsOf(t, s)))
	}
}

func TestAKeyOfAnotherKindMeanwhile(t *testing.T) {
	t.Parallel()
	s := &faulty{Store: memory.New()}
	v, _ := open(t, s, secretA)
	create(t, v, "key", vault.Template{})
	s.before = func([]store.Change) {
		s.before = nil
		create(t, v, "key", vault.Template{Type: "oct"})
	}
	_, err := v.Rotate(t.Context(), "key")
	if _, ok := errors.AsType[*vault.ConflictError](err); !ok {
		t.Errorf("got %v, want a *ConflictError", err)
	}
}

func TestTheStoreIsGone(t *testing.T) {
	t.Parallel()
	s := &faulty{Store: memory.New()}
	v, _ := open(t, s, secretA)
	create(t, v, "key", vault.Template{})
	s.read = &store.UnavailableError{Trouble: store.TroubleUnreachable, Err: errors.New("refused")}
	errs := everyCall(t.Context(), v, "key")
	_, errs["rewrap"] = v.Rewrap(t.Context())
	errs["discard"] = v.Discard(t.Context(), "key")
	s.read = nil
	next, _ := open(t, s, secretB, secretA)
	gone := errors.New("the database went away")
	s.fail = func([]store.Change) (bool, error) { return false, gone }
	n, err := next.Rewrap(t.Context())
	if _, ok := errors.AsType[*vault.RewrapError](err); n != 0 || !errors.Is(err, gone) || ok {
		t.Errorf("rewrapped: %d, %v; want the store's error", n, err)
	}
	for call, err := range errs {
		if _, ok := errors.AsType[*store.UnavailableError](err); !ok || errors.Is(err, keyrelease.ErrKeyNotFound) {
			t.Errorf("%s: %v, want the store's error", call, err)
		}
	}
}

func TestAsManyVersionsAsThereMayBe(t *testing.T) {
	t.Parallel()
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, _ := open(t, s, secretA)
			ctx := t.Context()
			for range 256 {
				create(t, v, "key", vault.Template{Type: "oct"})
			}
			for range 2 {
				_, err := v.Rotate(ctx, "key")
				refused(t, err, "", "key key has 256 versions, the most that there may be: go on under another name, or delete the key")
			}
			page, next, err := v.Versions(ctx, "key", "", 1000)
			if err != nil || len(page) != 100 || next != page[99].Key.Version {
				t.Errorf("%d versions, %v; want a page of 100", len(page), err)
			}
			current, err := v.Get(ctx, "key", "")
			if err != nil {
				t.Fatal(err)
			}
			last, err := v.Delete(ctx, "key")
			if err != nil {
				t.Fatal(err)
			}
			same(t, last, current)
			if left := recordsOf(t, s); len(left) > 0 {
				t.Errorf("%d records left", len(left))
			}
		})
	}
}

func TestADeletionThatWasCutOffGoesOn(t *testing.T) {
	t.Parallel()
	s := &faulty{Store: memory.New()}
	v, _ := open(t, s, secretA)
	ctx := t.Context()
	var versions []string
	for range 130 {
		versions = append(versions, create(t, v, "key", vault.Template{Type: "oct"}).Key.Version)
	}
	gone, commits := errors.New("the database went away"), 0
	s.fail = func([]store.Change) (bool, error) {
		if commits++; commits == 2 {
			return false, gone
		}
		return false, nil
	}
	if _, err := v.Delete(ctx, "key"); !errors.Is(err, gone) {
		t.Fatalf("got %v, want the store's error", err)
	}
	page, _, err := v.Versions(ctx, "key", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, one := range page {
		left = append(left, one.Key.Version)
	}
	if !slices.Equal(left, versions[120:]) {
		t.Errorf("%d versions left, want the last 10", len(left))
	}
	if last, err := v.Delete(ctx, "key"); err != nil || last.Key.Version != versions[129] {
		t.Errorf("%v, %v", last, err)
	}
	if left := recordsOf(t, s); len(left) > 0 {
		t.Errorf("%d records left", len(left))
	}
}
