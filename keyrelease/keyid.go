package keyrelease

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// KeyURL is the ID of a key: {vault}/keys/{name}, or {vault}/keys/{name}/{version} of
// a version, which is empty for none.
func KeyURL(vault, name, version string) string {
	id := strings.TrimSuffix(vault, "/") + "/keys/" + name
	if version != "" {
		id += "/" + version
	}
	return id
}

// vaultHost checks the URL of a vault, by the rules for those of authorities but for
// the case of its host, and returns the host's name.
func vaultHost(vault string) (string, error) {
	u, err := url.Parse(vault)
	if err != nil || u.Host == "" {
		return "", errors.New("want the URL of a vault, such as https://contoso.vault.azure.net")
	}
	if u.User != nil {
		// A password may be in it.
		return "", errors.New("want the URL of a vault without a user")
	}
	if _, err := authorityURL(strings.Replace(vault, u.Host, strings.ToLower(u.Host), 1)); err != nil {
		return "", fmt.Errorf("want the URL of a vault: %w", err)
	}
	return strings.ToLower(u.Hostname()), nil
}

// IsKeyName reports whether a text can be the name of a key: 1 to 127 letters, digits and
// hyphens of ASCII.
func IsKeyName(text string) bool {
	return len(text) > 0 && len(text) <= maxNameBytes && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}

// isKeyVersion reports whether a text can be the version of a key.
func isKeyVersion(text string) bool {
	return len(text) > 0 && len(text) <= maxVersionBytes && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}
