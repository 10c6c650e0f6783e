package relyingparty

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/azattest/azattest/azattestation"
)

// claimsVersion is the only x-ms-ver there is.
const claimsVersion = "1.0"

// reportClaims are what the service itself says in the report of a TPM. All else
// in one is its policy's word.
var reportClaims = []string{
	"iss", claimIssuedOn, "nbf", "exp", "jti", "ver", claimVersion, claimNonce, claimRPData, claimConfirmation, claimRequestKey,
	claimPolicyHash, "x-ms-policy-signer", claimSimulated,
}

// dataOfOthers are names for what evidence of other kinds is bound to or was judged
// by, beside those that [isServiceName] knows.
var dataOfOthers = []string{"aas-ehd", "maa-ehd", "maa-attestationcollateral"}

// isReportClaim tells whether a name is one of those by which the service speaks in
// a report, in whatever case.
func isReportClaim(name string) bool {
	return slices.ContainsFunc(reportClaims, func(claim string) bool { return strings.EqualFold(name, claim) })
}

// isNoPolicys tells whether a claim of this name in a report is not the policy's
// word, or would be taken for somebody else's.
func isNoPolicys(name string) bool {
	return isReportClaim(name) || isServiceName(name) || slices.ContainsFunc(dataOfOthers, func(claim string) bool { return strings.EqualFold(name, claim) })
}

// isReportKey tells the keys that sign reports of TPMs from those that sign
// everything else: by the ID under which the source has them, which for reports is
// the hash of the certificate. Microsoft's service has a key of its own for them, of
// a CA; this service lists its one key twice.
func isReportKey(c *azattestation.SigningCertificate) bool {
	return c != nil && len(c.Chain) > 0 && c.KeyID == reportKeyID(c.Chain[0])
}

// report accepts what can be nothing but the report of a TPM. A token without a
// type may be a service's answer about a policy, or about evidence whose policy has
// issued the claims of a report: neither is signed under the ID of reports.
func (a *appraisal) report() error {
	refuse := func(requirement Requirement, claim, expected, found string) error {
		return &RequirementError{Requirement: requirement, Claim: claim, Expected: expected, Found: found}
	}
	if got := a.said.AttestationType; got != nil {
		return refuse(RequirementType, claimType, "none, as in a report of a TPM", shown(*got))
	}
	if !isReportKey(a.result.SigningCertificate) {
		return refuse(RequirementType, "", "the key ID that reports of TPMs name, the hash of the certificate", "key ID "+shown(a.said.Token.KeyID()))
	}
	all, err := membersOf(a.said.Token.Payload())
	if err != nil {
		return &RequirementError{Requirement: RequirementClaims, Err: err}
	}
	for _, name := range sortedNames(all) {
		if isNoPolicys(name) && !slices.Contains(reportClaims, name) {
			return refuse(RequirementClaims, name, "no such claim in a report of a TPM", shown(string(all[name])))
		}
	}
	if got := a.said.Version; got == nil || *got != claimsVersion {
		return refuse(RequirementClaims, claimVersion, claimsVersion, found(got))
	}
	if got := len(a.said.PolicyHash); got != sha256.Size {
		return refuse(RequirementPolicy, claimPolicyHash, fmt.Sprintf("a hash of %d bytes", sha256.Size), fmt.Sprintf("%d bytes", got))
	}
	return nil
}

// reportNonce compares what the protocol of TPMs writes in base64url: the bytes
// that the client was given.
func (a *appraisal) reportNonce() error {
	refuse := func(claim, expected, found string) error {
		return &RequirementError{Requirement: RequirementNonce, Claim: claim, Expected: expected, Found: found}
	}
	for _, name := range []string{claimNonce, claimRPData} {
		// What is no text has not become a field.
		if _, ok := a.said.AdditionalClaims[name]; ok {
			return refuse(name, "text in base64url", "of another type")
		}
	}
	got, twin := a.said.Nonce, a.said.Deprecated.RPData
	want := base64.RawURLEncoding.EncodeToString([]byte(a.expected.Nonce))
	switch {
	case (got == nil) != (twin == nil) || got != nil && *got != *twin:
		return refuse(claimRPData, "the same as "+claimNonce, "another")
	case want == "" && a.requireNonce:
		return refuse(claimNonce, "one of this call, which brought none", "")
	case want == "":
		return nil
	case got == nil:
		return refuse(claimNonce, "the one of this call", absent)
	case subtle.ConstantTimeCompare([]byte(*got), []byte(want)) == 1:
		return nil
	case subtle.ConstantTimeCompare([]byte(*got), []byte(a.expected.Nonce)) == 1:
		return refuse(claimNonce, "the base64url of Expected.Nonce, which is what the machine was given: do not encode it", "Expected.Nonce itself")
	}
	return refuse(claimNonce, "the base64url of the one of this call", "another")
}

// notDebuggableIf are claims that say, with this value, that what a TPM attests
// cannot be debugged: by the names that Microsoft's policies and this service's
// evidence have for them.
var notDebuggableIf = map[string]any{
	"bootDebuggingDisabled":     true,
	"osKernelDebuggingDisabled": true,
	"enclaveFlags":              json.Number("0"), // ENCLAVE_FLAG_FULL_DEBUG_ENABLED and its like; of VBS enclaves
}

// readReports reads what is about reports of TPMs.
func (v *Verifier) readReports(c Config) error {
	v.allowUnboundKey, v.requireResidentKey = c.AllowUnboundKey, c.RequireResidentKey
	switch {
	case !v.reports && c.RequireResidentKey:
		return badConfig("RequireResidentKey", "for %s, want tpm: only its reports say where a key is", strings.Join(v.types, ", "))
	case !v.reports:
		return nil
	case c.RequireResidentKey && c.AllowUnboundKey:
		return badConfig("RequireResidentKey", "beside AllowUnboundKey, want one of the two")
	case len(v.policies) == 0 && !c.AllowAnyPolicy:
		return badConfig("PolicyHashes", "none, want at least one: all that a report of a TPM says is the policy's word (if whoever may change the policy is trusted, say AllowAnyPolicy)")
	case !v.allowDebuggable && !slices.ContainsFunc(v.claims, saysNotDebuggable):
		return badConfig("Claims", "tpm: none of them says that the machine cannot be debugged, want bootDebuggingDisabled or osKernelDebuggingDisabled true, or enclaveFlags 0, from the policy, or AllowDebuggable")
	}
	return nil
}

func saysNotDebuggable(c requiredClaim) bool {
	want, known := notDebuggableIf[c.path[0]]
	return known && len(c.path) == 1 && !slices.ContainsFunc(c.oneOf, func(value any) bool { return value != want })
}

// checkForReport says why a claim cannot be required of a report.
func (c *Claim) checkForReport() error {
	name := append(slices.Clone(c.Within), c.Name)[0]
	switch {
	case name == claimNonce || name == claimRPData:
		return fmt.Errorf("%s: want Expected.Nonce", name)
	case !isNoPolicys(name) && !c.FromPolicy:
		return fmt.Errorf("%s: what a report of a TPM says is its policy's word, want FromPolicy", shown(name))
	case isNoPolicys(name) && c.FromPolicy:
		return fmt.Errorf("%s: no policy issues it in a report of a TPM, want another, or not FromPolicy", shown(name))
	case isNoPolicys(name) && !slices.Contains(reportClaims, name):
		return errors.New(shown(name) + ": no report of a TPM has it")
	}
	return nil
}
