package jmespath

import (
	"errors"
	"strings"
	"testing"
)

// What is no query is refused, with the place and what could stand there.
func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]SyntaxError{
		``:                    {Syntax, 0, "", "an expression", ""},
		` `:                   {Syntax, 1, "", "an expression", ""},
		`a.`:                  {Syntax, 2, "", "an identifier, '*', '[' or '{'", ""},
		`.a`:                  {Syntax, 0, ".", "an expression", ""},
		`a..b`:                {Syntax, 2, ".", "an identifier, '*', '[' or '{'", ""},
		`a.1`:                 {Syntax, 2, "1", "an identifier, '*', '[' or '{'", ""},
		`a.'b'`:               {Syntax, 2, "'b'", "an identifier, '*', '[' or '{'", ""},
		`a.@`:                 {Syntax, 2, "@", "an identifier, '*', '[' or '{'", ""},
		"a.`1`":               {Syntax, 2, "`1`", "an identifier, '*', '[' or '{'", ""},
		`a.(b)`:               {Syntax, 2, "(", "an identifier, '*', '[' or '{'", ""},
		`a b`:                 {Syntax, 2, "b", "an operator or the end", ""},
		`a]`:                  {Syntax, 1, "]", "an operator or the end", ""},
		`1`:                   {Syntax, 0, "1", "an expression", ""},
		`[1,2]`:               {Syntax, 2, ",", "']'", ""},
		`a.[0]`:               {Syntax, 3, "0", "an expression", ""},
		`[a,]`:                {Syntax, 3, "]", "an expression", ""},
		`[a b]`:               {Syntax, 3, "b", "',' or ']'", ""},
		`[a`:                  {Syntax, 2, "", "',' or ']'", ""},
		`a[`:                  {Syntax, 2, "", "an index, a slice or '*'", ""},
		`a[b]`:                {Syntax, 2, "b", "an index, a slice or '*'", ""},
		`a['b']`:              {Syntax, 2, "'b'", "an index, a slice or '*'", ""},
		`a[*`:                 {Syntax, 2, "*", "an index, a slice or '*'", ""},
		`a[*][b, c]`:          {Syntax, 5, "b", "an index, a slice or '*'", ""},
		`a[ ]`:                {Syntax, 3, "]", "an index, a slice or '*'", ""},
		`a[-]`:                {Syntax, 2, "-", "", ""},
		`a[1`:                 {Syntax, 3, "", "']'", ""},
		`a[1 2]`:              {Syntax, 4, "2", "']'", ""},
		`a[1:2:3:4]`:          {Syntax, 7, ":", "']'", ""},
		`a[1:b]`:              {Syntax, 4, "b", "']'", ""},
		`a[?`:                 {Syntax, 3, "", "an expression", ""},
		`a[?]`:                {Syntax, 3, "]", "an expression", ""},
		`a[?b`:                {Syntax, 4, "", "']'", ""},
		`a[? b c]`:            {Syntax, 6, "c", "']'", ""},
		`*.`:                  {Syntax, 2, "", "an identifier, '*', '[' or '{'", ""},
		`**`:                  {Syntax, 1, "*", "an operator or the end", ""},
		`a*`:                  {Syntax, 1, "*", "an operator or the end", ""},
		`*a`:                  {Syntax, 1, "a", "an operator or the end", ""},
		`a || `:               {Syntax, 5, "", "an expression", ""},
		`|| a`:                {Syntax, 0, "||", "an expression", ""},
		`a | | b`:             {Syntax, 4, "|", "an expression", ""},
		`a ==`:                {Syntax, 4, "", "an expression", ""},
		`a = b`:               {Syntax, 2, "=", "", ""},
		`a === b`:             {Syntax, 4, "=", "", ""},
		`a == 1.5`:            {Syntax, 6, ".", "what may follow an integer", ""},
		`a == 1[0]`:           {Syntax, 6, "[", "what may follow an integer", ""},
		`a == 01`:             {Syntax, 5, "01", "an integer", ""},
		`1 == a`:              {Syntax, 0, "1", "an expression", ""},
		`!`:                   {Syntax, 1, "", "an expression", ""},
		`a!`:                  {Syntax, 1, "!", "an operator or the end", ""},
		`()`:                  {Syntax, 1, ")", "an expression", ""},
		`(a`:                  {Syntax, 2, "", "')'", ""},
		`a)`:                  {Syntax, 1, ")", "an operator or the end", ""},
		`{}`:                  {Syntax, 1, "}", "a member's name", ""},
		`{a}`:                 {Syntax, 2, "}", "':'", ""},
		`{a:}`:                {Syntax, 3, "}", "an expression", ""},
		`{a:b,}`:              {Syntax, 5, "}", "a member's name", ""},
		`{a:b`:                {Syntax, 4, "", "',' or '}'", ""},
		`{'a':b}`:             {Syntax, 1, "'a'", "a member's name", ""},
		`a{b:c}`:              {Syntax, 1, "{", "an operator or the end", ""},
		`&a`:                  {Syntax, 0, "&", "an expression", ""},
		`[&a]`:                {Syntax, 1, "&", "an expression", ""},
		`map(&&a, b)`:         {Syntax, 4, "&&", "an expression", ""},
		`abs(a,)`:             {Syntax, 6, ")", "an expression", ""},
		`abs(a`:               {Syntax, 5, "", "',' or ')'", ""},
		`"abs"(a)`:            {Syntax, 5, "(", "an operator or the end", ""},
		`a.b[0](c)`:           {Syntax, 6, "(", "an operator or the end", ""},
		`a#b`:                 {Syntax, 1, "#", "", ""},
		`a ’b’`:               {Syntax, 2, "’", "", ""},
		"a\xff":               {Syntax, 1, "\xff", "", ""},
		`$.a`:                 {Syntax, 0, "$", "", ""},
		`'a`:                  {Syntax, 0, "'", "", "the string that begins here never ends (close it with ')"},
		`'a\'`:                {Syntax, 0, "'", "", "the string that begins here never ends (close it with ')"},
		"`1":                  {Syntax, 0, "`", "", "the literal that begins here never ends (close it with `)"},
		"``":                  {Syntax, 0, "`", "", ""},
		"`a`":                 {Syntax, 0, "`", "", ""},
		"`1 2`":               {Syntax, 0, "`", "", ""},
		"`{\"a\":1,\"a\":2}`": {Syntax, 0, "`", "", ""},
		`"a`:                  {Syntax, 0, `"`, "", "identifier in double quotes: the string that begins here never ends"},
		`"\x"`:                {Syntax, 1, `\`, "", ""},

		`a[::0]`:                 {InvalidValue, 1, "[", "", "a slice with a step of 0 never ends"},
		`a[9223372036854775808]`: {InvalidValue, 2, "9223372036854775808", "", ""},
		`nosuch(a)`:              {UnknownFunction, 0, "nosuch", "", `no function is called "nosuch"`},
		`a.toString(@)`:          {UnknownFunction, 2, "toString", "", `no function is called "toString" (write to_string)`},
		`abs()`:                  {InvalidArity, 0, "abs", "", "abs takes 1 argument, found 0"},
		`abs(a, b)`:              {InvalidArity, 0, "abs", "", "abs takes 1 argument, found 2"},
		`contains(a)`:            {InvalidArity, 0, "contains", "", "contains takes 2 arguments, found 1"},
		`merge()`:                {InvalidArity, 0, "merge", "", "merge takes 1 argument or more, found 0"},
		`sort_by(a, b)`:          {InvalidType, 11, "", "'&'", "argument 2 of sort_by is an expression to apply: write & before it"},
		`abs(&a)`:                {InvalidType, 4, "", "", "argument 1 of abs is a value, not an expression to apply: take the & away"},
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			q, err := Compile(query)
			var fault *SyntaxError
			if !errors.As(err, &fault) {
				t.Fatalf("query %v, error %v, want a SyntaxError", q, err)
			}
			got := *fault
			if fault.Message == "" || !strings.Contains(fault.Error(), fault.Message) {
				t.Errorf("the error says %q", fault.Error())
			}
			if want.Message == "" {
				got.Message = ""
			}
			if got != want {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
}
