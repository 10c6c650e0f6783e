package relyingparty

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/azattest/azattest/azattestation"
)

// Verifier verifies attestation tokens and requires of them what its [Config]
// says. It is safe for concurrent use.
type Verifier struct {
	sources  map[string]*azattestation.KeySource // by issuer
	issuers  []string
	types    []string
	enclaves [][32]byte
	signers  []signer
	policies [][32]byte
	claims   []requiredClaim

	reports bool // type tpm, alone

	allowDebuggable, allowSimulated, requireNonce bool
	allowUnboundKey, requireResidentKey           bool

	maxAge, timeSlack time.Duration
	certificates      *certificateCheck // nil accepts every key of a source
	now               func() time.Time
}

// Expected is what one token must say beside what all must. The zero value
// expects nothing more.
type Expected struct {
	// Nonce is what nonce must be: what the relying party gave the attested party
	// for this occasion. Empty expects none, unless the Config requires one. It
	// shows how old the token is; the age of the evidence shows only in runtime
	// data that holds a nonce too.
	//
	// Of the report of a TPM it is the bytes that the machine was given, which the
	// report repeats in base64url: Verify encodes them, the caller must not. A
	// rand.Text() serves for every type.
	Nonce string
	// ConfirmedKey is the key that cnf must name, an *rsa.PublicKey or an
	// *ecdsa.PublicKey, as of a TLS client's certificate. Nil expects none. Only
	// reports of TPMs name one; see [Result.ConfirmedKey].
	ConfirmedKey crypto.PublicKey
	// HeldData is what x-ms-sgx-ehd must be, byte for byte: data to which the
	// evidence is bound, such as a public key. Nil expects none.
	HeldData []byte
	// RuntimeClaims is what x-ms-runtime must be, a JSON value. Order of members
	// and white space do not matter; numbers are compared as they are written. Nil
	// expects none.
	RuntimeClaims json.RawMessage
}

// Result is what a token says that holds and is what is wanted.
type Result struct {
	// Claims are all that the token says, with the token itself. Its Deprecated
	// claims, PolicyClaims, and all of AdditionalClaims that stand in PolicyClaims
	// too are the policy's word, not the evidence's. In the report of a TPM all of
	// AdditionalClaims are the policy's, but for x-ms-tpm-request-key.
	Claims *azattestation.AttestationResult
	// SigningCertificate is that of the key that signed. It is shared: read it, do
	// not change it.
	SigningCertificate *azattestation.SigningCertificate
	// Simulated is true if the token has the claim x-azattest-simulated, which the
	// Config must allow: its evidence came from a simulator.
	Simulated bool
}

// Verify verifies a token in its compact form (RFC 7515, section 3.1), as the
// service answers it, and requires of it what the Config and the call say.
//
// Its keys come from the one source of the Config whose instance the token names
// in iss. What the token says of keys itself (jku, jwk, x5c) is not looked at. Only
// what the service says of the evidence counts; the deprecated claims of the same
// meaning (is-debuggable, sgx-mrenclave, …) are the policy's, which may issue
// anything.
//
// A token that does not hold gives an *azattestation.TokenValidationError, one
// that holds and is not what is wanted a *[RequirementError]. Any other error means
// that the question was not decided: the keys are out of reach, the context ended.
func (v *Verifier) Verify(ctx context.Context, compact string, expected Expected) (*Result, error) {
	token, err := azattestation.ParseToken(compact)
	if err != nil {
		return nil, err
	}
	now := v.now()
	certificate, err := v.validate(ctx, token, now)
	if err != nil {
		return nil, err
	}
	r, err := newResult(token)
	if err != nil {
		return nil, err
	}
	r.SigningCertificate = certificate
	if err := v.require(r, expected, now); err != nil {
		return nil, err
	}
	return r, nil
}

// validate checks that the token is one of a trusted instance and valid now, and
// returns the certificate of the key that signed it.
func (v *Verifier) validate(ctx context.Context, token *azattestation.Token, now time.Time) (*azattestation.SigningCertificate, error) {
	source := v.sources[withoutSlash(token.Issuer())]
	if source == nil {
		return nil, &azattestation.TokenValidationError{
			Check: azattestation.TokenCheckIssuer, Expected: strings.Join(v.issuers, " or "), Found: orAbsent(token.Issuer()),
		}
	}
	var signedWith *azattestation.SigningCertificate
	var undecided error
	err := token.Validate(ctx, source, &azattestation.TokenValidationOptions{
		At: now, TimeSlack: v.timeSlack,
		Callback: func(ctx context.Context, _ *azattestation.Token, certificate *azattestation.SigningCertificate) error {
			signedWith = certificate
			err := v.certificates.check(ctx, certificate, now)
			if err != nil && !isRefusal(err) {
				undecided = err
			}
			return err
		},
	})
	if undecided != nil {
		return nil, fmt.Errorf("relyingparty: check the certificate of the signing key: %w", undecided)
	}
	return signedWith, err
}

func orAbsent(text string) string {
	if text == "" {
		return "absent"
	}
	return text
}

// newResult reads the claims. One of the service's that has another type than the
// service gives it is a requirement that is not met, whichever it is: nobody knows
// what such a token means.
func newResult(token *azattestation.Token) (*Result, error) {
	claims := new(azattestation.AttestationResult)
	if err := token.Claims(claims); err != nil {
		refusal := &RequirementError{Requirement: RequirementClaims, Err: err}
		if claim, ok := errors.AsType[*azattestation.ClaimError](err); ok {
			refusal = &RequirementError{Requirement: RequirementClaims, Claim: claim.Claim, Expected: claim.Expected, Found: claim.Found, Err: claim.Err}
		}
		return nil, refusal
	}
	claims.Token = token
	_, simulated := claims.AdditionalClaims[claimSimulated]
	return &Result{Claims: claims, Simulated: simulated}, nil
}
