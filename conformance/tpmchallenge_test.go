package conformance_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/internal/testattest"
)

// wantRefusal checks the status of a refusal, its code, and what its message says.
func wantRefusal(t *testing.T, status int, body []byte, wantStatus int, code, says string) {
	t.Helper()
	var answer struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != wantStatus || answer.Error.Code != code || !strings.Contains(answer.Error.Message, says) {
		t.Errorf("status %d: %s, want %d %s with %q", status, body, wantStatus, code, says)
	}
}

// A challenge counts at every replica that has the keys, at the instance that gave it
// out, for as long as it lasts, and unchanged.
func TestWhereAChallengeCounts(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	key, next := keyring.GenerateWrappingKey(), keyring.GenerateWrappingKey()
	// replica returns another process over the same store, with wrapping keys.
	replica := func(wrapping string) func(t *testing.T, m *machine) *machine {
		return func(t *testing.T, m *machine) *machine {
			t.Helper()
			return m.at(t, &deployment{settings: m.settings, store: m.store, keys: m.keys, wrapping: wrapping, clock: m.clock})
		}
	}
	same := func(_ *testing.T, m *machine) *machine { return m }
	other := func(t *testing.T, m *machine) *machine {
		t.Helper()
		settings := instance.Settings{Name: "other", URL: "https://other.example", Mode: instance.AAD}
		if err := m.instances.Create(t.Context(), settings, nil, "test"); err != nil {
			t.Fatal(err)
		}
		there, d := *m, *m.deployment
		d.settings = settings
		there.deployment = &d
		there.setPolicy(t, permitAll)
		return &there
	}
	edit := func(change func([]byte) []byte) func(r *testattest.Request) {
		return func(r *testattest.Request) { r.Context = change(bytes.Clone(r.Context)) }
	}
	for name, test := range map[string]struct {
		// where the answer goes.
		where func(t *testing.T, m *machine) *machine
		after time.Duration
		edit  func(r *testattest.Request) // nil for none
		says  string                      // of the refusal; "" for none
	}{
		"where it was given out":                  {where: same},
		"a moment before it expires":              {where: same, after: challengeLifetime - time.Second},
		"at another replica":                      {where: replica(key)},
		"at a replica that has a newer key too":   {where: replica(next + "\n" + key)},
		"at a replica that has a newer key alone": {where: replica(next), says: "sealed with a key that is not known here"},
		"at a replica without keys":               {where: replica(""), says: "sealed with a key that is not known here"},
		"at another instance":                     {where: other, says: "made for another instance"},
		"once it has expired":                     {where: same, after: challengeLifetime, says: "expired at 2026-03-01T12:05:00Z"},
		"at another replica once it has expired":  {where: replica(key), after: challengeLifetime, says: "expired at"},
		"with a bit of its context changed":       {where: same, edit: edit(flipSealed), says: "or changed"},
		"with white space in its context":         {where: same, edit: edit(func(b []byte) []byte { return append(b, ' ') }), says: "not made by this service"},
		"with a context that is none":             {where: same, edit: edit(func([]byte) []byte { return []byte("{}") }), says: "not made by this service"},
		"with another challenge":                  {where: same, edit: func(r *testattest.Request) { r.Challenge[0] ^= 1 }, says: "not the one that was given out"},
		"with a part of the challenge":            {where: same, edit: func(r *testattest.Request) { r.Challenge = r.Challenge[:8] }, says: "not the one that was given out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var now atomic.Pointer[time.Time]
			now.Store(&begin)
			m := newMachine(t, &deployment{wrapping: key, clock: func() time.Time { return *now.Load() }})
			m.setPolicy(t, permitAll)
			request := m.challenged(t)
			there := test.where(t, m)
			later := begin.Add(test.after)
			now.Store(&later)
			if test.edit != nil {
				test.edit(request)
			}
			if test.says == "" {
				there.report(t, request.V2(t))
				// It binds a moment and not a request: nothing is kept of it.
				there.report(t, request.V1(t))
				return
			}
			w := there.answer(t, request.V2(t))
			wantRefusal(t, w.Code, w.Body.Bytes(), http.StatusBadRequest, "InvalidParameter", test.says)
		})
	}
}

// flipSealed changes a bit of what is encrypted, in the middle.
func flipSealed(context []byte) []byte {
	var w struct{ ProtectionKeyName, ProtectedContext string }
	if err := json.Unmarshal(context, &w); err != nil {
		panic(err)
	}
	box, err := base64.RawURLEncoding.DecodeString(w.ProtectedContext)
	if err != nil {
		panic(err)
	}
	box[len(box)/2] ^= 1
	w.ProtectedContext = base64.RawURLEncoding.EncodeToString(box)
	changed, err := json.Marshal(w)
	if err != nil {
		panic(err)
	}
	return changed
}

// A challenge of one moment does not go with the context of another.
func TestAChallengeGoesWithItsContext(t *testing.T) {
	t.Parallel()
	m := newMachine(t, &deployment{})
	m.setPolicy(t, permitAll)
	one, two := m.challenged(t), m.challenged(t)
	one.Context = two.Context
	w := m.answer(t, one.V2(t))
	wantRefusal(t, w.Code, w.Body.Bytes(), http.StatusBadRequest, "InvalidParameter", "not the one that was given out with this service_context")
}
