package vault

import (
	"crypto/rand"
	"encoding/hex"
	"strings"

	"github.com/azattest/azattest/keyrelease"
)

// Where records stand in the store. Lists of versions have a prefix of their own, so
// that listing keys reads nothing else.
const (
	keysPrefix     = "keyrelease/keys/"
	versionsPrefix = "keyrelease/versions/"
)

// place says where the record of a version is, or of a list of versions.
type place struct {
	// name is in lower case: names that differ in case only are one key.
	name string
	// version is empty for the list.
	version string
}

// placeOf returns the place of a name as a caller spells it, and whether there can
// be any.
func placeOf(name, version string) (place, bool) {
	p := place{strings.ToLower(name), strings.ToLower(version)}
	return p, keyrelease.IsKeyName(name) && (version == "" || isVersion(p.version))
}

// parsePlace is the inverse of [place.key].
func parsePlace(key string) (place, bool) {
	var p place
	if name, ok := strings.CutPrefix(key, keysPrefix); ok {
		p.name = name
	} else if rest, ok := strings.CutPrefix(key, versionsPrefix); ok {
		if p.name, p.version, ok = strings.Cut(rest, "/"); !ok || !isVersion(p.version) {
			return place{}, false
		}
	}
	return p, keyrelease.IsKeyName(p.name) && p.name == strings.ToLower(p.name)
}

func (p place) key() string {
	if p.version == "" {
		return keysPrefix + p.name
	}
	return versionsPrefix + p.name + "/" + p.version
}

// of returns the place of a version of the same key; "" is that of the list.
func (p place) of(version string) place { return place{p.name, version} }

func isVersion(version string) bool {
	raw, err := hex.DecodeString(version)
	return err == nil && len(raw) == versionSize && version == strings.ToLower(version)
}

func newVersion() string {
	raw := make([]byte, versionSize)
	// It never fails: the library ends the program first.
	_, _ = rand.Read(raw)
	return hex.EncodeToString(raw)
}
