package vault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
)

// envelope is a record as whoever writes to the store sees it.
type envelope struct {
	Version    int    `json:"version"`
	SealedWith string `json:"sealedWith"`
	Box        []byte `json:"box"`
	Material   []byte `json:"material,omitempty"`
}

func unpack(raw []byte) envelope {
	var e envelope
	if err := json.Unmarshal(raw, &e); err != nil {
		panic(err)
	}
	return e
}

func pack(e envelope) []byte {
	raw, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return raw
}

func write(t testing.TB, s store.Store, key string, raw []byte) {
	t.Helper()
	if _, err := s.Commit(t.Context(), store.Put(key, raw, store.Any)); err != nil {
		t.Fatal(err)
	}
}

// sealBroken checks that an error names a key whose record cannot be used, and what
// to do about it.
func sealBroken(t testing.TB, err error, name string) {
	t.Helper()
	e, ok := errors.AsType[*vault.SealError](err)
	if !ok || e.Name != name || !strings.Contains(e.Problem, ": ") {
		t.Errorf("got %v, want a *SealError of %s that says what to do", err, name)
	}
}

// two is a store with a key, weak, whose policy lets anything out, and another,
// strong, with two versions.
type two struct {
	store         *memory.Store
	vault         *vault.Vault
	weak          *vault.Version
	first, second *vault.Version
}

func newTwo(t testing.TB) *two {
	t.Helper()
	s := memory.New()
	v, _ := open(t, s, secretA)
	return &two{
		s, v,
		create(t, v, "weak", vault.Template{Settings: exportable(t, "anything")}),
		create(t, v, "strong", vault.Template{Settings: exportable(t, "good")}),
		create(t, v, "strong", vault.Template{Settings: exportable(t, "better")}),
	}
}

// value is what stands under a key.
func (s *two) value(key string) []byte {
	r, err := s.store.Get(context.Background(), key)
	if err != nil {
		panic(err)
	}
	return r.Value
}

func listKey(name string) string { return "keyrelease/keys/" + name }

func versionKey(v *vault.Version) string {
	return "keyrelease/versions/" + v.Key.Name + "/" + v.Key.Version
}

func TestWhoeverWritesToTheStoreChangesNoKey(t *testing.T) {
	t.Parallel()
	other := memory.New()
	v, _ := open(t, other, secretB)
	create(t, v, "strong", vault.Template{Settings: exportable(t, "anything")})
	theirs := recordsOf(t, other)[listKey("strong")].Value
	for name, attack := range map[string]func(s *two) (at string, raw []byte){
		"the record of another key": func(s *two) (string, []byte) {
			return versionKey(s.second), s.value(versionKey(s.weak))
		},
		"the record of another version": func(s *two) (string, []byte) {
			return versionKey(s.second), s.value(versionKey(s.first))
		},
		"the policy of another key": func(s *two) (string, []byte) {
			to, from := unpack(s.value(versionKey(s.second))), unpack(s.value(versionKey(s.weak)))
			to.Box = from.Box
			return versionKey(s.second), pack(to)
		},
		"the policy of another version": func(s *two) (string, []byte) {
			to, from := unpack(s.value(versionKey(s.second))), unpack(s.value(versionKey(s.first)))
			to.Box = from.Box
			return versionKey(s.second), pack(to)
		},
		"the secret of another key": func(s *two) (string, []byte) {
			to, from := unpack(s.value(versionKey(s.second))), unpack(s.value(versionKey(s.weak)))
			to.Material = from.Material
			return versionKey(s.second), pack(to)
		},
		"no secret": func(s *two) (string, []byte) {
			e := unpack(s.value(versionKey(s.second)))
			e.Material = nil
			return versionKey(s.second), pack(e)
		},
		"secret and policy in each other's place": func(s *two) (string, []byte) {
			e := unpack(s.value(versionKey(s.second)))
			e.Box, e.Material = e.Material, e.Box
			return versionKey(s.second), pack(e)
		},
		"another secret's name": func(s *two) (string, []byte) {
			e := unpack(s.value(versionKey(s.second)))
			e.SealedWith = "0123456789abcdef"
			return versionKey(s.second), pack(e)
		},
		"another spelling": func(s *two) (string, []byte) {
			return versionKey(s.second), append(s.value(versionKey(s.second)), '\n')
		},
		"another format": func(s *two) (string, []byte) {
			e := unpack(s.value(versionKey(s.second)))
			e.Version = 2
			return versionKey(s.second), pack(e)
		},
		"nothing": func(s *two) (string, []byte) { return versionKey(s.second), nil },
		"the list of another key": func(s *two) (string, []byte) {
			return listKey("strong"), s.value(listKey("weak"))
		},
		"a version as a list": func(s *two) (string, []byte) {
			return listKey("strong"), s.value(versionKey(s.second))
		},
		"a list with something beside it": func(s *two) (string, []byte) {
			e := unpack(s.value(listKey("strong")))
			e.Material = []byte("x")
			return listKey("strong"), pack(e)
		},
		"a long record": func(s *two) (string, []byte) {
			return versionKey(s.second), bytes.Repeat([]byte("a"), 1<<20)
		},
		"a key of their own": func(*two) (string, []byte) {
			return listKey("strong"), theirs
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTwo(t)
			at, raw := attack(s)
			write(t, s.store, at, raw)
			for call, err := range everyCall(t.Context(), s.vault, "strong") {
				t.Log(call, err)
				sealBroken(t, err, "strong")
			}
			// What was not touched is there as before.
			got, err := s.vault.Get(t.Context(), "weak", "")
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, s.weak)
		})
	}
}

// everyCall uses the current version of a key in every way.
func everyCall(ctx context.Context, v *vault.Vault, name string) map[string]error {
	errs := map[string]error{}
	_, errs["get"] = v.Get(ctx, name, "")
	_, errs["release"] = v.ReleaseKey(ctx, name, "")
	_, errs["rotate"] = v.Rotate(ctx, name)
	_, errs["create"] = v.Create(ctx, name, vault.Template{Type: "EC"})
	_, errs["update"] = v.Update(ctx, name, "", vault.Update{Enabled: new(false)})
	_, errs["delete"] = v.Delete(ctx, name)
	_, _, errs["list"] = v.List(ctx, "", 0)
	_, _, errs["versions"] = v.Versions(ctx, name, "", 0)
	return errs
}

func TestAKeyOpensUnderNoOtherName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"strong", "fresh"} {
		s := newTwo(t)
		write(t, s.store, listKey(name), s.value(listKey("weak")))
		write(t, s.store, "keyrelease/versions/"+name+"/"+s.weak.Key.Version, s.value(versionKey(s.weak)))
		for call, err := range everyCall(t.Context(), s.vault, name) {
			t.Log(name, call)
			sealBroken(t, err, name)
		}
	}
}

func TestASecretIsNotReadAsAPolicy(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	e := unpack(s.value(versionKey(s.second)))
	e.Box, e.Material = e.Material, nil
	write(t, s.store, versionKey(s.second), pack(e))
	_, err := s.vault.Get(t.Context(), "strong", "")
	if !isSeal(err) || !strings.Contains(err.Error(), "changed after it was sealed") {
		t.Errorf("got %v, want that it does not open", err)
	}
}

func TestEveryBitOfARecordIsSealed(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	for _, at := range []string{versionKey(s.second), listKey("strong")} {
		genuine := s.value(at)
		for i := range genuine {
			changed := bytes.Clone(genuine)
			changed[i] ^= 1 << (i % 8)
			write(t, s.store, at, changed)
			// The box of the secret is covered by that of the rest, so this holds of
			// what does not open it, too.
			if got, err := s.vault.Get(t.Context(), "strong", ""); !isSeal(err) {
				t.Fatalf("byte %d of %s: %v, %v", i, at, got, err)
			}
			if got, err := s.vault.ReleaseKey(t.Context(), "strong", ""); !isSeal(err) {
				t.Fatalf("byte %d of %s: %v, %v", i, at, got, err)
			}
		}
		write(t, s.store, at, genuine)
	}
	if _, err := s.vault.ReleaseKey(t.Context(), "strong", ""); err != nil {
		t.Error(err)
	}
}

func isSeal(err error) bool {
	_, ok := errors.AsType[*vault.SealError](err)
	return ok
}

func TestASecretAndAPolicyOfDifferentTimesAreNoRecord(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	before := unpack(s.value(versionKey(s.second)))
	next, _ := open(t, s.store, secretB, secretA)
	if _, err := next.Rewrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, _ := open(t, s.store, secretA, secretB)
	if _, err := again.Rewrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := unpack(s.value(versionKey(s.second)))
	if before.SealedWith != after.SealedWith || bytes.Equal(before.Box, after.Box) || bytes.Equal(before.Material, after.Material) {
		t.Fatal("not sealed anew with the same secret")
	}
	for name, mixed := range map[string]envelope{
		"an older policy": {1, after.SealedWith, before.Box, after.Material},
		"an older secret": {1, after.SealedWith, after.Box, before.Material},
	} {
		write(t, s.store, versionKey(s.second), pack(mixed))
		_, err := s.vault.ReleaseKey(t.Context(), "strong", "")
		t.Log(name)
		sealBroken(t, err, "strong")
	}
}

func TestARecordThatIsNotListedIsNoVersion(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	before := recordsOf(t, s.store)
	if _, err := s.vault.Delete(t.Context(), "strong"); err != nil {
		t.Fatal(err)
	}
	put := before[versionKey(s.first)].Value
	write(t, s.store, versionKey(s.first), put)
	if _, err := s.vault.ReleaseKey(t.Context(), "strong", s.first.Key.Version); !errors.Is(err, keyrelease.ErrKeyNotFound) {
		t.Errorf("deleted and put back: %v", err)
	}
	create(t, s.vault, "strong", vault.Template{})
	if _, err := s.vault.ReleaseKey(t.Context(), "strong", s.first.Key.Version); !errors.Is(err, keyrelease.ErrKeyNotFound) {
		t.Errorf("deleted, put back, and another one made: %v", err)
	}
}

func TestARecordThatIsGone(t *testing.T) {
	t.Parallel()
	s := newTwo(t)
	if _, err := s.store.Commit(t.Context(), store.Delete(versionKey(s.second), store.Any)); err != nil {
		t.Fatal(err)
	}
	for call, err := range everyCall(t.Context(), s.vault, "strong") {
		t.Log(call)
		sealBroken(t, err, "strong")
	}
	got, err := s.vault.Get(t.Context(), "strong", s.first.Key.Version)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, s.first)
}

func TestAForeignNameInTheStoreIsFound(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"keyrelease/keys/UPPER", "keyrelease/keys/a/b", "keyrelease/keys/x_y"} {
		s := newTwo(t)
		write(t, s.store, at, []byte("x"))
		_, _, err := s.vault.List(t.Context(), "", 0)
		sealBroken(t, err, strings.TrimPrefix(at, "keyrelease/keys/"))
	}
}

func TestDiscardRemovesWhatDoesNotOpen(t *testing.T) {
	t.Parallel()
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			lost, _ := open(t, s, secretA)
			create(t, lost, "key", vault.Template{})
			for range 130 {
				create(t, lost, "key", vault.Template{Type: "oct"})
			}
			v, _ := open(t, s, secretB)
			create(t, v, "key-2", vault.Template{})
			if _, err := v.Delete(ctx, "key"); !isSeal(err) {
				t.Errorf("deleted: %v", err)
			}
			if err := v.Discard(ctx, "KEY"); err != nil {
				t.Fatal(err)
			}
			page, _, err := v.List(ctx, "", 0)
			if err != nil || len(page) != 1 || page[0].Key.Name != "key-2" {
				t.Errorf("%v, %v", page, err)
			}
			if left := recordsOf(t, s); len(left) != 2 {
				t.Errorf("left behind: %v", slices.Sorted(maps.Keys(left)))
			}
			create(t, v, "key", vault.Template{})
		})
	}
}

func TestTheStoreShowsNothing(t *testing.T) {
	t.Parallel()
	s := memory.New()
	v, _ := open(t, s, secretA)
	secret := []byte("a symmetric key that is a text..")
	settings := exportable(t, "a product of ours")
	settings.Tags = map[string]string{"owner": "somebody we know"}
	if _, err := v.Import(t.Context(), "key", vault.Import{Type: "oct", Material: secret, Settings: settings}); err != nil {
		t.Fatal(err)
	}
	for key, r := range recordsOf(t, s) {
		e := unpack(r.Value)
		for _, box := range [][]byte{r.Value, e.Box, e.Material} {
			for _, hidden := range []string{string(secret), "a product of ours", "somebody", "owner", "oct", "versions\":["} {
				if bytes.Contains(box, []byte(hidden)) {
					t.Errorf("%s shows %q", key, hidden)
				}
			}
		}
	}
}
