package evidence

import (
	"fmt"
	"strings"
)

// Stage is the step of a verification that refused.
type Stage string

// The stages, in the order in which a verifier passes them.
const (
	StageParse      Stage = "parse"      // bytes to structure
	StageChain      Stage = "chain"      // certificates up to the vendor's root
	StageCollateral Stage = "collateral" // TCB info, QE identity and who signed them
	StageRevocation Stage = "revocation" // certificate revocation lists
	StageQE         Stage = "qe"         // the quoting enclave's report and identity
	StageSignature  Stage = "signature"  // the signature over the evidence itself
)

// Code is the reason of a refusal, stable for programs to branch on.
type Code string

// The codes.
const (
	CodeTruncated     Code = "truncated"      // the input ends before the part does
	CodeMalformed     Code = "malformed"      // a part has a value it cannot have
	CodeTrailingData  Code = "trailing-data"  // bytes follow that belong to nothing
	CodeTooLarge      Code = "too-large"      // beyond a bound of this implementation
	CodeUnsupported   Code = "unsupported"    // well formed, of a kind not verified here
	CodeMissing       Code = "missing"        // a part that verification needs is absent
	CodeMismatch      Code = "mismatch"       // two parts that must agree do not
	CodeBadSignature  Code = "bad-signature"  // a signature does not hold
	CodeUntrustedRoot Code = "untrusted-root" // the chain ends at a root nobody trusts
	CodeNotYetValid   Code = "not-yet-valid"  // before a window of validity
	CodeExpired       Code = "expired"        // after a window of validity
	CodeRevoked       Code = "revoked"        // a revocation list names the certificate
	CodeStale         Code = "stale"          // older than the evaluation data number demanded
)

// Error says that evidence, or the collateral for it, is not genuine.
type Error struct {
	Stage Stage
	Code  Code
	// Part names what was looked at, as the vendor's document does: "quote
	// header: version".
	Part string
	// Offset is the byte offset of the part within the input, -1 where that
	// means nothing.
	Offset int
	// Expected and Found say what should have been there and what was; either
	// may be empty.
	Expected, Found string
	// Hint says what to do about it; may be empty.
	Hint string
	// Err is the cause in another layer, if any.
	Err error
}

// Error gives one line: stage, part, offset, what was found, what was expected
// and the hint.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Stage))
	b.WriteString(": ")
	b.WriteString(e.Detail())
	return b.String()
}

// Detail is the text of [Error.Error] without the stage.
func (e *Error) Detail() string {
	var b strings.Builder
	b.WriteString(e.Part)
	if e.Offset >= 0 {
		fmt.Fprintf(&b, " at byte %d", e.Offset)
	}
	sep := ": "
	if e.Found != "" {
		b.WriteString(sep + e.Found)
		sep = ", "
	}
	if e.Expected != "" {
		b.WriteString(sep + "want " + e.Expected)
	}
	if e.Found == "" && e.Expected == "" {
		b.WriteString(sep + string(e.Code))
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }
