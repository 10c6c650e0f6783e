package syntax

import "strings"

// foreign holds words of the languages that this one comes from or resembles
// (AD FS claim rules, claims transformation rules, expression languages), in
// lower case, with what to write instead.
var foreign = map[string]string{
	"exists":  `a condition holds if some claim passes: write [type=="…"] alone`,
	"not":     negationHint,
	"count":   "claims cannot be counted; the entries of a JSON claim can: JsonToClaimValue(JmesPath(c.value, \"length(@)\")), from version 1.2",
	"sum":     noArithmeticHint,
	"min":     noArithmeticHint,
	"max":     noArithmeticHint,
	"avg":     noArithmeticHint,
	"average": noArithmeticHint,
	"add":     noArithmeticHint,

	"regexreplace":              noRegexHint,
	"regexmatch":                noRegexHint,
	"regex":                     noRegexHint,
	"match":                     noRegexHint,
	"matches":                   noRegexHint,
	"replace":                   noTextHint,
	"substring":                 noTextHint,
	"substr":                    noTextHint,
	"trim":                      noTextHint,
	"split":                     noTextHint,
	"tolower":                   noCaseHint,
	"toupper":                   noCaseHint,
	"lower":                     noCaseHint,
	"upper":                     noCaseHint,
	"tostring":                  "there is no conversion to text: AppendString and == take Strings only",
	"stringtoint":               toIntegerHint,
	"toint":                     toIntegerHint,
	"int":                       toIntegerHint,
	"parseint":                  toIntegerHint,
	"concat":                    appendHint,
	"concatenate":               appendHint,
	"join":                      appendHint,
	"contains":                  containsHint,
	"in":                        containsHint,
	"startswith":                noRegexHint,
	"endswith":                  noRegexHint,
	"length":                    lengthHint,
	"len":                       lengthHint,
	"size":                      lengthHint,
	"if":                        "there is no if: a rule is conditions => action;",
	"iif":                       "there is no if: a rule is conditions => action;",
	"when":                      "there is no when: a rule is conditions => action;",
	"now":                       clockHint,
	"datetime":                  clockHint,
	"hash":                      "there is no hashing: compare with the hash as text",
	"sha256":                    "there is no hashing: compare with the hash as text",
	"isnull":                    "there is no null: a claim that is not there passes no condition",
	"addvalueasenclaveidentity": "this function was never part of the language",
}

const (
	noArithmeticHint = "there is no arithmetic"
	noTextHint       = "text cannot be cut; AppendString(a, b) joins two texts, from version 1.2"
	noCaseHint       = "the case of text cannot be changed: compare with == as the claim has it, one rule for each spelling"
	appendHint       = "to join two texts write AppendString(a, b), from version 1.2"
	toIntegerHint    = "to make an Integer of its text write JsonToClaimValue(c.value), from version 1.2"
	containsHint     = "[type==\"…\", value==…] holds if one claim of the type has the value; to compare sets write IsSubsetOf(a, b), from version 1.2"
	lengthHint       = "length is a function of JMESPath: JsonToClaimValue(JmesPath(c.value, \"length(@)\")), from version 1.2"
	clockHint        = "policies have no clock: the same evidence is judged the same at any time"
)

// Foreign says what to write instead of a function or keyword of another
// language, "" if it knows none of that name. Case does not count.
func Foreign(word string) string {
	if len(word) > maxWord {
		return ""
	}
	return foreign[strings.ToLower(word)]
}

// foreignCall is Foreign for a function that stands where a value does.
func foreignCall(name string) string {
	if strings.EqualFold(name, "not") {
		return negateHint
	}
	return Foreign(name)
}

// foreignVerb returns the verb that says what a word of other languages says, ""
// if there is none.
func foreignVerb(word string) string {
	if len(word) > maxWord {
		return ""
	}
	switch strings.ToLower(word) {
	case "allow", "accept", "grant", "approve", "pass":
		return Permit.String()
	case "reject", "refuse", "block", "forbid", "fail":
		return Deny.String()
	case "emit", "output", "return", "claim":
		return Issue.String()
	case "set", "let":
		return Add.String()
	}
	return ""
}

// wrongOperators are comparisons as other languages write them, longer ones
// before their prefixes.
var wrongOperators = [...]struct {
	text  string
	meant Operator
	hint  string
}{
	{"===", Equal, "equality is written =="},
	{"!==", NotEqual, "not equal is written !="},
	{"=~", Equal, noRegexHint},
	{"!~", NotEqual, noRegexHint},
	{"=>", GreaterOrEqual, "greater or equal is written >="},
	{"=<", LessOrEqual, "less or equal is written <="},
	{"=!", NotEqual, "not equal is written !="},
	{"<>", NotEqual, "not equal is written !="},
}

// wrongOperator reports an operator of another language and returns what it was
// meant to be, with the next token at its last piece, as after a right one.
func (p *parser) wrongOperator() (Operator, bool) {
	start := p.tok.rng.Start
	rest := p.scanner.text[start.Offset:]
	for _, wrong := range wrongOperators {
		if !strings.HasPrefix(rest, wrong.text) {
			continue
		}
		if _, ok := placeholderAround(p.scanner.text, start.Offset+1); ok {
			return 0, false // =<name>
		}
		after := strings.TrimLeft(rest[len(wrong.text):], " ")
		for v := Permit; wrong.text == "=>" && v <= IssueProperty; v++ {
			if strings.HasPrefix(after, v.String()) {
				return 0, false // the bracket was forgotten
			}
		}
		for p.scanner.pos.Offset < start.Offset+len(wrong.text) {
			p.scanner.step()
		}
		p.report(Diagnostic{
			Code:     UnknownOperator,
			Range:    Range{start, p.scanner.pos},
			Message:  "found '" + wrong.text + "', expected a comparison operator",
			Hint:     wrong.hint,
			Expected: []string{"comparison operator"},
		})
		return wrong.meant, true
	}
	return 0, false
}
