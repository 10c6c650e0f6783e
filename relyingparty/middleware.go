package relyingparty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/azattest/azattest/azattestation"
)

// ErrNoToken says that a request carries no token.
var ErrNoToken = errors.New("the request carries no attestation token")

// MiddlewareOptions say how a middleware treats requests. The zero value takes
// the token of Authorization: Bearer and expects of it what the Config says.
type MiddlewareOptions struct {
	// Token returns the token of a request, [ErrNoToken] if it has none. The
	// default is [BearerToken]; see [HeaderToken] for another header.
	Token func(*http.Request) (string, error)
	// Expected returns what the request's token must say beside what all must, such
	// as the nonce of its session. Its error refuses the request, as one of
	// [Verifier.Verify] does: a *[RequirementError] with 403, one that it does not
	// know with 503. A nonce that it leaves empty is not checked, unless the Config
	// requires one.
	Expected func(*http.Request) (Expected, error)
	// MaxTokenBytes is the longest token that is verified. Zero means
	// [DefaultMaxTokenBytes].
	MaxTokenBytes int
	// RetryAfter is what clients are told while keys are out of reach. Zero means
	// a minute.
	RetryAfter time.Duration
	// ShowDetail tells clients what is wrong with their token. It shows them what is
	// required, measurements and policies included. Why something could not be
	// decided is for OnRefuse alone.
	ShowDetail bool
	// OnRefuse is told of each request that is refused, and why, before it is
	// answered. The middleware itself logs nothing.
	OnRefuse func(*http.Request, error)
}

// Codes of refusals, in the bodies of answers.
const (
	codeTokenMissing       = "TokenMissing"
	codeTokenInvalid       = "TokenInvalid"
	codeRequirementNotMet  = "RequirementNotMet"
	codeServiceUnavailable = "ServiceUnavailable"
)

// Middleware returns a handler that passes on to next what comes with a token that
// holds and is what is wanted. The [Result] is in the request's context: see
// [FromContext]. Anything else is refused:
//
//   - 400 TokenInvalid, with a token that stands in two headers;
//   - 401 TokenMissing or TokenInvalid, with WWW-Authenticate: Bearer (RFC 6750,
//     section 3), without a token or with one that does not hold;
//   - 403 RequirementNotMet, with one that holds and is not what is wanted;
//   - 503 ServiceUnavailable, with Retry-After, if that could not be decided,
//     because the keys are out of reach.
//
// The body is {"error":{"code":"…","message":"…"}}, the shape of Azure's errors. A
// token is bound to no channel: whoever sees it can show it, so serve over TLS
// alone, and require a nonce or a held key.
//
// It panics if the Config requires a nonce and the options expect none: no request
// could ever pass.
func (v *Verifier) Middleware(next http.Handler, o MiddlewareOptions) http.Handler {
	if v.requireNonce && o.Expected == nil {
		panic("relyingparty: Config.RequireNonce is set, and MiddlewareOptions.Expected is nil: nobody says which nonce")
	}
	if o.Token == nil {
		o.Token = BearerToken
	}
	if o.MaxTokenBytes <= 0 {
		o.MaxTokenBytes = DefaultMaxTokenBytes
	}
	if o.RetryAfter <= 0 {
		o.RetryAfter = defaultRetryAfter
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result, err := v.verifyRequest(r, &o)
		if err != nil {
			if o.OnRefuse != nil {
				o.OnRefuse(r, err)
			}
			o.refuse(w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, result)))
	})
}

type contextKey struct{}

// FromContext returns what the token of a request says that passed a middleware.
func FromContext(ctx context.Context) (*Result, bool) {
	r, ok := ctx.Value(contextKey{}).(*Result)
	return r, ok
}

// BearerToken returns the token of the header Authorization: Bearer (RFC 6750,
// section 2.1). It returns [ErrNoToken] if the header is absent or of another
// scheme, and another error if it stands twice.
func BearerToken(r *http.Request) (string, error) {
	text, err := theOne(r, "Authorization")
	if err != nil {
		return "", err
	}
	scheme, token, _ := strings.Cut(text, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ErrNoToken
	}
	return strings.TrimLeft(token, " "), nil
}

// HeaderToken returns a function for [MiddlewareOptions] that takes the whole of
// another header for the token.
func HeaderToken(name string) func(*http.Request) (string, error) {
	return func(r *http.Request) (string, error) { return theOne(r, name) }
}

// theOne returns the value of a header. Of two nobody can tell which is meant.
func theOne(r *http.Request, name string) (string, error) {
	switch values := r.Header.Values(name); len(values) {
	case 0:
		return "", ErrNoToken
	case 1:
		return values[0], nil
	default:
		return "", fmt.Errorf("%w: %d values of %s, want one", errTwoTokens, len(values), name)
	}
}

// errTwoTokens says that a request carries several, which RFC 6750, section 3.1,
// calls an invalid request.
var errTwoTokens = errors.New("the request carries more than one token")

func (v *Verifier) verifyRequest(r *http.Request, o *MiddlewareOptions) (*Result, error) {
	token, err := o.Token(r)
	if errors.Is(err, ErrNoToken) {
		return nil, err
	}
	if err != nil {
		return nil, malformed(err)
	}
	if len(token) > o.MaxTokenBytes {
		return nil, malformed(fmt.Errorf("%d bytes, want at most %d", len(token), o.MaxTokenBytes))
	}
	var expected Expected
	if o.Expected != nil {
		if expected, err = o.Expected(r); err != nil {
			return nil, err
		}
	}
	return v.Verify(r.Context(), token, expected)
}

func malformed(err error) error {
	return &azattestation.TokenValidationError{Check: azattestation.TokenCheckFormat, Part: "request", Err: err}
}

// refusal is the body of an answer that refuses.
type refusal struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func (o *MiddlewareOptions) refuse(w http.ResponseWriter, err error) {
	status, code, message := http.StatusServiceUnavailable, codeServiceUnavailable, "The attestation token cannot be verified at present."
	switch {
	case errors.Is(err, ErrNoToken):
		status, code, message = http.StatusUnauthorized, codeTokenMissing, "An attestation token is required."
		w.Header().Set("WWW-Authenticate", "Bearer")
	case errors.Is(err, errTwoTokens):
		status, code, message = http.StatusBadRequest, codeTokenInvalid, "The request carries more than one attestation token."
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_request"`)
	case is[*azattestation.TokenValidationError](err):
		status, code, message = http.StatusUnauthorized, codeTokenInvalid, "The attestation token does not hold."
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	case is[*RequirementError](err):
		status, code, message = http.StatusForbidden, codeRequirementNotMet, "What was attested does not meet the requirements."
	default:
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(o.RetryAfter.Seconds()))))
	}
	if o.ShowDetail && status != http.StatusServiceUnavailable {
		message = err.Error()
	}
	var body refusal
	body.Error.Code, body.Error.Message = code, message
	text, err := json.Marshal(body)
	if err != nil {
		text = nil // of two strings it has no error
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that has gone is nobody to tell
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
