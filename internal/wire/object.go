package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// RequestError says which member of a request is wrong, and how.
type RequestError struct {
	// Member is its path, such as "runtimeData.data"; "body" for the whole.
	Member string
	// Problem is what is wrong, and what would be right.
	Problem string
	// Err is the decoder's error, if any.
	Err error
}

func (e *RequestError) Error() string {
	text := e.Member + ": " + e.Problem
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *RequestError) Unwrap() error { return e.Err }

// object is a JSON object whose member names are compared without regard to
// case, because the real service does so and clients rely on it: the C++ SDK
// writes inittimeData, guest clients write AttestationInfo.
type object struct {
	path    string
	members map[string]json.RawMessage
}

// parseObject reads exactly one object. Two members that differ in nothing but
// case are refused: readers would not agree on which of them counts.
func parseObject(path string, raw []byte) (object, error) {
	o := object{path: path, members: map[string]json.RawMessage{}}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if token, err := dec.Token(); err != nil || token != json.Delim('{') {
		return object{}, o.problem("", "want a JSON object", err)
	}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return object{}, o.problem("", "not valid JSON", err)
		}
		name, _ := token.(string) // the decoder lets nothing else stand before a colon
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return object{}, o.problem(name, "not valid JSON", err)
		}
		folded := strings.ToLower(name)
		if _, twice := o.members[folded]; twice {
			return object{}, o.problem(name, "stands twice (names are compared without regard to case)", nil)
		}
		o.members[folded] = value
	}
	if _, err := dec.Token(); err != nil {
		return object{}, o.problem("", "not valid JSON", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return object{}, o.problem("", "found more after the object", err)
	}
	return o, nil
}

func (o object) problem(name, text string, err error) *RequestError {
	member := o.path
	switch {
	case name == "":
	case member == bodyPath:
		member = name
	default:
		member += "." + name
	}
	return &RequestError{Member: member, Problem: text, Err: err}
}

const bodyPath = "body"

// get returns a member; null counts as absent.
func (o object) get(name string) (json.RawMessage, bool) {
	raw, ok := o.members[strings.ToLower(name)]
	if !ok || string(raw) == "null" {
		return nil, false
	}
	return raw, true
}

// text returns a string member, nil if it is absent.
func (o object) text(name string) (*string, error) {
	raw, ok := o.get(name)
	if !ok {
		return nil, nil //nolint:nilnil // an absent member is no error
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, o.problem(name, fmt.Sprintf("want a string, found %s", kindOf(raw)), nil)
	}
	return &s, nil
}

func kindOf(raw []byte) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	}
	return "a number"
}
