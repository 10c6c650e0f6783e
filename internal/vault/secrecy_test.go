package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/store/memory"
)

// spellings are the forms in which a secret could get into a text.
func spellings(secret []byte) []string {
	numbers := strings.Trim(fmt.Sprintf("%d", secret), "[]")
	return []string{
		string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)), base64.StdEncoding.EncodeToString(secret),
		numbers, strings.ReplaceAll(numbers, " ", ","), strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", secret), "[]byte{"), "}"),
	}
}

func TestNothingSecretIsPrinted(t *testing.T) {
	t.Parallel()
	secret := []byte("0123456789abcdefghijklmnopqrstuv")
	config := vault.Config{Store: memory.New(), Secrets: [][]byte{secretA}}
	v, err := vault.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	give := vault.Import{Type: "oct", Material: secret, Settings: exportable(t, "p")}
	made, err := v.Import(t.Context(), "key", give)
	if err != nil {
		t.Fatal(err)
	}
	key, err := v.ReleaseKey(t.Context(), "key", "")
	if err != nil {
		t.Fatal(err)
	}
	released := vault.Version{Key: *key}
	type holds struct {
		Import vault.Import
		Config *vault.Config
		vault  *vault.Vault
	}
	for _, value := range []any{config, &config, v, *v, give, &give, made, key, *key, released, &released, []any{give, *key}, holds{give, &config, v}} {
		var texts []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o"} {
			texts = append(texts, fmt.Sprintf(verb, value))
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("value", value))
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("value", value))
		texts = append(texts, log.String())
		for _, text := range texts {
			for _, s := range append(spellings(secret), spellings(secretA)...) {
				if strings.Contains(text, s) {
					t.Errorf("%T shows a secret: %s", value, text)
				}
			}
		}
	}
	for _, value := range []any{give, *key} {
		raw, err := json.Marshal(value)
		if err != nil || strings.Contains(string(raw), base64.StdEncoding.EncodeToString(secret)) {
			t.Errorf("%s, %v", raw, err)
		}
	}
	if got, want := fmt.Sprint(give, key, v), `key of type "oct" to import key "key", version "`+made.Key.Version+`" vault of 1 secrets`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestErrorsQuoteNoSecret(t *testing.T) {
	t.Parallel()
	v, _ := open(t, memory.New(), secretA)
	p256 := pkcs8(t, rsaKey())
	for _, material := range [][]byte{p256[:len(p256)-1], append([]byte{0x30}, p256...), []byte("0123456789abcdefghijklmnopqrstuv0123456789abcdefghijklmnopqrstuv!")} {
		for _, kty := range []string{"RSA", "EC", "oct"} {
			_, err := v.Import(t.Context(), "key", vault.Import{Type: kty, Material: material})
			if err == nil {
				t.Fatal("imported")
			}
			for _, s := range spellings(material[8:24]) {
				if strings.Contains(err.Error(), s) {
					t.Errorf("%v shows the key", err)
				}
			}
		}
	}
}
