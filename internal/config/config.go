// Package config reads the configuration of the service: one YAML file, over it
// the environment. It turns text into plain values and finds every fault that can
// be found without opening a file or asking anybody; what the values mean is for
// the command to say.
//
// Which function do I want?
//
//   - to read a file, and the environment over it: [Load], or [Parse] for a text;
//   - to know what is wrong with what was read: [Config.Validate];
//   - for a configuration without a file: [Default];
//   - to show what is in force, secrets left out: [Config.Print];
//   - for the names of the environment: [Variables]; for all keys: [Keys];
//   - for a complete file with comments: [Example].
//
// Reading is strict, for a key that is misspelled would be a check that is not made:
// unknown keys, keys that stand twice, values of another type, aliases, anchors,
// tags and second documents are refused, all faults at once, each with its place.
// No error and nothing printed holds a secret.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxSize bounds a configuration, in bytes. A thousand instances with all their
// keys stay below half of it.
const maxSize = 1 << 20

// Load reads the file name and lays the environment over it. env looks a variable
// up, "" where it is not set; nil means that none is. What the file leaves out is
// as in [Default].
//
// A file that cannot be opened or read is an *[fs.PathError]. What is wrong with
// its text or with the environment is an *[Error], with all faults. Load does not
// call [Config.Validate], so that also a faulty configuration can be shown.
func Load(name string, env func(string) string) (*Config, error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	raw, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		if _, ok := errors.AsType[*fs.PathError](err); !ok {
			err = &fs.PathError{Op: "read", Path: name, Err: err}
		}
		return nil, err
	}
	return Parse(name, raw, env)
}

// Parse is [Load] for a text. The name only stands in errors.
func Parse(name string, raw []byte, env func(string) string) (*Config, error) {
	c := Default()
	c.file, c.places = name, map[string]place{}
	r := &reader{problems: problems{file: name}, places: c.places}
	if len(raw) > maxSize {
		r.say(place{}, "", fmt.Sprintf("more than %d bytes, want a configuration", maxSize))
		return nil, r.err()
	}
	r.read(raw, c)
	r.readEnvironment(c, env)
	if err := r.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// place is where a value was read: a line and column of the file from 1, or a
// variable of the environment. A column of 0 is not known.
type place struct {
	line, column int
	variable     string
}
