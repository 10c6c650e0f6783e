package ticket_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/ticket"
)

const instance = "https://attest.example"

var (
	secretA = bytes.Repeat([]byte{1, 2, 3, 4}, 8)
	secretB = bytes.Repeat([]byte{5, 6, 7, 8}, 8)
	noon    = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
)

func sealer(tb testing.TB, now time.Time, secrets ...[]byte) *ticket.Sealer {
	tb.Helper()
	s, err := ticket.New(ticket.Config{Secrets: secrets, Lifetime: 5 * time.Minute, Clock: func() time.Time { return now }})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func seal(tb testing.TB, s *ticket.Sealer) []byte {
	tb.Helper()
	sealed, err := s.Seal(ticket.Challenge, instance, []byte("payload"))
	if err != nil {
		tb.Fatal(err)
	}
	return sealed
}

func TestOpen(t *testing.T) {
	t.Parallel()
	ours := seal(t, sealer(t, noon, secretA))
	change := func(old, with string) []byte { return []byte(strings.Replace(string(ours), old, with, 1)) }
	flipped := func(at int) []byte {
		b := bytes.Clone(ours)
		if b[at] == 'A' {
			b[at] = 'B'
		} else {
			b[at] = 'A'
		}
		return b
	}
	tests := []struct {
		name     string
		open     *ticket.Sealer
		use      ticket.Use
		instance string
		ticket   []byte
		refused  string // "" for what opens
	}{
		{"another replica", sealer(t, noon, secretA), ticket.Challenge, instance, ours, ""},
		{"after the secret has changed", sealer(t, noon, secretB, secretA), ticket.Challenge, instance, ours, ""},
		{"just before it expires", sealer(t, noon.Add(299*time.Second), secretA), ticket.Challenge, instance, ours, ""},
		{"when it expires", sealer(t, noon.Add(300*time.Second), secretA), ticket.Challenge, instance, ours, "expired at 2026-11-26T12:05:00Z"},
		{"a clock that is somewhat ahead", sealer(t, noon.Add(-time.Minute), secretA), ticket.Challenge, instance, ours, ""},
		{"a clock that is far ahead", sealer(t, noon.Add(-61*time.Second), secretA), ticket.Challenge, instance, ours, "made by a clock that is ahead: it ends at 2026-11-26T12:05:00Z, and it is 2026-11-26T11:58:59Z"},
		{"another secret", sealer(t, noon, secretB), ticket.Challenge, instance, ours, "a key that is not known here"},
		{"another use", sealer(t, noon, secretA), ticket.Enrollment, instance, ours, "another instance or another use"},
		{"another instance", sealer(t, noon, secretA), ticket.Challenge, "https://attest.example/b", ours, "another instance or another use"},
		{"a changed byte of the ciphertext", sealer(t, noon, secretA), ticket.Challenge, instance, flipped(len(ours) - 10), "or changed"},
		{"a changed byte of the salt", sealer(t, noon, secretA), ticket.Challenge, instance, flipped(bytes.Index(ours, []byte(`Context":"`)) + 10), "or changed"},
		{"nothing", sealer(t, noon, secretA), ticket.Challenge, instance, nil, "not made by this service"},
		{"no JSON", sealer(t, noon, secretA), ticket.Challenge, instance, []byte("ticket"), "not made by this service"},
		{"another spelling", sealer(t, noon, secretA), ticket.Challenge, instance, change(`{"`, `{ "`), "not made by this service"},
		{"no ciphertext", sealer(t, noon, secretA), ticket.Challenge, instance, []byte(`{"ProtectionKeyName":"","ProtectedContext":""}`), "not made by this service"},
		{"a long one", sealer(t, noon, secretA), ticket.Challenge, instance, bytes.Repeat([]byte("a"), 5<<10), "5120 bytes, want at most 4096"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			payload, err := test.open.Open(test.use, test.instance, test.ticket)
			if test.refused == "" {
				if err != nil || string(payload) != "payload" {
					t.Errorf("got %q, %v", payload, err)
				}
				return
			}
			e, ok := errors.AsType[*ticket.Error](err)
			if !ok || payload != nil || !strings.Contains(e.Error(), test.refused) || e.Expired != strings.HasPrefix(test.refused, "expired") {
				t.Errorf("got %q, %v; want an error with %q", payload, err, test.refused)
			}
		})
	}
}

func TestSeal(t *testing.T) {
	t.Parallel()
	s := sealer(t, noon, secretA)
	one, two := seal(t, s), seal(t, s)
	if bytes.Equal(one, two) {
		t.Error("two tickets are the same")
	}
	var shown map[string]string
	if err := json.Unmarshal(one, &shown); err != nil {
		t.Fatal(err)
	}
	// As the real service's tickets look (corpus, maa/tpm).
	if len(shown) != 2 || len(shown["ProtectionKeyName"]) != 64 || shown["ProtectionKeyName"] != strings.ToUpper(shown["ProtectionKeyName"]) || shown["ProtectedContext"] == "" {
		t.Errorf("got %s", one)
	}
	if _, err := s.Seal(ticket.Challenge, instance, make([]byte, 2<<10)); err == nil {
		t.Error("a payload of 2 KiB was sealed")
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, lifetime := range []time.Duration{0, time.Millisecond, 1500 * time.Millisecond, 2 * time.Hour} {
		if _, err := ticket.New(ticket.Config{Lifetime: lifetime}); err == nil {
			t.Errorf("lifetime %s was taken", lifetime)
		}
	}
	if _, err := ticket.New(ticket.Config{Lifetime: time.Minute, Secrets: [][]byte{[]byte("short")}}); err == nil || strings.Contains(err.Error(), "short") {
		t.Errorf("a short secret: %v", err)
	}
	// Without secrets each process has its own.
	one, err := ticket.New(ticket.Config{Lifetime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	two, err := ticket.New(ticket.Config{Lifetime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	sealed := seal(t, one)
	if _, err := one.Open(ticket.Challenge, instance, sealed); err != nil {
		t.Error(err)
	}
	if _, err := two.Open(ticket.Challenge, instance, sealed); err == nil {
		t.Error("another process opened it")
	}
}

func FuzzOpen(f *testing.F) {
	s := sealer(f, noon, secretA)
	f.Add(seal(f, s))
	f.Add([]byte(`{"ProtectionKeyName":"55BA2D82E17540E4154188256FACBCA4E9268F0B73106B716053DD4B6652C552","ProtectedContext":"V8Zi"}`))
	genuine := seal(f, s)
	f.Fuzz(func(t *testing.T, raw []byte) {
		payload, err := s.Open(ticket.Challenge, instance, raw)
		if err == nil && string(payload) != "payload" && !bytes.Equal(raw, genuine) {
			t.Errorf("%q opened", raw)
		}
	})
}
