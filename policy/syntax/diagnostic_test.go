package syntax

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// faultsOf returns the faults of a text as "code line:column: message (hint)".
func faultsOf(text string) []string {
	var got []string
	_, faults := Parse(text)
	for _, f := range faults {
		got = append(got, string(f.Code)+" "+f.String())
	}
	return got
}

// TestKnownMistakes checks what is said of the mistakes that documentation and
// forums are full of, and that nothing else is said.
func TestKnownMistakes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want []string
	}{
		"= for ==": {
			rules(`[type="a", value="b"] => permit();`),
			[]string{
				`assignment-in-condition 2:5: found '=', expected a comparison operator (equality is written ==)`,
				`assignment-in-condition 2:16: found '=', expected a comparison operator (equality is written ==)`,
			},
		},
		"== for =": {
			rules(`c:[] => add(type=="a", value==1); d:[] => add(claim==d);`),
			[]string{
				`comparison-in-action 2:16: found '==', expected '=' (an action sets its claim's properties with =)`,
				`comparison-in-action 2:28: found '==', expected '=' (an action sets its claim's properties with =)`,
				`comparison-in-action 2:51: found '==', expected '=' (an action sets its claim's properties with =)`,
			},
		},
		"=> for >=": {
			rules(`[type=="a", value=>1] => permit();`),
			[]string{`unexpected-token 2:17: found '=>', expected comparison operator (greater or equal is written >=)`},
		},
		"no ; after a rule": {
			rules("=> permit()\n=> deny()"),
			[]string{
				`missing-semicolon 3:0: found '=>', expected ';' after the rule (add ; at 2:11)`,
				`missing-semicolon 4:0: found '}', expected ';' after the rule (add ; at 3:9)`,
			},
		},
		"no ; after the version or a section": {
			"version=1.0\nauthorizationrules{=>permit();}\nissuancerules{}",
			[]string{
				`missing-semicolon 2:0: found 'authorizationrules', expected ';' after the version (add ; at 1:11)`,
				`missing-semicolon 3:0: found 'issuancerules', expected ';' after the section (add ; at 2:31)`,
				`missing-semicolon 3:15: found <EOF>, expected ';' after the section (add ; at 3:15)`,
			},
		},
		"; twice": {
			rules("=> permit();;"),
			[]string{`unexpected-token 2:12: found ';', expected '[', identifier or '=>' (remove the second ;)`},
		},
		"={": {
			"version=1.0;authorizationrules={=>permit();};issuancerules = {};",
			[]string{
				`section-assignment 1:30: found '=', expected '{' (write { right after the section's name)`,
				`section-assignment 1:59: found '=', expected '{' (write { right after the section's name)`,
			},
		},
		"typographic quotation marks": {
			rules("[type==”a-b”, value==“c”] => permit();\n[type==‘d’] => deny();"),
			[]string{
				`stray-character 2:7: found '”', which is no part of the language (typographic quotation marks do not count, write ")`,
				`stray-character 3:7: found '‘', which is no part of the language (typographic quotation marks do not count, write ")`,
			},
		},
		"a plain mark opens, a typographic one does not close": {
			"version=1.0;authorizationrules{[type==\"a”] => permit();\n[type==\"b-c\"] => deny();};",
			[]string{
				`stray-character 2:9: found '-', which is no part of the language (the string that opens at 1:38 holds a typographic quotation mark, which does not close it)`,
				`open-string 2:11: the string that opens here never ends (close it with ")`,
			},
		},
		"an open string": {
			"version=1.0;authorizationrules{[type==\"a] => permit();};",
			[]string{`open-string 1:38: the string that opens here never ends (close it with ")`},
		},
		"an open string with a typographic mark": {
			"version=1.0;authorizationrules{[type==\"a”] => permit();};",
			[]string{`open-string 1:38: the string that opens here never ends (typographic quotation marks do not count, write ")`},
		},
		"placeholders": {
			rules("[type==\"a\", value==<product-id>] => permit();\n[type==\"a\", value==<svn>] => permit();"),
			[]string{
				`placeholder 2:27: found the placeholder '<product-id>', expected a value (put a value in its place)`,
				`unexpected-token 3:19: found '<', expected string, integer, 'true', 'false' or identifier (put a value in place of the placeholder '<svn>')`,
			},
		},
		"or": {
			rules(`[type=="a"] || [type=="b"] => permit();`),
			[]string{`stray-character 2:12: found '||', which is no part of the language (there is no or: write a second rule with the same action)`},
		},
		"a single &": {
			rules(`[type=="a"] & [type=="b"] => permit();`),
			[]string{`stray-character 2:12: found '&', which is no part of the language (and is written &&)`},
		},
		"regular expressions": {
			rules(`[type=="a", value=~"b"] => permit();`),
			[]string{
				`stray-character 2:18: found '~', which is no part of the language (there are no regular expressions: compare with == or !=)`,
				`assignment-in-condition 2:17: found '=', expected a comparison operator (equality is written ==)`,
			},
		},
		"no =>": {
			rules(`[type=="a"] && permit();`),
			[]string{`unexpected-token 2:21: found '(', expected ':' (=> stands before permit)`},
		},
		"= for =>": {
			rules(`[type=="a"] = permit();`),
			[]string{`unexpected-token 2:12: found '=', expected '&&' or '=>' (conditions and action are joined by =>)`},
		},
		"no verb": {
			rules(`=> (type="a", value=1);`),
			[]string{`unexpected-token 2:3: found '(', expected action (say what to do with the claim: => issue(…))`},
		},
		"no property": {
			rules(`=> issue("a", value=1);`),
			[]string{`unexpected-token 2:9: found '"a"', expected claim property (name the property: type=…)`},
		},
		"misspelled words": {
			"version=1.0;authizationrules{[tpye==\"a\"] => Permit(); => add(typ=\"a\", weight=1);};",
			[]string{
				`unknown-section 1:12: found 'authizationrules', expected 'configurationrules' or 'authorizationrules' (did you mean authorizationrules?)`,
				`unknown-property 1:30: found 'tpye', expected a claim property (did you mean type?)`,
				`unknown-action 1:44: found 'Permit', expected an action (did you mean permit?)`,
				`unknown-property 1:61: found 'typ', expected a claim property (did you mean type?)`,
				`unknown-property 1:70: found 'weight', expected a claim property (a claim has type, value, valueType or issuer)`,
			},
		},
		"an action from elsewhere": {
			rules(`=> regexreplace(); => exists(type="a");`),
			[]string{
				`unknown-action 2:3: found 'regexreplace', expected an action (the actions are permit, deny, add, issue or issueproperty)`,
				`unknown-action 2:22: found 'exists', expected an action (the actions are permit, deny, add, issue or issueproperty)`,
			},
		},
		"permit with an argument": {
			rules(`=> permit(true);`),
			[]string{`unexpected-token 2:10: found 'true', expected ')' (permit takes no arguments)`},
		},
		"an identifier for its value": {
			rules(`c:[type=="a"] => add(type="b", value=c);`),
			[]string{`unexpected-token 2:38: found ')', expected '.' (a claim's value is c.value, the text is "c")`},
		},
		"a reserved word as identifier": {
			rules(`value:[type=="a"] => add(claim=issue);`),
			[]string{
				`reserved-word 2:0: 'value' is a word of the language and cannot be an identifier (choose another name, c for example)`,
				`reserved-word 2:31: 'issue' is a word of the language and cannot be an identifier (choose another name, c for example)`,
			},
		},
		"hexadecimal": {
			rules(`[type=="a", value==0xFFFFFF] => permit();`),
			[]string{`unexpected-token 2:20: found 'xFFFFFF', expected ',' or ']' (integers are written in decimal: 16777215)`},
		},
		"fractions": {
			rules(`[type=="a", value==1.5] => permit();`),
			[]string{`unexpected-token 2:20: found '.', expected ',' or ']' (there are no fractions, only integers)`},
		},
		"integers beyond 64 bits": {
			rules(`[value==9223372036854775808] => permit(); [value==-9223372036854775809] => deny();`),
			[]string{
				`integer-range 2:8: '9223372036854775808' does not fit into 64 bits (integers range from -9223372036854775808 to 9223372036854775807)`,
				`integer-range 2:50: '-9223372036854775809' does not fit into 64 bits (integers range from -9223372036854775808 to 9223372036854775807)`,
			},
		},
		"a JWS": {
			"eyJhbGciOiJub25lIn0..",
			[]string{`unexpected-token 1:0: found 'eyJhbGciOiJub25lIn0', expected 'version' (this looks like a signed or unsigned JWS: unwrap the policy text in it first)`},
		},
		"nothing": {
			"",
			[]string{`unexpected-token 1:0: found <EOF>, expected 'version'`},
		},
		"strings in single quotation marks": {
			rules(`[type=='a'] => permit();`),
			[]string{`stray-character 2:7: found ''', which is no part of the language (strings stand in ")`},
		},
		"comments of other languages": {
			rules("# a\n/* b */ => permit();"),
			[]string{
				`stray-character 2:0: found '#', which is no part of the language (comments begin with // and end with the line)`,
				`stray-character 3:0: found '/*', which is no part of the language (comments begin with // and end with the line)`,
				`stray-character 3:5: found '*/', which is no part of the language`,
			},
		},
		"a bare claim type": {
			rules(`[type==$tee] => permit();`),
			[]string{`stray-character 2:7: found '$', which is no part of the language (claim types and values stand in ")`},
		},
		"invisible characters": {
			"\ufeffversion=1.0;\u00a0authorizationrules{};",
			[]string{
				`stray-character 1:0: found the character U+FEFF, which is no part of the language (save the text without a byte order mark)`,
				`stray-character 1:13: found the character U+00A0, which is no part of the language (write a plain space)`,
			},
		},
		"a carriage return alone": {
			rules("// a\r=> permit();"),
			[]string{`stray-character 2:4: found the character U+000D, which is no part of the language (end lines with a line feed, or a carriage return and a line feed)`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, faultsOf(test.text)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}
