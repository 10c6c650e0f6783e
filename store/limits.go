package store

import "fmt"

const (
	// MaxKey is the longest key in bytes: names of instances are host names, 253
	// bytes at most.
	MaxKey = 512
	// MaxValue is the largest value in bytes: a policy has some kilobytes, and no
	// request body is larger than this.
	MaxValue = 1 << 20
	// MaxChanges is the largest commit: it holds locks until it is done.
	MaxChanges = 128
)

// CheckChanges returns a *[LimitError] for a commit that no store keeps: none,
// too many or too large changes, keys that are none, and two changes of one key.
// Implementations call it first.
func CheckChanges(changes []Change) error {
	if len(changes) == 0 || len(changes) > MaxChanges {
		return &LimitError{"changes", fmt.Sprintf("%d in one commit, want 1 to %d", len(changes), MaxChanges)}
	}
	seen := make(map[string]bool, len(changes))
	for _, c := range changes {
		if err := CheckKey(c.key); err != nil {
			return err
		}
		if seen[c.key] {
			return &LimitError{"changes", fmt.Sprintf("two of the record %s, want one", c.key)}
		}
		seen[c.key] = true
		if len(c.value) > MaxValue {
			return &LimitError{"value", fmt.Sprintf("%d bytes under %s, want at most %d", len(c.value), c.key, MaxValue)}
		}
		if c.expected < Any || c.kind == KindCheck && c.expected == Any {
			return &LimitError{"changes", fmt.Sprintf("revision %d expected of %s, want one that was read, 0 or Any", c.expected, c.key)}
		}
		switch c.kind {
		case KindPut, KindDelete, KindCheck:
		default:
			return &LimitError{"changes", fmt.Sprintf("change of kind %q, want one made by Put, Delete or Check", string(c.kind))}
		}
	}
	return nil
}

// CheckKey returns a *[LimitError] for what can be no key: implementations need
// not ask their database for it, and some databases would refuse the question.
func CheckKey(key string) error {
	if key == "" || len(key) > MaxKey {
		return &LimitError{"key", fmt.Sprintf("%d bytes, want 1 to %d", len(key), MaxKey)}
	}
	for i := range len(key) {
		if key[i] < '!' || key[i] > '~' {
			return &LimitError{"key", fmt.Sprintf("byte %#02x at %d, want visible ASCII", key[i], i)}
		}
	}
	return nil
}

// afterKeys is the byte after the last that a key may hold.
const afterKeys = "\x7f"

// PrefixRange returns the range that holds the keys with a prefix and no others,
// from inclusive, to exclusive. For a prefix that no key can have it is empty.
func PrefixRange(prefix string) (from, to string) {
	if prefix != "" && CheckKey(prefix) != nil {
		return afterKeys, afterKeys
	}
	return prefix, prefix + afterKeys
}
