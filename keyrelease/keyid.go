package keyrelease

import (
	"fmt"
	"net/url"
	"strings"
)

// keyURL is the ID of a key: {vault}/keys/{name}, or {vault}/keys/{name}/{version}.
func keyURL(vault, name, version string) string {
	id := strings.TrimSuffix(vault, "/") + "/keys/" + name
	if version != "" {
		id += "/" + version
	}
	return id
}

// vaultHost checks the URL of a vault and returns its host name.
func vaultHost(vault string) (string, error) {
	u, err := url.Parse(vault)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return "", fmt.Errorf("%s: want the URL of a vault, such as https://contoso.vault.azure.net", shown(withoutSecrets(vault)))
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return "", fmt.Errorf("%s: want https (http for this machine only)", shown(withoutSecrets(vault)))
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("%s: want a URL without user, query and fragment", shown(withoutSecrets(vault)))
	}
	return u.Hostname(), nil
}

// withoutSecrets cuts off of a URL what may be one: a password before the last @, a
// signature in the query.
func withoutSecrets(vault string) string {
	if i := strings.IndexAny(vault, "?#"); i >= 0 {
		vault = vault[:i+1] + "…"
	}
	if i := strings.LastIndexByte(vault, '@'); i >= 0 {
		return "…" + vault[i:]
	}
	return vault
}

// isKeyName reports whether a text can be the name of a key.
func isKeyName(text string) bool {
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
