// Package attest is the attestation service without the network: evidence goes
// in, a signed token comes out.
//
//	evidence ─▶ Parse ─▶ configuration rules ─▶ Verify ─▶ bind data ─▶ TCB
//	                                                                    │
//	token ◀─ sign ◀─ compose claims ◀─ issuance ◀─ authorization rules ◀┘
//
// Evidence of a TPM answers a challenge, which is looked at after Parse; it binds
// its keys itself and knows no TCB. Its token, a report, has a form of its own.
//
// Which function do I want? [New] makes a [Service] of verifiers, policies and
// an issuer, and [Service.Attest] is one attestation. There is nothing else.
//
// A token is made only if every step says yes: the evidence is genuine, the data
// that came with it is bound to it, the operator accepts the state of the
// platform, and the policy permits. Whoever is in doubt refuses.
package attest

import (
	"context"
	"io"
	"time"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/token"
)

// Config is what a service is made of.
type Config struct {
	// Issuer signs the tokens. Required.
	Issuer *token.Issuer
	// Verifiers say which types are served, at least one.
	Verifiers map[Type]evidence.Verifier
	// Policies in force. A type without one gets its default, see [policy.Default].
	Policies map[Type]*policy.Program
	// Signers are who signed the policies in force, each a JWK that the tokens show
	// as x-ms-policy-signer. A type without one has a policy that nobody signed.
	Signers map[Type]claims.Value
	// AcceptedTCB are the states of a platform for which tokens are issued; nil
	// means [DefaultAcceptedTCB]. Revoked platforms and those that no TCB level
	// covers cannot be accepted.
	AcceptedTCB []evidence.TCBStatus
	// AzureDefaultTCB is what "azuredefault" as x-ms-sgx-tcbidentifier demands of
	// the collateral: a TCB evaluation data number, 0 for whatever is current.
	AzureDefaultTCB int
	// TokenLifetime is the time from "iat" to "exp" in whole seconds; 0 means 8
	// hours, as the real service has it.
	TokenLifetime time.Duration
	// MaxReportLifetime is the longest that a policy may let the report of a TPM be
	// valid, in whole seconds; what it wants beyond is cut off. 0 means a year, as
	// the real service has it.
	MaxReportLifetime time.Duration
	// Challenge says whether a challenge that evidence answers was given out by this
	// service and is still good, by what was given out beside it. A refusal is a
	// *[ChallengeError]. Required for [TPM].
	Challenge func(challenge, context []byte) error
	// Clock says when a token is issued; nil means [time.Now].
	Clock func() time.Time
	// VerifyAt, unless zero, is the time as of which evidence and collateral are
	// judged in place of the clock's. Archived evidence needs it. It is for
	// development only: it also makes old evidence look fresh.
	VerifyAt time.Time
	// Random gives the token IDs; nil means [crypto/rand.Reader]. It must be safe
	// for concurrent use.
	Random io.Reader
	// Observe is told how long each phase of a request took, as it ends; nil
	// means that nobody is. It is called on the request's goroutine with the
	// request's context, so it must be quick, and safe for concurrent use.
	Observe func(ctx context.Context, p Phase, took time.Duration)
	// Turn, unless nil, is asked before a token is signed and says when that may
	// begin; what it returns is called once it is done. Signing with RSA is nearly
	// all of an attestation: where as many sign at once as there are processors,
	// the rest wait without standing in anybody's way. An error ends the request.
	Turn func(ctx context.Context) (done func(), err error)
	// Stopwatch is the clock whose differences Observe is told; nil means
	// [time.Now]. Clock is another: it is read once for a request, and may stand
	// still.
	Stopwatch func() time.Time
}

// Service attests. It is immutable and safe for concurrent use.
type Service struct {
	issuer     *token.Issuer
	kinds      map[Type]kind
	accepted   []evidence.TCBStatus
	defaultTCB int
	lifetime   int64 // seconds
	maxReport  time.Duration
	challenge  func(challenge, context []byte) error // nil where nothing answers one
	clock      func() time.Time
	verifyAt   time.Time
	random     io.Reader
	// observe is nil where nobody measures; stopwatch is not used then.
	observe   func(ctx context.Context, p Phase, took time.Duration)
	stopwatch func() time.Time
	turn      func(ctx context.Context) (func(), error) // nil for whoever comes
}

// kind is what serves one type.
type kind struct {
	verifier evidence.Verifier
	policy   *policy.Program
	signer   claims.Value // of kind 0 if nobody signed
}

// Attest makes a token of the request, or says why not:
//
//   - *[RequestError]: the request itself makes no sense;
//   - *[policy.SyntaxError]: the draft policy is none;
//   - *[ChallengeError]: the evidence is not fresh;
//   - *[evidence.Error]: the evidence is not genuine;
//   - *[BindingError]: the data is not bound to the evidence;
//   - *[TCBError]: the operator does not accept the platform's state;
//   - *[policy.DeniedError]: the policy does not permit;
//   - *[policy.EvaluationError]: the policy cannot be carried out with these
//     claims.
//
// With any other error the question could not be decided, and asking again may
// help. A token never comes with an error.
func (s *Service) Attest(ctx context.Context, r *Request) (*Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in, err := s.admit(r)
	if err != nil {
		return nil, err
	}
	defer in.watch.close(ctx)
	result, err := s.verify(ctx, r, in)
	if err != nil {
		return nil, err
	}
	data, err := s.accept(r, result)
	if err != nil {
		return nil, err
	}
	start := in.watch.begin()
	issued, err := s.decide(in, r.Type, result)
	in.watch.endPolicy(ctx, start)
	if err != nil {
		return nil, err
	}
	var c *claims.Set
	if r.Type == TPM {
		c, err = s.composeReport(in, result, issued)
	} else {
		c, err = s.compose(r, in, result, data, issued)
	}
	if err != nil {
		return nil, err
	}
	jws, err := s.sign(ctx, c, in, r.Type)
	if err != nil {
		return nil, err
	}
	return &Response{Token: jws, Claims: c, Result: result}, nil
}

// accept binds the data that came with the evidence, and looks at the platform's
// TCB, of evidence that knows either.
func (s *Service) accept(r *Request, result *evidence.Result) (*bound, error) {
	if r.Type == TPM {
		return nil, nil //nolint:nilnil // it came without
	}
	data, err := bind(r, result)
	if err != nil {
		return nil, err
	}
	return data, s.acceptTCB(result.TCB)
}
