package wire

import (
	"bytes"
	"time"
)

// The members in which version 2025-06-01 has the token of a certificate's
// change.
const (
	AddMember    = "policyCertificateToAdd"
	RemoveMember = "policyCertificateToRemove"
)

// ParsePolicyBody returns the token in the body with which a policy is set or
// reset: the body itself, whatever its content type, without the white space
// around it. The token may be a JSON string in quotes; who parses tokens takes
// them off. An empty body is refused with a *[RequestError].
func ParsePolicyBody(body []byte) ([]byte, error) {
	token := bytes.Trim(body, " \t\r\n")
	if len(token) == 0 {
		return nil, object{path: bodyPath}.problem("", "empty, want a JWS; to reset a policy, one without a payload", nil)
	}
	return token, nil
}

// ParseCertificateBody returns the token in the body with which a certificate is
// added or removed: a JSON string or the bare token, as in [ParsePolicyBody], or
// in an object's member of the given name, in any case. The object of one change
// is refused at the route of the other. It returns a *[RequestError].
func ParseCertificateBody(member string, body []byte) ([]byte, error) {
	token, err := ParsePolicyBody(body)
	if err != nil || token[0] != '{' {
		return token, err
	}
	o, err := parseBody(token)
	if err != nil {
		return nil, err
	}
	for _, other := range []string{AddMember, RemoveMember} {
		if _, ok := o.get(other); ok && other != member {
			return nil, o.problem(other, "belongs to another route, want "+member, nil)
		}
	}
	text, err := o.text(member)
	if err != nil {
		return nil, err
	}
	if text == nil || *text == "" {
		return nil, o.problem(member, "missing, want a JWS", nil)
	}
	return []byte(*text), nil
}

// The claims of the tokens that answer management calls.
const (
	ClaimPolicy             = "x-ms-policy"              // a token, as it was sent
	ClaimPolicyResult       = "x-ms-policy-result"       // PolicyUpdated or PolicyRemoved
	ClaimPolicyTokenHash    = "x-ms-policy-token-hash"   //nolint:gosec // G101: the name of a claim
	ClaimPolicySigner       = "x-ms-policy-signer"       // a JWK
	ClaimPolicyCertificates = "x-ms-policy-certificates" // {"keys":[JWK…]}
	ClaimThumbprint         = "x-ms-certificate-thumbprint"
	ClaimCertificateResult  = "x-ms-policycertificates-result" // CertificatePresent or CertificateAbsent
	// ClaimPreviewCertificates is ClaimPolicyCertificates in 2018-09-01-preview.
	ClaimPreviewCertificates = "maa-policyCertificates"
)

// The results that such tokens state. To add what is there and to remove what is
// not succeeds, with the same result.
const (
	PolicyUpdated      = "Updated"
	PolicyRemoved      = "Removed"
	CertificatePresent = "IsPresent"
	CertificateAbsent  = "IsAbsent"
)

// PreviewPolicy is the answer of 2018-09-01-preview to GET
// /operations/policy/current. Its other answers are bare JSON strings.
type PreviewPolicy struct {
	Policy string `json:"policy"` // a token
}

// TCBBaselines is the answer to GET /tcbbaselines/{attestationType}, newest
// baseline first.
type TCBBaselines struct {
	Baselines []TCBBaseline `json:"tcbBaselines"` // never nil: an empty list is []
}

// TCBBaseline is what Intel says of platforms, as of a TCB recovery.
type TCBBaseline struct {
	Identifier           string    `json:"tcbIdentifier"`
	EvaluationDataNumber int       `json:"tcbEvaluationDataNumber"`
	ReleaseDate          time.Time `json:"tcbReleaseDate"` // in UTC, whole seconds
	MinimumPSWLinux      string    `json:"minimumPswLinuxVersion"`
	MinimumPSWWindows    string    `json:"minimumPswWindowsVersion"`
	IsSelected           bool      `json:"isSelectedTcb"`
}
