package eventlog

import (
	"encoding/binary"
	"fmt"
)

// reader walks over a log, or over the data of an event. Its errors say where.
type reader struct {
	rest   []byte
	offset int // of rest within the log
	event  int
	log    int
}

// reader begins at the data of an event.
func (e *Event) reader() *reader {
	return &reader{rest: e.Data, offset: e.Offset, event: e.Number, log: e.Log}
}

func (r *reader) fail(code Code, part, found, expected string) *Error {
	return &Error{Code: code, Log: r.log, Event: r.event, Offset: r.offset, PCR: -1, Part: part, Found: found, Expected: expected}
}

// take cuts off n bytes. The length is checked before anything is made of it.
func (r *reader) take(n uint64, part string) ([]byte, error) {
	if n > uint64(len(r.rest)) {
		return nil, r.fail(CodeTruncated, part, fmt.Sprintf("%d bytes left", len(r.rest)), fmt.Sprintf("%d", n))
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	r.offset += len(b)
	return b, nil
}

// within is take for a length that came from the log and has a bound.
func (r *reader) within(n, bound uint64, part string) ([]byte, error) {
	if n > bound {
		return nil, r.fail(CodeTooLarge, part, fmt.Sprintf("%d bytes", n), fmt.Sprintf("at most %d", bound))
	}
	return r.take(n, part)
}

func (r *reader) u8(part string) (uint8, error) {
	b, err := r.take(1, part)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (r *reader) u16(part string) (uint16, error) {
	b, err := r.take(2, part)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint16(b), nil
}

func (r *reader) u32(part string) (uint32, error) {
	b, err := r.take(4, part)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (r *reader) u64(part string) (uint64, error) {
	b, err := r.take(8, part)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// end refuses what is left.
func (r *reader) end(part string) error {
	if len(r.rest) > 0 {
		return r.fail(CodeTrailingData, part, fmt.Sprintf("%d bytes more", len(r.rest)), "its end")
	}
	return nil
}
