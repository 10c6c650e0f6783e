package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Print writes the whole configuration with its defaults, as YAML or as one JSON
// document with the same keys. Instead of secrets it writes REDACTED, and so it
// does for the password of a DSN or of any URL.
func (c *Config) Print(w io.Writer, asJSON bool) error {
	return printNode(w, nodeOf(reflect.ValueOf(c).Elem()), asJSON)
}

func printNode(w io.Writer, n *yaml.Node, asJSON bool) error {
	if asJSON {
		var b bytes.Buffer
		if err := json.Indent(&b, appendJSON(nil, n), "", "  "); err != nil {
			return fmt.Errorf("print the configuration: %w", err)
		}
		b.WriteByte('\n')
		_, err := w.Write(b.Bytes())
		return err
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	return enc.Close()
}

// nodeOf turns a value into what is written of it.
func nodeOf(v reflect.Value) *yaml.Node {
	t := v.Type()
	switch {
	case isScalar(t):
		tag, text := scalarText(v)
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}
	case t.Kind() == reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for i := range v.Len() {
			n.Content = append(n.Content, nodeOf(v.Index(i)))
		}
		return n
	}
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	add := func(key string, value reflect.Value) {
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, nodeOf(value))
	}
	if t.Kind() == reflect.Map {
		for _, key := range slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int {
			return strings.Compare(a.String(), b.String())
		}) {
			add(key.String(), v.MapIndex(key))
		}
		return n
	}
	for i, name := range fieldsOf(t).all() {
		add(name, v.Field(i))
	}
	return n
}

// scalarText returns the tag that a text must have, so that it is put in quotation
// marks where it looks like something else, and the text, without secrets.
func scalarText(v reflect.Value) (string, string) {
	switch x := v.Interface().(type) {
	case Secret:
		return "!!str", x.String()
	case DSN:
		return "!!str", x.String()
	case time.Duration:
		return "!!str", durationText(x)
	case bool:
		return "", strconv.FormatBool(x)
	case float64:
		return "", strconv.FormatFloat(x, 'f', -1, 64)
	case string:
		return "!!str", withoutUser(x)
	}
	return "", strconv.FormatInt(v.Int(), 10)
}

// withoutUser takes user, password, query and fragment out of a URL. Nothing of ours may
// have them, but a faulty configuration can be printed, too.
func withoutUser(text string) string {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return text
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = redacted + rest[i:]
	}
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i+1] + redacted
	}
	return scheme + "://" + rest
}

// durationText is a duration without the zero parts that Go's own form ends with.
func durationText(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// appendJSON writes a node as JSON, keys in their order.
func appendJSON(text []byte, n *yaml.Node) []byte {
	switch n.Kind {
	case yaml.MappingNode:
		text = append(text, '{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				text = append(text, ',')
			}
			text = append(append(appendText(text, n.Content[i].Value), ':'), appendJSON(nil, n.Content[i+1])...)
		}
		return append(text, '}')
	case yaml.SequenceNode:
		text = append(text, '[')
		for i, element := range n.Content {
			if i > 0 {
				text = append(text, ',')
			}
			text = appendJSON(text, element)
		}
		return append(text, ']')
	default: // a scalar; a configuration makes no other nodes
		if n.Tag == "!!str" {
			return appendText(text, n.Value)
		}
		return append(text, n.Value...)
	}
}

// appendText writes a text as JSON does, but for < > &, which need no escape
// outside HTML.
func appendText(text []byte, value string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		panic("config: a text is no JSON: " + err.Error())
	}
	return append(text, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// inline is a value on one line.
func inline(v reflect.Value) string { return string(appendInline(nil, nodeOf(v))) }

func appendInline(text []byte, n *yaml.Node) []byte {
	switch {
	case n.Kind == yaml.ScalarNode && n.Value == "":
		return append(text, `""`...)
	case n.Kind == yaml.ScalarNode:
		return append(text, n.Value...)
	case n.Kind == yaml.MappingNode:
		return append(text, "{}"...)
	}
	text = append(text, '[')
	for i, element := range n.Content {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = appendInline(text, element)
	}
	return append(text, ']')
}
