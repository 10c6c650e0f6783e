package keyrelease

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// kind says what a JSON value is.
type kind string

const (
	kindObject  kind = "an object"
	kindArray   kind = "an array"
	kindString  kind = "a string"
	kindNumber  kind = "a number"
	kindBoolean kind = "a boolean"
	kindNull    kind = "null"
)

// node is a JSON value with the place where it stands.
type node struct {
	kind kind
	// offset counts bytes from 0.
	offset int
	// text is a string's value, a number as it is written, true, false or null.
	text    string
	members []member
	// index has the place in members of each name, where there are many.
	index map[string]int
	items []node
}

type member struct {
	name   string
	offset int
	value  node
}

// member returns the member of an object, nil if there is none.
func (n *node) member(name string) *node {
	if n.index != nil {
		if i, ok := n.index[name]; ok {
			return &n.members[i].value
		}
		return nil
	}
	for i := range n.members {
		if n.members[i].name == name {
			return &n.members[i].value
		}
	}
	return nil
}

// fewMembers are found faster one after the other, and take less memory so.
const fewMembers = 8

// add adds a member, whose name must be new.
func (n *node) add(m member) {
	n.members = append(n.members, m)
	switch {
	case n.index != nil:
		n.index[m.name] = len(n.members) - 1
	case len(n.members) > fewMembers:
		n.index = make(map[string]int, 2*len(n.members))
		for i := range n.members {
			n.index[n.members[i].name] = i
		}
	}
}

// jsonFault is what makes a text no JSON, or none that can be relied on.
type jsonFault struct {
	offset  int
	problem string
}

// parseJSON reads one JSON value. Unlike encoding/json it keeps the places, and
// refuses a name that stands twice in an object and text that is not Unicode: two
// readers of either may disagree about what it says.
func parseJSON(raw []byte) (node, *jsonFault) { return parseFewJSON(raw, maxValues) }

// parseFewJSON is parseJSON for a text of so many values at most.
func parseFewJSON(raw []byte, most int) (node, *jsonFault) {
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && size <= 1 {
			return node{}, &jsonFault{i, "this byte is not UTF-8"}
		}
		i += size
	}
	p := parser{raw: raw, most: most, decoder: json.NewDecoder(bytes.NewReader(raw))}
	p.decoder.UseNumber()
	value, err := p.value(0)
	if err != nil {
		return node{}, err
	}
	end := int(p.decoder.InputOffset())
	for end < len(raw) && bytes.IndexByte([]byte(" \t\r\n"), raw[end]) >= 0 {
		end++
	}
	if end < len(raw) {
		return node{}, &jsonFault{end, "something stands behind the value"}
	}
	return value, nil
}

// CheckJSON reports whether a text is one JSON value that every reader reads alike: in
// UTF-8, with no name twice in an object, not nested deeper than 32, of 50,000 values at
// most. The error says at which byte it is not, and repeats no value.
func CheckJSON(raw []byte) error {
	if _, fault := parseJSON(raw); fault != nil {
		return fmt.Errorf("at byte %d, %s", fault.offset, fault.problem)
	}
	return nil
}

type parser struct {
	raw     []byte
	decoder *json.Decoder
	values  int
	most    int
}

// start is where the next token stands.
func (p *parser) start() int {
	at := int(p.decoder.InputOffset())
	for at < len(p.raw) && bytes.IndexByte([]byte(" \t\r\n,:"), p.raw[at]) >= 0 {
		at++
	}
	return at
}

func (p *parser) token() (json.Token, int, *jsonFault) {
	at := p.start()
	token, err := p.decoder.Token()
	if err == nil {
		// encoding/json reads half of a surrogate pair as U+FFFD, too.
		if text, ok := token.(string); ok && strings.ContainsRune(text, utf8.RuneError) {
			return nil, 0, &jsonFault{at, "text with U+FFFD, or with half of a surrogate pair, want text that was not damaged"}
		}
		return token, at, nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, 0, &jsonFault{len(p.raw), "not JSON: the text ends too early"}
	}
	return nil, 0, &jsonFault{at, "not JSON: " + err.Error()}
}

func (p *parser) value(depth int) (node, *jsonFault) {
	token, at, err := p.token()
	if err != nil {
		return node{}, err
	}
	if depth > maxDepth {
		return node{}, &jsonFault{at, fmt.Sprintf("nested deeper than %d", maxDepth)}
	}
	if p.values++; p.values > p.most {
		return node{}, &jsonFault{at, fmt.Sprintf("more than %d values", p.most)}
	}
	n := node{offset: at}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			n.kind = kindObject
			return p.object(n, depth)
		}
		n.kind = kindArray
		return p.array(n, depth)
	case string:
		n.kind, n.text = kindString, t
	case json.Number:
		n.kind, n.text = kindNumber, t.String()
	case bool:
		n.kind, n.text = kindBoolean, fmt.Sprint(t)
	default:
		n.kind, n.text = kindNull, "null"
	}
	return n, nil
}

func (p *parser) object(n node, depth int) (node, *jsonFault) {
	for p.decoder.More() {
		token, at, err := p.token()
		if err != nil {
			return node{}, err
		}
		name, ok := token.(string)
		if !ok {
			return node{}, &jsonFault{at, "not JSON: a name that is no string"}
		}
		if n.member(name) != nil {
			return node{}, &jsonFault{at, fmt.Sprintf("member %s stands twice", shown(name))}
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return node{}, err
		}
		n.add(member{name, at, value})
	}
	_, _, err := p.token()
	return n, err
}

func (p *parser) array(n node, depth int) (node, *jsonFault) {
	for p.decoder.More() {
		item, err := p.value(depth + 1)
		if err != nil {
			return node{}, err
		}
		n.items = append(n.items, item)
	}
	_, _, err := p.token()
	return n, err
}
