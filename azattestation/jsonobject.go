package azattestation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// member is one member of a JSON object, as it stands in the text.
type member struct {
	name  []byte // unescaped
	value json.RawMessage
}

// object is a JSON object whose members are told apart by their exact names.
// encoding/json is of no use for claims: it takes "ISS" for "iss" and the last
// of two members of one name, so that two readers of one signed text may
// disagree about what was signed.
type object []member

// errNotObject is what parseObject finds of any other value.
var errNotObject = errors.New("not a JSON object")

// parseObject splits text into the members of the object that it is. The
// members share memory with text.
func parseObject(text []byte) (object, error) {
	if !json.Valid(text) {
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			return nil, fmt.Errorf("not JSON: %w", err)
		}
		return nil, errors.New("not JSON")
	}
	// Readers repair what is not UTF-8 each in their own way, and so see names
	// that others do not.
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8")
	}
	s := splitter{rest: bytes.Trim(text, " \t\r\n")}
	if s.rest[0] != '{' {
		return nil, errNotObject
	}
	members, err := s.members()
	if err != nil {
		return nil, err
	}
	return members, members.checkNames()
}

// isNull reports whether text is null, which encoding/json takes for no value.
func isNull(text []byte) bool { return string(bytes.TrimSpace(text)) == "null" }

// parseArray splits text, a value of valid JSON, into the elements of the array
// that it is, and gives up at too many of them rather than after them all.
func parseArray(text json.RawMessage, most int) ([]json.RawMessage, error) {
	if len(text) == 0 || text[0] != '[' {
		return nil, fmt.Errorf("%s, want a list", orAbsent(text))
	}
	s := splitter{rest: text[1:]}
	elements := []json.RawMessage{}
	for {
		s.skip(" \t\r\n,")
		if s.rest[0] == ']' {
			return elements, nil
		}
		if len(elements) == most {
			return nil, fmt.Errorf("more than %d elements", most)
		}
		elements = append(elements, s.value())
	}
}

// get returns the value of a member, nil if there is none.
func (o object) get(name string) json.RawMessage {
	for i := range o {
		if string(o[i].name) == name {
			return o[i].value
		}
	}
	return nil
}

// fewMembers is up to how many members each name is compared with each other,
// which allocates nothing.
const fewMembers = 64

// checkNames refuses an object in which a name stands twice.
func (o object) checkNames() error {
	if len(o) > fewMembers {
		seen := make(map[string]bool, len(o))
		for i := range o {
			if seen[string(o[i].name)] {
				return fmt.Errorf("member %q stands twice", shown(string(o[i].name)))
			}
			seen[string(o[i].name)] = true
		}
		return nil
	}
	for i := range o {
		for j := range i {
			if bytes.Equal(o[i].name, o[j].name) {
				return fmt.Errorf("member %q stands twice", shown(string(o[i].name)))
			}
		}
	}
	return nil
}

// splitter walks over valid JSON.
type splitter struct{ rest []byte }

func (s *splitter) members() (object, error) {
	s.rest = s.rest[1:] // {
	members := make(object, 0, min(16, 1+bytes.Count(s.rest, []byte{','})))
	for {
		s.skip(" \t\r\n,")
		if s.rest[0] == '}' {
			return members, nil
		}
		if len(members) == maxMembers {
			return nil, fmt.Errorf("more than %d members", maxMembers)
		}
		name, err := unquote(s.text())
		if err != nil {
			return nil, err
		}
		s.skip(" \t\r\n:")
		members = append(members, member{name, s.value()})
	}
}

func (s *splitter) skip(what string) {
	i := 0
	for bytes.IndexByte([]byte(what), s.rest[i]) >= 0 {
		i++
	}
	s.rest = s.rest[i:]
}

// take returns the next n bytes and moves behind them.
func (s *splitter) take(n int) []byte {
	taken := s.rest[:n:n]
	s.rest = s.rest[n:]
	return taken
}

// text takes a string with its quotes.
func (s *splitter) text() []byte { return s.take(stringLength(s.rest)) }

func stringLength(text []byte) int {
	for i := 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// value takes a value, whatever it is.
func (s *splitter) value() []byte {
	depth := 0
	for i := 0; ; {
		switch s.rest[i] {
		case '"':
			i += stringLength(s.rest[i:])
			if depth == 0 {
				return s.take(i)
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return s.take(i + 1)
			}
		}
		// What ends a number, true, false or null belongs to the object.
		if depth == 0 {
			if end := bytes.IndexAny(s.rest[i:], ",}] \t\r\n"); end >= 0 {
				return s.take(i + end)
			}
		}
		i++
	}
}

// unquote returns what a JSON string says.
func unquote(text []byte) ([]byte, error) {
	if bytes.IndexByte(text, '\\') < 0 {
		return text[1 : len(text)-1], nil
	}
	var said string
	if err := json.Unmarshal(text, &said); err != nil {
		return nil, fmt.Errorf("not a JSON string: %w", err)
	}
	return []byte(said), nil
}

// decodeString returns the string that a value is. It reports false of any
// other value, of null too.
func decodeString(value json.RawMessage) (string, bool) {
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	said, err := unquote(value)
	return string(said), err == nil
}

// stringOf returns the string of a member, "" if it is absent. Another value is
// an error.
func (o object) stringOf(name string) (string, error) {
	value := o.get(name)
	if value == nil {
		return "", nil
	}
	text, ok := decodeString(value)
	if !ok {
		return "", fmt.Errorf("member %s: %s, want a string", name, shown(string(value)))
	}
	return text, nil
}
