package policytoken

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// object is a JSON object of which the names are compared as they are written,
// as RFC 7515 and RFC 7519 want it.
type object struct {
	reason  Reason // of what is wrong with it
	path    string
	members map[string]json.RawMessage
}

// parseDocument reads a whole header or payload: exactly one object, in UTF-8,
// of bounded depth.
func parseDocument(reason Reason, path string, raw []byte) (object, error) {
	if !utf8.Valid(raw) {
		return object{}, refuse(reason, path, "not valid UTF-8", nil)
	}
	if depth(raw) > maxDepth {
		return object{}, refuse(reason, path, "nested deeper than "+strconv.Itoa(maxDepth)+" levels", nil)
	}
	return parseObject(reason, path, raw)
}

// parseObject reads exactly one object. Members that stand twice, or differ in
// nothing but case, are refused: readers would not agree on which of them counts.
func parseObject(reason Reason, path string, raw []byte) (object, error) {
	o := object{reason: reason, path: path, members: map[string]json.RawMessage{}}
	seen := map[string]bool{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // else one that is too large stands in the error, whole
	if token, err := dec.Token(); err != nil || token != json.Delim('{') {
		return object{}, refuse(reason, path, "want a JSON object", unexpected(err))
	}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return object{}, refuse(reason, path, "not valid JSON", unexpected(err))
		}
		name, _ := token.(string) // the decoder lets nothing else stand before a colon
		if len(o.members) == maxMembers {
			return object{}, refuse(reason, path, "more than "+strconv.Itoa(maxMembers)+" members", nil)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return object{}, refuse(reason, path+": "+clip(name), "not valid JSON", unexpected(err))
		}
		folded := strings.ToLower(name)
		if seen[folded] {
			return object{}, refuse(reason, path+": "+clip(name), "stands twice", nil)
		}
		seen[folded], o.members[name] = true, value
	}
	if _, err := dec.Token(); err != nil {
		return object{}, refuse(reason, path, "not valid JSON", unexpected(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return object{}, refuse(reason, path, "found more after the object, want its end", nil)
	}
	return o, nil
}

// get returns a member; null counts as absent.
func (o object) get(name string) (json.RawMessage, bool) {
	raw, ok := o.members[name]
	if !ok || string(raw) == "null" {
		return nil, false
	}
	return raw, true
}

// text returns a string member, and whether it is there.
func (o object) text(name string) (string, bool, error) {
	raw, ok := o.get(name)
	if !ok {
		return "", false, nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", false, refuse(o.reason, o.path+": "+name, "want a string", nil)
	}
	return s, true, nil
}

// depth returns how deep the brackets of a JSON text nest. Of a text that is no
// JSON it says something, and the parser the rest.
func depth(raw []byte) int {
	deepest, level := 0, 0
	inString := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}

// unexpected says of an end that it came too early.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
