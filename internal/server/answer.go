package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/azattest/azattest/internal/wire"
)

// answer writes a success. Tokens are for the one who asked: nothing on the way
// may keep them.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		s.fail(w, r, fmt.Errorf("encode the answer: %w", err))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	write(w, http.StatusOK, text)
}

// refuse writes an error in the shape of the request's API version, with the
// code in a header too, where the SDKs look first.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, e wire.Error) {
	note := noteOf(r)
	note.code = e.Code
	text, err := e.JSON(note.version)
	if err != nil {
		note.cause = err
	}
	w.Header().Set("x-ms-error-code", e.Code)
	w.Header().Set("Cache-Control", "no-store")
	write(w, status, text)
}

func write(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", wire.ContentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	// A client that went away cannot be told.
	_, _ = w.Write(text)
}
