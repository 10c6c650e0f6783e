package server

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/azattest/azattest/internal/wire"
)

// receive reads a body, within the limits of the server. A large one takes one of
// the places.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, uploads places) ([]byte, error) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, &mediaError{"Content-Encoding", coding, "a body that is not compressed"}
	}
	if r.ContentLength > s.limits.BodyBytes {
		return nil, &tooLargeError{s.limits.BodyBytes}
	}
	limited := http.MaxBytesReader(w, r.Body, s.limits.BodyBytes)
	body, err := readSome(limited, r.ContentLength)
	if err == nil && len(body) == smallBody {
		leave, ok := uploads.take()
		if !ok {
			return nil, errBusy
		}
		defer leave()
		var rest []byte
		rest, err = io.ReadAll(limited)
		body = append(body, rest...)
	}
	noteOf(r).requestBytes = len(body)
	if err != nil {
		return nil, s.unreadable(err)
	}
	return body, nil
}

// readSome reads up to smallBody bytes. The room for them is made at once if the
// length was announced: to make it grow costs twice as much.
func readSome(r io.Reader, length int64) ([]byte, error) {
	var room bytes.Buffer
	if length > 0 {
		// The buffer grows unless it has room for what does not come any more.
		room.Grow(int(min(length, smallBody)) + bytes.MinRead)
	}
	_, err := room.ReadFrom(io.LimitReader(r, smallBody))
	return room.Bytes(), err
}

// unreadable says why a body could not be read to its end.
func (s *Server) unreadable(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &tooLargeError{s.limits.BodyBytes}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errSlow
	}
	return &wire.RequestError{Member: "body", Problem: "ends before it is complete"}
}
