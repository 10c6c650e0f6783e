package keyring_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	contoso  = "https://contoso.example"
	fabrikam = "https://fabrikam.example/tenant"
	day      = 24 * time.Hour
	// published is how long a key is published after it has signed for the last
	// time: the life of a token, and an hour.
	published = 9 * time.Hour
)

// clock is a time that tests set.
type clock struct{ nanoseconds atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.nanoseconds.Store(time.Date(2026, time.March, 14, 9, 26, 53, 589, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.nanoseconds.Load()) }
func (c *clock) advance(d time.Duration) { c.nanoseconds.Add(int64(d)) }

// fixture is a store, a clock and what replicas have in common.
type fixture struct {
	store *records
	clock *clock
	wrap  *keyring.Wrapping
}

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	return &fixture{store: newRecords(), clock: newClock(), wrap: wrapping(tb, keyring.GenerateWrappingKey())}
}

func wrapping(tb testing.TB, text string) *keyring.Wrapping {
	tb.Helper()
	w, err := keyring.ParseWrapping(text)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

func (f *fixture) config() keyring.Config {
	return keyring.Config{Store: f.store, Wrap: f.wrap, Clock: f.clock.now, MaxTokenLifetime: 8 * time.Hour}
}

func (f *fixture) open(tb testing.TB) *keyring.Keyring {
	tb.Helper()
	return open(tb, f.config())
}

func open(tb testing.TB, c keyring.Config) *keyring.Keyring {
	tb.Helper()
	k, err := keyring.Open(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func ring(tb testing.TB, k *keyring.Keyring, url string, a token.Algorithm) *token.Ring {
	tb.Helper()
	r, err := k.Ring(tb.Context(), url, a)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// kids returns the IDs that a ring publishes, in its order.
func kids(tb testing.TB, r *token.Ring) []string {
	tb.Helper()
	var set struct {
		Keys []struct {
			ID string `json:"kid"`
		}
	}
	if err := json.Unmarshal(r.JWKS(), &set); err != nil {
		tb.Fatal(err)
	}
	var ids []string
	for _, k := range set.Keys {
		ids = append(ids, k.ID)
	}
	return ids
}

// states returns the states of all keys, in the order of Keys.
func states(k *keyring.Keyring) []keyring.State {
	var all []keyring.State
	for _, s := range k.Keys() {
		all = append(all, s.State)
	}
	return all
}

func wantStates(tb testing.TB, k *keyring.Keyring, want ...keyring.State) {
	tb.Helper()
	if diff := cmp.Diff(want, states(k)); diff != "" {
		tb.Errorf("states (-want +got):\n%s", diff)
	}
}

func refresh(tb testing.TB, all ...*keyring.Keyring) {
	tb.Helper()
	for _, k := range all {
		if err := k.Refresh(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
}

func TestFirstRingMakesAKeyThatSigns(t *testing.T) {
	t.Parallel()
	for _, a := range []token.Algorithm{token.RS256, token.PS256, token.ES256} {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			k := f.open(t)
			if len(k.Keys()) != 0 {
				t.Fatalf("a new keyring has %d keys, want none", len(k.Keys()))
			}
			r := ring(t, k, contoso, a)
			if got := r.Current(); got.Algorithm() != a || got.Certificate().Subject.CommonName != contoso {
				t.Errorf("current key %s for %s, want one for %s", got, got.Certificate().Subject.CommonName, contoso)
			}
			if _, err := token.NewIssuer(contoso, r); err != nil {
				t.Error(err)
			}
			if got := ring(t, k, contoso, a); got.Current() != r.Current() {
				t.Error("the same instance's key was certified twice")
			}
			other := ring(t, k, fabrikam, a)
			if other.Current().ID() != r.Current().ID() || other.Current().Certificate().Subject.CommonName != fabrikam {
				t.Error("another instance has another key, or none of its own certificates")
			}
			want := []keyring.Status{{
				ID: r.Current().ID(), Algorithm: a, State: keyring.StateActive, WrappedWith: f.wrap.IDs()[0],
				CreatedAt: f.clock.now().UTC().Truncate(time.Second), ActiveFrom: f.clock.now().UTC().Truncate(time.Second),
			}}
			if diff := cmp.Diff(want, k.Keys()); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReplicasPublishTheSameBytes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one := f.open(t)
	for _, a := range []token.Algorithm{token.RS256, token.PS256, token.ES256} {
		first := ring(t, one, contoso, a)
		// Another process, which only has what is in the store.
		if got := ring(t, f.open(t), contoso, a); !bytes.Equal(got.JWKS(), first.JWKS()) {
			t.Errorf("%s: the other replica publishes other bytes", a)
		}
	}
	if n := len(f.store.keys()); n != 3 {
		t.Errorf("%d keys, want one for each algorithm", n)
	}
}

func TestAlgorithmsShareNoKey(t *testing.T) {
	t.Parallel()
	k := newFixture(t).open(t)
	rs, ps := ring(t, k, contoso, token.RS256), ring(t, k, contoso, token.PS256)
	if rs.Current().ID() == ps.Current().ID() {
		t.Error("one RSA key for two algorithms")
	}
	if n := len(kids(t, rs)); n != 1 {
		t.Errorf("%d keys published for RS256, want its own alone", n)
	}
	for _, a := range []token.Algorithm{"", "none", "HS256"} {
		_, err := k.Ring(t.Context(), contoso, a)
		wantConfigError(t, err, "algorithm")
	}
}

func TestRingRefusesURLs(t *testing.T) {
	t.Parallel()
	_, err := newFixture(t).open(t).Ring(t.Context(), "http://contoso.example", token.ES256)
	if _, ok := errors.AsType[*token.URLError](err); !ok {
		t.Errorf("error %v, want a *token.URLError", err)
	}
}

// The life of a key, seen by two replicas of which one did the rotation.
func TestLifeOfAKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k, other := f.open(t), f.open(t)
	first := ring(t, k, contoso, token.ES256).Current().ID()
	refresh(t, other)

	status, err := k.Rotate(t.Context(), token.ES256, day)
	if err != nil {
		t.Fatal(err)
	}
	second := status.ID
	refresh(t, other)
	steps := []struct {
		name   string
		wait   time.Duration
		states []keyring.State
		kids   []string
	}{
		{"announced", 0, []keyring.State{keyring.StateActive, keyring.StateAnnounced}, []string{first, second}},
		{"just before it begins", day - time.Second, []keyring.State{keyring.StateActive, keyring.StateAnnounced}, []string{first, second}},
		{"begins", time.Second, []keyring.State{keyring.StatePrevious, keyring.StateActive}, []string{second, first}},
		{"tokens of the first still about", published - time.Second, []keyring.State{keyring.StatePrevious, keyring.StateActive}, []string{second, first}},
		{"they have expired", time.Second, []keyring.State{keyring.StateExpired, keyring.StateActive}, []string{second}},
		{"the clock is set back", -2 * time.Second, []keyring.State{keyring.StatePrevious, keyring.StateActive}, []string{second, first}},
		{"by more than a day", -2 * day, []keyring.State{keyring.StateActive, keyring.StateAnnounced}, []string{first, second}},
	}
	for i, s := range steps {
		f.clock.advance(s.wait)
		for name, k := range map[string]*keyring.Keyring{"rotating": k, "other": other} {
			if diff := cmp.Diff(s.states, states(k)); diff != "" {
				t.Errorf("%s, %s replica: states (-want +got):\n%s", s.name, name, diff)
			}
			if diff := cmp.Diff(s.kids, kids(t, ring(t, k, contoso, token.ES256))); diff != "" {
				t.Errorf("%s, %s replica: published (-want +got):\n%s", s.name, name, diff)
			}
		}
		if i > 0 {
			continue
		}
		got := k.Keys()
		if !got[0].RetiredAt.Equal(status.ActiveFrom) || got[0].PublishedUntil.Sub(status.ActiveFrom) != published || !got[1].PublishedUntil.IsZero() {
			t.Errorf("%+v, want the first to retire when the second begins, and to be published for %s more", got, published)
		}
	}
}

func TestGenerationChangesWithWhatIsPublished(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.open(t)
	last := k.Generation()
	changed := func(what string, want bool) {
		t.Helper()
		got := k.Generation()
		if (got != last) != want {
			t.Errorf("%s: generation %d after %d, want a change: %t", what, got, last, want)
		}
		last = got
	}
	changed("nothing", false)
	ring(t, k, contoso, token.ES256)
	changed("first key", true)
	ring(t, k, fabrikam, token.ES256)
	changed("another instance", false)
	refresh(t, k)
	changed("refreshed without a change", false)
	if _, err := f.open(t).Rotate(t.Context(), token.ES256, day); err != nil {
		t.Fatal(err)
	}
	changed("rotated elsewhere, not read yet", false)
	refresh(t, k)
	changed("rotated elsewhere", true)
	f.clock.advance(day - time.Minute)
	changed("nearly active", false)
	f.clock.advance(time.Minute)
	changed("active", true)
	f.clock.advance(published)
	changed("expired", true)
	f.clock.advance(365 * day)
	changed("a year without events", false)
}

func TestFirstUseByManyEndsWithOneKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const replicas, callers = 4, 4
	ids := make([]string, replicas*callers)
	var group sync.WaitGroup
	for i := range replicas {
		k := f.open(t)
		for j := range callers {
			group.Go(func() {
				r, err := k.Ring(t.Context(), contoso, token.ES256)
				if err != nil {
					t.Error(err)
					return
				}
				ids[i*callers+j] = r.Current().ID()
			})
		}
	}
	group.Wait()
	if slices.Sort(ids); ids[0] != ids[len(ids)-1] {
		t.Errorf("replicas sign with different keys: %v", slices.Compact(ids))
	}
	if n := len(f.store.keys()); n != 1 {
		t.Errorf("%d keys in the store, want 1", n)
	}
}

// The other replica makes its key between our look and our commit.
func TestFirstUseLosesTheRaceAndTakesTheOthersKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k, other := f.open(t), f.open(t)
	var theirs string
	f.store.before = func() { theirs = ring(t, other, contoso, token.ES256).Current().ID() }
	if got := ring(t, k, contoso, token.ES256).Current().ID(); got != theirs {
		t.Errorf("key %s, want the winner's %s", got, theirs)
	}
	if n := len(f.store.keys()); n != 1 {
		t.Errorf("%d keys in the store, want 1", n)
	}
}

// A replica whose clock is behind sees a first key that is yet to begin. It uses
// it: another one would not be younger.
func TestFirstKeyOfAReplicaWithAFastClockIsUsed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	fast := f.config()
	fast.Clock = func() time.Time { return f.clock.now().Add(10 * time.Second) }
	want := ring(t, open(t, fast), contoso, token.ES256).Current().ID()
	k := f.open(t)
	if got := ring(t, k, contoso, token.ES256).Current().ID(); got != want {
		t.Errorf("key %s, want %s", got, want)
	}
	wantStates(t, k, keyring.StateActive)
	f.clock.advance(10 * time.Second)
	wantStates(t, k, keyring.StateActive)
}

func TestCallersMayGiveUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	// The store hangs; meanwhile somebody else waits for the turn.
	f.store.before = func() {
		cancel()
		_, err := k.Ring(ctx, contoso, token.ES256)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
	}
	ring(t, k, contoso, token.ES256)
}

func TestNothingSecretIsShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	secret := keyring.GenerateWrappingKey()
	f.wrap = wrapping(t, secret)
	var log bytes.Buffer
	c := f.config()
	c.Log = slog.New(slog.NewJSONHandler(&log, nil))
	k := open(t, c)
	current := ring(t, k, contoso, token.ES256).Current()
	if err := k.Revoke(t.Context(), current.ID()); err != nil {
		t.Fatal(err)
	}
	c.Log.Info("wrapping", slog.Any("keys", f.wrap))
	shown := log.String() + fmt.Sprintf("%v %+v %#v %s", f.wrap, f.wrap, f.wrap, f.wrap)
	for _, s := range f.store.keys() {
		if strings.Contains(string(s.Value), secret) {
			t.Error("the wrapping key is in the store")
		}
	}
	if strings.Contains(shown, secret) || strings.Contains(shown, secret[:16]) {
		t.Errorf("the wrapping key is shown: %s", shown)
	}
	if !strings.Contains(shown, f.wrap.IDs()[0]) || !strings.Contains(shown, current.ID()) {
		t.Errorf("%s names no key, want their IDs", shown)
	}
	if _, ok := current.Certificate().PublicKey.(*ecdsa.PublicKey); !ok {
		t.Error("not a P-256 key")
	}
}
