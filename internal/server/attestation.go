package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/wire"
)

// attestation serves POST /attest/{type}. It asks for no credential, as the real
// service since 2020-10-01: a token says what the evidence proves, whoever sent
// it.
func (s *Server) attestation(t attest.Type, member string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n := noteOf(r)
		n.attestationType = string(t)
		if _, problem := wire.ParseAPIVersion(r.URL.RawQuery); problem != nil {
			s.refuse(w, r, http.StatusBadRequest, *problem)
			return
		}
		request, err := s.receive(w, r, member)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		n.evidenceBytes = len(request.Evidence)
		n.isDraft = request.DraftPolicy != nil
		leave, ok := s.work.take()
		if !ok {
			s.fail(w, r, errBusy)
			return
		}
		defer leave()
		ctx, cancel := context.WithTimeout(r.Context(), s.limits.Request)
		defer cancel()
		response, err := s.attest.Attest(ctx, &attest.Request{
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
		s.answer(w, r, wire.Token{Token: response.Token})
	}
}

func dataOf(d *wire.Data) *attest.Data {
	if d == nil {
		return nil
	}
	return &attest.Data{Bytes: d.Bytes, JSON: d.JSON}
}

// receive reads and parses the body, within the limits of the server.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, member string) (*wire.AttestRequest, error) {
	if !wire.IsJSON(r.Header.Get("Content-Type")) {
		return nil, &mediaError{"Content-Type", r.Header.Get("Content-Type"), "application/json in UTF-8"}
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, &mediaError{"Content-Encoding", coding, "a body that is not compressed"}
	}
	if r.ContentLength > s.limits.BodyBytes {
		return nil, &tooLargeError{s.limits.BodyBytes}
	}
	limited := http.MaxBytesReader(w, r.Body, s.limits.BodyBytes)
	body, err := io.ReadAll(io.LimitReader(limited, smallBody))
	if err == nil && len(body) == smallBody {
		leave, ok := s.uploads.take()
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
	return wire.ParseAttestRequest(member, body)
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
