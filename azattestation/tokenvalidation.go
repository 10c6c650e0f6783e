package azattestation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// TokenCheck names one check of a token: in an error the one that failed, in
// options the ones to leave out.
type TokenCheck string

const (
	// TokenCheckFormat is whether the text is a JSON Web Token. It cannot be left
	// out.
	TokenCheckFormat TokenCheck = "format"
	// TokenCheckAlgorithm is whether the algorithm is one of a fixed list (RS256,
	// RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512) and fits the key. It
	// is left out with [TokenCheckSignature] only.
	TokenCheckAlgorithm TokenCheck = "algorithm"
	// TokenCheckSigningKey is whether the issuer publishes a key under the token's
	// kid. It is left out with [TokenCheckSignature] only.
	TokenCheckSigningKey TokenCheck = "signing key"
	// TokenCheckSignature is whether the signature holds by that key. Who leaves it
	// out has no reason to believe a single claim; unsigned tokens pass then too.
	TokenCheckSignature TokenCheck = "signature"
	// TokenCheckExpiration is whether exp is present and not past, but for the
	// slack.
	TokenCheckExpiration TokenCheck = "expiration"
	// TokenCheckNotBefore is whether nbf is absent, or not in the future, but for
	// the slack.
	TokenCheckNotBefore TokenCheck = "not before"
	// TokenCheckIssuer is whether iss is the endpoint. Instances share signing keys,
	// so a good signature alone does not tell whose policy was in force.
	TokenCheckIssuer TokenCheck = "issuer"
	// TokenCheckNonce is whether the answer to a request with a nonce carries it. A
	// client checks it; Validate knows of no request.
	TokenCheckNonce TokenCheck = "nonce"
	// TokenCheckCallback is whether the callback of the options returns no error.
	TokenCheckCallback TokenCheck = "callback"
)

// skippable are the checks that options may leave out.
var skippable = []TokenCheck{TokenCheckSignature, TokenCheckExpiration, TokenCheckNotBefore, TokenCheckIssuer, TokenCheckNonce}

// TokenValidationOptions relax or add to the checks of a token. The zero value
// checks everything.
type TokenValidationOptions struct {
	// Issuer must stand in iss. The default is the issuer of the key source: the
	// endpoint.
	Issuer string

	// Skip names the checks to leave out: any of [TokenCheckSignature],
	// [TokenCheckExpiration], [TokenCheckNotBefore], [TokenCheckIssuer] and
	// [TokenCheckNonce].
	Skip []TokenCheck

	// TimeSlack is how far the clocks of service and client may differ. Zero
	// means DefaultTimeSlack, a negative value none.
	TimeSlack time.Duration

	// At is the time as of which the token must be valid. The default is now.
	At time.Time

	// Callback adds a check, after all others have passed. The certificate is
	// that of the key that signed, nil if the signature was not checked. Its error is
	// wrapped in a *TokenValidationError of check TokenCheckCallback.
	Callback func(ctx context.Context, token *Token, signer *SigningCertificate) error
}

// clone returns options that the caller cannot change any more.
func (o *TokenValidationOptions) clone() *TokenValidationOptions {
	if o == nil {
		return nil
	}
	own := *o
	own.Skip = slices.Clone(o.Skip)
	return &own
}

// TokenValidationError says which check a token failed.
type TokenValidationError struct {
	// Check is the check that failed.
	Check TokenCheck
	// Part is what was looked at where the check has several, such as "header".
	Part string
	// Expected and Found say what should be there and what is.
	Expected, Found string
	// Err is the cause, if there is one.
	Err error
}

// Error says which check failed, what was expected, and what came.
func (e *TokenValidationError) Error() string {
	part := string(e.Check)
	if e.Part != "" {
		part += ": " + e.Part
	}
	if e.Check == TokenCheckFormat && e.Part != "" {
		return "azattestation: malformed " + describe(e.Part, e.Expected, e.Found, e.Err)
	}
	return "azattestation: token does not hold: " + describe(part, e.Expected, e.Found, e.Err)
}

// Unwrap returns the cause.
func (e *TokenValidationError) Unwrap() error { return e.Err }

// Validate checks that the token was issued by the service whose keys the source
// holds, for now. Whatever the token says of its keys (jku, jwk, x5c) is not
// looked at: the key is the one that the source has under the token's kid.
// An unsigned token (alg none) does not hold: a service gives those in answer to
// a draft policy only, and the client's own methods accept them there.
//
// It returns a *[TokenValidationError] for a token that does not hold, an
// *[ArgumentError] for options that contradict themselves, and a *[KeySourceError]
// where the keys are out of reach, which says nothing about the token. Answers about
// policies are signed by the same keys: what a token is about its claims say, that
// of an attestation has x-ms-attestation-type.
func (t *Token) Validate(ctx context.Context, source *KeySource, options *TokenValidationOptions) error {
	return t.validate(ctx, source, options, false)
}

func (t *Token) validate(ctx context.Context, source *KeySource, options *TokenValidationOptions, answersDraft bool) error {
	if t == nil || t.compact == nil {
		return &ArgumentError{Argument: "token", Expected: "one of ParseToken"}
	}
	v, err := newValidation(source, options, answersDraft)
	if err != nil {
		return err
	}
	signer, err := v.signature(ctx, t)
	if err != nil {
		return err
	}
	if err := v.dates(t); err != nil {
		return err
	}
	if err := v.checkIssuer(t); err != nil {
		return err
	}
	if v.options.Callback == nil {
		return nil
	}
	if signer != nil {
		// A copy: the source's own serves other tokens.
		signer = &SigningCertificate{KeyID: signer.KeyID, Chain: slices.Clone(signer.Chain)}
	}
	if err := v.options.Callback(ctx, t, signer); err != nil {
		return &TokenValidationError{Check: TokenCheckCallback, Err: err}
	}
	return nil
}

// validation is one run of the checks.
type validation struct {
	source       *KeySource
	options      TokenValidationOptions
	answersDraft bool
}

func newValidation(source *KeySource, options *TokenValidationOptions, answersDraft bool) (*validation, error) {
	v := &validation{source: source, answersDraft: answersDraft}
	if options != nil {
		v.options = *options
	}
	for _, check := range v.options.Skip {
		if !slices.Contains(skippable, check) {
			return nil, &ArgumentError{Argument: "TokenValidationOptions.Skip", Expected: "checks that can be left out", Found: string(check)}
		}
	}
	switch {
	case source == nil && v.checks(TokenCheckSignature):
		return nil, &ArgumentError{Argument: "source", Expected: "a KeySource, to check the signature by"}
	case source == nil && v.options.Issuer == "" && v.checks(TokenCheckIssuer):
		return nil, &ArgumentError{Argument: "TokenValidationOptions.Issuer", Expected: "the issuer, where no KeySource says it"}
	}
	return v, nil
}

func (v *validation) checks(check TokenCheck) bool { return !slices.Contains(v.options.Skip, check) }

// signature returns the certificate whose key signed the token, nil if that is
// not checked.
func (v *validation) signature(ctx context.Context, t *Token) (*SigningCertificate, error) {
	if !v.checks(TokenCheckSignature) {
		return nil, nil
	}
	if t.algorithm == unsigned && v.answersDraft {
		if len(t.signature) > 0 {
			return nil, &TokenValidationError{Check: TokenCheckAlgorithm, Expected: "no signature with alg none", Found: fmt.Sprintf("%d bytes", len(t.signature))}
		}
		return nil, nil
	}
	a, ok := algorithmOf(t.algorithm)
	if !ok {
		return nil, &TokenValidationError{Check: TokenCheckAlgorithm, Expected: algorithmNames, Found: t.algorithm}
	}
	if t.keyID == "" {
		return nil, &TokenValidationError{Check: TokenCheckSigningKey, Part: "kid", Expected: "the ID of a published key", Found: "none"}
	}
	candidates, err := v.source.find(ctx, t.keyID)
	if err != nil {
		return nil, err
	}
	for _, candidate := range candidates {
		if err = candidate.verify(a, t); err == nil {
			return candidate.certificate, nil
		}
	}
	return nil, err
}

// dates checks exp and nbf.
func (v *validation) dates(t *Token) error {
	now, slack := v.options.At, v.options.TimeSlack
	if now.IsZero() {
		now = time.Now()
	}
	switch {
	case slack == 0:
		slack = DefaultTimeSlack
	case slack < 0:
		slack = 0
	}
	if v.checks(TokenCheckExpiration) {
		expires, err := parseNumericDate(t.claims.get("exp"))
		if err != nil {
			return &TokenValidationError{Check: TokenCheckExpiration, Part: "exp", Err: err}
		}
		if now.Sub(expires) > slack {
			return &TokenValidationError{Check: TokenCheckExpiration, Expected: "exp after " + moment(now), Found: moment(expires)}
		}
	}
	if begins := t.claims.get("nbf"); begins != nil && v.checks(TokenCheckNotBefore) {
		from, err := parseNumericDate(begins)
		if err != nil {
			return &TokenValidationError{Check: TokenCheckNotBefore, Part: "nbf", Err: err}
		}
		if from.Sub(now) > slack {
			return &TokenValidationError{Check: TokenCheckNotBefore, Expected: "nbf before " + moment(now), Found: moment(from)}
		}
	}
	return nil
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (v *validation) checkIssuer(t *Token) error {
	if !v.checks(TokenCheckIssuer) {
		return nil
	}
	want := v.options.Issuer
	if want == "" {
		want = v.source.issuer
	}
	got, ok := decodeString(t.claims.get("iss"))
	if !ok {
		return &TokenValidationError{Check: TokenCheckIssuer, Part: "iss", Expected: want, Found: orAbsent(t.claims.get("iss"))}
	}
	// Whether the URL of an endpoint ends in a slash is a matter of taste.
	if strings.TrimSuffix(got, "/") != strings.TrimSuffix(want, "/") {
		return &TokenValidationError{Check: TokenCheckIssuer, Expected: want, Found: got}
	}
	return nil
}
