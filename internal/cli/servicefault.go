package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azattest/azattest/azattestation"
)

// serviceFault puts an error of the client library into the command's words: what
// is a refusal, what is not, and what to do. Everything a service said is one line
// that cannot play with a terminal.
func serviceFault(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*credentialError](err); ok {
		return withHint(e, "log in with 'az login', name another --credential, or give --no-credential to a service that wants none")
	}
	if e, ok := errors.AsType[*noBearerError](err); ok {
		return withHint(e, "put a bearer token there: 'azattest dev-token' prints one, with the --role that is needed, or 'az account get-access-token'")
	}
	// These two wrap others.
	if e, ok := errors.AsType[*azattestation.UnconfirmedError](err); ok {
		return withHint(&refusedError{errors.New(plain(e))}, "it has probably changed something: look at it before you try again")
	}
	if e, ok := errors.AsType[*azattestation.KeySourceError](err); ok {
		fault := serviceFault(e.Err)
		return withHint(&undecidedError{fmt.Errorf("signing keys of %s: %w", told(e.Issuer), fault)}, hintFor(fault))
	}
	if e, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return responseFault(e)
	}
	if e, ok := errors.AsType[*azattestation.TokenValidationError](err); ok {
		return tokenFault(e)
	}
	if e, ok := errors.AsType[*azattestation.AnswerError](err); ok {
		return answerFault(e)
	}
	if e, ok := errors.AsType[*azattestation.ArgumentError](err); ok {
		return usage("", "%w", argumentFault(e))
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("ask the service: %w", errInterrupted)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return withHint(fmt.Errorf("ask the service: no answer within %s", patienceInAll), "try again; or something on the way, such as a firewall, lets nothing through")
	}
	text := errors.New("ask the service: " + plain(err))
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return withHint(text, "name the CA of the service with --ca-file, if it is not one that this machine trusts")
	}
	return text
}

// argumentNames are the arguments of the client library by what the command calls
// them.
var argumentNames = map[string]string{
	"endpoint": "--endpoint", "ClientOptions.APIVersion": "--api-version", "PolicyToken": "--policy-token", "evidence": "FILE",
	"keyPEM": "--signing-key", "signer": "--signing-key", "keyPEM, certificatePEM": "--signing-key and --signing-cert",
	"issuers": "--signing-cert",
}

// argumentFault says what is wrong with something that was given to the command.
func argumentFault(e *azattestation.ArgumentError) error {
	named := *e
	if name, ok := argumentNames[e.Argument]; ok {
		named.Argument = name
	}
	return errors.New(plain(&named))
}

// answerFault speaks of success that is none.
func answerFault(e *azattestation.AnswerError) error {
	const hint = "is the endpoint an attestation service? The portal calls its URL the Attest URI"
	if e.Part == "content type" {
		return withHint(fmt.Errorf("the answer is of content type %s, want application/json", told(e.Found)), hint)
	}
	return withHint(errors.New(plain(e)), hint)
}

// responseError is an answer of the service other than success.
type responseError struct {
	who                    string // "" for the service
	status                 int
	inner                  string // the code of an inner error, if there is one
	code, message, request string
	isRefusal              bool // of what was sent; all else decides nothing
}

func (e *responseError) Error() string {
	verb := "answered"
	if e.isRefusal {
		verb = "refused"
	}
	text := fmt.Sprintf("the %s %s with status %d", cmp.Or(e.who, "service"), verb, e.status)
	if e.code != "" {
		text += ", " + told(e.code)
	}
	if e.inner != "" {
		text += " (" + told(e.inner) + ")"
	}
	if e.message != "" {
		text += ": " + told(e.message)
	}
	if e.request != "" {
		text += " (request " + told(e.request) + ")"
	}
	return text
}

// responseFault reads an answer that is no success. Status 400 is how the service refuses evidence,
// policies and changes, exit code 1; to a question, and with any other status, it
// means that nothing was decided, 3.
func responseFault(e *azcore.ResponseError) error {
	r := &responseError{status: e.StatusCode, code: e.ErrorCode}
	isQuestion := false
	if resp := e.RawResponse; resp != nil {
		r.request = resp.Header.Get("x-ms-request-id")
		r.code, r.message = saidIn(resp, r.code)
		isQuestion = resp.Request != nil && resp.Request.Method == http.MethodGet
	}
	var err error = r
	if r.isRefusal = r.status == http.StatusBadRequest && !isQuestion; r.isRefusal {
		err = &refusedError{r}
	}
	if hint := r.hint(); hint != "" {
		return withHint(err, hint)
	}
	return err
}

// saidIn returns code and message of a refusal's body. One in another shape
// leaves the status to speak for itself.
func saidIn(resp *http.Response, code string) (string, string) {
	raw, err := runtime.Payload(resp)
	if err != nil {
		return code, ""
	}
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(raw, &body) != nil || body.Error.Code == "" {
		return code, ""
	}
	return body.Error.Code, body.Error.Message
}

// hint says what the person at the keyboard can do about a refusal.
func (e *responseError) hint() string {
	switch {
	case e.status == http.StatusUnauthorized || e.status == http.StatusForbidden:
		return "the caller needs the role Attestation Reader to read, Attestation Contributor to change; " +
			"log in with 'az login' as somebody who has it, or name another --credential; " +
			"with --credential bearer, see that the token in " + bearerVariable + " is of this service and has not expired"
	case e.status == http.StatusNotFound || e.status == http.StatusMethodNotAllowed:
		return "the endpoint has no such operation: is it an attestation service, and is its path right? " +
			"Of one that 'azattest serve' runs, 'azattest instance list' shows the URL of each instance"
	case e.status >= http.StatusMultipleChoices && e.status < http.StatusBadRequest:
		return "redirects are not followed: give the URL of the instance itself"
	}
	switch e.code {
	case azattestation.ErrorCodeInvalidOperation:
		if strings.Contains(e.message, "Unsigned JWS") {
			return "the instance is in isolated mode: sign with --signing-key and --signing-cert of one of its policy management certificates (azattest certs list)"
		}
		if strings.Contains(e.message, "fixed by the service's configuration") {
			return "whoever runs the service changes the file that its configuration names"
		}
		if strings.HasPrefix(e.message, "The operation is not possible") {
			return "nobody may do this to the instance, whoever signs: it says why"
		}
		if strings.Contains(e.message, "disallowed") {
			return "only an instance in isolated mode has policy management certificates, and it keeps the last one"
		}
		return "an instance in isolated mode accepts only what one of its policy management certificates signed: --signing-key and --signing-cert"
	case azattestation.ErrorCodeInvalidParameter:
		if strings.Contains(e.message, "Unable to find issuer certificate") {
			return "the certificate of the key that signed is none of the instance's policy management certificates: 'azattest certs list' shows them"
		}
	case azattestation.ErrorCodePolicyParsingError:
		return "correct the policy; the message says where it cannot be read"
	case azattestation.ErrorCodePolicyEvaluationError:
		return "the evidence holds, the policy says no: read it with 'azattest policy get', or try another with --draft-policy"
	case azattestation.ErrorCodeInvalidQuote:
		if strings.Contains(e.message, "): request: ") {
			return "look at log and quote with 'azattest tpm show-log' and 'azattest tpm show-quote'"
		}
		return "look at the evidence with 'azattest quote verify'"
	}
	return ""
}

// told is what a service says, on one line that cannot play with a terminal.
func told(text string) string {
	const most = 2000 // the longest refusals, of policies with many faults, have less
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return clean(text)
}
