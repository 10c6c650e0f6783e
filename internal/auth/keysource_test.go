package auth

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	p, c := newIDP(t), newClock()
	a := newAuthenticator(t, p.config(c))
	old := p.token(nil)
	wantCaller(t, a, withBearer(old))
	// A second key is announced, and used after a while.
	p.publish(jwkOf("k1", rsaKey().Public()), jwkOf("k2", otherRSAKey().Public()))
	next := func() string { return signed(rs256("k2"), encodeJSON(p.claims(nil)), otherRSAKey()) }
	c.Advance(minFetchGap)
	if got := wantCaller(t, a, withBearer(next())); got.Subject != "alice" {
		t.Errorf("%+v, want alice by the new key", got)
	}
	wantCaller(t, a, withBearer(old))
	// The first one is withdrawn. A token that was verified with it is gone with
	// it, as soon as the keys are known to have changed.
	p.publish(jwkOf("k2", otherRSAKey().Public()), jwkOf("k3", p256Key().Public()))
	c.Advance(minFetchGap)
	wantCaller(t, a, withBearer(signed(map[string]any{"alg": "ES256", "kid": "k3"}, encodeJSON(p.claims(nil)), p256Key())))
	_, err := a.Caller(t.Context(), withBearer(old))
	wantReason(t, err, ReasonKey, old)
	if got := p.askedForKeys(); got != 3 {
		t.Errorf("asked %d times for keys, want 3", got)
	}
}

// TestWithdrawnKeyIsForgottenWithinAnHour: nobody sends a key ID that is unknown,
// so nothing but their age makes us ask.
func TestWithdrawnKeyIsForgottenWithinAnHour(t *testing.T) {
	t.Parallel()
	p, c := newIDP(t), newClock()
	a := newAuthenticator(t, p.config(c))
	token := p.token(map[string]any{"exp": day.Add(5 * time.Hour).Unix()})
	wantCaller(t, a, withBearer(token))
	p.publish(jwkOf("k2", otherRSAKey().Public()))
	c.Advance(refreshAfter - verifiedFor)
	wantCaller(t, a, withBearer(token))
	c.Advance(verifiedFor)
	// The request that finds the keys old is served by them, and does not wait.
	wantCaller(t, a, withBearer(token))
	source := a.issuers[p.URL].keys
	source.mu.Lock()
	underway := source.underway
	source.mu.Unlock()
	if underway != nil {
		<-underway
	}
	_, err := a.Caller(t.Context(), withBearer(token))
	wantReason(t, err, ReasonKey, token)
}

func TestUnknownKeysDoNotHammerTheIssuer(t *testing.T) {
	t.Parallel()
	p, c := newIDP(t), newClock()
	a := newAuthenticator(t, p.config(c))
	flood := func() {
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				token := signed(rs256(strings.Repeat("x", i+1)), encodeJSON(p.claims(nil)), otherRSAKey())
				_, err := a.Caller(t.Context(), withBearer(token))
				if e, ok := errors.AsType[*InvalidError](err); !ok || e.Reason != ReasonKey {
					t.Errorf("%v, want reason key", err)
				}
			})
		}
		all.Wait()
	}
	flood()
	if got := p.askedForKeys(); got != 1 {
		t.Errorf("asked %d times for keys, want once", got)
	}
	wantCaller(t, a, withBearer(p.token(nil)))
	c.Advance(minFetchGap - time.Second)
	flood()
	c.Advance(time.Second)
	flood()
	flood()
	if got := p.askedForKeys(); got != 2 {
		t.Errorf("asked %d times for keys in 30 seconds, want twice", got)
	}
}

func TestKeysServeWhileTheIssuerIsDown(t *testing.T) {
	t.Parallel()
	p, c := newIDP(t), newClock()
	config := p.config(c)
	var log lockedBuffer
	config.Log = slog.New(slog.NewTextHandler(&log, nil))
	a := newAuthenticator(t, config)
	later := func() string {
		now := c.Now()
		return p.token(map[string]any{"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix()})
	}
	wantCaller(t, a, withBearer(later()))
	p.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	for range 23 {
		c.Advance(time.Hour)
		wantCaller(t, a, withBearer(later()))
	}
	// A key that is not known may be a new one: who knows?
	c.Advance(time.Minute)
	_, err := a.Caller(t.Context(), withBearer(signed(rs256("k2"), encodeJSON(p.claims(nil)), otherRSAKey())))
	wantUnavailable(t, err, "status 502")
	c.Advance(time.Hour)
	_, err = a.Caller(t.Context(), withBearer(later()))
	wantUnavailable(t, err, "status 502")
	if !strings.Contains(log.String(), "issuer=local") {
		t.Errorf("log %q, want a warning", log.String())
	}
	p.answers(nil)
	c.Advance(minFetchGap)
	wantCaller(t, a, withBearer(later()))
}

func wantUnavailable(t *testing.T, err error, want string) {
	t.Helper()
	if _, ok := errors.AsType[*UnavailableError](err); !ok || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want an UnavailableError with %q", err, want)
	}
}

// lockedBuffer may be written and read at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestOneWhoLeavesDoesNotEndWhatOthersWaitFor: the request that asked first is
// canceled, and a second one that waits with it is served.
func TestOneWhoLeavesDoesNotEndWhatOthersWaitFor(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	arrived, proceed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	p.answers(func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(arrived) })
		<-proceed
		p.answers(nil)
		p.ServeHTTP(w, r)
	})
	a := newAuthenticator(t, p.config(newClock()))
	ctx, cancel := context.WithCancel(t.Context())
	left, served := make(chan error, 1), make(chan error, 1)
	ask := func(ctx context.Context, done chan<- error) {
		_, err := a.Caller(ctx, withBearer(p.token(nil)))
		done <- err
	}
	go ask(ctx, left)
	<-arrived
	go ask(t.Context(), served)
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that the request was canceled", err)
	}
	close(proceed)
	if err := <-served; err != nil {
		t.Errorf("who went on waiting: %v", err)
	}
	if got := p.askedForKeys(); got != 1 {
		t.Errorf("asked %d times for keys, want once", got)
	}
}

// stalled never answers, and counts who asks.
type stalled struct {
	mu    sync.Mutex
	asked int
}

func (s *stalled) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.asked++
	s.mu.Unlock()
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestSlowIssuerIsGivenUpAndAskedLessAndLess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		transport := new(stalled)
		a, err := New(Config{
			Issuers: []Issuer{{Name: "slow", URL: "https://slow.example"}}, HTTPClient: &http.Client{Transport: transport},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = a.Close() }()
		token := signed(rs256("k1"), encodeJSON(map[string]any{"iss": "https://slow.example"}), rsaKey())
		began := time.Now()
		_, err = a.Caller(t.Context(), withBearer(token))
		wantUnavailable(t, err, "deadline exceeded")
		if took := time.Since(began); took != fetchTimeout {
			t.Errorf("took %s, want %s", took, fetchTimeout)
		}
		// At once, for it was asked a moment ago.
		began = time.Now()
		_, err = a.Caller(t.Context(), withBearer(token))
		wantUnavailable(t, err, "deadline exceeded")
		if took := time.Since(began); took != 0 {
			t.Errorf("took %s, want no time", took)
		}
		// Asked in each second of an hour: after 1, 2, 4, 8 and 16 seconds, and
		// then each 30, with 10 of waiting each time.
		for time.Since(began) < time.Hour {
			_, _ = a.Caller(t.Context(), withBearer(token))
			time.Sleep(time.Second)
		}
		if transport.asked > 100 || transport.asked < 80 {
			t.Errorf("asked %d times in an hour, want about 90", transport.asked)
		}
	})
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, err := New(Config{
			Issuers: []Issuer{{Name: "slow", URL: "https://slow.example"}}, HTTPClient: &http.Client{Transport: new(stalled)},
		})
		if err != nil {
			t.Fatal(err)
		}
		token := signed(rs256("k1"), encodeJSON(map[string]any{"iss": "https://slow.example"}), rsaKey())
		done := make(chan error, 1)
		go func() {
			_, err := a.Caller(t.Context(), withBearer(token))
			done <- err
		}()
		synctest.Wait()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		wantUnavailable(t, <-done, "canceled")
		if a.life.begin() {
			t.Error("something may begin after the end")
		}
		time.Sleep(time.Minute)
		_, err = a.Caller(t.Context(), withBearer(token))
		wantUnavailable(t, err, "canceled")
	})
}

// TestIssuerThatComesBackIsAskedSoon: while there are no keys at all, everybody is
// locked out.
func TestIssuerThatComesBackIsAskedSoon(t *testing.T) {
	t.Parallel()
	p, c := newIDP(t), newClock()
	p.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	a := newAuthenticator(t, p.config(c))
	for _, wait := range []time.Duration{0, time.Second, 2 * time.Second} {
		c.Advance(wait)
		_, err := a.Caller(t.Context(), withBearer(p.token(nil)))
		wantUnavailable(t, err, "status 502")
	}
	p.answers(nil)
	c.Advance(4*time.Second - 1)
	_, err := a.Caller(t.Context(), withBearer(p.token(nil)))
	wantUnavailable(t, err, "status 502")
	c.Advance(1)
	wantCaller(t, a, withBearer(p.token(nil)))
}

// TestClockSetBackDoesNotKeepOldKeys: else a clock that was an hour ahead once
// would keep us from asking for an hour.
func TestClockSetBackDoesNotKeepOldKeys(t *testing.T) {
	t.Parallel()
	p, c := newIDP(t), newClock()
	a := newAuthenticator(t, p.config(c))
	token := func(id string) string {
		changes := map[string]any{"iat": nil, "nbf": nil, "jti": id + c.Now().String()}
		return signed(rs256(id), encodeJSON(p.claims(changes)), rsaKey())
	}
	wantCaller(t, a, withBearer(token("k1")))
	p.publish(jwkOf("k2", rsaKey().Public()))
	c.Advance(-2 * time.Hour)
	wantCaller(t, a, withBearer(token("k2")))
	p.publish(jwkOf("k3", rsaKey().Public()))
	c.Advance(-2 * time.Hour)
	wantCaller(t, a, withBearer(token("k2"))) // which makes us ask
	source := a.issuers[p.URL].keys
	source.mu.Lock()
	underway := source.underway
	source.mu.Unlock()
	if underway != nil {
		<-underway
	}
	if got := p.askedForKeys(); got != 3 {
		t.Errorf("asked %d times for keys, want 3", got)
	}
	wantCaller(t, a, withBearer(token("k3")))
	_, err := a.Caller(t.Context(), withBearer(token("k2")))
	wantReason(t, err, ReasonKey, "")
}
