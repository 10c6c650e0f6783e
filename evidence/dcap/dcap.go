// Package dcap verifies Intel's ECDSA quotes (DCAP): what SGX and TDX evidence
// have in common, down to Intel's root key.
//
// Which function do I want?
//
//   - [ParseQuote] takes a quote apart without trusting it; [Quote.Platform]
//     says which collateral it needs.
//   - [Verifier.Verify] checks it against that [Collateral] at a given time and
//     returns what is true: whose platform it is, which TCB levels it and its
//     quoting enclave reach. Most callers want evidence/sgx instead, which adds
//     the enclave's claims.
//   - [Verifier.VerifySignatures] checks what a quote proves without collateral,
//     which is less: neither TCB nor revocation.
//   - [Verifier.CheckCollateral] checks collateral without a quote.
//   - [ParseTCBInfo], [ParseQEIdentity], [ParseCRL] and [ParseCertificates] read
//     the parts of collateral without trusting them.
//
// A verification takes collateral and a time as input. It never dials out and
// never reads the clock, so the same input gives the same answer for ever.
//
// Status is data: a platform that is out of date, or whose SVNs match no level
// at all, comes back as a [Verification] that says so. Only what is not genuine
// is an error, an *[evidence.Error] with the stage and the reason.
//
// Sources, by Intel: "SGX ECDSA Quote Library Reference DCAP API" (quote v3,
// appendix A.4), "SGX PCK Certificate and CRL Profile Specification", "SGX and
// TDX Provisioning Certification Service API, version 4" (TCB info, QE
// identity, TCB level matching).
package dcap
