package vaultserver

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/azattest/azattest/internal/edge"
	"github.com/azattest/azattest/internal/telemetry"
	"github.com/azattest/azattest/keyrelease"
)

// receive reads a body, of whatever type it is. A large one takes one of the places.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, o Operation) ([]byte, error) {
	most := s.limits.BodyBytes
	if o == KeyRelease {
		most = keyrelease.MaxRequestBytes
	}
	body, err := edge.ReadBody(w, r, most, s.uploads)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, refusal(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", fmt.Sprintf("The request body has more than %d bytes.", most))
	}
	switch {
	case errors.Is(err, edge.ErrBusy):
		return nil, tooManyAtOnce(telemetry.LimitUploads)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &keyrelease.RefusalError{Status: http.StatusRequestTimeout, Code: "RequestTimeout", Message: "The request body did not come in time.", Err: err}
	case err != nil && r.Context().Err() != nil:
		return nil, &keyrelease.RefusalError{Status: statusClientClosed, Code: "ClientClosedRequest", Message: "The client has gone.", Err: err}
	case err != nil:
		return nil, &keyrelease.RefusalError{Status: http.StatusBadRequest, Code: "BadParameter", Message: "The request body could not be read.", Err: err}
	}
	return body, nil
}

// readBody returns the body of a request that must have one.
func readBody(r *http.Request) ([]byte, error) {
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" || parameters["charset"] != "" && !strings.EqualFold(parameters["charset"], "utf-8") {
		return nil, refusal(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "Content-Type: want application/json in UTF-8.")
	}
	return io.ReadAll(r.Body)
}
