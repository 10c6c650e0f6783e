package instance

import (
	"errors"
	"fmt"
	"time"
)

// RefusedError says why nobody may do this to the instance, whoever asks.
type RefusedError struct {
	Instance string
	// Reason is one of the constants below.
	Reason Reason
	// Detail says it for this case.
	Detail string
}

// Reason is why a change is refused, stable for programs to branch on.
type Reason string

// The reasons.
const (
	ReasonShared          Reason = "shared"           // the mode lets nobody change anything
	ReasonFixed           Reason = "fixed"            // the configuration holds the policy
	ReasonNotIsolated     Reason = "not-isolated"     // only isolated instances have certificates
	ReasonLastCertificate Reason = "last-certificate" // an isolated instance keeps one
	ReasonTooMany         Reason = "too-many"         // beyond a bound
	ReasonReplayed        Reason = "replayed"         // a policy that was in force before
	ReasonNotEmpty        Reason = "not-empty"        // a token that asks for more than a reset
)

func (e *RefusedError) Error() string {
	return fmt.Sprintf("instance %s: %s: %s", e.Instance, e.Reason, e.Detail)
}

// ErrNoInstance says that there is no instance of that name.
var ErrNoInstance = errors.New("instance: no such instance")

// ContendedError says that a change was given up because others kept changing
// the same record first. Asking again may help.
type ContendedError struct{ Key string }

func (e *ContendedError) Error() string {
	return fmt.Sprintf("instance: record %s was changed by others %d times in a row, try again", e.Key, maxAttempts)
}

// TakenError says that another instance has the name, or answers at the place.
type TakenError struct {
	// Instance is the other one.
	Instance string
	// What is taken: "name", or the host and path.
	What string
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("instance: %s is taken by instance %s: choose another, or delete that one", e.What, e.Instance)
}

// StaleError says that the store has been silent for too long.
type StaleError struct{ Age, Max time.Duration }

func (e *StaleError) Error() string {
	return fmt.Sprintf("instance: the store last answered %s ago, want at most %s: a policy may have changed meanwhile",
		e.Age.Round(time.Millisecond), e.Max)
}
