package tpm

import (
	"encoding/binary"
	"fmt"

	"github.com/azattest/azattest/evidence"
)

// reader walks over big-endian fields and remembers the first that was not there.
// Every length is checked before it is used.
type reader struct {
	rest   []byte
	offset int
	err    *evidence.Error
}

// newReader refuses an input beyond its bound before it is read.
func newReader(b []byte, most int, part string) *reader {
	r := &reader{rest: b}
	if len(b) > most {
		r.fail(evidence.CodeTooLarge, part, 0, fmt.Sprintf("%d bytes", len(b)), fmt.Sprintf("at most %d", most))
	}
	return r
}

// take returns the next n bytes, without copying them.
func (r *reader) take(n int, part string) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.rest) {
		r.fail(evidence.CodeTruncated, part, r.offset, fmt.Sprintf("%d bytes left", len(r.rest)), fmt.Sprintf("%d", n))
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	r.offset += n
	return b
}

func (r *reader) uint8(part string) uint8 {
	if b := r.take(1, part); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16(part string) uint16 {
	if b := r.take(2, part); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint32(part string) uint32 {
	if b := r.take(4, part); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64(part string) uint64 {
	if b := r.take(8, part); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) algorithm(part string) Algorithm { return Algorithm(r.uint16(part)) }

// hash reads an algorithm that must be a hash.
func (r *reader) hash(part string) Algorithm {
	at := r.offset
	a := r.algorithm(part)
	if a.size() == 0 {
		r.fail(evidence.CodeUnsupported, part, at, a.String(), "SHA1, SHA256, SHA384 or SHA512")
	}
	return a
}

// sized reads a TPM2B: a length of 16 bits and so many bytes.
func (r *reader) sized(most int, part string) []byte {
	at := r.offset
	n := int(r.uint16(part))
	if n > most {
		r.fail(evidence.CodeTooLarge, part, at, fmt.Sprintf("%d bytes", n), fmt.Sprintf("at most %d", most))
	}
	return r.take(n, part)
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

// end refuses bytes that follow the structure.
func (r *reader) end(part string) {
	if n := len(r.rest); n > 0 {
		r.fail(evidence.CodeTrailingData, part, r.offset, fmt.Sprintf("%d more bytes", n), "the end")
	}
}

// problem returns the first failure as an error, nil if there was none.
func (r *reader) problem() error {
	if r.err == nil {
		return nil
	}
	return r.err
}
