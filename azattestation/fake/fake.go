// Package fake stands in for an attestation service, so that programs that use
// azattestation can be tested without one: no network, no hardware, no Azure.
//
// Which function do I want?
//
//   - [Server] holds one function for each method of the clients, and
//     [NewServerTransport] makes a transport of it, for
//     azcore.ClientOptions.Transport. The clients do all that they do with a real
//     service: tokens are signed, and their signatures verified.
//   - [NewIssuer] makes an instance's signing key: [Issuer.Token] signs a token of
//     any claims, for the tests of a relying party, and [Issuer.KeySource] is what
//     such a relying party validates it by.
//
// Nothing that it says proves anything: claims are whatever the test wrote.
package fake
