// Package azattestation is the client library for Azure Attestation: it will
// talk to Microsoft's service and to azattest's own, which speak the same REST
// API.
//
// The module holds no code yet. It exists so that its import path and its
// dependency rule (standard library and azcore, nothing else) stand from the
// first commit.
package azattestation
