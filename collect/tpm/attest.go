package tpm

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/evidence/tpm"
)

// Report is what the service says of a machine.
type Report struct {
	// Token is the report, validated.
	Token *azattestation.Token
	// Result is what it says. The claims that the policy issued are in
	// AdditionalClaims.
	Result azattestation.AttestationResult
	// Quote is what the TPM signed for it: the PCRs as they were, and the TPM's clock
	// and counts. The token says what the service's policy made of them.
	Quote *tpm.Quote
	// RequestKey is the key that the report names. Whoever holds it can show that the
	// report is his.
	RequestKey crypto.Signer
}

// ReportError says that a report is validly signed, and does not answer the
// request.
type ReportError struct {
	// Claim is the claim that differs.
	Claim string
	// Expected and Found say what was sent and what came back.
	Expected, Found string
	// Err is the cause, if there is one.
	Err error
}

// Error says which claim, what was expected, and what came.
func (e *ReportError) Error() string {
	return (&Error{Op: "report: claim " + e.Claim, Expected: e.Expected, Found: e.Found, Err: e.Err}).Error()
}

// Unwrap returns the cause.
func (e *ReportError) Unwrap() error { return e.Err }

// Attest has the machine of a TPM attested by a service, Azure's own or azattest's,
// in two messages: the service gives a challenge, and gets what the TPM signs over
// it. The caller of the client needs the role Attestation Reader, and the instance a
// policy for TPMs.
//
// The report is validated like any other token of the service, and must repeat the
// nonce and name the request key: else the error is a *[ReportError]. A refusal is an
// *azcore.ResponseError, and what the TPM does not do an *[Error].
func Attest(ctx context.Context, client *azattestation.Client, t *TPM, o *AttestOptions) (*Report, error) {
	own, err := o.check(t)
	if err != nil {
		return nil, err
	}
	var key *requestKey
	if !own.NoRequestKey {
		if key, err = newRequestKey(own.RequestKey); err != nil {
			return nil, err
		}
	}
	c, err := askChallenge(ctx, client)
	if err != nil {
		return nil, err
	}
	request, q, err := own.request(ctx, t, key, c)
	if err != nil {
		return nil, err
	}
	report, err := send(ctx, client, map[string]string{"request": request}, parseReport)
	if err != nil {
		return nil, err
	}
	token, err := azattestation.ParseToken(report)
	if err != nil {
		return nil, err
	}
	if err := token.Validate(ctx, client.KeySource(), own.TokenValidation); err != nil {
		return nil, err
	}
	r := &Report{Token: token, Quote: q}
	if key == nil {
		return r, r.read(own.Nonce, nil)
	}
	r.RequestKey = key.signer
	return r, r.read(own.Nonce, key.signer.Public())
}

func askChallenge(ctx context.Context, client *azattestation.Client) (challenge, error) {
	return send(ctx, client, map[string]string{"type": "aikcert"}, parseChallenge)
}

// send exchanges one message.
func send[T any](ctx context.Context, client *azattestation.Client, payload map[string]string, parse func([]byte) (T, error)) (T, error) {
	answer, err := client.AttestTPM(ctx, compact(map[string]any{"payload": payload}), nil)
	if err != nil {
		var none T
		return none, err
	}
	parsed, err := parse(answer.Data)
	if err != nil {
		return parsed, &azattestation.AnswerError{Operation: "Client.AttestTPM", Part: "message", Expected: "that of the TPM attestation protocol", Err: err}
	}
	return parsed, nil
}

// read takes the claims out of the token, and holds them against the request, which
// may have no key.
func (r *Report) read(nonce []byte, key crypto.PublicKey) error {
	if err := r.Token.Claims(&r.Result); err != nil {
		return err
	}
	claims, err := parseObject(r.Token.Payload())
	if err != nil {
		return &ReportError{Claim: "any", Err: err}
	}
	want := encode(nonce)
	for _, name := range []string{"rp_data", "nonce"} {
		found := ""
		if value, ok := claims[name]; ok {
			if err := json.Unmarshal(value, &found); err != nil {
				return &ReportError{Claim: name, Expected: "text", Err: err}
			}
		}
		if found != want {
			return &ReportError{Claim: name, Expected: shown(want), Found: shown(found)}
		}
	}
	if _, names := claims["cnf"]; key == nil && names {
		return &ReportError{Claim: "cnf", Expected: "none, as the request has no key", Found: "a key"}
	} else if key == nil {
		return nil
	}
	confirmation, err := claims.object("cnf")
	if err != nil {
		return &ReportError{Claim: "cnf", Expected: "the request key", Err: err}
	}
	named, err := tpm.ParseJWK(confirmation["jwk"])
	if err != nil {
		return &ReportError{Claim: "cnf", Expected: "the request key", Err: err}
	}
	if !equal(key, named) {
		return &ReportError{Claim: "cnf", Expected: "the request key", Found: "another key", Err: errors.New("it may be a report of another request")}
	}
	return nil
}

// shown is text for an error: bounded, and on one line.
func shown(text string) string {
	const most = 100
	if text == "" {
		return "none"
	}
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return fmt.Sprintf("%q", text)
}
