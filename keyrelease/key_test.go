package keyrelease_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/azattest/azattest/keyrelease"
)

func TestAKeyPrintsWithoutItsSecret(t *testing.T) {
	t.Parallel()
	const secret = "a secret"
	key := keyrelease.Key{Name: "disk", Version: "1", Type: "oct", Material: []byte(secret)}
	const want = `key "disk", version "1"`
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{key, &key} {
			if got := fmt.Sprintf(verb, value); got != want {
				t.Errorf("%s of %T: %q, want %q", verb, value, got, want)
			}
		}
		if got := fmt.Sprintf(verb, struct{ Key keyrelease.Key }{key}); !strings.Contains(got, want) {
			t.Errorf("%s of what holds a key: %q, want %q in it", verb, got, want)
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("key", key))
	raw, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{log.String(), string(raw)} {
		if !strings.Contains(text, "disk") || strings.Contains(text, "Material") || strings.Contains(text, secret) {
			t.Errorf("got %s, want the name alone", text)
		}
	}
}
