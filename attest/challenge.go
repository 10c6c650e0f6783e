package attest

import "github.com/azattest/azattest/evidence"

// Challenged is evidence that answers a challenge of the service, which it must
// have given out itself and not long ago. Evidence of a [TPM] must be such.
type Challenged interface {
	evidence.Evidence
	// Challenge returns the challenge that the evidence says it answers, and what
	// was given out beside it, by which the service knows it again. That the
	// evidence does answer it, Verify checks.
	Challenge() (challenge, context []byte)
}

// ChallengeError says that evidence answers no challenge of this service, or one
// that is too old. Whoever sent it begins again.
type ChallengeError struct {
	// Err says why.
	Err error
}

func (e *ChallengeError) Error() string { return "attest: challenge: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ChallengeError) Unwrap() error { return e.Err }

// checkChallenge refuses evidence that may be old.
func (s *Service) checkChallenge(t Type, parsed evidence.Evidence) error {
	c, ok := parsed.(Challenged)
	switch {
	case !ok && t == TPM:
		return incomplete(t, "evidence that answers no challenge")
	case !ok:
		return nil
	case s.challenge == nil:
		return incomplete(t, "evidence that answers a challenge, and nobody here knows those that were given out")
	}
	challenge, given := c.Challenge()
	return s.challenge(challenge, given)
}
