package auth

import (
	"fmt"
	"strings"
)

// Reason says, for programs, why credentials are not valid.
type Reason string

// The reasons.
const (
	ReasonScheme      Reason = "scheme"        // the header is not one header of scheme Bearer
	ReasonMalformed   Reason = "malformed"     // no token that can be read
	ReasonType        Reason = "type"          // a JWT that is no access token
	ReasonAlgorithm   Reason = "algorithm"     // unsigned, or signed in a way that the issuer does not sign
	ReasonIssuer      Reason = "issuer"        // of an issuer that is not trusted here
	ReasonKey         Reason = "key"           // of a key that the issuer does not have
	ReasonSignature   Reason = "signature"     // not signed by the key that it names
	ReasonExpired     Reason = "expired"       // over
	ReasonNotYetValid Reason = "not-yet-valid" // not begun
	ReasonLifetime    Reason = "lifetime"      // without an end, or with one too far away
	ReasonAudience    Reason = "audience"      // made for another service
	ReasonTenant      Reason = "tenant"        // of another tenant
	ReasonSubject     Reason = "subject"       // of nobody
	ReasonCertificate Reason = "certificate"   // a verified client certificate that must not be used
)

// InvalidError says that a request carries credentials that do not hold: the
// answer is 401. It never holds the token.
type InvalidError struct {
	// Reason is for programs and metrics.
	Reason Reason
	// Detail says to the operator what was expected and what came. It may quote
	// claims, even of a token that somebody made up: it is for the log.
	Detail string

	challenge string
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("auth: %s: %s", e.Reason, e.Detail)
}

// Message is what the client may read: a sentence. It tells apart what honest
// clients get wrong, of tokens that are genuine; whoever makes up tokens learns
// nothing.
func (e *InvalidError) Message() string {
	switch e.Reason {
	case ReasonScheme:
		return "The request must carry one Authorization header of scheme Bearer."
	case ReasonExpired:
		return "The bearer token is expired."
	case ReasonNotYetValid:
		return "The bearer token is not valid yet."
	case ReasonLifetime:
		return "The bearer token lives too long."
	case ReasonAudience:
		return "The bearer token was made for another audience."
	case ReasonTenant:
		return "The bearer token is of another tenant."
	case ReasonIssuer:
		return "The bearer token is of an issuer that is not trusted here."
	case ReasonCertificate:
		return "The client certificate cannot be used here."
	case ReasonMalformed, ReasonType, ReasonAlgorithm, ReasonKey, ReasonSignature, ReasonSubject:
		return "The bearer token is not valid."
	default:
		return "The credentials are not valid."
	}
}

// Challenge is the value of the answer's header WWW-Authenticate (RFC 6750,
// section 3): where to get a token and for what, and what was wrong.
func (e *InvalidError) Challenge() string {
	problem := `error="invalid_token", error_description="` + e.Message() + `"`
	if !strings.Contains(e.challenge, "=") { // nobody to get a token from
		return "Bearer " + problem
	}
	return e.challenge + ", " + problem
}

func invalid(r Reason, format string, args ...any) *InvalidError {
	return &InvalidError{Reason: r, Detail: fmt.Sprintf(format, args...)}
}

// UnavailableError says that a token could be neither accepted nor refused,
// because its issuer's keys are not at hand: the answer is 503.
type UnavailableError struct {
	// Issuer is the configured name.
	Issuer string
	// Err is why the keys could not be fetched.
	Err error
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("auth: keys of issuer %s: %v", e.Issuer, e.Err)
}

func (e *UnavailableError) Unwrap() error { return e.Err }
