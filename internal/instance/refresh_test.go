package instance_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
)

// run lets a directory follow its store until the test ends.
func run(t *testing.T, d *instance.Directory) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestReplicasSeeEachOthersChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memory.New()
		first, second := open(t, config(shared)), open(t, config(shared))
		run(t, second)
		create(t, first, aad("contoso"))
		set(t, first, "contoso", unsigned(t, numbered("1")))
		// No time passes: the store tells at once.
		synctest.Wait()
		if got := hashInForce(t, second, "contoso.example"); got != policy.Hash(numbered("1")) {
			t.Errorf("the other replica attests by %s", got)
		}
		if err := first.Delete(t.Context(), "contoso"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, _, ok := second.Lookup("contoso.example", "/certs"); ok {
			t.Error("the other replica serves what was deleted")
		}
	})
}

// deaf is a store that never tells of changes.
type deaf struct{ store.Store }

func (deaf) Wait(ctx context.Context, _ int64) (int64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestChangesAreSeenWithinASecondEvenIfNobodyTells(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memory.New()
		first, second := open(t, config(shared)), open(t, config(deaf{shared}))
		run(t, second)
		create(t, first, aad("contoso"))
		time.Sleep(time.Second)
		synctest.Wait()
		if _, _, ok := second.Lookup("contoso.example", "/certs"); !ok {
			t.Error("not seen after a second")
		}
	})
}

func TestNobodyAttestsByWhatMayBeOutOfDate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecords()
		c := config(r)
		c.MaxStaleness = 3 * time.Second
		d := open(t, c)
		run(t, d)
		create(t, d, aad("contoso"))
		attests := func() error {
			i, _, ok := d.Lookup("contoso.example", "/certs")
			if !ok {
				t.Fatal("not served")
			}
			_, err := i.Pipeline(t.Context())
			return err
		}
		time.Sleep(time.Hour)
		if err := attests(); err != nil || !d.IsFresh() {
			t.Fatalf("after an idle hour: %v", err)
		}
		r.isDown.Store(true)
		time.Sleep(2 * time.Second)
		if err := attests(); err != nil {
			t.Errorf("two seconds without the store: %v", err)
		}
		time.Sleep(2 * time.Second)
		e, ok := errors.AsType[*instance.StaleError](attests())
		if !ok || e.Age <= e.Max || e.Max != 3*time.Second || d.IsFresh() {
			t.Errorf("four seconds without the store: %v", e)
		}
		// Keys are published all the same: old tokens are to be verified.
		if i, _, _ := d.Lookup("contoso.example", "/certs"); i != nil {
			if _, err := i.Issuer(t.Context()); err != nil {
				t.Error(err)
			}
		}
		r.isDown.Store(false)
		time.Sleep(time.Second)
		if err := attests(); err != nil || !d.IsFresh() {
			t.Errorf("a second after the store is back: %v", err)
		}
	})
}

func TestADirectoryThatNobodyRunsGoesStale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := config(memory.New())
		c.MaxStaleness = 0
		d := open(t, c)
		create(t, d, aad("contoso"))
		time.Sleep(9 * time.Second)
		if !d.IsFresh() {
			t.Error("stale after nine seconds")
		}
		time.Sleep(2 * time.Second)
		i, _, _ := d.Lookup("contoso.example", "/certs")
		if _, err := i.Pipeline(t.Context()); !isStale(err) {
			t.Errorf("%v, want it stale", err)
		}
		if err := d.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := i.Pipeline(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func isStale(err error) bool {
	_, ok := errors.AsType[*instance.StaleError](err)
	return ok
}

func TestInstancesArePutTogetherAnewWhenTheKeysChange(t *testing.T) {
	t.Parallel()
	shared := memory.New()
	keys := new(oneKey)
	c := config(shared)
	c.Keys = keys
	d := open(t, c)
	create(t, d, aad("contoso"))
	i, _, _ := d.Lookup("", "/certs")
	issuer := func() any {
		t.Helper()
		is, err := i.Issuer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return is
	}
	first := issuer()
	if asked := keys.asked.Load(); issuer() != first || keys.asked.Load() != asked {
		t.Error("put together anew for nothing")
	}
	keys.generation.Add(1)
	if issuer() == first {
		t.Error("the old keys go on signing")
	}
	// A change of the keys' records lets the ring look at them.
	if _, err := shared.Commit(t.Context(), store.Put("keys/1", []byte("{}"), 0)); err != nil {
		t.Fatal(err)
	}
	before := keys.refreshes.Load()
	if err := d.Refresh(t.Context()); err != nil || keys.refreshes.Load() != before+1 {
		t.Errorf("%d refreshes of the keys, want one more than %d (%v)", keys.refreshes.Load(), before, err)
	}
	keys.generation.Add(1)
	keys.fails.Store(true)
	if _, err := i.Issuer(t.Context()); !errors.Is(err, errKeys) {
		t.Errorf("%v, want that the keys fail", err)
	}
	if _, err := i.Pipeline(t.Context()); !errors.Is(err, errKeys) {
		t.Errorf("%v, want that the keys fail", err)
	}
	keys.fails.Store(false)
	issuer()
}
