package wire

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// APIVersion is a version of the REST API, as the query's api-version names it.
type APIVersion string

// The versions spoken.
const (
	V20201001 APIVersion = "2020-10-01"
	V20220801 APIVersion = "2022-08-01"
	V20250601 APIVersion = "2025-06-01"
)

// APIVersions returns the versions spoken, oldest first.
func APIVersions() []APIVersion { return []APIVersion{V20201001, V20220801, V20250601} }

// ParseAPIVersion reads the version out of a raw query. The parameter's name may
// be in any case. A query without a version, with two, with one that is not
// spoken or that is no query gives an error for the client.
func ParseAPIVersion(rawQuery string) (APIVersion, *Error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return "", &Error{Code: CodeInvalidParameter, Message: "The query is malformed: want percent-encoded name=value pairs joined by '&'.", Target: apiVersionParameter}
	}
	var given []string
	for name, values := range query {
		if Fold(name) == apiVersionParameter {
			given = append(given, values...)
		}
	}
	switch {
	case len(given) == 0 || len(given) == 1 && given[0] == "":
		return "", versionError(CodeAPIVersionUnspecified, "An API version is required, but was not specified.")
	case len(given) > 1:
		return "", versionError(CodeAmbiguousAPIVersion, "More than one API version was specified, want one.")
	}
	version := APIVersion(given[0])
	if !slices.Contains(APIVersions(), version) {
		return "", versionError(CodeUnsupportedAPIVersion, fmt.Sprintf("The HTTP resource does not support the API version '%s'.", Clip(given[0])))
	}
	return version, nil
}

const apiVersionParameter = "api-version"

func versionError(code, problem string) *Error {
	var supported []string
	for _, v := range APIVersions() {
		supported = append(supported, string(v))
	}
	return &Error{Code: code, Message: problem + " Supported: " + strings.Join(supported, ", ") + ".", Target: apiVersionParameter}
}
