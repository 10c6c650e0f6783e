package tpm

// Every bound of this package, each with its reason.
const (
	// maxAttest bounds a TPMS_ATTEST. The reference TPM's have some 200 bytes, of
	// which the largest parts are two names and a digest.
	maxAttest = 1 << 10
	// maxPublic bounds a TPMT_PUBLIC. One with a 4096-bit RSA key has 600 bytes.
	maxPublic = 1 << 10
	// maxSignature bounds a TPMT_SIGNATURE: a 4096-bit RSA signature has 518 bytes.
	maxSignature = 1 << 10
	// maxCoordinate is the largest number of a signature by ECDSA that is read:
	// curve P-384's.
	maxCoordinate = 48
	// maxData bounds what a TPM2B_DATA, a digest, may hold: the largest hash with
	// its algorithm's identifier (part 2, 10.4.3).
	maxData = 2 + 64
	// maxSelections bounds the banks of a selection: one for each hash known here.
	maxSelections = 4
	// minSelect is the least size of a selection's bit field, 24 PCRs, that the PC
	// Client profile allows; some TPMs give one octet more.
	minSelect = 3
	maxSelect = 4
	// pcrCount is the number of PCRs of the PC Client profile.
	pcrCount = 24
	// minRSABits and maxRSABits bound RSA keys that sign. 1024 bits are within
	// reach of an attacker; 4096 are the most that a TPM has.
	minRSABits = 2048
	maxRSABits = 4096
	// maxExponent is the length of the largest public exponent that crypto/rsa takes.
	maxExponent = 4
	// maxJWK bounds the text of a JWK. That of a 4096-bit key has 750 bytes; keys
	// with certificates in them are not for us.
	maxJWK = 16 << 10
	// maxCertificate bounds the DER of a certificate; some vendors' EK
	// certificates have 3 KiB.
	maxCertificate = 16 << 10
	// maxIntermediates bounds the certificates that a sender gives with a leaf.
	// Real chains have one or two.
	maxIntermediates = 8
	// maxEnclaveReport bounds a VBS enclave's report: the fixed parts have 1 KiB,
	// and each loaded module some 200 bytes.
	maxEnclaveReport = 64 << 10
	// maxModules bounds the modules of one report; a test enclave loads some six.
	maxModules = 256
	// maxDigest is the longest digest of a PCR, SHA-512's.
	maxDigest = 64
	// maxPlatformClaim bounds a platform claim. Without a log it has 2 KiB; the
	// PCP tool's has firmware's log in it, of which the longest have 1 MiB.
	maxPlatformClaim = 2 << 20
	// maxRequest bounds a request of the attestation protocol: two logs of IMA's,
	// of 16 MiB each, in base64.
	maxRequest = 64 << 20
	// maxDepth bounds the nesting of its JSON. What is read nests ten levels deep.
	maxDepth = 32
	// maxMembers bounds the members of one object; the largest has nine.
	maxMembers = 64
	// maxLogs bounds the logs of one attestation: Windows has four, Linux two.
	maxLogs = 8
	// maxLog bounds one log, as the room that reads them does. Firmware's have up to
	// 64 KiB, as much as it sets aside for them; IMA's grow as long as the system runs.
	maxLog = 16 << 20
	// maxOtherKeys is the protocol's.
	maxOtherKeys = 2
	// maxCustomClaims bounds what a client may state of itself, and maxCustomText
	// each name and value.
	maxCustomClaims = 64
	maxCustomText   = 4 << 10
	// maxRPData bounds the relying party's data, which the token repeats twice.
	maxRPData = 4 << 10
	// maxContext bounds what the service gave out with the challenge, and
	// maxChallenge the challenge; ours have 300 and 16 bytes.
	maxContext   = 4 << 10
	maxChallenge = 64
	// maxHeader bounds the protected header of a request, {"alg":…,"typ":…}.
	maxHeader = 1 << 10
)
