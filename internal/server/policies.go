package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/internal/wire"
)

// resetSuffix follows the type where a policy is reset.
const resetSuffix = ":reset"

// getPolicy serves GET /policies/{type}.
func (s *Server) getPolicy(w http.ResponseWriter, r *http.Request) {
	s.manage(w, r, opGetPolicy, auth.Read, wire.APIVersions(), func(ctx context.Context, _ []byte) (*claims.Set, error) {
		t, err := s.noteType(r, r.PathValue("type"))
		if err != nil {
			return nil, err
		}
		jws, err := s.instances.Policy(ctx, noteOf(r).instance.Settings().Name, t)
		if err != nil {
			return nil, err
		}
		return resultOf(wire.ClaimPolicy, claims.String(jws)), nil
	})
}

// setPolicy serves PUT /policies/{type}.
func (s *Server) setPolicy(w http.ResponseWriter, r *http.Request) {
	s.manage(w, r, opSetPolicy, auth.Write, wire.APIVersions(), func(ctx context.Context, body []byte) (*claims.Set, error) {
		t, err := s.noteType(r, r.PathValue("type"))
		if err != nil {
			return nil, err
		}
		return s.setPolicyOf(ctx, r, t, body, false)
	})
}

func (s *Server) setPolicyOf(ctx context.Context, r *http.Request, t attest.Type, body []byte, isPreview bool) (*claims.Set, error) {
	jws, err := parsePolicy(body)
	if err != nil {
		return nil, err
	}
	n := noteOf(r)
	n.tokenHash = jws.Hash()
	change := instance.PolicyChange{
		Instance: n.instance.Settings().Name, Type: t, Token: jws, By: n.caller.Name(), IsPreview: isPreview,
	}
	if _, err := s.instances.SetPolicy(ctx, change); err != nil {
		return nil, err
	}
	result := resultOf(wire.ClaimPolicyResult, claims.String(wire.PolicyUpdated))
	result.Add(wire.ClaimPolicyTokenHash, claims.String(jws.Hash()))
	if jwk, ok := jws.SignerJWK(); ok {
		signer, err := jwkOf(jwk)
		if err != nil {
			return nil, err
		}
		result.Add(wire.ClaimPolicySigner, signer)
	}
	return result, nil
}

// resetPolicy serves POST /policies/{type}:reset. The mux knows no pattern with
// text behind a variable.
func (s *Server) resetPolicy(w http.ResponseWriter, r *http.Request) {
	text, ok := strings.CutSuffix(r.PathValue("type"), resetSuffix)
	if !ok {
		s.refusePath(w, r)
		return
	}
	s.manage(w, r, opResetPolicy, auth.Delete, wire.APIVersions(), func(ctx context.Context, body []byte) (*claims.Set, error) {
		t, err := s.noteType(r, text)
		if err != nil {
			return nil, err
		}
		return s.resetPolicyOf(ctx, r, t, body)
	})
}

func (s *Server) resetPolicyOf(ctx context.Context, r *http.Request, t attest.Type, body []byte) (*claims.Set, error) {
	jws, err := parsePolicy(body)
	if err != nil {
		return nil, err
	}
	n := noteOf(r)
	n.tokenHash = jws.Hash()
	change := instance.PolicyChange{Instance: n.instance.Settings().Name, Type: t, Token: jws, By: n.caller.Name()}
	if _, err := s.instances.ResetPolicy(ctx, change); err != nil {
		return nil, err
	}
	return resultOf(wire.ClaimPolicyResult, claims.String(wire.PolicyRemoved)), nil
}

// parsePolicy reads a token with whatever media type it was announced: the SDKs do
// not agree on one.
func parsePolicy(body []byte) (*policytoken.Token, error) {
	text, err := wire.ParsePolicyBody(body)
	if err != nil {
		return nil, err
	}
	return policytoken.Parse(text)
}

func (s *Server) noteType(r *http.Request, text string) (attest.Type, error) {
	t, err := parseType(text)
	noteOf(r).attestationType = string(t)
	return t, err
}

func resultOf(name string, v claims.Value) *claims.Set {
	c := new(claims.Set)
	c.Add(name, v)
	return c
}
