package wire

import (
	"bytes"
	"encoding/json"
)

// Codes that the real service is known to answer with, from recordings and its
// troubleshooting guide.
const (
	CodeInvalidParameter      = "InvalidParameter"
	CodeInvalidQuote          = "InvalidQuote"
	CodeInvalidOperation      = "InvalidOperation"
	CodePolicyEvaluationError = "PolicyEvaluationError"
	CodePolicyParsingError    = "PolicyParsingError"
	CodeUnauthorized          = "Unauthorized"
	// CodeBadRequest has a space in it, as recorded.
	CodeBadRequest = "Bad request"
)

// Codes for what nobody has recorded of the real service. They are spelled as in
// other Azure services and in the framework that it is built on.
const (
	CodeAPIVersionUnspecified = "ApiVersionUnspecified"
	CodeUnsupportedAPIVersion = "UnsupportedApiVersion"
	CodeAmbiguousAPIVersion   = "AmbiguousApiVersion"
	CodeForbidden             = "Forbidden"
	CodeNotFound              = "NotFound"
	CodeMethodNotAllowed      = "MethodNotAllowed"
	CodeUnsupportedMediaType  = "UnsupportedMediaType"
	CodeRequestBodyTooLarge   = "RequestBodyTooLarge"
	CodeRequestTimeout        = "RequestTimeout"
	CodeTooManyRequests       = "TooManyRequests"
	CodeInternal              = "InternalServerError"
	CodeUnavailable           = "ServiceUnavailable"
	CodeGatewayTimeout        = "GatewayTimeout"
)

// Codes returns all codes of answers, for those who count them.
func Codes() []string {
	return []string{
		CodeInvalidParameter, CodeInvalidQuote, CodeInvalidOperation, CodePolicyEvaluationError, CodePolicyParsingError,
		CodeUnauthorized, CodeBadRequest, CodeAPIVersionUnspecified, CodeUnsupportedAPIVersion, CodeAmbiguousAPIVersion,
		CodeForbidden, CodeNotFound, CodeMethodNotAllowed, CodeUnsupportedMediaType, CodeRequestBodyTooLarge, CodeRequestTimeout,
		CodeTooManyRequests, CodeInternal, CodeUnavailable, CodeGatewayTimeout,
	}
}

// Codes with which the real service is reported to say which claim a policy turned
// down: the first as a reason, the second of a detail.
const (
	CodePolicyValidationFailure = "PolicyValidationFailure"
	CodePolicyFailureClaim      = "PolicyFailureClaim"
)

// Error is what a client reads of a failure. All versions show code and message;
// the rest is for those that have a place for it.
type Error struct {
	Code    string
	Message string
	// Target is the part of the request that is to blame, if one is.
	Target string
	// Reason is a code more specific than Code, if there is one.
	Reason string
	// Details are further messages.
	Details []Detail
	// AlwaysDetailed shows the details in versions that have no place for them,
	// too: clients pass over members that they do not know.
	AlwaysDetailed bool
}

// Detail is one of several messages.
type Detail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Target  string `json:"target,omitempty"`
	// Value is that of the claim which is the target.
	Value string `json:"value,omitempty"`
}

// JSON returns the body of the answer:
//
//	{"error":{"code":…,"message":…,"innererror":{"code":…,"message":…}}}
//
// up to 2022-08-01, and also where the version is not known; innererror repeats
// code and message, as recorded. From 2025-06-01 on the shape is that of
// Azure.Core.Foundations, with target, details and an innererror that holds the
// reason:
//
//	{"error":{"code":…,"message":…,"target":…,"details":[…],"innererror":{"code":…}}}
func (e Error) JSON(v APIVersion) []byte {
	body := errorBody{Code: e.Code, Message: e.Message}
	if v == V20250601 {
		body.Target, body.Details = e.Target, e.Details
		if e.Reason != "" {
			body.InnerError = &innerError{Code: e.Reason}
		}
	} else {
		body.InnerError = &innerError{Code: e.Code, Message: e.Message}
		if e.AlwaysDetailed {
			body.Details = e.Details
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	// Strings cannot fail to encode, nor a buffer to be written.
	_ = encoder.Encode(struct {
		Error errorBody `json:"error"`
	}{body})
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}

type errorBody struct {
	Code       string      `json:"code"`
	Message    string      `json:"message"`
	Target     string      `json:"target,omitempty"`
	Details    []Detail    `json:"details,omitempty"`
	InnerError *innerError `json:"innererror,omitempty"`
}

type innerError struct {
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
}
