// Package wire is how Azure Attestation speaks over HTTP: Microsoft's names and
// words, and nothing of ours. Requests are read as the real service reads them,
// leniently where its clients need that and strictly everywhere else; answers
// have the form that its clients have seen. The one thing that Microsoft's has no
// words for, the enrollment of TPMs, is in enrollment.go.
//
// Which function do I want?
//
//   - to read a request: [ParseAPIVersion], [IsJSON], [ParseAttestRequest];
//   - to read what enrolls a TPM's keys, in words of our own: [ParseEnrollRequest],
//     [ParseActivateRequest];
//   - to write an answer: [Token], [NewOpenIDConfiguration], [Error.JSON];
//   - to say why not in the real service's words: [NoPermit], [Denied],
//     [PolicyEngine], [PolicyParser], [InvalidQuote] and their neighbors.
//
// Sources: the service's OpenAPI definitions of versions 2020-10-01, 2022-08-01
// and 2025-06-01, its troubleshooting guide, and recorded exchanges.
package wire

// Token is the answer to an attestation.
type Token struct {
	Token string `json:"token"`
}
