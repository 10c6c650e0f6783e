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
	V20180901Preview APIVersion = "2018-09-01-preview"
	V20201001        APIVersion = "2020-10-01"
	V20220801        APIVersion = "2022-08-01"
	V20220901Preview APIVersion = "2022-09-01-preview"
	V20250601        APIVersion = "2025-06-01"
)

// APIVersions returns the versions that most routes speak, oldest first.
func APIVersions() []APIVersion {
	return []APIVersion{V20201001, V20220801, V20220901Preview, V20250601}
}

// PreviewVersions returns those of the routes below /operations.
func PreviewVersions() []APIVersion { return []APIVersion{V20180901Preview} }

// BaselineVersions returns those that know /tcbbaselines.
func BaselineVersions() []APIVersion { return []APIVersion{V20220901Preview, V20250601} }

// KnownVersions returns every version that some route speaks.
func KnownVersions() []APIVersion { return append(PreviewVersions(), APIVersions()...) }

// ParseAPIVersion reads the version out of a raw query, and wants it among those
// that the route speaks. The parameter's name may be in any case. A query without
// a version, with two, with one that is not spoken or that is no query gives an
// error for the client.
func ParseAPIVersion(rawQuery string, spoken []APIVersion) (APIVersion, *Error) {
	text, problem := parameter(rawQuery, apiVersionParameter)
	switch {
	case problem != nil && problem.Code == CodeAmbiguousAPIVersion:
		return "", versionError(CodeAmbiguousAPIVersion, "More than one API version was specified, want one.", spoken)
	case problem != nil:
		return "", problem
	case text == "":
		return "", versionError(CodeAPIVersionUnspecified, "An API version is required, but was not specified.", spoken)
	}
	version := APIVersion(text)
	if !slices.Contains(spoken, version) {
		return "", versionError(CodeUnsupportedAPIVersion, fmt.Sprintf("The HTTP resource does not support the API version '%s'.", Clip(text)), spoken)
	}
	return version, nil
}

const (
	apiVersionParameter = "api-version"
	teeParameter        = "tee"
)

// parameter returns the one value of a parameter of the query, "" if it is not
// there.
func parameter(rawQuery, wanted string) (string, *Error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return "", &Error{Code: CodeInvalidParameter, Message: "The query is malformed: want percent-encoded name=value pairs joined by '&'.", Target: wanted}
	}
	var given []string
	for name, values := range query {
		if Fold(name) == wanted {
			given = append(given, values...)
		}
	}
	switch len(given) {
	case 0:
		return "", nil
	case 1:
		return given[0], nil
	}
	return "", &Error{Code: CodeAmbiguousAPIVersion, Message: "The query names " + wanted + " more than once, want once.", Target: wanted}
}

// ParseTEE reads the kind of evidence out of the query of version
// 2018-09-01-preview.
func ParseTEE(rawQuery string) (string, *Error) {
	text, problem := parameter(rawQuery, teeParameter)
	if problem != nil {
		return "", &Error{Code: CodeInvalidParameter, Message: problem.Message, Target: teeParameter}
	}
	if text == "" {
		return "", &Error{Code: CodeInvalidParameter, Message: "The query does not say tee, want one of SgxEnclave, OpenEnclave, CyResComponent, VSMEnclave.", Target: teeParameter}
	}
	return text, nil
}

func versionError(code, problem string, spoken []APIVersion) *Error {
	var supported []string
	for _, v := range spoken {
		supported = append(supported, string(v))
	}
	return &Error{Code: code, Message: problem + " Supported: " + strings.Join(supported, ", ") + ".", Target: apiVersionParameter}
}
