package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// object is a JSON object whose names are told apart by their exact bytes, which
// decoding into a struct would not do.
type object map[string]any

// parseObject reads one JSON object. A name that stands twice in one object is an
// error: two readers might see two values. Numbers stay [json.Number].
func parseObject(raw []byte) (object, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("not UTF-8")
	}
	if !json.Valid(raw) {
		return nil, errors.New("not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := readValue(d, 0)
	if err != nil {
		return nil, err
	}
	o, ok := v.(object)
	if !ok {
		return nil, errors.New("JSON of another kind, want an object")
	}
	return o, nil
}

func readValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("JSON of more than %d levels", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, errors.New("not JSON")
	}
	switch t {
	case json.Delim('{'):
		return readObject(d, depth)
	case json.Delim('['):
		return readArray(d, depth)
	}
	return t, nil
}

func readObject(d *json.Decoder, depth int) (any, error) {
	o := make(object)
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, errors.New("not JSON")
		}
		name, ok := t.(string)
		if !ok {
			return nil, errors.New("not JSON")
		}
		if _, isThere := o[name]; isThere {
			return nil, fmt.Errorf("member %q stands twice", visible(name))
		}
		if o[name], err = readValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	return o, endOf(d)
}

func readArray(d *json.Decoder, depth int) (any, error) {
	a := []any{}
	for d.More() {
		v, err := readValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		a = append(a, v)
	}
	return a, endOf(d)
}

// endOf takes the bracket that closes what was read.
func endOf(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return errors.New("not JSON")
	}
	return nil
}

// text returns a string member, "" if there is none; ok is false for a member of
// another kind.
func (o object) text(name string) (string, bool) {
	v, isThere := o[name]
	if !isThere {
		return "", true
	}
	s, ok := v.(string)
	return s, ok
}

// texts returns a member that is a string or an array of strings; ok is false for
// anything else. None gives none.
func (o object) texts(name string) ([]string, bool) {
	v, isThere := o[name]
	if !isThere {
		return nil, true
	}
	switch v := v.(type) {
	case string:
		return []string{v}, true
	case []any:
		all := make([]string, 0, len(v))
		for _, one := range v {
			s, ok := one.(string)
			if !ok {
				return nil, false
			}
			all = append(all, s)
		}
		return all, true
	}
	return nil, false
}
