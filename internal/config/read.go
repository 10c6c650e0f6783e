package config

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// reader turns text into the struct of a configuration. It decodes nodes itself: the decoder of package
// yaml stops at the first fault of a kind, follows aliases, and takes a number for
// a text.
type reader struct {
	problems
	places map[string]place
	keys   []Key // all that there are
}

// read lays the one document of a text over a struct.
func (r *reader) read(raw []byte, into reflect.Value) {
	if !utf8.Valid(raw) {
		r.say(place{}, "", "this is not UTF-8, want a text")
		return
	}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	var document, second yaml.Node
	switch err := d.Decode(&document); {
	case errors.Is(err, io.EOF):
		return // nothing but comments: the defaults
	case err != nil:
		r.sayYAML(err)
		return
	}
	switch err := d.Decode(&second); {
	case err == nil:
		r.say(placeOf(&second), "", "a second document, want one: take away the line ---")
	case !errors.Is(err, io.EOF):
		r.sayYAML(err)
	}
	if len(document.Content) == 1 && !isNothing(document.Content[0]) {
		r.mapping(document.Content[0], into, "")
	}
}

// isNothing says that a document holds nothing, as one of comments after "---".
func isNothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && n.Value == "" && n.Anchor == "" && n.Style&yaml.TaggedStyle == 0
}

// yamlLine is how package yaml begins its errors.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// sayYAML tells a fault of YAML itself. Package yaml names the line alone, and
// only what it says of aliases repeats text, which may be a secret.
func (r *reader) sayYAML(err error) {
	text := err.Error()
	m := yamlLine.FindStringSubmatch(text)
	at := place{}
	if m != nil {
		text = text[len(m[0]):]
		at.line, _ = strconv.Atoi(m[1])
	}
	if strings.Contains(text, "unknown anchor") {
		text = adviceOnAliases
	}
	r.say(at, "", "not YAML: "+text)
}

const adviceOnAliases = "anchors (&) and aliases (*) are not allowed: write it out, or put a text that begins so in quotation marks"

func placeOf(n *yaml.Node) place { return place{line: n.Line, column: n.Column} }

// isPlain refuses what makes YAML say more, or less, than what one reads.
func (r *reader) isPlain(n *yaml.Node, path string) bool {
	switch {
	case n.Kind == yaml.AliasNode, n.Anchor != "":
		r.say(placeOf(n), path, adviceOnAliases)
	case n.Style&yaml.TaggedStyle != 0:
		r.say(placeOf(n), path, "tags (!) are not allowed: leave it out, or put a text that begins so in quotation marks")
	default:
		return true
	}
	return false
}

// mapping reads a mapping into a struct.
func (r *reader) mapping(n *yaml.Node, into reflect.Value, path string) {
	if !r.isPlain(n, path) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.say(placeOf(n), path, "want keys with values, found "+kindOf(n))
		return
	}
	fields := fieldsOf(into.Type())
	r.each(n, path, func(key, value *yaml.Node, below string) {
		i, known := fields.index[key.Value]
		if !known {
			text := "unknown key " + quoted(key.Value)
			if !r.isFull() {
				text += r.suggestion(key.Value, fields.names, path)
			}
			r.say(placeOf(key), path, text)
			return
		}
		r.value(value, into.Field(i), below)
	})
}

// each visits the members of a mapping whose keys are texts, each key once.
func (r *reader) each(n *yaml.Node, path string, visit func(key, value *yaml.Node, below string)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !r.isPlain(key, path) {
			continue
		}
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			r.say(placeOf(key), path, "want a key, found "+kindOf(key))
			continue
		}
		if line, again := seen[key.Value]; again {
			r.say(placeOf(key), path, "key "+quoted(key.Value)+" stands on line "+strconv.Itoa(line)+" already")
			continue
		}
		seen[key.Value] = key.Line
		visit(key, value, joined(path, key.Value))
	}
}

func joined(path, key string) string {
	if strings.ContainsFunc(key, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		key = quoted(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// kindOf says in words what a node is, without what it says.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys with values"
	case yaml.SequenceNode:
		return "a list"
	default:
		return scalarOf(n)
	}
}

func scalarOf(n *yaml.Node) string {
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	case "!!timestamp":
		return "a date"
	case "!!merge":
		return "a merge (<<)"
	}
	return "a text"
}

// quoted shows what stands in the file, cut short and harmless to a terminal.
func quoted(text string) string {
	if runes := []rune(text); len(runes) > 60 {
		text = string(runes[:60]) + "…"
	}
	return strconv.Quote(text)
}
