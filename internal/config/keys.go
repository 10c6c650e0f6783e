package config

import (
	"reflect"
	"strings"
	"unicode"
)

// Key is a key of the configuration.
type Key struct {
	// Path names it: tls.keyFile, instances[].url.
	Path string
	// Type says in words what is written there.
	Type string
	// Default is what holds where it is left out, as [Config.Print] writes it in
	// one line.
	Default string
	// Variable is the variable of the environment that stands in for it, "" if
	// none does.
	Variable string
}

// servicePrefix begins the variables of the attestation service, and keyReleasePrefix
// those of the key release server, so that both can run in one environment.
const (
	servicePrefix    = "AZATTEST_"
	keyReleasePrefix = "AZATTEST_KEYRELEASE_"
)

// Keys returns all keys that hold a value, in the order of the file.
func Keys() []Key { return keysOf(reflect.ValueOf(Default()).Elem(), "", servicePrefix) }

// KeyReleaseKeys is [Keys] of the key release server.
func KeyReleaseKeys() []Key {
	return keysOf(reflect.ValueOf(DefaultKeyRelease()).Elem(), "", keyReleasePrefix)
}

// Variables returns the variables of the environment that are looked up.
func Variables() []string { return variablesOf(Keys()) }

// KeyReleaseVariables is [Variables] of the key release server.
func KeyReleaseVariables() []string { return variablesOf(KeyReleaseKeys()) }

func variablesOf(keys []Key) []string {
	var names []string
	for _, k := range keys {
		if k.Variable != "" {
			names = append(names, k.Variable)
		}
	}
	return names
}

// keysOf lists the keys of a struct below a path. Without a prefix they have no
// variables.
func keysOf(v reflect.Value, path, prefix string) []Key {
	var keys []Key
	for i, f := range fieldsOf(v.Type()).all() {
		field, below := v.Field(i), joined(path, f)
		t := field.Type()
		switch {
		case t.Kind() == reflect.Struct && !isScalar(t):
			keys = append(keys, keysOf(field, below, prefix)...)
		case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
			one := reflect.New(t.Elem())
			if d, ok := reflect.TypeAssert[defaulter](one); ok {
				d.setDefaults()
			}
			keys = append(keys, keysOf(one.Elem(), below+"[]", "")...)
		default:
			k := Key{Path: below, Type: typeInWords(t), Default: inline(field)}
			if prefix != "" && isScalar(t) {
				k.Variable = prefix + variableOf(below)
			}
			keys = append(keys, k)
		}
	}
	return keys
}

func typeInWords(t reflect.Type) string {
	switch {
	case isSecret(t):
		return "secret"
	case t == typeDuration:
		return "duration"
	case t.Kind() == reflect.Slice:
		return "list of " + typeInWords(t.Elem()) + "s"
	case t.Kind() == reflect.Map:
		return "texts by key"
	case t.Kind() == reflect.Bool:
		return "boolean"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return "integer"
	case t.Kind() == reflect.Float64:
		return "number"
	}
	return "text"
}

// variableOf is what the variable of the environment for a key has behind its
// prefix: the path in capitals, with _ between words.
func variableOf(path string) string {
	var b strings.Builder
	runes := []rune(path)
	for i, r := range runes {
		if r == '.' {
			b.WriteByte('_')
			continue
		}
		isNewWord := i > 0 && unicode.IsUpper(r) &&
			(unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if isNewWord && runes[i-1] != '.' {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// readEnvironment lays the variables that are set over a struct.
func (r *reader) readEnvironment(into reflect.Value, env func(string) string) {
	if env == nil {
		return
	}
	for _, k := range r.keys {
		if k.Variable == "" {
			continue
		}
		text := env(k.Variable)
		if text == "" {
			continue
		}
		at := place{variable: k.Variable}
		r.places[k.Path] = at
		if err := parseScalar(text, fieldAt(into, k.Path)); err != nil {
			r.say(at, k.Path, err.Error())
		}
	}
}

// fieldAt returns the field that a path names, which leads through no list.
func fieldAt(v reflect.Value, path string) reflect.Value {
	for name := range strings.SplitSeq(path, ".") {
		v = v.Field(fieldsOf(v.Type()).index[name])
	}
	return v
}

// fields are the keys of a struct: by name, which field it is.
type fields struct {
	index map[string]int
	names []string
}

func fieldsOf(t reflect.Type) fields {
	f := fields{index: map[string]int{}}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" && name != "-" {
			f.index[name] = i
			f.names = append(f.names, name)
		}
	}
	return f
}

// all returns the keys in their order with the numbers of their fields.
func (f fields) all() func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		for _, name := range f.names {
			if !yield(f.index[name], name) {
				return
			}
		}
	}
}
