package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxInput bounds a file given on the command line: evidence, tokens and
// policies are all far smaller.
const maxInput = 8 << 20

// readInput reads a file, or stdin for "-".
func readInput(s Streams, name string) ([]byte, error) {
	if name == "-" {
		return readBounded(s.In, "standard input")
	}
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	return readBounded(f, name)
}

func readBounded(r io.Reader, name string) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(raw) > maxInput {
		return nil, fmt.Errorf("read %s: more than %d bytes", name, maxInput)
	}
	return raw, nil
}
