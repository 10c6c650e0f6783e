package server

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/internal/wire"
)

// getCertificates serves GET /certificates.
func (s *Server) getCertificates(w http.ResponseWriter, r *http.Request) {
	s.manage(w, r, opGetCertificates, auth.Read, wire.APIVersions(), func(ctx context.Context, _ []byte) (*claims.Set, error) {
		return s.certificatesOf(ctx, r, wire.ClaimPolicyCertificates)
	})
}

func (s *Server) certificatesOf(ctx context.Context, r *http.Request, name string) (*claims.Set, error) {
	listed, err := s.instances.Certificates(ctx, noteOf(r).instance.Settings().Name)
	if err != nil {
		return nil, err
	}
	keys := make([]policytoken.JWK, len(listed))
	for i, c := range listed {
		keys[i] = policytoken.NewJWK(c.X509())
	}
	set, err := jwkOf(struct {
		Keys []policytoken.JWK `json:"keys"`
	}{keys})
	if err != nil {
		return nil, err
	}
	return resultOf(name, set), nil
}

// jwkOf makes a claim of a JWK, or of a set of them.
func jwkOf(v any) (claims.Value, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return claims.Value{}, fmt.Errorf("encode certificates: %w", err)
	}
	return claims.JSON(text)
}

// addCertificate serves POST /certificates:add.
func (s *Server) addCertificate(w http.ResponseWriter, r *http.Request) {
	s.manage(w, r, opAddCertificate, auth.Write, wire.APIVersions(), func(ctx context.Context, body []byte) (*claims.Set, error) {
		return s.changeCertificates(ctx, r, body, true)
	})
}

// removeCertificate serves POST /certificates:remove.
func (s *Server) removeCertificate(w http.ResponseWriter, r *http.Request) {
	s.manage(w, r, opRemoveCertificate, auth.Delete, wire.APIVersions(), func(ctx context.Context, body []byte) (*claims.Set, error) {
		return s.changeCertificates(ctx, r, body, false)
	})
}

func (s *Server) changeCertificates(ctx context.Context, r *http.Request, body []byte, isAdded bool) (*claims.Set, error) {
	member := wire.AddMember
	if !isAdded {
		member = wire.RemoveMember
	}
	text, err := wire.ParseCertificateBody(member, body)
	if err != nil {
		return nil, err
	}
	jws, err := policytoken.Parse(text)
	if err != nil {
		return nil, err
	}
	n := noteOf(r)
	n.tokenHash = jws.Hash()
	name, outcome := n.instance.Settings().Name, wire.CertificatePresent
	var c *x509.Certificate
	if isAdded {
		c, err = s.instances.AddCertificate(ctx, name, jws, n.caller.Name())
	} else {
		c, err = s.instances.RemoveCertificate(ctx, name, jws)
		outcome = wire.CertificateAbsent
	}
	if err != nil {
		return nil, err
	}
	n.thumbprint = policytoken.Thumbprint(c)
	result := resultOf(wire.ClaimThumbprint, claims.String(n.thumbprint))
	result.Add(wire.ClaimCertificateResult, claims.String(outcome))
	return result, nil
}
