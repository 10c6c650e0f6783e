package tpm

import (
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/azattest/azattest/evidence"
)

// Name is a TPM2B_NAME (part 1, 16): a hash algorithm and the hash of a public
// area, which stands for the key with all its attributes; or a handle of four
// bytes; or empty.
type Name []byte

// String returns the name in hexadecimal.
func (n Name) String() string { return hex.EncodeToString(n) }

// isDigest reports whether n is the name of a key, and no handle.
func (n Name) isDigest() bool { return len(n) > 4 }

// algorithm is the hash of a name that isDigest.
func (n Name) algorithm() Algorithm { return Algorithm(uint16(n[0])<<8 | uint16(n[1])) }

// name reads a TPM2B_NAME.
func (r *reader) name(part string) Name {
	at := r.offset
	n := Name(r.sized(maxData, part))
	if r.err != nil || len(n) == 0 || len(n) == 4 {
		return n
	}
	if len(n) < 2 {
		r.fail(evidence.CodeMalformed, part, at, "1 byte", "a handle, or an algorithm with a digest")
		return nil
	}
	a := n.algorithm()
	switch size := a.size(); {
	case size == 0:
		r.fail(evidence.CodeUnsupported, part, at, "algorithm "+a.String(), "SHA1, SHA256, SHA384 or SHA512")
	case len(n) != 2+size:
		r.fail(evidence.CodeMalformed, part, at, fmt.Sprintf("%d bytes", len(n)), strconv.Itoa(2+size)+" for "+a.String())
	}
	return n
}
