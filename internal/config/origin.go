package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// origin is what a configuration was read from, for messages.
type origin struct {
	file   string
	places map[string]place // where each value was read, by its path
}

// place is where a value was read: a line and column of the file from 1, or a
// variable of the environment. A column of 0 is not known.
type place struct {
	line, column int
	variable     string
}

// read lays a text, and the environment over it, over a struct of defaults. What
// the struct's variables begin with is the prefix.
func (o *origin) read(name string, raw []byte, env func(string) string, defaults any, prefix string) error {
	into := reflect.ValueOf(defaults).Elem()
	o.file, o.places = name, map[string]place{}
	r := &reader{problems: problems{file: name}, places: o.places, keys: keysOf(into, "", prefix)}
	if len(raw) > maxSize {
		r.say(place{}, "", fmt.Sprintf("more than %d bytes, want a configuration", maxSize))
		return r.err()
	}
	r.read(raw, into)
	r.readEnvironment(into, env)
	return r.err()
}

// placeOf is where the value of a key was read. Of a key that the file does not
// have, it is the place of its section.
func (o *origin) placeOf(path string) place {
	at, known := o.places[path]
	for section := path; !known && section != ""; at, known = o.places[section] {
		i := strings.LastIndexAny(section, ".[")
		section = section[:max(i, 0)]
	}
	return at
}

// Fault is a fault that somebody else found in the value of a key, such as a file
// that is not there, with the place where the value was read. The text must hold
// no secret.
func (o *origin) Fault(path, text string) Problem {
	p := problems{file: o.file}
	p.say(o.placeOf(path), path, text)
	return p.found[0]
}

// readFile reads no more of a file than shows that it is too large. Its error is an
// *[fs.PathError].
func readFile(name string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	raw, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil {
		return raw, nil
	}
	if _, ok := errors.AsType[*fs.PathError](err); !ok {
		err = &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return nil, err
}
