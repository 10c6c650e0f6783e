package tpm

import (
	"fmt"
	"strconv"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
)

// readCustom reads what a client states of itself.
func readCustom(data object) (*claims.Set, error) {
	const name = "custom_claims"
	all, err := data.objects(name, maxCustomClaims)
	if err != nil {
		return nil, err
	}
	set := new(claims.Set)
	for _, o := range all {
		var text [3]string
		for i, member := range []string{"name", "value", "value_type"} {
			var ok bool
			if text[i], ok, err = o.text(member); err != nil || !ok {
				return nil, orMissing(err, o, member, "a string")
			}
			if len(text[i]) > maxCustomText {
				return nil, jsonError(o.pathOf(member), evidence.CodeTooLarge, fmt.Sprintf("%d bytes", len(text[i])), fmt.Sprintf("at most %d", maxCustomText))
			}
		}
		if text[0] == "" {
			return nil, jsonError(o.pathOf("name"), evidence.CodeMalformed, "an empty name", "a name")
		}
		value, ok := customValue(text[1], text[2])
		if !ok {
			return nil, jsonError(o.path, evidence.CodeMalformed, fmt.Sprintf("a value of %d bytes as %.32q", len(text[1]), text[2]), "a String, an Integer of 64 bits, or a Boolean, true or false")
		}
		set.Add(text[0], value)
	}
	return set, nil
}

// customValue reads a custom claim's value as its type.
func customValue(text, kind string) (claims.Value, bool) {
	switch kind {
	case "String":
		return claims.String(text), true
	case "Integer":
		n, err := strconv.ParseInt(text, 10, 64)
		return claims.Integer(n), err == nil && strconv.FormatInt(n, 10) == text
	case "Boolean":
		return claims.Boolean(text == "true"), text == "true" || text == "false"
	}
	return claims.Value{}, false
}
