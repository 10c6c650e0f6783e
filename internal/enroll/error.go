package enroll

import "fmt"

// Reason is why an activation is refused.
type Reason string

// The reasons.
const (
	// ReasonExpired is an enrollment that was begun too long ago.
	ReasonExpired Reason = "expired"
	// ReasonContext is one that was not begun here.
	ReasonContext Reason = "context"
	// ReasonKey is one that was begun for another AIK.
	ReasonKey Reason = "key"
	// ReasonSecret is a wrong secret: the TPM does not hold both keys.
	ReasonSecret Reason = "secret"
)

// Subject says of which keys something is said, in hexadecimal. Neither is secret.
type Subject struct {
	// AIKName is the TPM's name of the AIK.
	AIKName string
	// EKHash is the SHA-256 of the EK's certificate; empty where it is not known.
	EKHash string
}

// Error says why an activation is refused. It holds no secret.
type Error struct {
	Reason  Reason
	Problem string
	Subject Subject
}

func (e *Error) Error() string { return "enroll: " + e.Problem }

// PeriodError says that the authority's own certificate has ended, or not begun.
type PeriodError struct{ Problem string }

func (e *PeriodError) Error() string { return "enroll: " + e.Problem }

func periodError(format string, arguments ...any) error {
	return &PeriodError{fmt.Sprintf(format, arguments...)}
}
