package instance_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/store"
)

// uncertainty is one way in which nobody knows of a commit what became of it. It
// stands in for the first commit that touches a key; the others go through.
type uncertainty struct {
	*records
	key     string
	happens string // "now", "never", "later" or "later, and another change follows"
	// follow makes the other change.
	follow  func()
	pending []store.Change
	count   int
}

var errLost = &store.UncertainError{Err: errors.New("connection reset")}

func (u *uncertainty) Commit(ctx context.Context, changes ...store.Change) (int64, error) {
	if !touches(changes, u.key) {
		return u.records.Commit(ctx, changes...)
	}
	u.count++
	switch {
	case u.count == 1 && u.happens == "now":
		if _, err := u.records.Commit(ctx, changes...); err != nil {
			return 0, err
		}
		return 0, errLost
	case u.count == 1:
		u.pending = changes
		return 0, errLost
	case u.count == 2 && strings.HasPrefix(u.happens, "later"):
		// The first one arrives just before the second.
		if _, err := u.records.Commit(ctx, u.pending...); err != nil {
			return 0, err
		}
		if u.follow != nil {
			u.follow()
		}
	}
	return u.records.Commit(ctx, changes...)
}

func touches(changes []store.Change, key string) bool {
	for _, c := range changes {
		if c.Key() == key && c.Kind() != store.KindCheck {
			return true
		}
	}
	return false
}

func uncertain(happens, key string) (*uncertainty, *instance.Config) {
	u := &uncertainty{records: newRecords(), happens: happens, key: key}
	c := config(u)
	return u, &c
}

func TestACommitOfWhichNobodyKnowsMakesOneVersion(t *testing.T) {
	t.Parallel()
	for _, happens := range []string{"now", "never", "later"} {
		for _, action := range []string{"set", "reset"} {
			t.Run(happens+"/"+action, func(t *testing.T) {
				t.Parallel()
				u, c := uncertain(happens, "nothing yet")
				d := open(t, *c)
				create(t, d, aad("contoso"))
				set(t, d, "contoso", unsigned(t, numbered("1")))
				u.key = "instances/contoso/policies/SgxEnclave"
				var p instance.Policy
				var err error
				if action == "set" {
					p, err = d.SetPolicy(t.Context(), change("contoso", unsigned(t, numbered("2"))))
				} else {
					p, err = d.ResetPolicy(t.Context(), change("contoso", unsigned(t, "")))
				}
				if err != nil || p.Version != 2 {
					t.Fatalf("version %d, %v", p.Version, err)
				}
				versions := wantGapless(t, d, "contoso", 2)
				if versions[1].ID != p.ID || string(versions[1].Action) != action {
					t.Errorf("%+v, want %+v", versions[1], p)
				}
				if u.count == 0 {
					t.Error("nothing was uncertain")
				}
			})
		}
	}
}

// The first commit arrives late, somebody else changes the policy after it, and
// only then do we look again: what we asked for was done, and is over.
func TestALateCommitIsNotRepeatedOverAnotherChange(t *testing.T) {
	t.Parallel()
	u, c := uncertain("later, and another change follows", "nothing yet")
	d, other := open(t, *c), open(t, config(u.records))
	create(t, d, aad("contoso"))
	u.key = "instances/contoso/policies/SgxEnclave"
	u.follow = func() { set(t, other, "contoso", unsigned(t, numbered("theirs"))) }
	p := set(t, d, "contoso", unsigned(t, numbered("ours")))
	if p.Version != 1 {
		t.Errorf("version %d, want 1", p.Version)
	}
	versions := wantGapless(t, d, "contoso", 2)
	if versions[1].Text != numbered("theirs") || inForce(t, d).Text != numbered("theirs") {
		t.Error("our change went over theirs, which was later")
	}
}

func TestCertificatesAreChangedOnceWhateverIsKnownOfTheCommit(t *testing.T) {
	t.Parallel()
	for _, happens := range []string{"now", "never", "later"} {
		t.Run(happens, func(t *testing.T) {
			t.Parallel()
			u, c := uncertain(happens, "nothing yet")
			d := open(t, *c)
			owner, second := signer(t, "owner", nil), signer(t, "second", nil)
			create(t, d, isolated("contoso"), owner.certificate)
			u.key = "instances/contoso/certificates"
			if _, err := d.AddCertificate(t.Context(), "contoso", owner.sign(t, certificatePayload(second.certificate)), "test"); err != nil {
				t.Fatal(err)
			}
			wantListed(t, d, owner, second)
			u.count = 0
			// The signer removes itself: looked at again, it is nobody.
			removed, err := d.RemoveCertificate(t.Context(), "contoso", owner.sign(t, certificatePayload(owner.certificate)))
			if err != nil || !removed.Equal(owner.certificate) {
				t.Fatalf("%v, %v", removed, err)
			}
			wantListed(t, d, second)
		})
	}
}

func TestInstancesAreMadeOnceWhateverIsKnownOfTheCommit(t *testing.T) {
	t.Parallel()
	for _, happens := range []string{"now", "never", "later"} {
		t.Run(happens, func(t *testing.T) {
			t.Parallel()
			u, c := uncertain(happens, "instances/contoso")
			d := open(t, *c)
			create(t, d, aad("contoso"))
			u.count = 0
			s := aad("contoso")
			s.Hosts = []string{"alias.example"}
			if err := d.Update(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			if kept, err := d.Settings(t.Context(), "contoso"); err != nil || len(kept.Hosts) != 1 {
				t.Errorf("%+v, %v", kept, err)
			}
			u.count = 0
			if err := d.Delete(t.Context(), "contoso"); err != nil {
				t.Fatal(err)
			}
			if list, err := d.List(t.Context()); err != nil || len(list) != 0 {
				t.Errorf("%v, %v", list, err)
			}
		})
	}
}

func TestUncertaintyIsToldIfTheStoreStaysSilent(t *testing.T) {
	t.Parallel()
	r := newRecords()
	d := open(t, config(r))
	owner, second := signer(t, "owner", nil), signer(t, "second", nil)
	create(t, d, isolated("contoso"), owner.certificate)
	r.commit = func(context.Context, []store.Change) (int64, error) {
		r.isDown.Store(true)
		return 0, errLost
	}
	for name, do := range map[string]func() error{
		"set": func() error {
			_, err := d.SetPolicy(t.Context(), change("contoso", owner.sign(t, policyPayload(numbered("1")))))
			return err
		},
		"add": func() error {
			_, err := d.AddCertificate(t.Context(), "contoso", owner.sign(t, certificatePayload(second.certificate)), "test")
			return err
		},
		"create": func() error { return d.Create(t.Context(), aad("other"), nil, "test") },
	} {
		r.isDown.Store(false)
		if err := do(); !errors.Is(err, errLost) {
			t.Errorf("%s: %v, want that nobody knows", name, err)
		}
	}
}

func TestACommitThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRecords()
	d := open(t, config(r))
	owner, second := signer(t, "owner", nil), signer(t, "second", nil)
	create(t, d, isolated("contoso"), owner.certificate)
	set(t, d, "contoso", owner.sign(t, policyPayload(numbered("1"))))
	revision, inForce := d.Revision(), hashInForce(t, d, "contoso.example")
	full := &store.UnavailableError{Trouble: store.TroubleFull, Err: errors.New("no space left on device")}
	r.commit = func(context.Context, []store.Change) (int64, error) { return 0, full }
	sign := func(payload string) *policytoken.Token { return owner.sign(t, payload) }
	for name, do := range map[string]func() error{
		"set": func() error {
			_, err := d.SetPolicy(t.Context(), change("contoso", sign(policyPayload(numbered("2")))))
			return err
		},
		"reset": func() error { _, err := d.ResetPolicy(t.Context(), change("contoso", sign("{}"))); return err },
		"add": func() error {
			_, err := d.AddCertificate(t.Context(), "contoso", sign(certificatePayload(second.certificate)), "test")
			return err
		},
		"create": func() error { return d.Create(t.Context(), aad("other"), nil, "test") },
		"update": func() error {
			s := isolated("contoso")
			s.Hosts = []string{"a.example"}
			return d.Update(t.Context(), s)
		},
		"delete": func() error { return d.Delete(t.Context(), "contoso") },
	} {
		if err := do(); !errors.Is(err, full) {
			t.Errorf("%s: %v, want what the store said", name, err)
		}
	}
	r.commit = nil
	if err := d.Refresh(t.Context()); err != nil || d.Revision() != revision || hashInForce(t, d, "contoso.example") != inForce {
		t.Errorf("revision %d, %v, want %d and the policy as before", d.Revision(), err, revision)
	}
	wantGapless(t, d, "contoso", 1)
	wantListed(t, d, owner)
}
