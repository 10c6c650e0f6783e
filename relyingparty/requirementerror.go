package relyingparty

import (
	"strings"
	"unicode"
)

// Requirement is what a [Verifier] requires of a token that holds.
type Requirement string

// The requirements, in the order in which they are looked at.
const (
	// RequirementClaims: claims of the service have the types that it gives them,
	// and its policy issued none in its name.
	RequirementClaims        Requirement = "claims"
	RequirementType          Requirement = "attestation type" // the claim, or what else tells the report of a TPM
	RequirementNotSimulated  Requirement = "not simulated"
	RequirementNotDebuggable Requirement = "not debuggable"
	RequirementEnclave       Requirement = "enclave"        // MRENCLAVE
	RequirementSigner        Requirement = "enclave signer" // MRSIGNER, product ID and SVN
	RequirementPolicy        Requirement = "policy"         // the policy's hash
	RequirementClaim         Requirement = "claim"          // one of Config.Claims
	RequirementAge           Requirement = "age"            // Config.MaxAge
	RequirementNonce         Requirement = "nonce"          // Expected.Nonce
	RequirementConfirmedKey  Requirement = "confirmed key"  // Expected.ConfirmedKey, and what the Config requires of such a key
	RequirementHeldData      Requirement = "held data"      // Expected.HeldData
	RequirementRuntimeClaims Requirement = "runtime claims" // Expected.RuntimeClaims
	RequirementHeldKeys      Requirement = "held keys"      // Result.HeldKeys
	RequirementEncryptionKey Requirement = "encryption key" // Result.EncryptionKey
)

// RequirementError says what a token is not: it holds, it is genuine and valid, and
// it is not what the relying party wants.
type RequirementError struct {
	// Requirement is what is not met.
	Requirement Requirement
	// Claim is the name of the claim that was looked at, with the objects that it
	// stands in before it, joined by slashes.
	Claim string
	// Expected and Found say what should be there and what is. Neither shows a
	// nonce or held data.
	Expected, Found string
	// Err is the cause, if there is one.
	Err error
}

// Error says which requirement is not met, by which claim, and how.
func (e *RequirementError) Error() string {
	var b strings.Builder
	b.WriteString("relyingparty: token is not what is wanted: " + string(e.Requirement))
	if e.Claim != "" {
		b.WriteString(": claim " + shown(e.Claim))
	}
	sep := ": "
	if e.Found != "" {
		b.WriteString(sep + e.Found)
		sep = ", "
	}
	if e.Expected != "" {
		b.WriteString(sep + "want " + e.Expected)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *RequirementError) Unwrap() error { return e.Err }

// absent is what is found of a claim that is not there.
const absent = "absent"

// shown makes what came from outside fit for one line of a log: bounded, and
// without control characters.
func shown(text string) string {
	cut := ""
	if len(text) > shownLength {
		text, cut = text[:shownLength], "…"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD")) + cut
}
