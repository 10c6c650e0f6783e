package cli

import (
	"io"

	"github.com/azattest/azattest/internal/wholefile"
)

// writeFile writes a result, readable by its owner only.
func writeFile(name string, content []byte) error {
	return wholefile.Write(name, content, wholefile.Private)
}

// streamFile does what [writeFile] does, for results that are too large to be held.
// The name - is standard output, where what was written stays written.
func streamFile(s Streams, name string, write func(io.Writer) error) error {
	if name == "-" {
		return write(s.Out)
	}
	return wholefile.Stream(name, write)
}
