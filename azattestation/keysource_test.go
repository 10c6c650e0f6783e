package azattestation_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azattest/azattest/azattestation"
)

// keyServer is GET /certs of an instance: it publishes a key under some kids, takes
// a while, and fails or waits if it is told to.
type keyServer struct {
	requests atomic.Int32
	active   atomic.Int32

	mu    sync.Mutex
	kids  []string
	fails error
	do    func(*http.Request) error // before the answer
}

func (s *keyServer) set(fails error, kids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails, s.kids = fails, kids
}

func (s *keyServer) Do(req *http.Request) (*http.Response, error) {
	s.requests.Add(1)
	if s.active.Add(1) > 1 {
		return nil, errors.New("two requests at a time")
	}
	defer s.active.Add(-1)
	s.mu.Lock()
	fails, kids, do := s.fails, s.kids, s.do
	s.mu.Unlock()
	if do != nil {
		if err := do(req); err != nil {
			return nil, err
		}
	}
	if fails != nil {
		return nil, fails
	}
	keys := make([]object, len(kids))
	for i, kid := range kids {
		keys[i] = jwk(kid, issuerCertificate())
	}
	return answer(req, http.StatusOK, jsonType, jwks(keys...)), nil
}

func takes(d time.Duration) func(*http.Request) error {
	return func(req *http.Request) error {
		select {
		case <-time.After(d):
			return nil
		case <-req.Context().Done():
			return req.Context().Err()
		}
	}
}

// tokens are signed once: a signature takes longer than all else here.
var (
	tokenOfK   = sync.OnceValue(func() string { return signed("k", nil) })
	tokenOfNew = sync.OnceValue(func() string { return signed("new", nil) })
)

// keyTest is one source whose time a test controls.
type keyTest struct {
	*testing.T
	server *keyServer
	source *azattestation.KeySource
}

func newKeyTest(t *testing.T, kids ...string) *keyTest {
	t.Helper()
	s := &keyServer{kids: kids}
	return &keyTest{t, s, clientOf(t, tokenIssuer, optionsFor(s)).KeySource()}
}

// validate looks at the signature only: what the clock says is another matter.
func (k *keyTest) validate(ctx context.Context, compact string) error {
	token, err := azattestation.ParseToken(compact)
	if err != nil {
		return err
	}
	return token.Validate(ctx, k.source, &azattestation.TokenValidationOptions{
		Skip: []azattestation.TokenCheck{azattestation.TokenCheckExpiration, azattestation.TokenCheckNotBefore},
	})
}

func (k *keyTest) holds(compact string) {
	k.Helper()
	if err := k.validate(k.Context(), compact); err != nil {
		k.Error(err)
	}
}

func (k *keyTest) wantRequests(want int32) {
	k.Helper()
	if got := k.server.requests.Load(); got != want {
		k.Errorf("%d requests, want %d", got, want)
	}
}

// runKeyTest is a test in a bubble of its own time.
func runKeyTest(t *testing.T, kids []string, test func(*keyTest)) {
	t.Helper()
	t.Parallel()
	tokenOfK()
	tokenOfNew()
	synctest.Test(t, func(t *testing.T) { test(newKeyTest(t, kids...)) })
}

var errDown = errors.New("no route to host")

func TestColdCacheMakesOneRequest(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		k.server.do = takes(time.Second)
		var failed atomic.Int32
		var all sync.WaitGroup
		for range 10_000 {
			all.Go(func() {
				if k.validate(k.Context(), tokenOfK()) != nil {
					failed.Add(1)
				}
			})
		}
		all.Wait()
		if n := failed.Load(); n != 0 {
			k.Errorf("%d validations failed", n)
		}
		k.wantRequests(1)
	})
}

// TestKeysAreFetchedAgainAfterAnHour by one caller, while the others go on with
// those at hand.
func TestKeysAreFetchedAgainAfterAnHour(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		k.holds(tokenOfK())
		time.Sleep(59 * time.Minute)
		k.holds(tokenOfK())
		k.wantRequests(1)
		time.Sleep(time.Minute)
		k.server.do = takes(time.Second)
		start := time.Now()
		go k.holds(tokenOfK())
		synctest.Wait() // the request is on its way
		for range 100 {
			k.holds(tokenOfK())
		}
		if waited := time.Since(start); waited != 0 {
			k.Errorf("the others waited %s", waited)
		}
		time.Sleep(2 * time.Second)
		k.wantRequests(2)
		k.holds(tokenOfK())
		k.wantRequests(2)
	})
}

func TestUnknownKidFetchesABurstAndThenOneAMinute(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		k.holds(tokenOfK())
		for range 100 {
			checkToken(k, k.validate(k.Context(), tokenOfNew()), azattestation.TokenCheckSigningKey)
		}
		k.wantRequests(1 + 3)
		for minute := range int32(5) {
			time.Sleep(time.Minute)
			for range 100 {
				checkToken(k, k.validate(k.Context(), tokenOfNew()), azattestation.TokenCheckSigningKey)
			}
			k.wantRequests(1 + 3 + minute + 1)
		}
		// A burst is earned again, and no more than one.
		time.Sleep(50 * time.Minute)
		for range 100 {
			checkToken(k, k.validate(k.Context(), tokenOfNew()), azattestation.TokenCheckSigningKey)
		}
		k.wantRequests(9 + 3)
		k.holds(tokenOfK())
	})
}

// TestRotatedKeyIsFoundAtOnce: a token of a key that is new needs no hour.
func TestRotatedKeyIsFoundAtOnce(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		k.holds(tokenOfK())
		k.server.set(nil, "new")
		k.holds(tokenOfNew())
		k.wantRequests(2)
		// The one that it replaces is withdrawn.
		checkToken(k, k.validate(k.Context(), tokenOfK()), azattestation.TokenCheckSigningKey)
	})
}

// TestKeysOutliveAFailureForSevenDays, and no longer.
func TestKeysOutliveAFailureForSevenDays(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		k.holds(tokenOfK())
		k.server.set(errDown)
		for range 7*24 - 1 {
			time.Sleep(time.Hour)
			k.holds(tokenOfK())
		}
		synctest.Wait()
		if n := k.server.requests.Load(); n != 7*24 {
			k.Errorf("%d requests, want one an hour", n)
		}
		time.Sleep(time.Hour)
		if err := k.validate(k.Context(), tokenOfK()); !errors.Is(err, errDown) {
			k.Errorf("after 7 days: %v", err)
		}
		k.server.set(nil, "k")
		k.holds(tokenOfK())
	})
}

// TestFailingRefreshIsNotTriedEachTime: an hour old and down is one request a minute.
func TestFailingRefreshIsNotTriedEachTime(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		k.holds(tokenOfK())
		k.server.set(errDown)
		time.Sleep(2 * time.Hour)
		for range 100 {
			k.holds(tokenOfK())
			synctest.Wait() // for the request that it may have caused
		}
		k.wantRequests(1 + 3)
		time.Sleep(time.Minute)
		for range 100 {
			k.holds(tokenOfK())
			synctest.Wait() // for the request that it may have caused
		}
		k.wantRequests(1 + 4)
	})
}

// TestUnknownKidWhileTheServiceIsDown says that the keys are out of reach, not that
// the token is bad.
func TestUnknownKidWhileTheServiceIsDown(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		k.holds(tokenOfK())
		k.server.set(errDown)
		err := k.validate(k.Context(), tokenOfNew())
		if _, isToken := errors.AsType[*azattestation.TokenValidationError](err); isToken || !errors.Is(err, errDown) {
			k.Errorf("error %v", err)
		}
		k.holds(tokenOfK())
	})
}

// TestCanceledCallerFailsNobodyElse: whoever asked first may give up; the request
// is everybody's.
func TestCanceledCallerFailsNobodyElse(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		k.server.do = takes(10 * time.Second)
		ctx, cancel := context.WithCancel(k.Context())
		first := make(chan error, 1)
		go func() { first <- k.validate(ctx, tokenOfK()) }()
		synctest.Wait()
		var waiting sync.WaitGroup
		for range 100 {
			waiting.Go(func() { k.holds(tokenOfK()) })
		}
		synctest.Wait()
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			k.Errorf("the first: %v", err)
		}
		waiting.Wait()
		k.wantRequests(1)
	})
}

// TestWaiterHasItsOwnDeadline: whoever waits for another's request waits no longer
// than it wants.
func TestWaiterHasItsOwnDeadline(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		k.server.do = takes(20 * time.Second)
		go k.holds(tokenOfK())
		synctest.Wait()
		ctx, cancel := context.WithTimeout(k.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := k.validate(ctx, tokenOfK()); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			k.Errorf("%v after %s", err, time.Since(start))
		}
		time.Sleep(time.Minute)
		k.holds(tokenOfK())
		k.wantRequests(1)
	})
}

// TestRequestForKeysEnds, also for callers without a deadline.
func TestRequestForKeysEnds(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		k.server.do = takes(24 * time.Hour)
		start := time.Now()
		if err := k.validate(k.Context(), tokenOfK()); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > time.Minute {
			k.Errorf("%v after %s", err, time.Since(start))
		}
		k.server.do = nil
		k.holds(tokenOfK())
	})
}

// TestRequestForKeysIsNobodys: what one caller adds to its own requests does not go
// along with it.
func TestRequestForKeysIsNobodys(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		k.server.do = func(req *http.Request) error {
			if req.Header.Get("X-Caller") != "" {
				k.Errorf("header %v", req.Header)
			}
			return nil
		}
		if err := k.validate(policy.WithHTTPHeader(k.Context(), http.Header{"X-Caller": {"one"}}), tokenOfK()); err != nil {
			k.Error(err)
		}
	})
}

// TestFailureIsSharedByWhoWaits: a hundred callers of a service that is down do not
// make a hundred requests one after the other.
func TestFailureIsSharedByWhoWaits(t *testing.T) {
	runKeyTest(t, nil, func(k *keyTest) {
		k.server.set(errDown)
		k.server.do = takes(time.Second)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if err := k.validate(k.Context(), tokenOfK()); !errors.Is(err, errDown) {
					k.Errorf("error %v", err)
				}
			})
		}
		all.Wait()
		k.wantRequests(1)
		k.server.set(nil, "k")
		k.holds(tokenOfK())
	})
}

// TestPanicOfATransportLocksNobodyOut: it is an error of whoever waits, and the
// next one asks again.
func TestPanicOfATransportLocksNobodyOut(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		var panicked atomic.Bool
		k.server.do = func(req *http.Request) error {
			if panicked.CompareAndSwap(false, true) {
				_ = takes(time.Second)(req)
				panic("a transport of the caller's")
			}
			return nil
		}
		var waiting sync.WaitGroup
		for range 10 {
			waiting.Go(func() {
				if e := errorOf[*azattestation.KeySourceError](k, k.validate(k.Context(), tokenOfK())); e != nil && e.Issuer != tokenIssuer {
					k.Errorf("error %v", e)
				}
			})
		}
		waiting.Wait()
		k.holds(tokenOfK())
		k.wantRequests(2)
	})
}

// TestFixedKeysStay: those of NewKeySource are neither fetched nor out of date.
func TestFixedKeysStay(t *testing.T) {
	runKeyTest(t, nil, func(k *keyTest) {
		k.source = source(k, jwk("k", issuerCertificate()))
		time.Sleep(10 * 365 * 24 * time.Hour)
		k.holds(tokenOfK())
		checkToken(k, k.validate(k.Context(), tokenOfNew()), azattestation.TokenCheckSigningKey)
		k.wantRequests(0)
	})
}

// TestColdSourceAsksAFewTimesAndThenNowAndThen: forged tokens must not hammer a
// service that is down.
func TestColdSourceAsksAFewTimesAndThenNowAndThen(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		k.server.set(errDown)
		for range 1000 {
			checkError[*azattestation.KeySourceError](k, k.validate(k.Context(), tokenOfNew()))
		}
		k.wantRequests(3)
		k.server.set(nil, "k")
		time.Sleep(3 * time.Second)
		k.holds(tokenOfK())
		k.wantRequests(4)
	})
}

// TestGoexitOfATransportLocksNobodyOut: a test's transport may call t.Fatal.
func TestGoexitOfATransportLocksNobodyOut(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		var exited atomic.Bool
		k.server.do = func(*http.Request) error {
			if exited.CompareAndSwap(false, true) {
				k.server.active.Add(-1)
				runtime.Goexit()
			}
			return nil
		}
		checkError[*azattestation.KeySourceError](k, k.validate(k.Context(), tokenOfK()))
		k.server.active.Store(0)
		k.holds(tokenOfK())
	})
}

// TestTransportThatIgnoresItsContextLocksNobodyOut keeps its own goroutine, and
// nobody else.
func TestTransportThatIgnoresItsContextLocksNobodyOut(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		var isDeaf atomic.Bool
		isDeaf.Store(true)
		k.server.do = func(*http.Request) error {
			if isDeaf.CompareAndSwap(true, false) {
				time.Sleep(time.Hour)
			}
			return nil
		}
		checkError[*azattestation.KeySourceError](k, k.validate(k.Context(), tokenOfK()))
		k.server.active.Store(0)
		k.holds(tokenOfK())
		time.Sleep(2 * time.Hour)
	})
}

// TestKeyThatIsNewerThanTheAnswerIsAskedForAgain: an answer that was on its way
// before the question may not know the key.
func TestKeyThatIsNewerThanTheAnswerIsAskedForAgain(t *testing.T) {
	runKeyTest(t, []string{"k"}, func(k *keyTest) {
		k.server.do = takes(10 * time.Second)
		go func() { _ = k.validate(k.Context(), tokenOfK()) }()
		time.Sleep(5 * time.Second)
		k.server.set(nil, "k", "new")
		k.holds(tokenOfNew())
		k.wantRequests(2)
	})
}
