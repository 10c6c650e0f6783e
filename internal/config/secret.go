package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// redacted stands wherever a secret would.
const redacted = "REDACTED"

// Secret is a text that nothing prints. The zero value is no secret at all, and
// prints as the empty text, so that one can see whether there is one.
//
// The text is behind a pointer: package fmt reaches fields that are not exported
// without asking for their methods, and then shows an address.
type Secret struct{ text *string }

// NewSecret makes a secret of a text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text. Whoever calls it answers for where it goes.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero says that there is no secret.
func (s Secret) IsZero() bool { return s.text == nil }

// String returns "REDACTED", or "" if there is no secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// GoString is [Secret.String] for %#v.
func (s Secret) GoString() string { return s.String() }

// Format is [Secret.String] for every verb, also those that do not fit a text.
func (s Secret) Format(f fmt.State, _ rune) { write(f, s.String()) }

// MarshalJSON writes [Secret.String].
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalYAML writes [Secret.String].
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// LogValue logs [Secret.String].
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// write gives fmt what it prints. It keeps no error.
func write(w io.Writer, text string) { _, _ = io.WriteString(w, text) }
