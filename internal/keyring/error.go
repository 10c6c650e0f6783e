package keyring

import (
	"fmt"
	"strings"
)

// ConfigError says why a [Config], or an argument, makes no sense.
type ConfigError struct {
	// Field is the field of the Config, or the argument.
	Field string
	// Problem is what is wrong with it, and what would be right.
	Problem string
}

func (e *ConfigError) Error() string { return "keyring: config: " + e.Field + ": " + e.Problem }

// WrappingError says why there is no wrapping key to use. It never holds any
// part of one.
type WrappingError struct {
	// Problem is what is wrong, and what would be right.
	Problem string
}

func (e *WrappingError) Error() string { return "keyring: wrapping keys: " + e.Problem }

// RecordError says why the record of a signing key is not used.
type RecordError struct {
	// ID is the key's ID, or what the record's place in the store says of it.
	ID string
	// Problem is what is wrong, and what would be right.
	Problem string
	// Err is the cause, if there is more to say. It never holds key material.
	Err error
}

func (e *RecordError) Error() string {
	text := "record of key " + e.ID + ": " + e.Problem
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *RecordError) Unwrap() error { return e.Err }

// RecordsError says that some records could not be used. All others were.
type RecordsError struct {
	Records []*RecordError
}

func (e *RecordsError) Error() string {
	const most = 3
	var b strings.Builder
	fmt.Fprintf(&b, "keyring: %d unusable: ", len(e.Records))
	for i, r := range e.Records {
		if i == most {
			fmt.Fprintf(&b, "; and %d more", len(e.Records)-most)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(r.Error())
	}
	return b.String()
}

// IsPartial is true: whoever holds the keyring can go on with all other keys.
func (*RecordsError) IsPartial() bool { return true }

// Unwrap returns the single errors.
func (e *RecordsError) Unwrap() []error {
	all := make([]error, 0, len(e.Records))
	for _, r := range e.Records {
		all = append(all, r)
	}
	return all
}

// UnknownKeyError says that there is no such key.
type UnknownKeyError struct {
	ID string
}

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("keyring: no key %q: list the keys to see which there are", e.ID)
}

// SuccessorError says that a key was revoked as asked, and that no new key could
// be made to sign in its place. An earlier key that is still published signs, or
// else nobody does until a key can be made.
type SuccessorError struct {
	// ID is the key that was revoked.
	ID  string
	Err error
}

func (e *SuccessorError) Error() string {
	return "keyring: key " + e.ID + " is revoked, but there is no new one in its place: " + e.Err.Error()
}

func (e *SuccessorError) Unwrap() error { return e.Err }
