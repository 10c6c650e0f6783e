package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Codes of errors, as the real service or, for the last ones, the framework
// beneath it spells them.
const (
	CodeInvalidParameter      = "InvalidParameter"
	CodeInvalidQuote          = "InvalidQuote"
	CodeInvalidOperation      = "InvalidOperation"
	CodePolicyEvaluationError = "PolicyEvaluationError"
	CodePolicyParsingError    = "PolicyParsingError"
	CodeTooManyRequests       = "TooManyRequests"
	CodeUnsupportedAPIVersion = "UnsupportedApiVersion"
	CodeAPIVersionUnspecified = "ApiVersionUnspecified"
	CodeNotFound              = "NotFound"
	CodeMethodNotAllowed      = "MethodNotAllowed"
	CodeRequestTooLarge       = "RequestEntityTooLarge"
	CodeUnavailable           = "ServiceUnavailable"
	CodeInternal              = "InternalServerError"
)

// Error is what a client reads of a failure.
type Error struct {
	Code    string
	Message string
}

// errorBody is the member "error" of an answer.
type errorBody struct {
	Code       string     `json:"code"`
	Message    string     `json:"message"`
	InnerError *innerBody `json:"innererror,omitempty"`
}

type innerBody struct {
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
}

// JSON returns the body of the answer. Versions up to 2022-08-01 repeat code and
// message under innererror, as the real service does; from 2025-06-01 on
// innererror has the shape of Azure.Core.Foundations, which knows no message.
func (e Error) JSON(v APIVersion) ([]byte, error) {
	inner := &innerBody{Code: e.Code}
	if v != V20250601 {
		inner.Message = e.Message
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	err := enc.Encode(map[string]errorBody{"error": {Code: e.Code, Message: e.Message, InnerError: inner}})
	return bytes.TrimRight(text.Bytes(), "\n"), err
}

// Messages of the real service, word for word. What stands between its words is
// ours.
const (
	policyEngine = "Attestation Enclave operation failed with 65518: Exception(0) 83FFFFEE Policy Evaluation Error has occurred    " +
		"Msg:[Policy Engine Exception: %s] \n\r\nUnhandled Enclave Exception: \"Policy Evaluation Error has occurred\"\r\n"
	noPermit = "No Permit claim was issued in the authorizationrules section, authorization failed."
	denied   = "A Deny claim was issued, authorization failed."

	policyParser = "Native operation failed with 65526: Exception(0) 83FFFFF6 Invalid policy was specified    " +
		"Msg:[Policy Parser Exception Thrown: Offending symbol: '%s'  Line: '%d', Column: '%d'  Failure message: '%s'  Failing rule: '%s'] \n\r\n"

	invalidQuote      = "The specified quote was invalid"
	invalidCollateral = "The specified quote was invalid due to an error in the quote collateral"
	belowBaseline     = "The specified quote was invalid because the device on which the quote was generated does not meet the Azure baseline requirements"
)

// NoPermit is the message where no rule permitted.
func NoPermit() string { return fmt.Sprintf(policyEngine, noPermit) }

// Denied is the message where a rule denied.
func Denied() string { return fmt.Sprintf(policyEngine, denied) }

// PolicyEngine is the message of another failure of the policy engine.
func PolicyEngine(problem string) string { return fmt.Sprintf(policyEngine, problem) }

// PolicyParser is the message of a policy that cannot be read. Lines count from
// 1, columns from 0.
func PolicyParser(symbol string, line, column int, problem, production string) string {
	return fmt.Sprintf(policyParser, symbol, line, column, problem, production)
}

// InvalidQuote is the message of evidence that is not genuine.
func InvalidQuote(detail string) string { return invalidQuote + ": " + detail }

// InvalidCollateral is the message where the collateral does not hold.
func InvalidCollateral(detail string) string { return invalidCollateral + ": " + detail }

// BelowBaseline is the message where the platform's state is not accepted.
func BelowBaseline(detail string) string { return belowBaseline + ": " + detail }
