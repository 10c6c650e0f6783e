package cli

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/claims"
)

// asOf checks everything, the dates by the command's clock at the time when the
// token is there.
func asOf(now func() time.Time) *azattestation.TokenValidationOptions {
	return &azattestation.TokenValidationOptions{
		Skip: []azattestation.TokenCheck{azattestation.TokenCheckExpiration, azattestation.TokenCheckNotBefore},
		Callback: func(ctx context.Context, t *azattestation.Token, _ *azattestation.SigningCertificate) error {
			return t.Validate(ctx, nil, &azattestation.TokenValidationOptions{
				At: now(), Skip: []azattestation.TokenCheck{azattestation.TokenCheckSignature, azattestation.TokenCheckIssuer},
			})
		},
	}
}

// parsedToken is a token and what it says, unverified.
type parsedToken struct {
	*azattestation.Token
	header, claims *claims.Set
}

// parseToken reads a token. One that cannot be read is a *[refusedError].
func parseToken(text string) (*parsedToken, error) {
	t, err := azattestation.ParseToken(text)
	if err != nil {
		return nil, serviceFault(err)
	}
	p := &parsedToken{Token: t}
	if p.header, err = claimsOf(t.Header()); err == nil {
		p.claims, err = claimsOf(t.Payload())
	}
	if err != nil {
		return nil, tokenFault(&azattestation.TokenValidationError{Check: azattestation.TokenCheckFormat, Err: err})
	}
	return p, nil
}

// claimsOf reads a JSON object, or nothing: the token that resets a policy has no
// claims.
func claimsOf(text json.RawMessage) (*claims.Set, error) {
	set := new(claims.Set)
	if len(text) == 0 {
		return set, nil
	}
	return set, json.Unmarshal(text, set)
}

// tokenError is the check that a token failed.
type tokenError struct {
	*azattestation.TokenValidationError
}

func (e *tokenError) Error() string { return plain(e.TokenValidationError) }

// tokenFault makes a refusal of a failed check. Of one within a callback, the
// inner one is what failed.
func tokenFault(e *azattestation.TokenValidationError) error {
	for e.Check == azattestation.TokenCheckCallback {
		inner, ok := errors.AsType[*azattestation.TokenValidationError](e.Err)
		if !ok {
			break
		}
		e = inner
	}
	return &refusedError{&tokenError{e}}
}

// refusedToken is what the commands on tokens print, with --json, of a token that
// does not hold.
type refusedToken struct {
	Verified bool        `json:"verified"` // false
	Error    tokenReason `json:"error"`
}

// tokenReason says which check a token failed.
type tokenReason struct {
	Check    azattestation.TokenCheck `json:"check"`
	Message  string                   `json:"message"`
	Part     string                   `json:"part,omitempty"`
	Expected string                   `json:"expected,omitempty"`
	Found    string                   `json:"found,omitempty"`
}

// refuseToken prints why a token does not hold, with --json; without it the error
// says so itself. Other errors are handed back.
func refuseToken(s Streams, asJSON bool, err error) error {
	e, ok := errors.AsType[*tokenError](err)
	if !ok || !asJSON {
		return err
	}
	doc := refusedToken{Error: tokenReason{
		Check: e.Check, Message: e.Error(), Part: e.Part, Expected: e.Expected, Found: e.Found,
	}}
	if err := printJSON(s.Out, doc); err != nil {
		return err
	}
	return &reportedError{err}
}
