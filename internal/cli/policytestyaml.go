package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/azattest/azattest/claims"
)

// The members of a table, and of a case.
var (
	tableMembers = []string{"policy", "type", "cases"}
	caseMembers  = []string{"name", "type", "claims", "want", "issued", "properties"}
)

// checkShape looks at a table before it is decoded into structs: for that, the
// decoder compares each member of a mapping with each other, whether it knows them
// or not, and a large file would take hours.
func checkShape(raw []byte) error {
	var document yaml.Node
	if err := yaml.Unmarshal(raw, &document); err != nil || len(document.Content) == 0 {
		return err // nothing: the decoder says so
	}
	table := document.Content[0]
	if err := checkMembers(table, tableMembers); err != nil {
		return err
	}
	for i := 0; i+1 < len(table.Content); i += 2 {
		if table.Content[i].Value != "cases" {
			continue
		}
		cases := table.Content[i+1]
		if cases.Kind != yaml.SequenceNode {
			return fmt.Errorf("line %d: want a list of cases", cases.Line)
		}
		for _, c := range cases.Content {
			if err := checkMembers(c, caseMembers); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkMembers(n *yaml.Node, known []string) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: want a mapping of %s", n.Line, strings.Join(known, ", "))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || !slices.Contains(known, key.Value):
			return fmt.Errorf("line %d: field %s not found", key.Line, cutOff(key.Value, 60))
		case seen[key.Value]:
			return fmt.Errorf("line %d: field %s already defined", key.Line, key.Value)
		case slices.Contains([]string{"policy", "type", "want"}, key.Value) && value.Kind != yaml.ScalarNode:
			return fmt.Errorf("line %d: %s: want a text", value.Line, key.Value)
		}
		seen[key.Value] = true
	}
	return nil
}

// claimsOfNode returns the claims of a test: a file in any form of --claims, or one
// of these forms in place.
func claimsOfNode(s Streams, f *testFile, n *yaml.Node) (*givenClaims, error) {
	n = dereferenced(n)
	switch {
	case n.Kind == 0:
		return nil, errors.New("want claims, or the name of a file")
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && n.Value != "":
		return readClaims(s, f.path(n.Value))
	}
	text, err := jsonOfNode(n)
	if err != nil {
		return nil, err
	}
	return parseClaims(text)
}

// setOfNode returns the claims that a test wants.
func setOfNode(n *yaml.Node) (*claims.Set, error) {
	n = dereferenced(n)
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: want claims, each with a value or a list of values", n.Line)
	}
	text, err := jsonOfNode(n)
	if err != nil {
		return nil, err
	}
	top := new(claims.Set)
	if err := top.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	return plainClaims(top)
}

// dereferenced follows an alias: "claims: *enclave".
func dereferenced(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// maxYAMLDepth bounds the nesting of claims in a test: a decoded token has three
// levels.
const maxYAMLDepth = 32

// jsonOfNode writes YAML as JSON, so that there is one reader of claims. Only what
// is the same in both is written. Aliases stand at the top only: within, they could
// make much out of little.
func jsonOfNode(n *yaml.Node) ([]byte, error) { return appendNode(nil, n, 0) }

func appendNode(text []byte, n *yaml.Node, depth int) ([]byte, error) {
	if depth > maxYAMLDepth {
		return nil, fmt.Errorf("line %d: more than %d levels", n.Line, maxYAMLDepth)
	}
	switch n.Kind {
	case yaml.ScalarNode:
		return appendScalar(text, n)
	case yaml.SequenceNode:
		text = append(text, '[')
		for i, element := range n.Content {
			if i > 0 {
				text = append(text, ',')
			}
			var err error
			if text, err = appendNode(text, element, depth+1); err != nil {
				return nil, err
			}
		}
		return append(text, ']'), nil
	case yaml.MappingNode:
		return appendMapping(text, n, depth)
	case yaml.AliasNode:
		return nil, fmt.Errorf("line %d: alias *%s within claims", n.Line, n.Value)
	default:
		return nil, fmt.Errorf("line %d: want claims", n.Line)
	}
}

func appendMapping(text []byte, n *yaml.Node, depth int) ([]byte, error) {
	members := n.Content
	if depth == 0 {
		var err error
		if members, err = merged(n); err != nil {
			return nil, err
		}
	}
	seen := map[string]bool{}
	text = append(text, '{')
	for i := 0; i+1 < len(members); i += 2 {
		key := members[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			return nil, fmt.Errorf("line %d: %q is no name of a claim: put it in quotation marks", key.Line, key.Value)
		}
		if seen[key.Value] {
			return nil, fmt.Errorf("line %d: %q stands twice", key.Line, key.Value)
		}
		seen[key.Value] = true
		if i > 0 {
			text = append(text, ',')
		}
		var err error
		if text, err = appendScalar(text, key); err != nil {
			return nil, err
		}
		if text, err = appendNode(append(text, ':'), members[i+1], depth+1); err != nil {
			return nil, err
		}
	}
	return append(text, '}'), nil
}

// merged returns the members of a mapping with those of the one that "<<: *name"
// names, which its own outweigh. One level is enough to say "as there, but".
func merged(n *yaml.Node) ([]*yaml.Node, error) {
	var own, base []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.ShortTag() != "!!merge" {
			own = append(own, key, value)
			continue
		}
		value = dereferenced(value)
		if value.Kind != yaml.MappingNode || base != nil {
			return nil, fmt.Errorf("line %d: want one << with the alias of claims", key.Line)
		}
		base = value.Content
	}
	has := map[string]bool{}
	for i := 0; i < len(own); i += 2 {
		has[own[i].Value] = true
	}
	for i := 0; i+1 < len(base); i += 2 {
		if !has[base[i].Value] {
			own = append(own, base[i], base[i+1])
		}
	}
	return own, nil
}

// appendScalar writes a text, a boolean or an integer. YAML has several ways to
// write these, and texts that look like other things: what is doubtful is refused.
func appendScalar(text []byte, n *yaml.Node) ([]byte, error) {
	switch n.ShortTag() {
	case "!!str":
		value, err := json.Marshal(n.Value)
		return append(text, value...), err
	case "!!bool":
		if n.Value == "true" || n.Value == "false" {
			return append(text, n.Value...), nil
		}
		return nil, fmt.Errorf("line %d: boolean %s: write true or false", n.Line, n.Value)
	case "!!int":
		i, err := strconv.ParseInt(n.Value, 10, 64)
		if strings.HasPrefix(n.Value, "0x") {
			i, err = strconv.ParseInt(n.Value, 0, 64)
		} else if err == nil && strconv.FormatInt(i, 10) != n.Value {
			err = errors.New("not decimal")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: integer %s: want one of 64 bits, decimal or 0x", n.Line, n.Value)
		}
		return strconv.AppendInt(text, i, 10), nil
	case "!!merge":
		return nil, fmt.Errorf("line %d: << within claims", n.Line)
	}
	return nil, fmt.Errorf("line %d: value %s is no text, boolean or integer: put a text in quotation marks", n.Line, cutOff(n.Value, 60))
}
