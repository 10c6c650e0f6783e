package azattestation

import (
	"encoding/json"
	"fmt"
	"time"
)

// claimField joins the name of a claim with the field that takes it: a pointer to a
// *string, *bool, *int32, *time.Time, []byte, json.RawMessage,
// map[string]json.RawMessage, *JSONWebKey or *SGXCollateral.
type claimField struct {
	name  string
	field any
}

// fieldOf finds the field of a claim, nil if there is none.
func fieldOf(fields []claimField, name []byte) *claimField {
	for i := range fields {
		if fields[i].name == string(name) {
			return &fields[i]
		}
	}
	return nil
}

// decode sets the field to the value of its claim; null leaves it as it is.
func (f claimField) decode(value json.RawMessage) error {
	if string(value) == "null" {
		return nil
	}
	refuse := func(expected string, err error) error {
		return &ClaimError{Claim: f.name, Expected: expected, Found: string(value), Err: err}
	}
	switch field := f.field.(type) {
	case **string:
		text, ok := decodeString(value)
		if !ok {
			return refuse("a string", nil)
		}
		*field = &text
	case **bool:
		// Not into the field itself: that would be false after a failure.
		var is bool
		if err := json.Unmarshal(value, &is); err != nil {
			return refuse("true or false", nil)
		}
		*field = &is
	case **int32:
		var number int32
		if err := json.Unmarshal(value, &number); err != nil {
			return refuse("an integer of 32 bits", nil)
		}
		*field = &number
	case **time.Time:
		at, err := parseNumericDate(value)
		if err != nil {
			return refuse("a date", err)
		}
		*field = &at
	case *[]byte:
		text, ok := decodeString(value)
		if !ok {
			return refuse("base64url", nil)
		}
		decoded, err := decodeBase64URL(text)
		if err != nil {
			return refuse("base64url", err)
		}
		*field = decoded
	case *json.RawMessage:
		*field = append(json.RawMessage(nil), value...)
	case *map[string]json.RawMessage:
		o, err := parseObject(value)
		if err != nil {
			return refuse("an object", err)
		}
		*field = o.toMap()
	case **JSONWebKey:
		key := new(JSONWebKey)
		if err := key.UnmarshalJSON(value); err != nil {
			return refuse("a JSON Web Key", err)
		}
		*field = key
	case **SGXCollateral:
		c := new(SGXCollateral)
		if err := c.UnmarshalJSON(value); err != nil {
			return refuse("an object of digests", err)
		}
		*field = c
	default:
		return fmt.Errorf("claim %s: no field of type %T is decoded", f.name, f.field)
	}
	return nil
}

// encode adds the field to o under the name of its claim, if it is set.
func (f claimField) encode(o map[string]any) {
	switch field := f.field.(type) {
	case **string:
		if *field != nil {
			o[f.name] = **field
		}
	case **bool:
		if *field != nil {
			o[f.name] = **field
		}
	case **int32:
		if *field != nil {
			o[f.name] = **field
		}
	case **time.Time:
		if *field != nil {
			o[f.name] = (*field).Unix()
		}
	case *[]byte:
		if *field != nil {
			o[f.name] = encoding.EncodeToString(*field)
		}
	case *json.RawMessage:
		if *field != nil {
			o[f.name] = *field
		}
	case *map[string]json.RawMessage:
		if *field != nil {
			o[f.name] = *field
		}
	case **JSONWebKey:
		if *field != nil {
			o[f.name] = *field
		}
	case **SGXCollateral:
		if *field != nil {
			o[f.name] = *field
		}
	}
}

func (o object) toMap() map[string]json.RawMessage {
	m := make(map[string]json.RawMessage, len(o))
	for _, member := range o {
		m[string(member.name)] = append(json.RawMessage(nil), member.value...)
	}
	return m
}

// decodeBase64URL reads bytes that the service wrote, padded or not.
func decodeBase64URL(text string) ([]byte, error) {
	for i := 0; i < 2 && len(text) > 0 && text[len(text)-1] == '='; i++ {
		text = text[:len(text)-1]
	}
	return decodeStrictly([]byte(text))
}
