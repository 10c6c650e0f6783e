package cli

import (
	"context"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/claims"
)

// attestRequest is what is to be attested.
type attestRequest struct {
	kind                      azattestation.AttestationType
	evidence                  []byte
	runtimeData, initTimeData *azattestation.AttestationData
	draftPolicy, nonce        *string
}

// send asks the service. Nil options are the client's.
func (r *attestRequest) send(ctx context.Context, c *azattestation.Client, o *azattestation.TokenValidationOptions) (*azattestation.Token, error) {
	if r.kind == azattestation.AttestationTypeOpenEnclave {
		answer, err := c.AttestOpenEnclave(ctx, r.evidence, &azattestation.ClientAttestOpenEnclaveOptions{
			RuntimeData: r.runtimeData, InitTimeData: r.initTimeData, DraftPolicy: r.draftPolicy, Nonce: r.nonce, TokenValidation: o,
		})
		return answer.Token, serviceFault(err)
	}
	answer, err := c.AttestSGXEnclave(ctx, r.evidence, &azattestation.ClientAttestSGXEnclaveOptions{
		RuntimeData: r.runtimeData, InitTimeData: r.initTimeData, DraftPolicy: r.draftPolicy, Nonce: r.nonce, TokenValidation: o,
	})
	return answer.Token, serviceFault(err)
}

// attest asks the service and plays the relying party: the token of a draft
// policy is unsigned by design and comes back as not verified, every other one
// must hold.
func (r *attestRequest) attest(ctx context.Context, c *azattestation.Client) (*attestation, error) {
	t, err := r.send(ctx, c, nil)
	if err != nil {
		return nil, err
	}
	return newAttestation(t, r.draftPolicy == nil)
}

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

// newAttestation shows a token. Of one that was not verified nobody knows who
// issued it.
func newAttestation(t *azattestation.Token, isVerified bool) (*attestation, error) {
	payload, err := claimsOf(t.Payload())
	if err != nil {
		return nil, tokenFault(&azattestation.TokenValidationError{Check: azattestation.TokenCheckFormat, Err: err})
	}
	a := &attestation{Verified: isVerified, Algorithm: t.Algorithm(), Expires: t.ExpiresOn(), Token: t.String(), Claims: payload}
	if isVerified {
		a.Issuer, a.KeyID = t.Issuer(), t.KeyID()
	}
	return a, nil
}
