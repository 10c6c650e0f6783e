package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/jmespath"
	"github.com/azattest/azattest/policy/syntax"
)

// values warns of texts that the value of a claim never is, if claims of that
// type have texts of one form only. With == the rule never fires, with != the
// condition keeps nothing out.
func (w *watcher) values(condition *syntax.Condition, name string) {
	for _, t := range condition.Tests {
		literal, isString := t.Operand.(*syntax.StringLiteral)
		if !isString || t.Property != syntax.Value || t.Operator != syntax.Equal && t.Operator != syntax.NotEqual {
			continue
		}
		so := "no claim has this value"
		if t.Operator == syntax.NotEqual {
			so = "every claim differs from it"
		}
		switch {
		case w.isQueried(condition, name) && !isJSON(literal.Value):
			w.warn(DoubtfulComparison, literal.Range, fmt.Sprintf("JmesPath made %s, so its value is JSON, and this text is none: %s", clip(name), so),
				"make the claim with JsonToClaimValue(JmesPath(…)), which takes the text out of the JSON")
		case w.isMeasured(name):
			if fault, hint := digestFault(literal.Value); fault != "" {
				w.warn(DoubtfulComparison, literal.Range, fmt.Sprintf("%s is %d hexadecimal digits in lower case, %s: %s", name, digestDigits, fault, so), hint)
			}
		}
	}
}

// isQueried reports whether the claims of a type that a condition can meet are
// all made by JmesPath.
func (w *watcher) isQueried(condition *syntax.Condition, name string) bool {
	if !w.queried[name] || w.madeAny || !canBeOf(condition, issuerPolicy) {
		return false
	}
	if canBeOf(condition, issuerCustom) && clientClaims(w.attestationType) && (!canBeOf(condition, issuerService) || strings.Contains(name, "://")) {
		return false
	}
	if !canBeOf(condition, issuerService) {
		return true
	}
	for _, t := range attestationTypes {
		if _, known := evidenceOf(t)[name]; known && (w.attestationType == "" || w.attestationType == t) {
			return false
		}
	}
	return true
}

// query notes whether JmesPath made all claims of a type so far. The copy of a
// claim of that type changes nothing.
func (w *watcher) query(name string, action *syntax.Action, value syntax.Expression) {
	if action.Claim != nil {
		_, made := w.made[name]
		w.queried[name] = made && w.queried[name]
		return
	}
	call, isCall := value.(*syntax.Call)
	f := new(signature)
	if isCall {
		f, isCall = functionNamed(call.Function.Name)
	}
	_, before := w.made[name]
	w.queried[name] = isCall && f.function == jmesPath && (!before || w.queried[name])
}

// isJSON reports whether text may be what JmesPath gives; where it finds nothing
// that is nothing to compare.
func isJSON(text string) bool {
	_, err := jmespath.ParseJSON(text)
	return err == nil
}

// digests are the types of the claims that hold the SHA-256 of an enclave or of
// its signer.
var digests = [...]string{"x-ms-sgx-mrenclave", "x-ms-sgx-mrsigner", "$sgx-mrenclave", "$sgx-mrsigner"}

const digestDigits = 64

// isMeasured reports whether only evidence states claims of a type, which is one
// of digests.
func (w *watcher) isMeasured(name string) bool {
	_, made := w.made[name]
	return !made && !w.madeAny && slices.Contains(digests[:], name)
}

// digestFault says why text is no such digest, or "", and what to write.
func digestFault(text string) (string, string) {
	lower := strings.ToLower(text)
	switch strange := strings.IndexFunc(lower, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') }); {
	case strange >= 0:
		return fmt.Sprintf("this is %s", shown(claims.String(text))), "write the digits alone, without separators"
	case len(text) != digestDigits:
		return fmt.Sprintf("this has %d", len(text)), "write all of them"
	case lower != text:
		return "this has upper case", "write it in lower case: texts are compared letter by letter"
	}
	return "", ""
}
