package cli

import (
	"encoding/hex"
	"fmt"
)

// hexFlag is a flag of hexadecimal bytes.
type hexFlag struct {
	dst []byte
	// isPadded lets fewer bytes be given than dst has; zero bytes follow.
	isPadded bool
}

func (f *hexFlag) String() string {
	for _, b := range f.dst {
		if b != 0 {
			return hex.EncodeToString(f.dst)
		}
	}
	return ""
}

func (f *hexFlag) Set(text string) error {
	b, err := hex.DecodeString(text)
	switch {
	case err != nil:
		return fmt.Errorf("want hexadecimal digits: %w", err)
	case f.isPadded && len(b) > len(f.dst):
		return fmt.Errorf("%d bytes, want at most %d", len(b), len(f.dst))
	case !f.isPadded && len(b) != len(f.dst):
		return fmt.Errorf("%d bytes, want %d", len(b), len(f.dst))
	}
	clear(f.dst)
	copy(f.dst, b)
	return nil
}

func (f *hexFlag) Type() string { return "hex" }
