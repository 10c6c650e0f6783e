package server

import (
	"net/http"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/wire"
)

// tpmRequest reads a message of a TPM's client: nil for the one that asks for a
// challenge.
func tpmRequest(body []byte) (*attest.Request, error) {
	message, err := wire.ParseTPMMessage(body)
	if err != nil || message.Request == nil {
		return nil, err //nolint:nilnil // see above
	}
	return &attest.Request{Type: attest.TPM, Evidence: message.Request}, nil
}

// challenge answers the first message of a TPM's client. Nothing of it is kept.
func (s *Server) challenge(w http.ResponseWriter, r *http.Request) {
	given, context, err := noteOf(r).instance.NewChallenge()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer, err := wire.NewTPMChallenge(given, context)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, r, answer)
}

// report answers the second message.
func (s *Server) report(w http.ResponseWriter, r *http.Request, token string) {
	answer, err := wire.NewTPMReport(token)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, r, answer)
}
