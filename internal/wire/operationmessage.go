package wire

import "fmt"

// Messages about changes of policies and policy management certificates. All have
// the code [CodeInvalidOperation], but for [IssuerNotFound].
//
// Recorded to the byte are [UnsignedToken], [AddDisallowed] and
// [RemoveDisallowed]. Of the others the sentences are documented, in frames of
// 2020 with the paths of source files; here they stand in the frame that the
// service of 2022 was recorded with.
const (
	badMessageCode     = 74
	badMessageHRESULT  = 0x83FF004A
	badMessageHeadline = "Bad message"

	notFoundCode     = 65529
	notFoundHRESULT  = 0x83FFFFF9
	notFoundHeadline = "The requested item is not found"

	disallowedCode     = 65530
	disallowedHeadline = "The operation is disallowed"
)

// UnsignedToken is the message of an unsigned token at an instance that lists
// certificates, as recorded in 2021.
func UnsignedToken() string {
	return "Native operation failed with 74: ..\\Enclave\\enclave.cpp(2359)\\(null)!: (caller: ) Exception(0) 83FF004A Bad message    " +
		"Msg:[Unsigned JWS specified but enclave is configured with signing certificates.] \n\r\n" +
		"..\\Enclave\\api.cpp(663)\\(null)!: (caller: ) LogHr(0) 83FF004A Bad message    " +
		"Msg:[Unhandled Enclave Exception: \"Bad message\"] \n\r\n"
}

// AddDisallowed is the message of certificates:add where none are listed, as
// recorded.
func AddDisallowed() string {
	return disallowed(noCertificates,
		"pEnclave->AddPolicyManagementCertificate( clientApiVersion, policyManagementCertBuffer, *suppliedClaims, policyCertificates)")
}

// RemoveDisallowed is the same of certificates:remove, as recorded.
func RemoveDisallowed() string { return disallowed(noCertificates, removal) }

// LastCertificate is the message of certificates:remove for the only one: the
// instance would be open to everyone. It is documented that this fails, and not
// how; the words are made after those of [RemoveDisallowed].
func LastCertificate() string { return disallowed("GetPolicyRootCertificates().size() == 1", removal) }

const (
	noCertificates = "GetPolicyRootCertificates().empty()"
	removal        = "pEnclave->RemovePolicyManagementCertificate(clientApiVersion, policyManagementCertBuffer, *suppliedClaims, policyCertificates)"
)

func disallowed(condition, call string) string {
	return fmt.Sprintf("Attestation Enclave operation failed with %d: RETURN_IF_TRUE('(%s)') failed with %#04x:%s.\r\n"+
		"RETURN_IF_ERROR('%s') failed with %#04[3]x: '%[4]s'\r\n",
		disallowedCode, condition, disallowedCode, disallowedHeadline, call)
}

// IssuerNotFound is the message of a signer whose chain ends at no certificate
// that counts, or at a root whose basic constraints do not say CA:TRUE. Its code
// is [CodeInvalidParameter]. The issuer is a name as in "CN=policy signers".
func IssuerNotFound(issuer string) string {
	return fmt.Sprintf(enclaveFrame, notFoundCode, notFoundHRESULT, notFoundHeadline, "Unable to find issuer certificate "+Clip(issuer))
}

// NoPolicyCertificate is the message of a token that names no certificate.
func NoPolicyCertificate() string {
	return BadMessage(`Could not find "maa-policyCertificate" claim in policy token`)
}

// NoFirstPeriod is the message of a body without a period: not a JWS.
func NoFirstPeriod() string { return noPeriod("first") }

// NoSecondPeriod is the same of one period only, by analogy.
func NoSecondPeriod() string { return noPeriod("second") }

func noPeriod(which string) string {
	return BadMessage(fmt.Sprintf("RETURN_IF_TRUE('(%sPeriod == std::string::npos)') failed with %#x: Malformed JWT: Could not find %[1]s period in the token.",
		which, badMessageCode))
}

// UnknownBase64 is the message of a character that is not base64url's, such as a
// policy's that was sent as it is written.
func UnknownBase64(character byte) string {
	shown := string(rune(character))
	if character < ' ' || character >= 0x7f {
		shown = fmt.Sprintf(`\x%02x`, character) // it goes into logs
	}
	return BadMessage(fmt.Sprintf("Unknown base64 character: %d ('%s')", character, shown))
}

// BadMessage is the message of any other fault of a token, in our own words.
func BadMessage(problem string) string {
	return fmt.Sprintf(enclaveFrame, badMessageCode, badMessageHRESULT, badMessageHeadline, problem)
}
