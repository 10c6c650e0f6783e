package vaultserver

import (
	"net/http"
	"slices"
	"strings"

	"github.com/azattest/azattest/internal/auth"
)

// Operation is what can be asked for, by the name that Azure's logs give it.
type Operation string

// The operations.
const (
	KeyCreate       Operation = "KeyCreate"
	KeyImport       Operation = "KeyImport"
	KeyRotate       Operation = "KeyRotate"
	KeyGet          Operation = "KeyGet"
	KeyList         Operation = "KeyList"
	KeyListVersions Operation = "KeyListVersions"
	KeyUpdate       Operation = "KeyUpdate"
	KeyDelete       Operation = "KeyDelete"
	KeyRelease      Operation = "KeyRelease"
)

// Operations returns all operations.
func Operations() []Operation {
	return []Operation{KeyCreate, KeyImport, KeyRotate, KeyGet, KeyList, KeyListVersions, KeyUpdate, KeyDelete, KeyRelease}
}

// action is what a role must allow.
func (o Operation) action() auth.Action {
	switch o {
	case KeyCreate:
		return auth.CreateKey
	case KeyImport:
		return auth.ImportKey
	case KeyRotate:
		return auth.RotateKey
	case KeyGet, KeyList, KeyListVersions:
		return auth.ReadKey
	case KeyUpdate:
		return auth.UpdateKey
	case KeyDelete:
		return auth.DeleteKey
	case KeyRelease:
		return auth.ReleaseKey
	}
	return ""
}

// isEvent reports whether the trail must have it: all but what is read.
func (o Operation) isEvent() bool {
	return !slices.Contains([]Operation{KeyGet, KeyList, KeyListVersions}, o)
}

// asked is what a request asks for.
type asked struct {
	operation     Operation
	name, version string
}

// notServed is what Key Vault has below a key, and this server does not. Taken for
// versions, who asks for them would hear that there is no such key.
var notServed = []string{"attestation", "backup", "rotationpolicy"}

// route says what a method and an escaped path ask for. No operation means that there
// is nothing of the path; allowed are then the methods of a path that there is.
func route(method, path string) (a asked, allowed []string) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	// Azure's clients write an empty version as an empty segment.
	parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
	if len(parts) == 0 || !strings.EqualFold(parts[0], "keys") || strings.HasPrefix(path, "//") {
		return asked{}, nil
	}
	var methods map[string]Operation
	last := strings.ToLower(parts[len(parts)-1])
	switch {
	case len(parts) == 1:
		methods = map[string]Operation{http.MethodGet: KeyList}
	case len(parts) == 2:
		methods = map[string]Operation{http.MethodGet: KeyGet, http.MethodPut: KeyImport, http.MethodPatch: KeyUpdate, http.MethodDelete: KeyDelete}
	case len(parts) == 3 && last == "create":
		methods = map[string]Operation{http.MethodPost: KeyCreate}
	case len(parts) == 3 && last == "rotate":
		methods = map[string]Operation{http.MethodPost: KeyRotate}
	case len(parts) == 3 && last == "versions":
		methods = map[string]Operation{http.MethodGet: KeyListVersions}
	case last == "release" && len(parts) <= 4:
		methods = map[string]Operation{http.MethodPost: KeyRelease}
		if len(parts) == 4 {
			a.version = parts[2]
		}
	case len(parts) == 3 && slices.Contains(notServed, last):
		return asked{}, nil
	case len(parts) == 3:
		methods = map[string]Operation{http.MethodGet: KeyGet, http.MethodPatch: KeyUpdate}
		a.version = parts[2]
	default:
		return asked{}, nil
	}
	if len(parts) > 1 {
		a.name = parts[1]
	}
	a.operation = methods[method]
	if a.operation == "" {
		for m := range methods {
			allowed = append(allowed, m)
		}
		slices.Sort(allowed)
	}
	return a, allowed
}
