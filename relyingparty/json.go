package relyingparty

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// parseJSON reads a value into what encoding/json makes of it, with a json.Number
// for each number. Unlike encoding/json it refuses a name that stands twice in an
// object: two readers of it may disagree about what was signed.
func parseJSON(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	value, err := nextValue(d, 0)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("not JSON that can be relied on: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not JSON that can be relied on: something stands behind the value")
	}
	return value, nil
}

func nextValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return nextObject(d, depth)
	case json.Delim('['):
		return nextArray(d, depth)
	}
	return token, nil
}

func nextObject(d *json.Decoder, depth int) (any, error) {
	members := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := token.(string)
		if !ok {
			return nil, errors.New("a name that is no string")
		}
		if _, ok := members[name]; ok {
			return nil, fmt.Errorf("member %s stands twice", shown(name))
		}
		if members[name], err = nextValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return members, err
}

func nextArray(d *json.Decoder, depth int) (any, error) {
	items := []any{}
	for d.More() {
		item, err := nextValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	_, err := d.Token()
	return items, err
}

// membersOf splits a token's payload, of which azattestation.ParseToken has made
// sure that it is an object in which no name stands twice.
func membersOf(payload []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(payload, &members); err != nil {
		return nil, err
	}
	return members, nil
}

func sortedNames(of map[string]json.RawMessage) []string { return slices.Sorted(maps.Keys(of)) }
