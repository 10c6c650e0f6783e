package attest

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/policy"
)

// Request asks for one attestation.
type Request struct {
	// Type says what the evidence is.
	Type Type
	// Evidence as its maker gave it out, not encoded.
	Evidence []byte
	// RuntimeData is bound to the evidence by whoever had it made: the first 32
	// bytes of an SGX report's data are the SHA-256 of these bytes. Nil means
	// that nothing is checked.
	RuntimeData *Data
	// InitTimeData is bound in the same way when an enclave starts, to the
	// CONFIGID of a platform with KSS. Nil means that nothing is checked.
	InitTimeData *Data
	// Nonce is repeated in the token, verbatim. It proves nothing about the
	// evidence.
	Nonce *string
	// DraftPolicy is the text of a policy to be used for this request in place of
	// the one in force. The token is then not signed.
	DraftPolicy *string
}

// Data is what a caller says about the evidence beyond the evidence itself.
type Data struct {
	// Bytes as they were hashed.
	Bytes []byte
	// JSON says that the bytes are a JSON object, to be shown as such.
	JSON bool
}

// Response is a successful attestation.
type Response struct {
	// Token is the JWT in compact form; see docs/tokens.md.
	Token string
	// Claims are the token's body.
	Claims *claims.Set
	// Result is what the verifier found.
	Result *evidence.Result
}

// RequestError says what is wrong with a request, whatever its evidence proves.
type RequestError struct {
	// Part of the request: "type", "runtime data", "nonce".
	Part string
	// Problem is what is wrong with it, and what would be right.
	Problem string
	// Err is the cause in another layer, if any.
	Err error
}

func (e *RequestError) Error() string {
	text := "attest: " + e.Part + ": " + e.Problem
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *RequestError) Unwrap() error { return e.Err }

// admitted is a request that may go on to verification, with what serves it.
type admitted struct {
	kind
	isDraft bool
	// now is the one time of the whole request.
	now time.Time
	// demands are those of the configuration rules, report what the issuance rules
	// say of it.
	demands demands
	report  report
	watch   watch
}

// admit refuses what needs no look at the evidence.
func (s *Service) admit(r *Request) (*admitted, error) {
	if r == nil {
		return nil, &RequestError{Part: "request", Problem: "missing"}
	}
	serving, ok := s.kinds[r.Type]
	if !ok {
		return nil, &RequestError{Part: "type", Problem: fmt.Sprintf("%q is not served here", string(r.Type))}
	}
	if r.Type == TPM && (r.RuntimeData != nil || r.InitTimeData != nil || r.Nonce != nil || r.DraftPolicy != nil) {
		return nil, &RequestError{Part: "request", Problem: "data, a nonce or a draft policy beside the evidence of a TPM, which brings its own"}
	}
	for _, d := range []struct {
		part string
		data *Data
	}{{runtimeData, r.RuntimeData}, {initTimeData, r.InitTimeData}} {
		if d.data != nil && len(d.data.Bytes) > maxData {
			return nil, &RequestError{Part: d.part, Problem: fmt.Sprintf("%d bytes, want at most %d", len(d.data.Bytes), maxData)}
		}
	}
	if r.Nonce != nil {
		if len(*r.Nonce) > maxNonce {
			return nil, &RequestError{Part: "nonce", Problem: fmt.Sprintf("%d bytes, want at most %d", len(*r.Nonce), maxNonce)}
		}
		if !utf8.ValidString(*r.Nonce) {
			return nil, &RequestError{Part: "nonce", Problem: "not valid UTF-8, so no JSON can repeat it"}
		}
	}
	return &admitted{
		kind: serving, now: s.clock(), isDraft: r.DraftPolicy != nil,
		watch: watch{observe: s.observe, now: s.stopwatch},
	}, nil
}

// compileDraft puts the draft policy of a request in the place of the one in
// force.
func (in *admitted) compileDraft(r *Request) error {
	if !in.isDraft {
		return nil
	}
	draft, err := policy.Compile(*r.DraftPolicy)
	if err != nil {
		return err
	}
	in.policy, in.signer = draft, claims.Value{}
	return nil
}
