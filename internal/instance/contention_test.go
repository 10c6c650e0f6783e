package instance_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
	"github.com/azattest/azattest/store/sqlite"
)

func TestNoChangeIsLostAmongManyWriters(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		loseNothing(t, memory.New())
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		shared, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "azattest.db")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = shared.Close() })
		loseNothing(t, shared)
	})
}

// loseNothing lets many change the policy of one instance at once.
func loseNothing(t *testing.T, shared store.Store) {
	t.Helper()
	create(t, open(t, config(shared)), aad("contoso"))
	const writers, changes = 6, 8
	var wg sync.WaitGroup
	for w := range writers {
		d := open(t, config(shared))
		wg.Go(func() {
			for n := range changes {
				jws, err := policytoken.Parse([]byte(policytoken.Unsigned(numbered(fmt.Sprintf("%d.%d", w, n)))))
				if err == nil {
					_, err = d.SetPolicy(t.Context(), change("contoso", jws))
				}
				if err != nil {
					t.Errorf("writer %d, change %d: %v", w, n, err)
				}
			}
		})
	}
	wg.Wait()
	d := open(t, config(shared))
	seen := map[string]bool{}
	last := ""
	for _, p := range wantGapless(t, d, "contoso", writers*changes) {
		seen[p.Text], last = true, p.Text
	}
	if len(seen) != writers*changes {
		t.Errorf("%d policies in the history, want %d", len(seen), writers*changes)
	}
	if inForce(t, d).Text != last {
		t.Error("the policy in force is not the last version")
	}
}

func TestCertificatesOfManyWritersAllArrive(t *testing.T) {
	t.Parallel()
	shared := memory.New()
	owner := signer(t, "owner", nil)
	create(t, open(t, config(shared)), isolated("contoso"), owner.certificate)
	const writers = 8
	var wg sync.WaitGroup
	for w := range writers {
		d := open(t, config(shared))
		jws := owner.sign(t, certificatePayload(signer(t, fmt.Sprint(w), nil).certificate))
		wg.Go(func() {
			if _, err := d.AddCertificate(t.Context(), "contoso", jws, "test"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if listed, err := open(t, config(shared)).Certificates(t.Context(), "contoso"); err != nil || len(listed) != writers+1 {
		t.Errorf("%d certificates, %v, want %d", len(listed), err, writers+1)
	}
}

// Two who may remove each other cannot both do so.
func TestTheLastCertificateStaysWhoeverIsFast(t *testing.T) {
	t.Parallel()
	for range 20 {
		shared := memory.New()
		a, b := signer(t, "a", nil), signer(t, "b", nil)
		create(t, open(t, config(shared)), isolated("contoso"), a.certificate, b.certificate)
		var wg sync.WaitGroup
		for _, c := range [][2]*identity{{a, b}, {b, a}} {
			d := open(t, config(shared))
			jws := c[0].sign(t, certificatePayload(c[1].certificate))
			wg.Go(func() { _, _ = d.RemoveCertificate(t.Context(), "contoso", jws) })
		}
		wg.Wait()
		if listed, err := open(t, config(shared)).Certificates(t.Context(), "contoso"); err != nil || len(listed) != 1 {
			t.Fatalf("%d certificates, %v, want one", len(listed), err)
		}
	}
}

// A certificate that is removed while a policy under it is on its way: the policy
// is before the removal, or it is not.
func TestARemovalEndsWhatItsSignerHadUnderWay(t *testing.T) {
	t.Parallel()
	r := newRecords()
	d := open(t, config(r))
	a, b := signer(t, "a", nil), signer(t, "b", nil)
	create(t, d, isolated("contoso"), a.certificate, b.certificate)
	other := open(t, config(r.Store))
	removed := false
	r.commit = func(ctx context.Context, changes []store.Change) (int64, error) {
		if !removed {
			removed = true
			if _, err := other.RemoveCertificate(ctx, "contoso", b.sign(t, certificatePayload(a.certificate))); err != nil {
				t.Error(err)
			}
		}
		return r.Store.Commit(ctx, changes...)
	}
	_, err := d.SetPolicy(t.Context(), change("contoso", a.sign(t, policyPayload(numbered("1")))))
	wantTokenError(t, err, policytoken.ReasonIssuer)
	wantGapless(t, d, "contoso", 0)
}

// An instance that is removed while a policy is on its way gets none.
func TestADeletionEndsWhatWasUnderWay(t *testing.T) {
	t.Parallel()
	r := newRecords()
	d := open(t, config(r))
	create(t, d, aad("contoso"))
	other := open(t, config(r.Store))
	deleted := false
	r.commit = func(ctx context.Context, changes []store.Change) (int64, error) {
		if !deleted {
			deleted = true
			if err := other.Delete(ctx, "contoso"); err != nil {
				t.Error(err)
			}
		}
		return r.Store.Commit(ctx, changes...)
	}
	if _, err := d.SetPolicy(t.Context(), change("contoso", unsigned(t, numbered("1")))); !errors.Is(err, instance.ErrNoInstance) {
		t.Errorf("%v, want ErrNoInstance", err)
	}
	r.commit = nil
	create(t, d, aad("contoso"))
	if p := inForce(t, d); p.Source != instance.SourceDefault {
		t.Errorf("the new instance inherits %+v", p)
	}
}

func TestWhoeverAlwaysCollidesGivesUpAndSaysSo(t *testing.T) {
	t.Parallel()
	r := newRecords()
	d := open(t, config(r))
	create(t, d, aad("contoso"))
	tries := 0
	r.commit = func(_ context.Context, changes []store.Change) (int64, error) {
		tries++
		return 0, &store.ConflictError{Key: changes[0].Key(), Expected: 1, Found: 2}
	}
	_, setErr := d.SetPolicy(t.Context(), change("contoso", unsigned(t, numbered("1"))))
	for what, err := range map[string]error{"set": setErr, "delete": d.Delete(t.Context(), "contoso")} {
		if _, ok := errors.AsType[*instance.ContendedError](err); !ok {
			t.Errorf("%s: %v, want that it gave up", what, err)
		}
	}
	if tries < 20 || tries > 100 {
		t.Errorf("%d tries", tries)
	}
	// Nobody goes on for a caller who does not wait any more.
	ctx, cancel := context.WithCancel(t.Context())
	tries = 0
	r.commit = func(_ context.Context, changes []store.Change) (int64, error) {
		tries++
		cancel()
		return 0, &store.ConflictError{Key: changes[0].Key()}
	}
	if _, err := d.SetPolicy(ctx, change("contoso", unsigned(t, numbered("1")))); !errors.Is(err, context.Canceled) || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
}

// Whoever attests while policies change is judged by one that was in force.
func TestAttestationBesideChanges(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	create(t, d, aad("contoso"))
	set(t, d, "contoso", unsigned(t, numbered("0")))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]bool{}
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				hash := hashInForce(t, d, "contoso.example")
				mu.Lock()
				seen[hash] = true
				mu.Unlock()
			}
		})
	}
	for n := range 30 {
		p := set(t, d, "contoso", unsigned(t, numbered(fmt.Sprint(n))))
		// From here on nobody may be judged by an older one.
		if got := hashInForce(t, d, "contoso.example"); got != p.Hash {
			t.Errorf("judged by %s after %s was acknowledged", got, p.Hash)
		}
	}
	close(stop)
	wg.Wait()
	for _, p := range wantGapless(t, d, "contoso", 30) {
		delete(seen, p.Hash)
	}
	if len(seen) > 0 {
		t.Errorf("judged by policies that never were in force: %v", seen)
	}
}
