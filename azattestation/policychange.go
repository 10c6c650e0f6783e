package azattestation

import (
	"bytes"
	"context"
	"encoding/hex"
)

// policyChange is a request that sets or resets a policy.
type policyChange struct {
	operation, method, suffix string
	kind                      AttestationType
	policy                    string
	key                       *SigningKey
	prepared                  *PolicyToken // to send instead of one made here
	outcome                   PolicyModification
	isConfirmed               bool
	validation                *TokenValidationOptions
}

func (c *connection) changePolicy(ctx context.Context, change policyChange) (PolicyResult, error) {
	path, err := policyPath(change.kind, change.suffix)
	if err != nil {
		return PolicyResult{}, err
	}
	sent, err := change.token()
	if err != nil {
		return PolicyResult{}, err
	}
	t, err := c.token(ctx, call{
		operation: change.operation, method: change.method, path: path, body: sent.token.compact, isChange: true,
		// The body is a bare token, which is no JSON. This is what the service was
		// recorded to accept.
		contentType: contentTypeJSON,
	}, validator{options: change.validation})
	if err != nil {
		return PolicyResult{}, err
	}
	r := PolicyResult{PolicyToken: sent, Token: t}
	r.Resolution = claimOf[PolicyModification](t, "x-ms-policy-result")
	for _, f := range r.claims() {
		if value := t.claims.get(f.name); value != nil {
			if err := f.decode(value); err != nil {
				return PolicyResult{}, &UnconfirmedError{Operation: change.operation, Part: "answer", Token: t, Err: answerError(change.operation, err)}
			}
		}
	}
	if change.isConfirmed {
		if err := change.confirm(&r); err != nil {
			return PolicyResult{}, err
		}
	}
	return r, nil
}

// token returns what is to be sent.
func (change *policyChange) token() (*PolicyToken, error) {
	isReset := change.outcome == PolicyModificationRemoved
	if p := change.prepared; p != nil {
		switch {
		case p.token == nil:
			return nil, &ArgumentError{Argument: "PolicyToken", Expected: "one of NewPolicyToken or ParsePolicyToken"}
		case change.key != nil:
			return nil, &ArgumentError{Argument: "PolicyToken", Expected: "nil where there is a SigningKey"}
		case isReset != (p.token.claims == nil):
			return nil, &ArgumentError{Argument: "PolicyToken", Expected: "a token with a policy to set one, without claims to reset it"}
		case p.policy != change.policy:
			return nil, &ArgumentError{Argument: "PolicyToken", Expected: "the token of the policy that is set", Found: "another policy's"}
		}
		return p, nil
	}
	if isReset {
		return NewResetToken(change.key)
	}
	return NewPolicyToken(change.policy, change.key)
}

// confirm compares what the service reports with what was sent.
func (change *policyChange) confirm(r *PolicyResult) error {
	refuse := func(part, expected, found string) error {
		return &UnconfirmedError{Operation: change.operation, Part: part, Expected: expected, Found: orNone(found), Token: r.Token}
	}
	if got := orZero(r.Resolution); got != change.outcome {
		return refuse("result", string(change.outcome), string(got))
	}
	// A reset is confirmed without a hash.
	want := r.PolicyToken.SHA256()
	if (r.PolicyTokenHash != nil || change.outcome == PolicyModificationUpdated) && !bytes.Equal(r.PolicyTokenHash, want[:]) {
		return refuse("policy token hash", hex.EncodeToString(want[:]), hex.EncodeToString(r.PolicyTokenHash))
	}
	signers := r.PolicyToken.Signer()
	if r.PolicySigner == nil || len(r.PolicySigner.Certificates) == 0 {
		return nil
	}
	got := r.PolicySigner.Certificates[0]
	if len(signers) == 0 || !got.Equal(signers[0]) {
		want := "none, for the policy is not signed"
		if len(signers) > 0 {
			want = signers[0].Subject.String()
		}
		return refuse("policy signer", want, got.Subject.String())
	}
	return nil
}

// claimOf returns a claim that is text, nil if there is none.
func claimOf[T ~string](t *Token, claim string) *T {
	text, ok := decodeString(t.claims.get(claim))
	if !ok {
		return nil
	}
	value := T(text)
	return &value
}

func orZero[T any](value *T) T {
	if value == nil {
		return *new(T)
	}
	return *value
}
