package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/azattest/azattest/store"
)

func TestChangesSayWhatTheyWereMadeOf(t *testing.T) {
	t.Parallel()
	put, remove, check := store.Put("a", nil, 0), store.Delete("b", store.Any), store.Check("c", 3)
	if put.Kind() != store.KindPut || put.Key() != "a" || put.Value() == nil || put.Expected() != 0 {
		t.Errorf("put: %+v", put)
	}
	if remove.Kind() != store.KindDelete || remove.Key() != "b" || remove.Value() != nil || remove.Expected() != store.Any {
		t.Errorf("delete: %+v", remove)
	}
	if check.Kind() != store.KindCheck || check.Key() != "c" || check.Expected() != 3 {
		t.Errorf("check: %+v", check)
	}
	if !store.IsCheckOnly([]store.Change{check, check}) || store.IsCheckOnly([]store.Change{check, put}) {
		t.Error("checks alone were mistaken")
	}
	if err := remove.Conflict(7); err != nil {
		t.Errorf("any revision conflicts: %v", err)
	}
}

func TestCheckChangesRefuses(t *testing.T) {
	t.Parallel()
	good := store.Put("good", nil, 0)
	for name, test := range map[string]struct {
		changes []store.Change
		part    string
	}{
		"none":                      {nil, "changes"},
		"too many":                  {make([]store.Change, store.MaxChanges+1), "changes"},
		"two of one record":         {[]store.Change{good, store.Check("good", 1)}, "changes"},
		"an impossible revision":    {[]store.Change{store.Put("a", nil, -2)}, "changes"},
		"a check of any revision":   {[]store.Change{good, store.Check("a", store.Any)}, "changes"},
		"a change that nobody made": {[]store.Change{{}}, "key"},
		"no key":                    {[]store.Change{store.Put("", nil, 0)}, "key"},
		"a long key":                {[]store.Change{store.Put(strings.Repeat("k", store.MaxKey+1), nil, 0)}, "key"},
		"a space in a key":          {[]store.Change{store.Put("a b", nil, 0)}, "key"},
		"a letter beyond ASCII":     {[]store.Change{store.Delete("grün", 0)}, "key"},
		"a zero byte":               {[]store.Change{store.Check("a\x00", 0)}, "key"},
		"DEL":                       {[]store.Change{store.Check("a\x7f", 0)}, "key"},
		"a large value":             {[]store.Change{store.Put("a", make([]byte, store.MaxValue+1), 0)}, "value"},
	} {
		var limit *store.LimitError
		if err := store.CheckChanges(test.changes); !errors.As(err, &limit) || limit.Part != test.part {
			t.Errorf("%s: error %v, want a *LimitError of the %s", name, err, test.part)
		}
	}
	if err := store.CheckChanges([]store.Change{good, store.Delete("a", store.Any), store.Check("b", 0)}); err != nil {
		t.Error(err)
	}
}

func TestPrefixRangeHoldsThePrefixAlone(t *testing.T) {
	t.Parallel()
	keys := []string{"!", "a", "a!", "a/", "a/b", "a~", "a~~", "b", "~"}
	for _, prefix := range []string{"", "a", "a/", "a~", "~", "c", "\x7f", "a ", "a\xff"} {
		from, to := store.PrefixRange(prefix)
		for _, key := range keys {
			if got := key >= from && key < to; got != strings.HasPrefix(key, prefix) {
				t.Errorf("prefix %q: %q is in it: %t", prefix, key, got)
			}
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	for want, err := range map[string]error{
		"free some":           &store.UnavailableError{Trouble: store.TroubleFull, Err: cause},
		"permissions":         &store.UnavailableError{Trouble: store.TroubleReadOnly, Err: cause},
		"restore a backup":    &store.UnavailableError{Trouble: store.TroubleCorrupt, Err: cause},
		"try again":           &store.UnavailableError{Trouble: store.TroubleBusy, Err: cause},
		"credentials":         &store.UnavailableError{Trouble: store.TroubleUnreachable, Err: cause},
		"does not work":       &store.UnavailableError{Trouble: "other", Err: cause},
		"read again":          &store.UncertainError{Err: cause},
		"restore into a new":  &store.IncompleteError{Err: cause},
		"use the newer":       &store.SchemaError{Found: 2, Known: 1},
		"migrate them":        &store.SchemaError{Found: 0, Known: 1},
		"changed meanwhile":   &store.ConflictError{Key: "a", Expected: 1, Found: 2},
		"it has the record a": &store.NotEmptyError{Key: "a"},
	} {
		if !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "store: ") {
			t.Errorf("%T says %q, want %q in it", err, err, want)
		}
		if inner := errors.Unwrap(err); inner != nil && !errors.Is(err, cause) {
			t.Errorf("%T hides its cause", err)
		}
	}
}

func files(names ...string) fstest.MapFS {
	all := make(fstest.MapFS)
	for _, name := range names {
		all[name] = &fstest.MapFile{Data: []byte(name)}
	}
	return all
}

func TestMigrationsLeadForwardAndBack(t *testing.T) {
	t.Parallel()
	m, err := store.ReadMigrations(files("0002_b.up.sql", "0001_a.down.sql", "0001_a.up.sql", "0002_b.down.sql"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		from, to int
		want     string
	}{
		{0, 2, "0001_a.up.sql 0002_b.up.sql"}, {1, 2, "0002_b.up.sql"}, {2, 0, "0002_b.down.sql 0001_a.down.sql"}, {1, 1, ""},
	} {
		got, err := m.Between(test.from, test.to)
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("from %d to %d: %v, %v, want %s", test.from, test.to, got, err, test.want)
		}
	}
	for _, test := range [][2]int{{3, 0}, {0, 3}, {-1, 0}, {0, -1}} {
		var schema *store.SchemaError
		if _, err := m.Between(test[0], test[1]); !errors.As(err, &schema) {
			t.Errorf("from %d to %d: error %v, want a *SchemaError", test[0], test[1], err)
		}
	}
}

func TestMigrationsWithAGapAreRefused(t *testing.T) {
	t.Parallel()
	for name, fsys := range map[string]fstest.MapFS{
		"a way there alone": files("0001_a.up.sql"),
		"a way back alone":  files("0001_a.down.sql"),
		"a gap":             files("0001_a.up.sql", "0001_a.down.sql", "0003_c.up.sql", "0003_c.down.sql"),
		"two of a number":   files("0001_a.up.sql", "0001_a.down.sql", "0001_b.up.sql", "0001_b.down.sql"),
		"two names":         files("0001_a.up.sql", "0001_b.down.sql"),
		"another file":      files("0001_a.up.sql", "0001_a.down.sql", "README"),
	} {
		if m, err := store.ReadMigrations(fsys); err == nil {
			t.Errorf("%s: %d migrations, want an error", name, len(m))
		}
	}
}

func TestCallsEndWhenTheStoreCloses(t *testing.T) {
	t.Parallel()
	var calls store.Calls
	ctx, leave, err := calls.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan bool)
	go func() { closed <- calls.Close() }()
	<-ctx.Done()
	if err := store.Ended(ctx); !errors.Is(err, store.ErrClosed) {
		t.Errorf("ended with %v, want ErrClosed", err)
	}
	select {
	case <-closed:
		t.Error("it did not wait for the call")
	case <-time.After(20 * time.Millisecond):
	}
	leave()
	if !<-closed || calls.Close() {
		t.Error("the first to close was not told apart")
	}
	if _, _, err := calls.Enter(t.Context()); !errors.Is(err, store.ErrClosed) {
		t.Errorf("entered with %v, want ErrClosed", err)
	}
	over, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("some cause"))
	if _, _, err := calls.Enter(over); !errors.Is(err, context.Canceled) {
		t.Errorf("entered with %v, want context.Canceled", err)
	}
	if err := store.Ended(over); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v, want context.Canceled", err)
	}
}

func TestSignalIsRaisedByNewsAlone(t *testing.T) {
	t.Parallel()
	var signal store.Signal
	revision, raised := signal.Last()
	signal.Raise(0)
	select {
	case <-raised:
		t.Error("raised by no news")
	default:
	}
	signal.Raise(3)
	<-raised
	signal.Raise(2)
	if now, _ := signal.Last(); revision != 0 || now != 3 {
		t.Errorf("revisions %d and %d, want 0 and 3", revision, now)
	}
}
