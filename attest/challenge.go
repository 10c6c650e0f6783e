package attest

import (
	"fmt"

	"github.com/azattest/azattest/evidence"
)

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
	c, ok := parsed.(evidence.Challenged)
	switch {
	case !ok && t == TPM:
		return incomplete(t, "evidence that answers no challenge")
	case !ok:
		return nil
	}
	if s.challenge == nil {
		return fmt.Errorf("attest: %s answers a challenge, and nobody here knows those that were given out", t)
	}
	challenge, given := c.Challenge()
	return s.challenge(challenge, given)
}
