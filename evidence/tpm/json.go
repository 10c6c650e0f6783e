package tpm

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/azattest/azattest/evidence"
)

// The JSON of a request is read by rules of its own, stricter than encoding/json:
// no member stands twice, names are compared to the letter, nothing follows the
// end, and what lies between two braces is handed on byte for byte, because keys
// and enclaves vouch for those bytes. It goes over the text once, where the
// library would go over long logs again at each level of nesting.

// object is a JSON object with its members as they were written.
type object struct {
	path    string
	members map[string][]byte
}

// jsonError is about the member of that path.
func jsonError(path string, code evidence.Code, found, expected string) *evidence.Error {
	return refuse(evidence.StageParse, code, path, found, expected)
}

// parseJSON reads a text that is one object, and checks all of it.
func parseJSON(path string, raw []byte) (object, error) {
	if !utf8.Valid(raw) {
		return object{}, jsonError(path, evidence.CodeMalformed, "bytes that are not UTF-8", "JSON")
	}
	s := scanner{raw: raw}
	s.space()
	if s.at == len(raw) || raw[s.at] != '{' {
		return object{}, jsonError(path, evidence.CodeMalformed, "", "a JSON object")
	}
	s.value(0)
	s.space()
	if s.problem != "" {
		return object{}, jsonError(path, evidence.CodeMalformed, fmt.Sprintf("%s at byte %d", s.problem, s.at), "JSON")
	}
	if s.at < len(raw) {
		return object{}, jsonError(path, evidence.CodeTrailingData, fmt.Sprintf("%d more bytes", len(raw)-s.at), "the end of the object")
	}
	return newObject(path, raw)
}

// newObject splits an object whose text was checked.
func newObject(path string, raw []byte) (object, error) {
	o := object{path: path, members: map[string][]byte{}}
	s := scanner{raw: raw, isChecked: true}
	if s.space(); s.raw[s.at] != '{' {
		return object{}, jsonError(path, evidence.CodeMalformed, kindOf(raw), "an object")
	}
	s.at++
	for s.more('}') {
		start := s.at
		s.text()
		name := raw[start+1 : s.at-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			return object{}, jsonError(path, evidence.CodeMalformed, fmt.Sprintf("the escaped name %.32q", name), "names without escapes")
		}
		if _, twice := o.members[string(name)]; twice {
			return object{}, jsonError(path, evidence.CodeMalformed, fmt.Sprintf("member %.32q a second time", name), "each member once")
		}
		if len(o.members) == maxMembers {
			return object{}, jsonError(path, evidence.CodeTooLarge, "more members", fmt.Sprintf("at most %d", maxMembers))
		}
		s.space()
		s.at++ // the colon
		s.space()
		start = s.at
		s.value(0)
		o.members[string(name)] = raw[start:s.at]
	}
	return o, nil
}

// get returns a member; null and the absent are the same.
func (o object) get(name string) ([]byte, bool) {
	raw, ok := o.members[name]
	return raw, ok && string(raw) != "null"
}

func (o object) pathOf(name string) string {
	if o.path == payloadPath {
		return payloadPath + ": " + name
	}
	return o.path + "." + name
}

func (o object) missing(name, expected string) error {
	return jsonError(o.pathOf(name), evidence.CodeMissing, "nothing", expected)
}

// object returns a member that is an object, false if it is absent.
func (o object) object(name string) (object, bool, error) {
	raw, ok := o.get(name)
	if !ok {
		return object{}, false, nil
	}
	inner, err := newObject(o.pathOf(name), raw)
	return inner, err == nil, err
}

// list returns the elements of an array, nil if it is absent.
func (o object) list(name string, most int) ([][]byte, error) {
	raw, ok := o.get(name)
	if !ok {
		return nil, nil
	}
	if raw[0] != '[' {
		return nil, jsonError(o.pathOf(name), evidence.CodeMalformed, kindOf(raw), "an array")
	}
	s := scanner{raw: raw, at: 1, isChecked: true}
	var elements [][]byte
	for s.more(']') {
		if len(elements) == most {
			return nil, jsonError(o.pathOf(name), evidence.CodeTooLarge, "more elements", fmt.Sprintf("at most %d", most))
		}
		start := s.at
		s.value(0)
		elements = append(elements, raw[start:s.at])
	}
	return elements, nil
}

// objects returns the elements of an array of objects, nil if it is absent.
func (o object) objects(name string, most int) ([]object, error) {
	elements, err := o.list(name, most)
	if err != nil {
		return nil, err
	}
	var all []object
	for i, raw := range elements {
		inner, err := newObject(o.pathOf(name)+"["+strconv.Itoa(i)+"]", raw)
		if err != nil {
			return nil, err
		}
		all = append(all, inner)
	}
	return all, nil
}

// text returns a string, false if it is absent.
func (o object) text(name string) (string, bool, error) {
	raw, ok := o.get(name)
	if !ok {
		return "", false, nil
	}
	if raw[0] != '"' {
		return "", false, jsonError(o.pathOf(name), evidence.CodeMalformed, kindOf(raw), "a string")
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true, nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		e := jsonError(o.pathOf(name), evidence.CodeMalformed, "", "a string")
		e.Err = err
		return "", false, e
	}
	return s, true, nil
}

// data returns the bytes of a string in base64url, with its padding or without;
// nil if it is absent or empty.
func (o object) data(name string, most int) ([]byte, error) {
	raw, ok := o.get(name)
	if !ok {
		return nil, nil
	}
	if raw[0] != '"' {
		return nil, jsonError(o.pathOf(name), evidence.CodeMalformed, kindOf(raw), "a string in base64url")
	}
	text := raw[1 : len(raw)-1]
	if size := base64.RawURLEncoding.DecodedLen(len(text)); size > most+2 {
		return nil, jsonError(o.pathOf(name), evidence.CodeTooLarge, fmt.Sprintf("%d bytes", size), fmt.Sprintf("at most %d", most))
	}
	b, err := decodeBase64URL(text)
	if err != nil {
		e := jsonError(o.pathOf(name), evidence.CodeMalformed, "", "base64url")
		e.Err = err
		return nil, e
	}
	if len(b) == 0 {
		return nil, nil
	}
	return b, nil
}

// needed is data that must be there.
func (o object) needed(name string, most int) ([]byte, error) {
	b, err := o.data(name, most)
	if err == nil && b == nil {
		err = o.missing(name, "a string in base64url")
	}
	return b, err
}

// number returns an integer, which must be there.
func (o object) number(name string, most int) (int, error) {
	raw, ok := o.get(name)
	if !ok {
		return 0, o.missing(name, "an integer")
	}
	n, err := strconv.ParseUint(string(raw), 10, 31)
	if err != nil || n > uint64(most) { //nolint:gosec // G115: bounds are positive
		return 0, jsonError(o.pathOf(name), evidence.CodeMalformed, fmt.Sprintf("%.32s", raw), fmt.Sprintf("an integer from 0 to %d", most))
	}
	return int(n), nil
}

// rawURL is strict: no two texts stand for the same bytes but for the padding.
var rawURL, paddedURL = base64.RawURLEncoding.Strict(), base64.URLEncoding.Strict()

// decodeBase64URL reads base64url, padded rightly or not at all.
func decodeBase64URL(text []byte) ([]byte, error) {
	if bytes.HasSuffix(text, []byte("=")) {
		return decode(paddedURL, text)
	}
	return decode(rawURL, text)
}

// decodeRawURL reads base64url without padding.
func decodeRawURL(text []byte) ([]byte, error) { return decode(rawURL, text) }

// decode refuses line breaks, which the library would pass over.
func decode(encoding *base64.Encoding, text []byte) ([]byte, error) {
	for _, c := range []byte("\r\n") {
		if i := bytes.IndexByte(text, c); i >= 0 {
			return nil, base64.CorruptInputError(i)
		}
	}
	return encoding.AppendDecode(make([]byte, 0, encoding.DecodedLen(len(text))), text)
}
