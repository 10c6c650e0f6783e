package attest

import (
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
)

const (
	reportJTISize = 20 // bytes
	// reportLeeway is by how much "nbf" comes before "iat", in seconds, for clocks
	// that are behind.
	reportLeeway = 300
)

// composeReport makes the body of the token for a TPM, which says what the policy
// issued, and confirms a key: nothing else of what was found. Policy claims stand at
// top level only.
func (s *Service) composeReport(in *admitted, result *evidence.Result, issued *claims.Set) (*claims.Set, error) {
	c := new(claims.Set)
	for name, v := range issued.All() {
		if !isReserved(name) {
			c.Add(name, v)
		}
	}
	overlay(c, result.TokenOnly)
	c.Put("x-ms-policy-hash", claims.String(in.policy.Hash()))
	if in.signer.Kind() != 0 {
		c.Put("x-ms-policy-signer", in.signer)
	}
	c.Put(claimSimulated) // none, whoever stated it
	if result.Simulated {
		c.Put(claimSimulated, claims.Boolean(true))
	}
	var id [reportJTISize]byte
	if _, err := io.ReadFull(s.random, id[:]); err != nil {
		return nil, fmt.Errorf("attest: no random token ID: %w", err)
	}
	at := in.now.Unix()
	c.Put("iss", claims.String(s.issuer.URL()))
	c.Put("iat", claims.Integer(at))
	c.Put("nbf", claims.Integer(at-reportLeeway))
	c.Put("exp", claims.Integer(at+int64(s.reportLifetime(in.report)/time.Second)))
	c.Put("jti", claims.String(hex.EncodeToString(id[:])))
	c.Put("ver", claims.String(tokenVersion))
	c.Put("x-ms-ver", claims.String(tokenVersion))
	return c, nil
}

// reportLifetime is what the policy says, as far as the operator lets it: a token
// must not outlive the key that signed it.
func (s *Service) reportLifetime(r report) time.Duration {
	lifetime := time.Duration(r.validity) * time.Minute
	if s.maxReport > 0 {
		lifetime = min(lifetime, s.maxReport)
	}
	return lifetime
}
