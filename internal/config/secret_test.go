package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/azattest/azattest/internal/config"
)

// printed is everything that formatting, marshaling and logging make of a value.
func printed(t *testing.T, v any) string {
	t.Helper()
	type pair struct {
		Shown  any
		hidden any
	}
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%08.3f", "%T %v"} {
		_, _ = fmt.Fprintf(&b, strings.ReplaceAll(verb, "%T ", "")+"\n", v)
		_, _ = fmt.Fprintf(&b, strings.ReplaceAll(verb, "%T ", "")+"\n", pair{v, v})
	}
	text, err := json.Marshal(map[string]any{"v": v})
	if err != nil {
		t.Fatal(err)
	}
	b.Write(text)
	if text, err = yaml.Marshal(map[string]any{"v": v}); err != nil {
		t.Fatal(err)
	}
	b.Write(text)
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", slog.Any("v", v), slog.Any("p", pair{v, v}))
	slog.New(slog.NewJSONHandler(&b, nil)).Info("m", slog.Any("v", v), slog.Any("p", pair{v, v}))
	return b.String()
}

func TestNothingPrintsASecret(t *testing.T) {
	t.Parallel()
	const text = "hunter2-Zq"
	hex := fmt.Sprintf("%x", text)
	s := config.NewSecret(text)
	c := config.Default()
	c.Keys.WrappingKey, c.Telemetry.OTLPHeaders = s, s
	c.Store.DSN = config.NewDSN("postgres://user:" + text + "@host/db")
	for name, v := range map[string]any{
		"secret": s, "pointer": &s, "list": []config.Secret{s}, "DSN": c.Store.DSN,
		"field": struct{ S config.Secret }{s}, "configuration": *c, "its pointer": c,
	} {
		got := printed(t, v)
		if strings.Contains(got, text) || strings.Contains(strings.ToLower(got), hex) || strings.Contains(got, "hunter2") {
			t.Errorf("%s: prints the secret:\n%s", name, got)
		}
		if !strings.Contains(got, "REDACTED") {
			t.Errorf("%s: does not say that there is one", name)
		}
	}
	if s.Reveal() != text {
		t.Errorf("Reveal: %q, want %q", s.Reveal(), text)
	}
}

func TestNoSecretPrintsAsNothing(t *testing.T) {
	t.Parallel()
	for _, v := range []any{config.Secret{}, config.NewSecret(""), config.DSN{}, config.NewDSN("")} {
		if got := fmt.Sprint(v); got != "" {
			t.Errorf("%T: %q, want the empty text", v, got)
		}
		if strings.Contains(printed(t, v), "REDACTED") {
			t.Errorf("%T: says that there is a secret", v)
		}
	}
	if s := config.NewSecret(""); !s.IsZero() || s.Reveal() != "" {
		t.Errorf("empty secret: zero %t, %q", s.IsZero(), s.Reveal())
	}
}

func TestDSNPrintsWithoutPassword(t *testing.T) {
	t.Parallel()
	tests := []struct{ dsn, want string }{
		{"postgres://host/db", "postgres://host/db"},
		{"postgres://user@host:5432/db?sslmode=verify-full", "postgres://user@host:5432/db?sslmode=verify-full"},
		{"postgres://user:pw@host/db", "postgres://user:REDACTED@host/db"},
		{"postgresql://user:p%40w@h1:5432,h2:5433/my-db?target_session_attrs=primary", "postgresql://user:REDACTED@h1:5432,h2:5433/my-db?target_session_attrs=primary"},
		{"postgres://host/db?password=pw&user=u", "postgres://host/db?password=REDACTED&user=u"},
		{"postgres://host/db?user=u&sslpassword=pw", "postgres://host/db?user=u&sslpassword=REDACTED"},
		// Passwords that are not escaped make something else of the rest.
		{"postgres://user:p@w@host/db", "REDACTED"},
		{"postgres://user:12#pw@host/db", "REDACTED"},
		{"postgres://user:12?pw@host/db", "REDACTED"},
		{"postgres://user:12/pw@host/db", "REDACTED"},
		{"postgres://user:12?a=pw@host/db", "REDACTED"},
		{"postgres://user:pw", "REDACTED"},
		{"postgres://user:p%w@host", "REDACTED"},
		{"postgres://host/db?pw", "REDACTED"},
		{"postgres://host/db?secret=pw", "REDACTED"},
		{"postgres://host/db#", "REDACTED"},
		{"host=h dbname=d", "host=h dbname=d"},
		{"host=h password=pw user=u", "host=h password=REDACTED user=u"},
		{" host = h   password = 'p w\\'x' user='a b' ", "host=h password=REDACTED user='a b'"},
		{`password=p\ w host=h`, "password=REDACTED host=h"},
		{"password=correct horse=battery host=h", "REDACTED"},
		{"password=p w host=h", "REDACTED"},
		{"password='pw host=h", "REDACTED"},
		{"password='p'w host=h", "REDACTED"},
		{"password=p'w host=h", "REDACTED"},
		{"pw", "REDACTED"},
		{"mysql://user:pw@host/db", "REDACTED"},
		{" ", "REDACTED"},
	}
	for _, tt := range tests {
		d := config.NewDSN(tt.dsn)
		if got := d.String(); got != tt.want {
			t.Errorf("%q: printed %q, want %q", tt.dsn, got, tt.want)
		}
		if d.Reveal() != tt.dsn {
			t.Errorf("%q: reveals %q", tt.dsn, d.Reveal())
		}
	}
}

// FuzzDSN looks for a password that shows although it is written as it must be.
func FuzzDSN(f *testing.F) {
	f.Add("user", "password")
	f.Add("u", `'\`)
	f.Fuzz(func(t *testing.T, user, password string) {
		const mark = "Zq7"
		password = mark + password
		quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
		for _, text := range []string{
			"host=h user='" + quote.Replace(user) + "' password='" + quote.Replace(password) + "' dbname=d",
			"host=h password=" + password,
			"postgres://u:" + password + "@host/db",
			"postgres://host/db?password=" + password,
		} {
			if strings.Contains(user, mark) {
				return
			}
			if got := config.NewDSN(text).String(); strings.Contains(got, mark) {
				t.Errorf("%q prints as %q", text, got)
			}
		}
	})
}
