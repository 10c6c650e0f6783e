package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// RequestError says which member of a request is wrong, and how. It never holds
// the value of evidence, data or a nonce.
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

// bodyPath is the path of a request's outermost object.
const bodyPath = "body"

// object is a JSON object whose member names are compared without regard to
// case, because the real service does so and clients rely on it: the C++ SDK
// writes inittimeData.
type object struct {
	path    string
	members map[string]json.RawMessage
}

// parseBody reads the outermost object. What holds for the whole body is checked
// here once: valid UTF-8, and no deep nesting.
func parseBody(raw []byte) (object, error) {
	return parseInner(bodyPath, raw)
}

// parseInner does the same for a JSON text within a member.
func parseInner(path string, raw []byte) (object, error) {
	whole := object{path: path}
	switch {
	case len(raw) == 0:
		return object{}, whole.problem("", "empty, want a JSON object", nil)
	case !utf8.Valid(raw):
		return object{}, whole.problem("", "not valid UTF-8", nil)
	}
	return parseObject(path, raw)
}

// depth returns how deep the brackets of a JSON text nest. Of a text that is no
// JSON it says something, and the parser the rest.
func depth(raw []byte) int {
	deepest, level := 0, 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			// Strings are nearly all of a request.
			for i++; i < len(raw) && raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			level++
			deepest = max(deepest, level)
		case '}', ']':
			level--
		}
	}
	return deepest
}

// parseObject reads exactly one object. Two members that differ in nothing but
// case are refused: readers would not agree on which of them counts.
func parseObject(path string, raw []byte) (object, error) {
	if o := newObject(path); o.readPlain(raw) {
		return o, nil
	}
	o := newObject(path)
	if depth(raw) > maxDepth {
		return object{}, o.problem("", "nested deeper than "+strconv.Itoa(maxDepth)+" levels", nil)
	}
	if err := o.readAny(raw); err != nil {
		return object{}, err
	}
	return o, nil
}

func newObject(path string) object { return object{path: path, members: map[string]json.RawMessage{}} }

// readAny reads whatever is an object in JSON.
func (o object) readAny(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // else one that is too large stands in the error, whole
	if token, err := dec.Token(); err != nil || token != json.Delim('{') {
		return o.problem("", "want a JSON object", unexpected(err))
	}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return o.problem("", "not valid JSON", unexpected(err))
		}
		name, _ := token.(string) // the decoder lets nothing else stand before a colon
		if len(o.members) == maxMembers {
			return o.problem("", "more than "+strconv.Itoa(maxMembers)+" members", nil)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return o.problem(name, "not valid JSON", unexpected(err))
		}
		folded := Fold(name)
		if _, twice := o.members[folded]; twice {
			return o.problem(name, "stands twice, names being compared without regard to case", nil)
		}
		o.members[folded] = value
	}
	if _, err := dec.Token(); err != nil {
		return o.problem("", "not valid JSON", unexpected(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return o.problem("", "found more after the object, want its end", nil)
	}
	return nil
}

// unexpected says of an end that it came too early.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// memberPath returns the path of a member, or of the object for no name.
func (o object) memberPath(name string) string {
	switch {
	case name == "":
		return o.path
	case o.path == bodyPath:
		return Clip(name)
	}
	return o.path + "." + Clip(name)
}

func (o object) problem(name, text string, err error) *RequestError {
	return &RequestError{Member: o.memberPath(name), Problem: text, Err: err}
}

// get returns a member; null counts as absent.
func (o object) get(name string) (json.RawMessage, bool) {
	raw, ok := o.members[Fold(name)]
	if !ok || string(raw) == "null" {
		return nil, false
	}
	return raw, true
}

// text returns a string member, nil if it is absent.
func (o object) text(name string) (*string, error) {
	raw, err := o.bytes(name)
	if err != nil || raw == nil {
		return nil, err
	}
	text := string(raw)
	return &text, nil
}

// bytes returns a string member as a part of the body, which is not to be changed;
// nil if it is absent.
func (o object) bytes(name string) ([]byte, error) {
	raw, ok := o.get(name)
	if !ok {
		return nil, nil
	}
	if kind := kindOf(raw); kind != kindString {
		return nil, o.problem(name, "want a string, found "+kind, nil)
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		// Nothing is escaped, as in all base64; whoever read it has checked the rest.
		return raw[1 : len(raw)-1], nil
	}
	if at := loneSurrogate(raw); at >= 0 {
		return nil, o.problem(name, fmt.Sprintf("half a character at byte %d of the string: want both surrogates or none", at), nil)
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, o.problem(name, "not valid JSON", err)
	}
	return []byte(s), nil
}

// loneSurrogate returns where a JSON string escapes one half of a UTF-16 pair
// alone, -1 if it does not. The decoder would put another character in its
// place, and a nonce would not come back as it was sent.
func loneSurrogate(raw []byte) int {
	for i := 0; i+1 < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		unit, ok := escapedUnit(raw[i:])
		switch {
		case !ok:
			i++ // another escape: it has two bytes
		case unit < 0xd800 || unit > 0xdfff:
			i += 5
		default:
			low, ok := escapedUnit(raw[min(i+6, len(raw)):])
			if unit >= 0xdc00 || !ok || low < 0xdc00 || low > 0xdfff {
				return i
			}
			i += 11
		}
	}
	return -1
}

// escapedUnit reads \uXXXX at the beginning of raw.
func escapedUnit(raw []byte) (uint64, bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	return unit, err == nil
}

const (
	kindString = "a string"
	kindNumber = "a number"
	kindArray  = "an array"
)

// kindOf names the kind of a valid JSON value.
func kindOf(raw []byte) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return kindArray
	case '"':
		return kindString
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return kindNumber
}
