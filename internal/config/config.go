// Package config reads the configuration of a server: one YAML file, over it the
// environment. It turns text into plain values and finds every fault that can be
// found without opening a file or asking anybody; what the values mean is for the
// command to say.
//
// There are two servers, the attestation service ([Config]) and the key release
// server ([KeyRelease]). What both have is read and checked alike.
//
// Which function do I want?
//
//   - to read a file, and the environment over it: [Load], or [Parse] for a text;
//   - to know what is wrong with what was read: [Config.Validate];
//   - for a configuration without a file: [Default];
//   - to show what is in force, secrets left out: [Config.Print];
//   - for the names of the environment: [Variables]; for all keys: [Keys];
//   - for a complete file with comments: [Example];
//   - of the key release server: [LoadKeyRelease], [ParseKeyRelease] and the others
//     of that name.
//
// Reading is strict, for a key that is misspelled would be a check that is not made:
// unknown keys, keys that stand twice, values of another type, aliases, anchors,
// tags and second documents are refused, all faults at once, each with its place.
// No error and nothing printed holds a secret.
package config

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
	raw, err := readFile(name)
	if err != nil {
		return nil, err
	}
	return Parse(name, raw, env)
}

// Parse is [Load] for a text. The name only stands in errors.
func Parse(name string, raw []byte, env func(string) string) (*Config, error) {
	c := Default()
	if err := c.read(name, raw, env, c, servicePrefix); err != nil {
		return nil, err
	}
	return c, nil
}
