// Package syntax reads the text of an attestation policy and knows nothing of
// what it means.
//
// Which function do I want?
//
//   - to read a text: [Parse]. A tree ([Policy]) with its comments, and every
//     fault that was found ([Diagnostic]), come out;
//   - to write it in the layout that all policies have: [Format], or [Print] for
//     a tree;
//   - to show faults to people: [Render];
//   - to guess what a misspelled name, or one of another language, was meant to
//     be: [Nearest], [Foreign].
//
// Whether an identifier is declared, an action is in its place or a value makes
// sense is for package policy to say.
//
// The grammar was never published; this one was reconstructed from the
// documentation and from every public policy. Sections may come and go between
// versions:
//
//	policy      = version [ configurationrules ] authorizationrules [ issuancerules ]
//	version     = "version" "=" INT "." INT ";"                  1.0, 1.1 or 1.2
//	section     = name "{" { rule } "}" ";"                      configurationrules from 1.1
//	rule        = [ condition { "&&" condition } ] "=>" action ";"
//	condition   = [ "!" ] [ IDENT ":" ] "[" [ test { "," test } ] "]"    "!" from 1.2
//	test        = property ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) expression
//	property    = "type" | "value" | "valueType" | "issuer"
//	expression  = STRING | INT | "true" | "false" | IDENT "." property | call
//	call        = IDENT "(" [ expression { "," expression } ] ")"        from 1.2
//	action      = ( "permit" | "deny" ) "(" ")"
//	            | ( "add" | "issue" | "issueproperty" ) "(" arguments ")"
//	arguments   = "claim" "=" IDENT | property "=" expression { "," property "=" expression }
//
// White space is free, comments run from // to the end of the line, and
// everything is case-sensitive except "version" and the names of sections.
// Comments and strings hold no characters that make a text look other than it
// reads: [InvisibleCharacter].
package syntax

import (
	"slices"
	"strconv"
)

// Version is a version of the policy language. Versions compare with <.
type Version uint8

// The versions there are. The zero Version is unknown.
const (
	V10 Version = iota + 1
	V11
	V12
)

// String returns the version as a policy writes it.
func (v Version) String() string {
	switch v {
	case V10:
		return "1.0"
	case V11:
		return "1.1"
	case V12:
		return "1.2"
	}
	return "Version(" + strconv.Itoa(int(v)) + ")"
}

// Parse reads a whole policy. It returns the tree of what could be read, never
// nil, and the faults, at most 20, in the order of [Ordered]. The tree is whole
// if and only if there are none.
func Parse(text string) (*Policy, []Diagnostic) {
	if len(text) > maxText {
		return &Policy{}, []Diagnostic{tooLarge(len(text))}
	}
	if d, ok := packed(text); ok {
		return &Policy{}, []Diagnostic{d}
	}
	p := newParser(text)
	tree := p.policy()
	faults := Ordered(slices.Concat(p.scanner.diagnostics, p.scanner.talkative, p.diagnostics))
	if len(faults) == 0 {
		attach(tree, p.scanner.comments)
	}
	return tree, faults
}
