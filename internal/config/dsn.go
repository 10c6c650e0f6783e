package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
)

// DSN says how to reach PostgreSQL, as a URL or as key=value. It prints without
// its password. Where it is doubtful what of it is one, all of it is kept back.
type DSN struct{ secret Secret }

// NewDSN makes a DSN of a text.
func NewDSN(text string) DSN { return DSN{NewSecret(text)} }

// Reveal returns the text. Whoever calls it answers for where it goes.
func (d DSN) Reveal() string { return d.secret.Reveal() }

// IsZero says that there is none.
func (d DSN) IsZero() bool { return d.secret.IsZero() }

// String returns the DSN with REDACTED in place of its password, "" if there is no
// DSN.
func (d DSN) String() string {
	text := d.Reveal()
	if text == "" {
		return ""
	}
	redact := redactKeywords
	if isDSNURL(text) {
		redact = redactURL
	}
	shown, ok := redact(text)
	if !ok {
		return redacted
	}
	return shown
}

// GoString is [DSN.String] for %#v.
func (d DSN) GoString() string { return d.String() }

// Format is [DSN.String] for every verb.
func (d DSN) Format(f fmt.State, _ rune) { write(f, d.String()) }

// MarshalJSON writes [DSN.String].
func (d DSN) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// MarshalYAML writes [DSN.String].
func (d DSN) MarshalYAML() (any, error) { return d.String(), nil }

// LogValue logs [DSN.String].
func (d DSN) LogValue() slog.Value { return slog.StringValue(d.String()) }

func isDSNURL(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

// harmlessKeywords are the parameters of a connection that are no secrets, and
// secretKeywords those whose values are not shown. Any other word may be a part of
// a password that was not quoted.
var harmlessKeywords = []string{
	"application_name", "connect_timeout", "database", "dbname", "host", "hostaddr", "passfile",
	"pool_max_conns", "pool_min_conns", "port", "search_path", "sslcert", "sslkey", "sslmode", "sslrootcert",
	"target_session_attrs", "user",
}

var secretKeywords = []string{"options", "password", "service", "servicefile", "sslpassword"}

// redactURL leaves scheme, user, hosts, database and harmless parameters. A
// password with a character that it ought not to hold unescaped makes a URL that
// means something else, so whatever looks like that is not shown at all.
func redactURL(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Fragment != "" || u.RawFragment != "" || strings.HasSuffix(text, "#") {
		return "", false
	}
	ats := strings.Count(text, "@")
	if ats > 1 || ats == 1 && u.User == nil || strings.ContainsFunc(strings.TrimPrefix(u.Path, "/"), isNoNameRune) {
		return "", false
	}
	user := ""
	if u.User != nil {
		user = url.User(u.User.Username()).String()
		if _, has := u.User.Password(); has {
			user += ":" + redacted
		}
		user += "@"
	}
	query, ok := redactQuery(u.RawQuery)
	if !ok {
		return "", false
	}
	return u.Scheme + "://" + user + u.Host + u.EscapedPath() + query, true
}

func redactQuery(raw string) (string, bool) {
	if raw == "" {
		return "", true
	}
	parameters := strings.Split(raw, "&")
	for i, p := range parameters {
		key, value, found := strings.Cut(p, "=")
		switch {
		case !found:
			return "", false
		case slices.Contains(harmlessKeywords, key) && !strings.Contains(value, "@"):
		case slices.Contains(secretKeywords, key):
			parameters[i] = key + "=" + redacted
		default:
			return "", false
		}
	}
	return "?" + strings.Join(parameters, "&"), true
}

// redactKeywords reads what libpq reads: key = value, values in single quotes with
// backslashes if they hold spaces.
func redactKeywords(text string) (string, bool) {
	var shown []string
	for rest := strings.TrimLeft(text, spaces); rest != ""; rest = strings.TrimLeft(rest, spaces) {
		key, after, found := strings.Cut(rest, "=")
		key = strings.TrimRight(key, spaces)
		isSecret := slices.Contains(secretKeywords, key)
		if !found || !isSecret && !slices.Contains(harmlessKeywords, key) {
			return "", false
		}
		after = strings.TrimLeft(after, spaces)
		length, ok := valueLength(after)
		if !ok {
			return "", false
		}
		value := after[:length]
		rest = after[length:]
		if isSecret {
			value = redacted
		}
		shown = append(shown, key+"="+value)
	}
	return strings.Join(shown, " "), len(shown) > 0
}

// spaces are those that divide the parameters of a connection.
const spaces = " \t\r\n\f\v"

// valueLength returns how long the value at the beginning of a text is as it is
// written there, and whether it is well-formed.
func valueLength(text string) (int, bool) {
	isQuoted := strings.HasPrefix(text, "'")
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case isQuoted && i > 0 && text[i] == '\'':
			end := i + 1
			return end, end == len(text) || strings.IndexByte(spaces, text[end]) >= 0
		case !isQuoted && text[i] == '\'':
			return 0, false
		case !isQuoted && strings.IndexByte(spaces, text[i]) >= 0:
			return i, true
		}
	}
	return len(text), !isQuoted
}

// isNoNameRune says that a character is not one of which names of databases are
// made as a rule.
func isNoNameRune(r rune) bool {
	isLetter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	return !isLetter && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
}
