package tpm

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// object is a JSON object, each member as it stands.
type object map[string]json.RawMessage

// parseObject reads one JSON object and nothing after it. A member that stands
// twice is refused: which of the two counts is open.
func parseObject(text []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // else one that is too large stands in the error, whole
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.Join(errors.New("want a JSON object"), err)
	}
	o := object{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if !ok {
			return nil, errors.New("want the name of a member")
		}
		if _, twice := o[name]; twice {
			return nil, fmt.Errorf("member %.32q a second time", name)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		o[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return o, nil
}

// object returns a member that is an object.
func (o object) object(name string) (object, error) {
	value, err := o.member(name)
	if err != nil {
		return nil, err
	}
	inner, err := parseObject(value)
	if err != nil {
		return nil, fmt.Errorf("member %q: %w", name, err)
	}
	return inner, nil
}

// text returns a member that is a string and not empty.
func (o object) text(name string) (string, error) {
	value, err := o.member(name)
	if err != nil {
		return "", err
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil || text == "" {
		return "", fmt.Errorf("member %q is no text", name)
	}
	return text, nil
}

// bytes returns a member that is bytes in base64url.
func (o object) bytes(name string, most int) ([]byte, error) {
	text, err := o.text(name)
	if err != nil {
		return nil, err
	}
	raw, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("member %q: %w", name, err)
	}
	if len(raw) > most {
		return nil, fmt.Errorf("member %q: %d bytes, want at most %d", name, len(raw), most)
	}
	return raw, nil
}

// list returns a member that is a list of bytes in base64url.
func (o object) list(name string, most, mostBytes int) ([][]byte, error) {
	value, err := o.member(name)
	if err != nil {
		return nil, err
	}
	var texts []string
	if err := json.Unmarshal(value, &texts); err != nil {
		return nil, fmt.Errorf("member %q is no list of texts", name)
	}
	if len(texts) > most {
		return nil, fmt.Errorf("member %q: %d entries, want at most %d", name, len(texts), most)
	}
	list := make([][]byte, 0, len(texts))
	for i, text := range texts {
		raw, err := decode(text)
		if err != nil {
			return nil, fmt.Errorf("member %q: entry %d: %w", name, i, err)
		}
		if len(raw) > mostBytes {
			return nil, fmt.Errorf("member %q: entry %d: %d bytes, want at most %d", name, i, len(raw), mostBytes)
		}
		list = append(list, raw)
	}
	return list, nil
}

func (o object) member(name string) (json.RawMessage, error) {
	value, ok := o[name]
	if !ok {
		return nil, fmt.Errorf("member %q is missing", name)
	}
	return value, nil
}

// encode writes bytes in base64url without padding.
func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// decode is the inverse of encode, and accepts nothing that encode does not write.
func decode(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") { // which encoding/base64 skips
		return nil, errors.New("a line break in base64url")
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

// compact writes JSON on one line. Nothing in it is changed but "<", ">" and "&",
// which become escapes.
func compact(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("collect/tpm: a message that is no JSON: " + err.Error())
	}
	return text
}
