package claims

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds the nesting of JSON that comes from a caller. Real runtime
// data nests three levels deep (a JWK set inside an object); 64 leaves room and
// keeps the recursion small.
const maxDepth = 64

// JSONError says why a text cannot become a claim value or a claim set.
type JSONError struct {
	// Offset is the byte offset at which reading stopped.
	Offset int64
	// Problem is what is wrong there.
	Problem string
	// Err is the decoder's own error, if it found the fault.
	Err error
}

func (e *JSONError) Error() string {
	return fmt.Sprintf("claims: JSON at byte %d: %s", e.Offset, e.Problem)
}

func (e *JSONError) Unwrap() error { return e.Err }

// AppendJSON appends the JSON object that s stands for: keys sorted bytewise,
// no white space, one value as it is, several as an array.
func (s *Set) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	var buf [2 * scanLimit]entry
	for i, e := range s.sorted(buf[:0]) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, e.name)
		dst = append(dst, ':')
		dst = appendValues(dst, e.values)
	}
	return append(dst, '}')
}

func appendValues(dst []byte, vs []Value) []byte {
	if len(vs) == 1 {
		return vs[0].AppendJSON(dst)
	}
	dst = append(dst, '[')
	for i, v := range vs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = v.AppendJSON(dst)
	}
	return append(dst, ']')
}

// AppendJSON appends v as JSON, compact. The zero Value is written as null.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.kind {
	case KindString:
		return appendString(dst, v.text)
	case KindInteger:
		return strconv.AppendInt(dst, v.number, 10)
	case KindBoolean:
		return strconv.AppendBool(dst, v.number == 1)
	case KindJSON:
		return append(dst, v.text...)
	}
	return append(dst, "null"...)
}

// MarshalJSON implements [json.Marshaler]; see [Set.AppendJSON] for the form.
func (s *Set) MarshalJSON() ([]byte, error) { return s.AppendJSON(nil), nil }

// MarshalJSON implements [json.Marshaler].
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// UnmarshalJSON implements [json.Unmarshaler]: the members of a JSON object
// become claims, sorted by name. Strings, booleans and integers of 64 bits keep
// their type; an array of two or more of those becomes several values;
// everything else (objects, null, fractions, shorter arrays and those that hold
// anything else) becomes a structured value, so that [Set.AppendJSON] gives the
// same document again. It returns a *[JSONError] for anything but one object,
// and leaves s as it was.
func (s *Set) UnmarshalJSON(raw []byte) error {
	canonical, err := canonicalJSON(raw)
	if err != nil {
		return err
	}
	members := map[string]json.RawMessage{}
	if len(canonical) == 0 || canonical[0] != '{' {
		return &JSONError{Problem: "found no object, want a claim set as a JSON object"}
	}
	if err := json.Unmarshal(canonical, &members); err != nil {
		return &JSONError{Problem: "not a claim set", Err: err}
	}
	*s = Set{}
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range valuesOf(members[name]) {
			s.Add(name, v)
		}
	}
	return nil
}

// valuesOf splits a canonical JSON value into the claim values it stands for.
func valuesOf(canonical []byte) []Value {
	if v, ok := scalar(canonical); ok {
		return []Value{v}
	}
	if canonical[0] == '[' {
		var items []json.RawMessage
		if err := json.Unmarshal(canonical, &items); err == nil && len(items) > 1 {
			vs := make([]Value, 0, len(items))
			for _, item := range items {
				v, ok := scalar(item)
				if !ok {
					return []Value{{kind: KindJSON, text: string(canonical)}}
				}
				vs = append(vs, v)
			}
			return vs
		}
	}
	return []Value{{kind: KindJSON, text: string(canonical)}}
}

func scalar(canonical []byte) (Value, bool) {
	switch c := canonical[0]; {
	case c == '"':
		var text string
		if err := json.Unmarshal(canonical, &text); err != nil {
			return Value{}, false
		}
		return String(text), true
	case c == 't' || c == 'f':
		return Boolean(c == 't'), true
	case c == '-' || c >= '0' && c <= '9':
		i, err := strconv.ParseInt(string(canonical), 10, 64)
		if err != nil {
			return Value{}, false
		}
		return Integer(i), true
	}
	return Value{}, false
}

// canonicalJSON rewrites raw compactly with sorted keys. Numbers are copied as
// written, so that no integer passes through a float.
func canonicalJSON(raw []byte) ([]byte, error) {
	if !utf8.Valid(raw) {
		return nil, &JSONError{Problem: "not valid UTF-8"}
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	out, err := appendNext(dec, make([]byte, 0, len(raw)), 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, &JSONError{Offset: dec.InputOffset(), Problem: "found more after the value, want its end"}
	}
	return out, nil
}

func appendNext(dec *json.Decoder, dst []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, &JSONError{Offset: dec.InputOffset(), Problem: fmt.Sprintf("nested deeper than %d levels", maxDepth)}
	}
	token, err := dec.Token()
	if err != nil {
		return nil, &JSONError{Offset: dec.InputOffset(), Problem: "not valid JSON: " + err.Error(), Err: err}
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return appendObject(dec, dst, depth)
		}
		return appendArray(dec, dst, depth)
	case string:
		return appendString(dst, t), nil
	case json.Number:
		return append(dst, t...), nil
	case bool:
		return strconv.AppendBool(dst, t), nil
	}
	return append(dst, "null"...), nil
}

func appendObject(dec *json.Decoder, dst []byte, depth int) ([]byte, error) {
	members := map[string][]byte{}
	var names []string
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, &JSONError{Offset: dec.InputOffset(), Problem: "not valid JSON: " + err.Error(), Err: err}
		}
		name, _ := token.(string) // the decoder lets nothing else stand before a colon
		if _, twice := members[name]; twice {
			return nil, &JSONError{Offset: dec.InputOffset(), Problem: fmt.Sprintf("member %.64q stands twice in one object", name)}
		}
		value, err := appendNext(dec, nil, depth+1)
		if err != nil {
			return nil, err
		}
		members[name] = value
		names = append(names, name)
	}
	if _, err := dec.Token(); err != nil {
		return nil, &JSONError{Offset: dec.InputOffset(), Problem: "object has no end", Err: err}
	}
	slices.Sort(names)
	dst = append(dst, '{')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, name), ':')
		dst = append(dst, members[name]...)
	}
	return append(dst, '}'), nil
}

func appendArray(dec *json.Decoder, dst []byte, depth int) ([]byte, error) {
	dst = append(dst, '[')
	for first := true; dec.More(); first = false {
		if !first {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendNext(dec, dst, depth+1); err != nil {
			return nil, err
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, &JSONError{Offset: dec.InputOffset(), Problem: "array has no end", Err: err}
	}
	return append(dst, ']'), nil
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON string. encoding/json would escape <, > and & for
// the sake of HTML, which the real service does not.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c)
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}
