package config

import "strings"

// maxSuggested bounds the keys for which others are looked for. No key of ours is
// longer.
const maxSuggested = 40

// suggestion is what may have been meant by an unknown key: a sibling that is
// spelt nearly so, or the same key in another section.
func (r *reader) suggestion(key string, siblings []string, path string) string {
	if len(key) > maxSuggested {
		return ""
	}
	best, distance := "", 3
	for _, s := range siblings {
		if bare(s) == bare(key) {
			best = s
			break
		}
		if d := editDistance(strings.ToLower(key), strings.ToLower(s)); d < distance && d < len(s) {
			best, distance = s, d
		}
	}
	if best != "" {
		return ", did you mean " + best + "?"
	}
	for _, k := range r.keys {
		if section, last, _ := cutLast(k.Path); last == key && section != path {
			return ", did you mean " + k.Path + "?"
		}
	}
	return ""
}

// bare is a key without what people write differently.
func bare(key string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(key))
}

// cutLast divides a path at its last dot.
func cutLast(path string) (string, string, bool) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// editDistance is how many characters must be changed, added, taken away or
// swapped with their neighbor to make one text of the other.
func editDistance(a, b string) int {
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}
