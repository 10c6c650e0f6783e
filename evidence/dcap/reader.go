package dcap

import (
	"encoding/binary"
	"fmt"

	"github.com/azattest/azattest/evidence"
)

// reader walks over little-endian fields and remembers the first that was not
// there. Every length is checked before it is used.
type reader struct {
	rest   []byte
	offset int
	err    *evidence.Error
}

func newReader(b []byte) *reader { return &reader{rest: b} }

// take returns the next n bytes, without copying them.
func (r *reader) take(n int, part string) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.rest) {
		r.err = &evidence.Error{
			Stage: evidence.StageParse, Code: evidence.CodeTruncated, Part: part, Offset: r.offset,
			Found: fmt.Sprintf("%d bytes left", len(r.rest)), Expected: fmt.Sprintf("%d", n),
		}
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	r.offset += n
	return b
}

func (r *reader) uint16(part string) uint16 {
	b := r.take(2, part)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint16(b)
}

func (r *reader) uint32(part string) uint32 {
	b := r.take(4, part)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

// fail records that the field which begins at offset is malformed. The first
// failure wins.
func (r *reader) fail(code evidence.Code, part string, offset int, found, expected string) {
	if r.err == nil {
		r.err = &evidence.Error{
			Stage: evidence.StageParse, Code: code, Part: part, Offset: offset, Found: found, Expected: expected,
		}
	}
}

// problem returns the first failure as an error, nil if there was none.
func (r *reader) problem() error {
	if r.err == nil {
		return nil
	}
	return r.err
}
