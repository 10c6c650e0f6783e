package cli

import (
	"context"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/claims"
)

// attestation is what comes of attesting: a token and what was verified of it.
type attestation struct {
	Verified  bool        `json:"verified"`
	Issuer    string      `json:"issuer,omitempty"`
	KeyID     string      `json:"keyId,omitempty"`
	Algorithm string      `json:"algorithm"`
	Expires   time.Time   `json:"expires"`
	Token     string      `json:"token"`
	Claims    *claims.Set `json:"claims"`
}

// attestAndVerify asks the service and plays the relying party: the token of a
// draft policy is unsigned by design and comes back as not verified, every
// other one must hold.
func attestAndVerify(ctx context.Context, c *client, r *attest.Request, at time.Time) (*attestation, error) {
	raw, err := c.attest(ctx, r)
	if err != nil {
		return nil, err
	}
	if r.DraftPolicy != nil {
		_, payload, err := unverified(raw)
		if err != nil {
			return nil, err
		}
		expires, _ := date(payload, "exp")
		return &attestation{Algorithm: "none", Expires: expires, Token: raw, Claims: payload}, nil
	}
	jwks, err := c.certs(ctx)
	if err != nil {
		return nil, err
	}
	return verifyAttestation(raw, jwks, c.endpoint, at)
}

// verifyAttestation plays the relying party of a service.
func verifyAttestation(raw string, jwks []byte, issuer string, at time.Time) (*attestation, error) {
	t, err := verifyToken(raw, jwks, tokenChecks{issuer: issuer, at: at})
	if err != nil {
		return nil, err
	}
	return &attestation{
		Verified: true, Issuer: t.Issuer, KeyID: t.KeyID, Algorithm: t.Algorithm, Expires: t.Expires.UTC(), Token: raw, Claims: t.Claims,
	}, nil
}
