// Package wire is how Azure Attestation speaks over HTTP: Microsoft's names and
// words, and nothing of ours. Requests are read as the real service reads them,
// leniently where its clients need that and strictly everywhere else; answers
// are written in the form that its clients have seen.
//
// Sources: the service's OpenAPI definitions of versions 2020-10-01, 2022-08-01
// and 2025-06-01, and recorded exchanges.
package wire

import "slices"

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

// IsKnown reports whether v is spoken.
func (v APIVersion) IsKnown() bool { return slices.Contains(APIVersions(), v) }

// ContentType is that of every answer.
const ContentType = "application/json; charset=utf-8"

// Token is the answer to an attestation.
type Token struct {
	Token string `json:"token"`
}
