package jmespath

import (
	"fmt"
	"strings"
)

// ParseJSON reads a document: one JSON value and nothing behind it. It is
// strict: names may not repeat within an object, text must be UTF-8 and free of
// unpaired surrogates, and a number must not be beyond float64 unless it is an
// integer, which is exact whatever its size. A document has at most 2 MiB,
// 262144 values, 64 levels, and 512 digits in a number. Errors are [*JSONError].
func ParseJSON(text string) (Value, error) {
	if len(text) > maxDocument {
		return Value{}, &JSONError{Problem: fmt.Sprintf("the document has %d bytes, want at most %d", len(text), maxDocument)}
	}
	p := jsonParser{text: text, memory: memory{chunk: min(maxChunk, 1+len(text)/bytesPerValue)}}
	p.skipBlank()
	v := p.value(1)
	p.skipBlank()
	if p.err == nil && p.pos < len(text) {
		p.fail(p.pos, "found %s behind the document", quote(text[p.pos:]))
	}
	if p.err != nil {
		return Value{}, p.err
	}
	return v, nil
}

// jsonParser reads one document. After a fault every method returns at once and
// what it returns is worth nothing.
type jsonParser struct {
	text string
	pos  int
	err  *JSONError

	values int
	// items and names hold what is read of the arrays and objects that are
	// still open.
	items []Value
	names []string
	memory
}

func (p *jsonParser) fail(at int, format string, args ...any) {
	if p.err == nil {
		p.err = &JSONError{Offset: at, Problem: fmt.Sprintf(format, args...)}
	}
}

func (p *jsonParser) skipBlank() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// peek returns the byte that is next, 0 at the end.
func (p *jsonParser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

// value reads a value. Blanks before it are read already.
func (p *jsonParser) value(depth int) Value {
	if p.values++; p.values > maxValues {
		p.fail(p.pos, "more than %d values", maxValues)
	}
	switch c := p.peek(); {
	case p.err != nil:
		return Value{}
	case c == '{', c == '[':
		if depth > maxDepth {
			p.fail(p.pos, "nested deeper than %d levels", maxDepth)
			return Value{}
		}
		if c == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case c == '"':
		start := p.pos
		s := p.string()
		if p.pos == start+len(s)+2 { // nothing is escaped, nor need be
			return Value{kind: KindString, bits: int64(len(s) + 2), text: s}
		}
		return stringValue(s)
	case c == '-', isDigit(c):
		return p.number()
	case p.word("null"):
		return Value{}
	case p.word("true"):
		return booleanValue(true)
	case p.word("false"):
		return booleanValue(false)
	case p.pos == len(p.text):
		p.fail(p.pos, "the text ends, want a value")
	default:
		p.fail(p.pos, "found %s, want a value", quote(p.text[p.pos:]))
	}
	return Value{}
}

func (p *jsonParser) word(word string) bool {
	if !strings.HasPrefix(p.text[p.pos:], word) {
		return false
	}
	p.pos += len(word)
	return true
}

// open enters an array or an object and reports whether it is empty.
func (p *jsonParser) open(end byte) bool {
	p.pos++
	p.skipBlank()
	if p.peek() != end {
		return false
	}
	p.pos++
	return true
}

// more reads what stands behind an element or a member and reports whether
// another one follows.
func (p *jsonParser) more(end byte) bool {
	p.skipBlank()
	switch c := p.peek(); {
	case p.err != nil:
		return false
	case c == ',':
		p.pos++
		p.skipBlank()
		return true
	case c == end:
		p.pos++
		return false
	case p.pos == len(p.text):
		p.fail(p.pos, "the text ends, want ',' or '%c'", end)
	default:
		p.fail(p.pos, "found %s, want ',' or '%c'", quote(p.text[p.pos:]), end)
	}
	return false
}

func (p *jsonParser) array(depth int) Value {
	if p.open(']') {
		return arrayValue(newNode(nil, nil))
	}
	base := len(p.items)
	for more := true; more; more = p.more(']') {
		v := p.value(depth + 1)
		p.items = append(p.items, v)
	}
	if p.err != nil {
		return Value{}
	}
	n := p.hold(shape{}, p.items[base:])
	p.items = p.items[:base]
	return arrayValue(n)
}

func (p *jsonParser) object(depth int) Value {
	start := p.pos
	if p.open('}') {
		return objectValue(newNode(nil, nil))
	}
	base, baseNames := len(p.items), len(p.names)
	for more := true; more; more = p.more('}') {
		if p.peek() != '"' {
			p.fail(p.pos, "found %s, want a member's name in quotes", quote(p.text[p.pos:]))
			break
		}
		p.names = append(p.names, p.string())
		p.skipBlank()
		if p.peek() != ':' {
			p.fail(p.pos, "found %s, want ':'", quote(p.text[p.pos:]))
			break
		}
		p.pos++
		p.skipBlank()
		v := p.value(depth + 1)
		p.items = append(p.items, v)
	}
	if p.err != nil {
		return Value{}
	}
	m := members{p.names[baseNames:], p.items[base:]}
	m.sort()
	for i := 1; i < len(m.names); i++ {
		if m.names[i] == m.names[i-1] {
			p.fail(start, "the object that begins here has two members %s", quote(m.names[i]))
			return Value{}
		}
	}
	n := p.hold(p.shape(m.names), m.items)
	p.items, p.names = p.items[:base], p.names[:baseNames]
	return objectValue(n)
}

// number reads a number by JSON's grammar.
func (p *jsonParser) number() Value {
	start := p.pos
	n := numberLength(p.text[start:])
	if n == 0 {
		p.fail(start, "found %s, want a number", quote(p.text[start:]))
		return Value{}
	}
	if n > maxNumber {
		p.fail(start, "a number of %d digits, want at most %d", n, maxNumber)
		return Value{}
	}
	p.pos += n
	v, ok := parseNumber(p.text[start:p.pos])
	if !ok {
		p.fail(start, "the number %s is beyond float64", quote(p.text[start:p.pos]))
	}
	return v
}

// numberLength returns how long the JSON number is with which text begins, 0 if
// it begins with none.
func numberLength(text string) int {
	i := 0
	digits := func() bool {
		start := i
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		return i > start
	}
	if i < len(text) && text[i] == '-' {
		i++
	}
	switch {
	case i < len(text) && text[i] == '0':
		if i++; i < len(text) && isDigit(text[i]) {
			return 0
		}
	case !digits():
		return 0
	}
	if i < len(text) && text[i] == '.' {
		if i++; !digits() {
			return 0
		}
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		if i++; i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// string reads a string or a name.
func (p *jsonParser) string() string {
	start := p.pos
	s, n, problem := scanString(p.text[start:])
	p.pos += n
	if problem != "" {
		p.fail(p.pos, "%s", problem)
	}
	return s
}
