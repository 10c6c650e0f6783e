package azattestation

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"unicode"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// headerErrorCode is where azcore looks for the code of a refusal first.
const headerErrorCode = "x-ms-error-code"

// newRefusal makes an *azcore.ResponseError of an answer other than 200. azcore
// repeats status, code and body as they came, in the error and in its log; here
// they are tamed first, for whoever answers in the service's place should not
// write to the caller's terminal.
func newRefusal(resp *http.Response) error {
	resp.Status = shown(resp.Status)
	if code := resp.Header.Get(headerErrorCode); code != "" {
		resp.Header.Set(headerErrorCode, shown(code))
	}
	body, err := runtime.Payload(resp)
	if err != nil {
		return &AnswerError{Part: "body of a refusal", Expected: "all of it", Err: err}
	}
	resp.Body = io.NopCloser(bytes.NewReader(bytes.Map(printable, body)))
	err = runtime.NewResponseError(resp)
	// A code in the body may have been escaped there.
	if refused, ok := errors.AsType[*azcore.ResponseError](err); ok && refused.ErrorCode != shown(refused.ErrorCode) {
		return runtime.NewResponseErrorWithErrorCode(resp, shown(refused.ErrorCode))
	}
	return err
}

// printable keeps text of several lines. What it replaces is no part of the
// syntax of JSON, so that the body can still be read.
func printable(r rune) rune {
	switch {
	case r == '\n', r == '\t', unicode.IsPrint(r):
		return r
	case r == '\r', unicode.Is(unicode.Zs, r):
		return ' '
	}
	return unicode.ReplacementChar
}
