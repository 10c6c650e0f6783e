package server

import (
	"errors"
	"net/http"
	"os"
	"strings"

	"github.com/azattest/azattest/internal/edge"
	"github.com/azattest/azattest/internal/wire"
)

// receive reads a body, within the limits of the server. A large one takes one of
// the places.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, uploads edge.Places) ([]byte, error) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, &mediaError{"Content-Encoding", coding, "a body that is not compressed"}
	}
	body, err := edge.ReadBody(w, r, s.limits.BodyBytes, uploads)
	noteOf(r).requestBytes = len(body)
	if err != nil {
		return nil, s.unreadable(err)
	}
	return body, nil
}

// unreadable says why a body was not read to its end.
func (s *Server) unreadable(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &tooLargeError{s.limits.BodyBytes}
	}
	switch {
	case errors.Is(err, edge.ErrBusy):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlow
	}
	return &wire.RequestError{Member: "body", Problem: "ends before it is complete"}
}
