package cli

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// readPolicyText reads a policy that is to be sent. What is no text at all is
// refused here: a service might take it, and nobody could read it again.
func readPolicyText(s Streams, name string) (string, error) {
	raw, err := readInput(s, name)
	if err != nil {
		return "", fmt.Errorf("policy: %w", err)
	}
	if err := checkText(raw); err != nil {
		return "", withHint(&refusedError{fmt.Errorf("policy %s: %w", name, err)},
			"save it as UTF-8; Windows PowerShell writes UTF-16 with > and Out-File, unless told -Encoding utf8")
	}
	return string(raw), nil
}

func checkText(raw []byte) error {
	switch {
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		return errors.New("this is UTF-16, want UTF-8")
	case bytes.IndexByte(raw, 0) >= 0:
		return fmt.Errorf("byte %d is zero, want UTF-8", bytes.IndexByte(raw, 0))
	case utf8.Valid(raw):
		return nil
	}
	at := 0
	for at < len(raw) {
		r, size := utf8.DecodeRune(raw[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return fmt.Errorf("byte %d (0x%02x) is no text, want UTF-8", at, raw[at])
}
