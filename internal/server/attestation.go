package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/wire"
)

// attestation serves POST /attest/{type}. It asks for no credential, as the
// real service since 2020-10-01: a token says what the evidence proves, whoever
// sent it.
func (s *Server) attestation(t attest.Type, member string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		version, failure := apiVersion(r)
		if failure != nil {
			s.refuse(w, r, http.StatusBadRequest, *failure)
			return
		}
		noteOf(r).version = version
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		default:
			s.fail(w, r, errBusy)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.limits.BodyBytes))
		if err != nil {
			s.fail(w, r, unreadable(err))
			return
		}
		request, err := wire.ParseAttestRequest(member, body)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		noteOf(r).evidenceBytes = len(request.Evidence)
		ctx, cancel := context.WithTimeout(r.Context(), s.limits.Request)
		defer cancel()
		answer, err := s.attest.Attest(ctx, &attest.Request{
			Type:         t,
			Evidence:     request.Evidence,
			RuntimeData:  dataOf(request.RuntimeData),
			InitTimeData: dataOf(request.InitTimeData),
			Nonce:        request.Nonce,
			DraftPolicy:  request.DraftPolicy,
		})
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.answer(w, r, wire.Token{Token: answer.Token})
	}
}

func dataOf(d *wire.Data) *attest.Data {
	if d == nil {
		return nil
	}
	return &attest.Data{Bytes: d.Bytes, JSON: d.JSON}
}

// apiVersion reads the query's api-version, which every attestation must name.
func apiVersion(r *http.Request) (wire.APIVersion, *wire.Error) {
	given := r.URL.Query()["api-version"]
	if len(given) == 0 || given[0] == "" {
		return "", &wire.Error{Code: wire.CodeAPIVersionUnspecified, Message: fmt.Sprintf("An API version is required, but was not specified. Supported: %v.", wire.APIVersions())}
	}
	version := wire.APIVersion(given[0])
	if len(given) > 1 || !version.IsKnown() {
		return "", &wire.Error{
			Code:    wire.CodeUnsupportedAPIVersion,
			Message: fmt.Sprintf("The HTTP resource does not support the API version '%s'. Supported: %v.", clip(given[len(given)-1]), wire.APIVersions()),
		}
	}
	return version, nil
}

// unreadable tells a body that is too large from one that never came.
func unreadable(err error) error {
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &tooLargeError{limit: large.Limit}
	}
	return &wire.RequestError{Member: "body", Problem: "could not be read to its end"}
}
