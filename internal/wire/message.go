package wire

import (
	"fmt"
	"strings"
)

// The real service reports from two layers: sentences of its own, and what came
// up from its enclave, framed by a number and an HRESULT. Both are kept to the
// byte where they were recorded, because people search for them and programs
// match them.
const (
	enclaveFrame = "Attestation Enclave operation failed with %d: Exception(0) %08X %s    " +
		"Msg:[%s] \n\r\nUnhandled Enclave Exception: \"%[3]s\"\r\n"

	evaluationCode     = 65518
	evaluationHRESULT  = 0x83FFFFEE
	evaluationHeadline = "Policy Evaluation Error has occurred"

	parsingCode     = 65526
	parsingHRESULT  = 0x83FFFFF6
	parsingHeadline = "Invalid policy was specified"
)

// NoPermit is the message where no rule permitted, as recorded.
func NoPermit() string {
	return PolicyEngine("No Permit claim was issued in the authorizationrules section, authorization failed.")
}

// Denied is the message where a rule denied: the frame as recorded, the sentence
// as documented.
func Denied() string { return PolicyEngine("A Deny claim was issued, authorization failed.") }

// PolicyEngine is the message of any failure of the policy engine.
func PolicyEngine(problem string) string {
	return fmt.Sprintf(enclaveFrame, evaluationCode, evaluationHRESULT, evaluationHeadline, "Policy Engine Exception: "+problem)
}

// PolicyFault is where and why a policy cannot be read.
type PolicyFault struct {
	// Symbol is the offending piece of text.
	Symbol string
	// Line counts from 1, Column from 0.
	Line, Column int
	// Failure says what is wrong, for instance in the words of [Mismatch].
	Failure string
	// Rule is the path of the grammar's rules that were being read.
	Rule string
}

// PolicyParser is the message of a policy that cannot be read: the sentence as
// documented, in the frame that was recorded for [PolicyEngine].
func PolicyParser(f PolicyFault) string {
	return fmt.Sprintf(enclaveFrame, parsingCode, parsingHRESULT, parsingHeadline, fmt.Sprintf(
		"Policy Parser Exception Thrown: Offending symbol: '%s' Line: '%d', Column: '%d' Failure message: '%s' Failing rule: '%s'",
		f.Symbol, f.Line, f.Column, f.Failure, f.Rule))
}

// Mismatch is how the real service's parser puts a fault of grammar. Words and
// signs among the expected stand in single quotes.
func Mismatch(symbol string, expected []string) string {
	want := strings.Join(expected, ", ")
	if len(expected) != 1 {
		want = "{" + want + "}"
	}
	return "mismatched input '" + symbol + "' expecting " + want
}

// The sentences about evidence, as documented. In the real service's answers
// they stand behind a line of its verification library; here the reason follows
// them.
const (
	// InvalidQuote begins the message of evidence that is not genuine.
	InvalidQuote = "The specified quote was invalid"
	// InvalidCollateral begins that of collateral that does not hold.
	InvalidCollateral = InvalidQuote + " due to an error in the quote collateral"
	// BelowBaseline begins that of a platform whose state is not accepted.
	BelowBaseline = InvalidQuote + " because the device on which the quote was generated does not meet the Azure baseline requirements"
)

// NoTPMPolicy is the message of TPM evidence where no policy for it was set, as
// recorded.
const NoTPMPolicy = "A VBS attestation policy has not been set on the attestation provider."
