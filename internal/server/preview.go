package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/wire"
)

// The routes of version 2018-09-01-preview name the kind of evidence in the
// query, and answer with bare strings.

// teeOf reads the kind of evidence as the preview spells it.
func (s *Server) teeOf(r *http.Request) (attest.Type, error) {
	text, problem := wire.ParseTEE(r.URL.RawQuery)
	if problem != nil {
		return "", &wire.RequestError{Member: "tee", Problem: problem.Message}
	}
	if strings.EqualFold(text, "CyResComponent") || strings.EqualFold(text, "VSMEnclave") {
		// Both are attested as parts of a TPM's boot.
		text = string(attest.TPM)
	}
	return s.noteType(r, text)
}

// previewGet serves GET /operations/policy/current.
func (s *Server) previewGet(w http.ResponseWriter, r *http.Request) {
	jwt, ok := s.perform(w, r, opGetPolicy, auth.Read, wire.PreviewVersions(), func(ctx context.Context, _ []byte) (*claims.Set, error) {
		t, err := s.teeOf(r)
		if err != nil {
			return nil, err
		}
		jws, err := s.instances.Policy(ctx, noteOf(r).instance.Settings().Name, t)
		if err != nil {
			return nil, err
		}
		return resultOf(wire.ClaimPolicy, claims.String(jws)), nil
	})
	if ok {
		s.answer(w, r, wire.PreviewPolicy{Policy: jwt})
	}
}

// previewSet serves PUT /operations/policy/current, whose answer is empty.
func (s *Server) previewSet(w http.ResponseWriter, r *http.Request) {
	_, ok := s.perform(w, r, opSetPolicy, auth.Write, wire.PreviewVersions(), func(ctx context.Context, body []byte) (*claims.Set, error) {
		t, err := s.teeOf(r)
		if err != nil {
			return nil, err
		}
		return s.setPolicyOf(ctx, r, t, body, true)
	})
	if ok {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
	}
}

// previewReset serves POST /operations/policy/current.
func (s *Server) previewReset(w http.ResponseWriter, r *http.Request) {
	jwt, ok := s.perform(w, r, opResetPolicy, auth.Delete, wire.PreviewVersions(), func(ctx context.Context, body []byte) (*claims.Set, error) {
		t, err := s.teeOf(r)
		if err != nil {
			return nil, err
		}
		return s.resetPolicyOf(ctx, r, t, body)
	})
	if ok {
		s.answer(w, r, jwt)
	}
}

// previewPropose serves POST /operations/policy/updatepolicy: it checks the policy
// and wraps it up, and changes nothing.
func (s *Server) previewPropose(w http.ResponseWriter, r *http.Request) {
	jwt, ok := s.perform(w, r, opGetPolicy, auth.Read, wire.PreviewVersions(), func(_ context.Context, body []byte) (*claims.Set, error) {
		if _, err := s.teeOf(r); err != nil {
			return nil, err
		}
		jws, err := parsePolicy(body)
		if err != nil {
			return nil, err
		}
		if err := s.instances.CheckPolicy(jws); err != nil {
			return nil, err
		}
		return resultOf(claimProposal, claims.String(jws.String())), nil
	})
	if ok {
		s.answer(w, r, jwt)
	}
}

// claimProposal holds a policy that was proposed. Under the name of the one in force
// our signature would say of any text that it is the policy, for whoever may read.
const claimProposal = "x-azattest-proposed-policy"

// previewCertificates serves GET /operations/policy/certificates.
func (s *Server) previewCertificates(w http.ResponseWriter, r *http.Request) {
	jwt, ok := s.perform(w, r, opGetCertificates, auth.Read, wire.PreviewVersions(), func(ctx context.Context, _ []byte) (*claims.Set, error) {
		return s.certificatesOf(ctx, r, wire.ClaimPreviewCertificates)
	})
	if ok {
		s.answer(w, r, jwt)
	}
}

// previewAdd serves PUT /operations/policy/certificates.
func (s *Server) previewAdd(w http.ResponseWriter, r *http.Request) {
	s.previewChange(w, r, opAddCertificate, auth.Write, true)
}

// previewRemove serves POST /operations/policy/certificates.
func (s *Server) previewRemove(w http.ResponseWriter, r *http.Request) {
	s.previewChange(w, r, opRemoveCertificate, auth.Delete, false)
}

func (s *Server) previewChange(w http.ResponseWriter, r *http.Request, op operation, needs auth.Action, isAdded bool) {
	jwt, ok := s.perform(w, r, op, needs, wire.PreviewVersions(), func(ctx context.Context, body []byte) (*claims.Set, error) {
		return s.changeCertificates(ctx, r, body, isAdded)
	})
	if ok {
		s.answer(w, r, jwt)
	}
}
