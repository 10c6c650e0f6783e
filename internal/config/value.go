package config

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

var (
	typeDuration = reflect.TypeFor[time.Duration]()
	typeSecret   = reflect.TypeFor[Secret]()
	typeDSN      = reflect.TypeFor[DSN]()
)

// value reads any value.
func (r *reader) value(n *yaml.Node, into reflect.Value, path string) {
	r.places[path] = placeOf(n)
	switch {
	case isScalar(into.Type()):
		r.scalar(n, into, path)
	case into.Kind() == reflect.Struct:
		r.mapping(n, into, path)
	case into.Kind() == reflect.Slice:
		r.list(n, into, path)
	case into.Kind() == reflect.Map:
		r.texts(n, into, path)
	default:
		panic("config: no way to read " + into.Type().String())
	}
}

// isScalar says that a type is written as one word or text.
func isScalar(t reflect.Type) bool {
	switch t {
	case typeDuration, typeSecret, typeDSN:
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
		return true
	default:
		return false
	}
}

func isSecret(t reflect.Type) bool { return t == typeSecret || t == typeDSN }

func (r *reader) scalar(n *yaml.Node, into reflect.Value, path string) {
	if !r.isPlain(n, path) {
		return
	}
	if n.Kind != yaml.ScalarNode {
		r.say(placeOf(n), path, "want "+wanted(into.Type())+", found "+kindOf(n))
		return
	}
	// A number in quotation marks is a text, and a text without them may be a
	// number. Numbers are read from what stands there: package yaml would take 010
	// for 8.
	isText := n.ShortTag() == "!!str"
	if into.Kind() == reflect.String || isSecret(into.Type()) {
		if !isText {
			r.say(placeOf(n), path, "want a text, found "+kindOf(n)+": put a text in quotation marks")
			return
		}
	} else if isText && into.Type() != typeDuration {
		r.say(placeOf(n), path, "want "+wanted(into.Type())+", found a text")
		return
	}
	if err := parseScalar(n.Value, into); err != nil {
		r.say(placeOf(n), path, err.Error())
	}
}

// parseScalar reads a value from its text, as in a file or in the environment.
func parseScalar(text string, into reflect.Value) error {
	t := into.Type()
	found := errors.New("want " + wanted(t) + ", found " + quoted(text))
	switch {
	case t == typeSecret:
		into.Set(reflect.ValueOf(NewSecret(text)))
	case t == typeDSN:
		into.Set(reflect.ValueOf(NewDSN(text)))
	case t == typeDuration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return found
		}
		into.SetInt(int64(d))
	case t.Kind() == reflect.String:
		if !isPrintable(text) {
			return errors.New("holds a character that does not show, want a text on one line")
		}
		into.SetString(text)
	case t.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return found
		}
		into.SetBool(text == "true")
	case t.Kind() == reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return found
		}
		into.SetFloat(f)
	default:
		i, err := strconv.ParseInt(text, 10, t.Bits())
		if err != nil || strconv.FormatInt(i, 10) != text {
			return found
		}
		into.SetInt(i)
	}
	return nil
}

// isPrintable says that a text is UTF-8 on one line that does no more to a
// terminal than show.
func isPrintable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// wanted says in words what a value must be.
func wanted(t reflect.Type) string {
	switch {
	case t == typeDuration:
		return "a duration with its unit such as 90s or 24h"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return "a whole number"
	case t.Kind() == reflect.Float64:
		return "a number"
	}
	return "a text"
}

// maxElements bounds lists. Whoever has more instances keeps them in the store.
const maxElements = 10000

// list reads a list, in place of the one that was there.
func (r *reader) list(n *yaml.Node, into reflect.Value, path string) {
	if !r.isPlain(n, path) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		r.say(placeOf(n), path, "want a list, found "+kindOf(n))
		return
	}
	if len(n.Content) > maxElements {
		r.say(placeOf(n), path, fmt.Sprintf("%d elements, want at most %d", len(n.Content), maxElements))
		return
	}
	all := reflect.MakeSlice(into.Type(), len(n.Content), len(n.Content))
	for i, element := range n.Content {
		one := all.Index(i)
		if d, ok := reflect.TypeAssert[defaulter](one.Addr()); ok {
			d.setDefaults()
		}
		r.value(element, one, path+"["+strconv.Itoa(i)+"]")
	}
	into.Set(all)
}

// texts reads a mapping of texts to texts, whatever its keys.
func (r *reader) texts(n *yaml.Node, into reflect.Value, path string) {
	if !r.isPlain(n, path) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.say(placeOf(n), path, "want keys with texts, found "+kindOf(n))
		return
	}
	all := reflect.MakeMap(into.Type())
	r.each(n, path, func(key, value *yaml.Node, below string) {
		one := reflect.New(into.Type().Elem()).Elem()
		r.value(value, one, below)
		all.SetMapIndex(reflect.ValueOf(key.Value), one)
	})
	into.Set(all)
}
