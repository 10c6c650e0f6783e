package instance

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/ticket"
)

// challengeSize is that of the real service's challenges, in bytes.
const challengeSize = 16

// NewChallenge returns a challenge for a TPM to answer, and the context by which
// any replica knows it again, at this instance, until it expires. Nothing is kept.
func (i *Instance) NewChallenge() (challenge, context []byte, err error) {
	challenge = make([]byte, challengeSize)
	// It never fails: the library ends the program first.
	_, _ = rand.Read(challenge)
	context, err = i.directory.config.Tickets.Seal(ticket.Challenge, i.settings.URL, challenge)
	if err != nil {
		return nil, nil, err
	}
	return challenge, context, nil
}

// checkChallenge refuses a challenge that is not the one in the context.
func (i *Instance) checkChallenge(challenge, context []byte) error {
	given, err := i.directory.config.Tickets.Open(ticket.Challenge, i.settings.URL, context)
	if err != nil {
		return &attest.ChallengeError{Err: err}
	}
	if subtle.ConstantTimeCompare(given, challenge) != 1 {
		return &attest.ChallengeError{Err: errOtherChallenge}
	}
	return nil
}

var errOtherChallenge = errors.New("not the one that was given out with this service_context")
