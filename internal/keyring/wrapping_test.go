package keyring_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/keyring"
)

func TestParseWrapping(t *testing.T) {
	t.Parallel()
	one, two := keyring.GenerateWrappingKey(), keyring.GenerateWrappingKey()
	if one == two {
		t.Fatal("the same wrapping key twice")
	}
	ids := wrapping(t, one).IDs()
	for name, text := range map[string]string{
		"two lines":       one + "\n" + two + "\n",
		"one line":        one + " " + two,
		"comments, blank": "# the one that seals\n\n\t" + one + "\r\n  # before\n" + two,
	} {
		got := wrapping(t, text).IDs()
		if len(got) != 2 || got[0] != ids[0] || got[1] == got[0] {
			t.Errorf("%s: keys %v, want %s and another", name, got, ids[0])
		}
	}
}

func TestParseWrappingRefuses(t *testing.T) {
	t.Parallel()
	good := keyring.GenerateWrappingKey()
	many := make([]string, 17)
	for i := range many {
		many[i] = keyring.GenerateWrappingKey()
	}
	for name, tt := range map[string]struct{ text, want string }{
		"empty":             {"", "none given"},
		"comments alone":    {"# " + good, "none given"},
		"not base64":        {"correct horse battery staple", "key 1: not base64"},
		"16 bytes":          {base64.StdEncoding.EncodeToString(make([]byte, 16)), "16 bytes"},
		"33 bytes":          {base64.StdEncoding.EncodeToString(make([]byte, 33)), "33 bytes"},
		"zeros":             {base64.StdEncoding.EncodeToString(make([]byte, 32)), "the same byte all over"},
		"one byte repeated": {base64.StdEncoding.EncodeToString([]byte(strings.Repeat("a", 32))), "the same byte all over"},
		"twice":             {good + "\n" + good, "key 2: there twice"},
		"base64url":         {strings.ReplaceAll(strings.Repeat("-_", 21)+"8=", "x", ""), "not base64"},
		"second is bad":     {good + "\nsecret", "key 2: not base64"},
		"too many":          {strings.Join(many, "\n"), "more than 16"},
	} {
		_, err := keyring.ParseWrapping(tt.text)
		if _, ok := errors.AsType[*keyring.WrappingError](err); !ok {
			t.Errorf("%s: error %v, want a *keyring.WrappingError", name, err)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %q, want it to speak of %q", name, err, tt.want)
		}
		for word := range strings.FieldsSeq(tt.text) {
			if len(word) > 5 && strings.Contains(err.Error(), word) {
				t.Errorf("%s: error %q quotes what may be a key", name, err)
			}
		}
	}
}

// Replicas that share the keys share the secrets, and nobody else does.
func TestWrappingSecrets(t *testing.T) {
	t.Parallel()
	one, other := keyring.GenerateWrappingKey(), keyring.GenerateWrappingKey()
	secrets := func(text, purpose string) [][]byte {
		w, err := keyring.ParseWrapping(text)
		if err != nil {
			t.Fatal(err)
		}
		s, err := w.Secrets(purpose)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	both := secrets(one+"\n"+other, "tickets")
	if len(both) != 2 || len(both[0]) != 32 || bytes.Equal(both[0], both[1]) {
		t.Fatalf("%d secrets", len(both))
	}
	if again := secrets(other, "tickets"); !bytes.Equal(again[0], both[1]) {
		t.Error("another replica has another secret")
	}
	if purpose := secrets(one, "something else"); bytes.Equal(purpose[0], both[0]) {
		t.Error("two purposes have the same secret")
	}
}
