// Package policy runs attestation policies: text in, a [Program] out, claims
// through it. It has versions 1.0, 1.1 and 1.2 of the language of Azure
// Attestation.
//
// Which function do I want?
//
//   - to make a program of a text: [Compile]. A text with faults gives a
//     *[SyntaxError] that lists all of them;
//   - to learn what else is doubtful about a text, of a kind of attestation for
//     example: [Check];
//   - to learn what the policy demands of the verification, before it:
//     [Program.Configure];
//   - to learn whether the evidence is acceptable and what the token shall say:
//     [Program.Decide];
//   - to learn which rule said so and why others did not: [Program.Explain];
//   - to learn which policy holds where nobody has set one: [Default];
//   - to say which policy was in force: [Hash].
//
// A policy permits nothing unless a rule permits it, and one rule that denies
// outweighs all that permit. A program never changes: any number of goroutines
// may use one at the same time. Its work is bounded, whatever the claims.
package policy

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"sync"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// Program is a compiled policy.
type Program struct {
	text    string
	hash    string
	version syntax.Version

	configuration []rule
	authorization []rule
	issuance      []rule

	// slots numbers the claim types that the rules name, so that a condition
	// finds its claims without looking at any others.
	slots map[string]int
	// scans is set if a condition takes claims of any type.
	scans bool
	// places is the largest number of conditions in a rule, sets that of its set
	// operands.
	places, sets int
	// made is how many rules make a claim.
	made int

	// machines are those that have done with a run, and queries those that runs
	// have compiled. Neither changes what the program does.
	machines sync.Pool
	queries  queries
}

// Compile makes a program of a policy's text. It returns a *[SyntaxError] if the
// text is no policy of a version that this package runs.
func Compile(text string) (*Program, error) {
	tree, faults := syntax.Parse(text)
	c := newChecker(text, tree)
	c.check()
	if faults = append(faults, c.faults...); len(faults) > 0 {
		return nil, &SyntaxError{Diagnostics: syntax.Ordered(faults)}
	}
	return compile(text, tree, c.queries), nil
}

// Text returns the policy as it was given to [Compile], byte for byte.
func (p *Program) Text() string { return p.text }

// Hash returns the [Hash] of the policy's text.
func (p *Program) Hash() string { return p.hash }

// ReadsDocuments reports whether the policy can read claims that are JSON texts, as
// those of version 1.2 on can, which has the functions for it.
func (p *Program) ReadsDocuments() bool { return p.Version() >= syntax.V12 }

// Version returns the version of the language in which the policy is written.
func (p *Program) Version() syntax.Version { return p.version }

// Hash returns what a token's x-ms-policy-hash says of a policy:
// BASE64URL(SHA256(BASE64URL(text))), without padding. White space counts.
func Hash(text string) string {
	sum := sha256.Sum256([]byte(base64.RawURLEncoding.EncodeToString([]byte(text))))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Configure runs the configuration rules over incoming, the claims known before
// the evidence is verified, and returns the properties that they set, each with
// one value. Which properties there are and what they may be is fixed:
//
//	x-ms-sgx-tcbidentifier  String   "azuredefault" or a TCB evaluation data number
//	required_pcr_mask       Integer  bit i demands PCR i of the quote, 0 to 0xFFFFFF
//	require_valid_aik_cert  Boolean
//
// It returns an *[EvaluationError] if a rule cannot be carried out.
func (p *Program) Configure(incoming *claims.Set) (*claims.Set, error) {
	m, err := p.start(incoming, nil)
	defer m.stop()
	if err != nil {
		return nil, err
	}
	if err := m.run(p.configuration); err != nil {
		return nil, err
	}
	return m.result.decision.Properties, nil
}

// Decision is what a policy that permits says of the token.
type Decision struct {
	// Issued are the claims for the token.
	Issued *claims.Set
	// Properties are those of the configuration rules, then those of the
	// issuance rules: report_validity_in_minutes (Integer, 1 to 525600) and
	// omit_x5c (Boolean).
	Properties *claims.Set
}

// Decide runs the whole policy over incoming, claims that were verified: the
// configuration rules again, so that later rules see what they set, then the
// authorization rules, and if these permit, the issuance rules.
//
// It returns a *[DeniedError] if no rule permits or one denies, and an
// *[EvaluationError] if a rule cannot be carried out. Nothing may be concluded
// from either but that the evidence is not accepted.
//
// Whoever verified under the properties that [Program.Configure] returned must
// go by those: with other claims, conditions of configuration rules may turn out
// otherwise here.
func (p *Program) Decide(incoming *claims.Set) (*Decision, error) {
	return p.DecideWith(incoming, nil)
}

// DecideWith is [Program.Decide] with claims that the client states about itself
// beside those of the evidence. Rules tell them apart by their issuer,
// CustomClaim. Only TPM attestation has such.
func (p *Program) DecideWith(incoming, custom *claims.Set) (*Decision, error) {
	m, err := p.start(incoming, custom)
	defer m.stop()
	if err != nil {
		return nil, err
	}
	decision, err := m.decide()
	if denied, ok := errors.AsType[*DeniedError](err); ok {
		denied.program, denied.incoming, denied.custom = p, incoming, custom
	}
	return decision, err
}
