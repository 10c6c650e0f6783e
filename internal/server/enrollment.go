package server

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/edge"
	"github.com/azattest/azattest/internal/enroll"
	"github.com/azattest/azattest/internal/wire"
)

// errNoAuthority says that the service gives no certificates.
var errNoAuthority = errors.New("no authority is configured that enrolls TPMs")

// beginEnrollment serves POST /tpm/enroll: a challenge for a TPM that holds two
// keys. Azure's service has no such route, so it asks for no version of its API.
func (s *Server) beginEnrollment(w http.ResponseWriter, r *http.Request) {
	s.enroll(w, r, opBeginEnrollment, func(ctx context.Context, instanceURL string, body []byte) (any, enroll.Subject, error) {
		request, err := wire.ParseEnrollRequest(body)
		if err != nil {
			return nil, enroll.Subject{}, err
		}
		c, err := s.enrollment.Begin(ctx, instanceURL, enroll.BeginRequest{
			EKCertificates: request.EKCertificates, EKPublic: request.EKPublic, AIKPublic: request.AIKPublic,
		})
		if err != nil {
			return nil, enroll.Subject{}, err
		}
		return wire.NewEnrollChallenge(c.IDObject, c.EncryptedSecret, c.Context), c.Subject, nil
	})
}

// activateEnrollment serves POST /tpm/activate: the certificate for a right answer.
func (s *Server) activateEnrollment(w http.ResponseWriter, r *http.Request) {
	s.enroll(w, r, opActivateEnrollment, func(ctx context.Context, instanceURL string, body []byte) (any, enroll.Subject, error) {
		request, err := wire.ParseActivateRequest(body)
		if err != nil {
			return nil, enroll.Subject{}, err
		}
		enrolled, err := s.enrollment.Activate(ctx, instanceURL, enroll.ActivateRequest{
			Context: request.Context, Secret: request.Secret, AIKPublic: request.AIKPublic,
		})
		if err != nil {
			return nil, enroll.Subject{}, err
		}
		return wire.NewCertificates(enrolled.Chain), enrolled.Subject, nil
	})
}

// step is one message of an enrollment: of a body it makes the answer, and says of
// which keys it is.
type step func(ctx context.Context, instanceURL string, body []byte) (any, enroll.Subject, error)

// enroll serves a step of an enrollment. It asks for the role that a TPM needs to
// attest, and takes the places of those who attest with it: whoever may enroll has no
// part in those of the service's operators.
func (s *Server) enroll(w http.ResponseWriter, r *http.Request, op operation, do step) {
	n := noteOf(r)
	n.operation, n.attestationType = op, string(attest.TPM)
	answer, err := s.enrollAdmitted(w, r, do)
	if err != nil {
		if e, ok := errors.AsType[*enroll.Error](err); ok {
			n.enrolled = e.Subject
		}
		s.fail(w, r, err)
		return
	}
	s.answer(w, r, answer)
}

func (s *Server) enrollAdmitted(w http.ResponseWriter, r *http.Request, do step) (any, error) {
	n := noteOf(r)
	if err := s.admit(r, auth.Read); err != nil {
		return nil, err
	}
	if s.enrollment == nil {
		return nil, errNoAuthority
	}
	// No certificate is given of which nothing would be known later.
	if err := s.checkTrail(n.operation); err != nil {
		return nil, err
	}
	if !wire.IsJSON(r.Header.Get("Content-Type")) {
		return nil, &mediaError{"Content-Type", r.Header.Get("Content-Type"), "application/json in UTF-8"}
	}
	body, err := s.receive(w, r, s.knownUploads)
	if err != nil {
		return nil, err
	}
	leave, ok := s.knownWork.Take()
	if !ok {
		return nil, edge.ErrBusy
	}
	defer leave()
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.Request)
	defer cancel()
	// Clients choose how slowly they send a body.
	latest, err := n.instance.Latest()
	if err != nil {
		return nil, err
	}
	n.instance = latest
	settings := latest.Settings()
	if len(settings.Types) > 0 && !slices.Contains(settings.Types, attest.TPM) {
		return nil, &notEnabledError{instance: settings.Name, typ: attest.TPM, what: "enrollment"}
	}
	answer, subject, err := do(ctx, settings.URL, body)
	if err != nil {
		return nil, err
	}
	n.enrolled = subject
	// The trail is not to blame for a client that goes away in between.
	ctx, end := context.WithTimeout(context.WithoutCancel(ctx), tellTime)
	defer end()
	if err := s.record(ctx, r); err != nil {
		return nil, err
	}
	return answer, nil
}
