package relyingparty

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/azattest/azattest/azattestation"
)

// Claims that are looked at by name.
const (
	claimType         = "x-ms-attestation-type"
	claimSimulated    = "x-azattest-simulated"
	claimMRENCLAVE    = "x-ms-sgx-mrenclave"
	claimMRSIGNER     = "x-ms-sgx-mrsigner"
	claimProductID    = "x-ms-sgx-product-id"
	claimSVN          = "x-ms-sgx-svn"
	claimDebuggable   = "x-ms-sgx-is-debuggable"
	claimHeldData     = "x-ms-sgx-ehd"
	claimPolicy       = "x-ms-policy"
	claimPolicyHash   = "x-ms-policy-hash"
	claimRuntime      = "x-ms-runtime"
	claimNonce        = "nonce"
	claimRPData       = "rp_data"
	claimVersion      = "x-ms-ver"
	claimConfirmation = "cnf"
	claimRequestKey   = "x-ms-tpm-request-key"
	claimIssuedOn     = "iat"
	claimIsolationTEE = "x-ms-isolation-tee"
)

// debugClaims say of each attestation type whether what was attested can be
// debugged. An Azure virtual machine has no such claim of its own: see
// [appraisal.isolation].
var debugClaims = map[string]string{
	typeSGX:      claimDebuggable,
	typeSEVSNPVM: "x-ms-sevsnpvm-is-debuggable",
	typeTDXVM:    "tdx_td_attributes_debug",
	typeAzureVM:  "",
}

// appraisal holds one token, which has been validated, against what is wanted.
type appraisal struct {
	*Verifier
	result   *Result
	said     *azattestation.AttestationResult
	expected Expected
	at       time.Time
}

// require looks at everything that is wanted and returns the first thing that is
// not so.
func (v *Verifier) require(r *Result, expected Expected, at time.Time) error {
	a := &appraisal{Verifier: v, result: r, said: r.Claims, expected: expected, at: at}
	for _, check := range []func() error{
		a.serviceClaims, a.attestationType, a.real, a.notDebuggable, a.enclave, a.signer, a.policy,
		a.furtherClaims, a.age, a.nonce, a.confirmedKey, a.heldData, a.runtimeClaims,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// serviceClaims refuses a token whose policy issued a claim in the service's name.
// The policy's claims stand at the top level too, and where two speak under one
// name nobody can tell whose word is there.
func (a *appraisal) serviceClaims() error {
	for _, name := range sortedNames(a.said.PolicyClaims) {
		if isServiceName(name) {
			return &RequirementError{Requirement: RequirementClaims, Claim: claimPolicy + "/" + name, Expected: "no claims of the service among those that its policy issues"}
		}
	}
	return nil
}

// isServiceName does not regard case, in the way of encoding/json, to which a long
// s is an s: some relying parties do not either.
func isServiceName(name string) bool {
	for _, prefix := range []string{"x-ms-", "x-azattest-", "tdx_"} {
		if start := firstRunes(name, len(prefix)); strings.EqualFold(start, prefix) {
			return true
		}
	}
	return slices.ContainsFunc([]string{"iss", "iat", "nbf", "exp", "jti", "nonce", "cnf"}, func(claim string) bool {
		return strings.EqualFold(name, claim)
	})
}

// firstRunes cuts text behind n code points.
func firstRunes(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}

func (a *appraisal) attestationType() error {
	if a.reports {
		return a.report()
	}
	if got := a.said.AttestationType; got == nil || !slices.Contains(a.types, *got) {
		return &RequirementError{Requirement: RequirementType, Claim: claimType, Expected: strings.Join(a.types, " or "), Found: found(got)}
	}
	// What a report of a TPM says its policy says, even if it says such a type.
	if isReportKey(a.result.SigningCertificate) {
		return &RequirementError{Requirement: RequirementType, Expected: "a key ID that no report of a TPM names", Found: "key ID " + shown(a.said.Token.KeyID())}
	}
	return nil
}

// found is what an error says of a claim of text.
func found(text *string) string {
	if text == nil {
		return absent
	}
	return shown(*text)
}

// real refuses what a simulator made. Genuine evidence has no such claim at all,
// so that its being there is enough, whatever it says.
func (a *appraisal) real() error {
	if a.result.Simulated && !a.allowSimulated {
		return &RequirementError{
			Requirement: RequirementNotSimulated, Claim: claimSimulated,
			Expected: "no such claim, or AllowSimulated", Found: shown(string(a.said.AdditionalClaims[claimSimulated])),
		}
	}
	return nil
}

func (a *appraisal) notDebuggable() error {
	// A report of a TPM has no claim of its own for it: New demands one of the policy.
	if a.allowDebuggable || a.reports {
		return nil
	}
	name := debugClaims[*a.said.AttestationType]
	switch *a.said.AttestationType {
	case typeSGX:
		// encoding/json has read it; true and false are all that it can be.
		text := absent
		if a.said.IsDebuggable != nil {
			text = fmt.Sprint(*a.said.IsDebuggable)
		}
		return notDebuggable(name, text)
	case typeAzureVM:
		return a.isolation()
	}
	return notDebuggable(name, string(a.said.AdditionalClaims[name]))
}

// isolation looks at the report of the processor that an Azure virtual machine of
// the confidential kind runs on. One with trusted launch alone has none.
func (a *appraisal) isolation() error {
	raw, ok := a.said.AdditionalClaims[claimIsolationTEE]
	if !ok {
		return nil
	}
	tee, err := parseJSON(raw)
	if err != nil {
		return &RequirementError{Requirement: RequirementNotDebuggable, Claim: claimIsolationTEE, Err: err}
	}
	members, _ := tee.(map[string]any)
	kind, _ := members[claimType].(string)
	name := debugClaims[kind]
	if name == "" {
		return &RequirementError{
			Requirement: RequirementNotDebuggable, Claim: claimIsolationTEE + "/" + claimType,
			Expected: "a type of which it is known, or AllowDebuggable", Found: shown(kind),
		}
	}
	text := absent
	if value, ok := members[name]; ok {
		text = fmt.Sprint(value)
		if _, isBool := value.(bool); !isBool {
			text = "of another type"
		}
	}
	return notDebuggable(claimIsolationTEE+"/"+name, text)
}

// notDebuggable takes the text of a claim and accepts false alone. That it is
// absent proves nothing.
func notDebuggable(claim, text string) error {
	if text == "false" {
		return nil
	}
	if text == "" {
		text = absent
	}
	return &RequirementError{Requirement: RequirementNotDebuggable, Claim: claim, Expected: "false, or AllowDebuggable", Found: shown(text)}
}

func (a *appraisal) enclave() error {
	if len(a.enclaves) == 0 {
		return nil
	}
	if hash, ok := hashOf(a.said.MREnclave); ok && slices.Contains(a.enclaves, hash) {
		return nil
	}
	return &RequirementError{Requirement: RequirementEnclave, Claim: claimMRENCLAVE, Expected: hashes(a.enclaves), Found: found(a.said.MREnclave)}
}

func hashOf(text *string) ([32]byte, bool) {
	if text == nil {
		return [32]byte{}, false
	}
	return parseHash(*text)
}

func hashes(of [][32]byte) string {
	texts := make([]string, len(of))
	for i := range of {
		texts[i] = hex.EncodeToString(of[i][:])
	}
	return strings.Join(texts, " or ")
}

// signer compares hash, product and version with each accepted signer; the error
// is about the one that came farthest.
func (a *appraisal) signer() error {
	if len(a.signers) == 0 {
		return nil
	}
	hash, ok := hashOf(a.said.MRSigner)
	var known [][32]byte
	var nearest *RequirementError
	for _, s := range a.signers {
		switch {
		case !ok || s.hash != hash:
			known = append(known, s.hash)
		case a.said.ProductID == nil || *a.said.ProductID != int32(s.productID):
			if nearest == nil {
				nearest = &RequirementError{Requirement: RequirementSigner, Claim: claimProductID, Expected: fmt.Sprint(s.productID), Found: number(a.said.ProductID)}
			}
		case a.said.SVN == nil || *a.said.SVN < int32(s.minSVN):
			nearest = &RequirementError{Requirement: RequirementSigner, Claim: claimSVN, Expected: fmt.Sprintf("at least %d", s.minSVN), Found: number(a.said.SVN)}
		default:
			return nil
		}
	}
	if nearest == nil {
		nearest = &RequirementError{Requirement: RequirementSigner, Claim: claimMRSIGNER, Expected: hashes(known), Found: found(a.said.MRSigner)}
	}
	return nearest
}

func number(value *int32) string {
	if value == nil {
		return absent
	}
	return fmt.Sprint(*value)
}

func (a *appraisal) policy() error {
	if len(a.policies) == 0 {
		return nil
	}
	got := a.said.PolicyHash
	if len(got) == 32 && slices.Contains(a.policies, [32]byte(got)) {
		return nil
	}
	texts := make([]string, len(a.policies))
	for i := range a.policies {
		texts[i] = base64.RawURLEncoding.EncodeToString(a.policies[i][:])
	}
	text := absent
	if got != nil {
		text = shown(base64.RawURLEncoding.EncodeToString(got))
	}
	return &RequirementError{Requirement: RequirementPolicy, Claim: claimPolicyHash, Expected: strings.Join(texts, " or "), Found: text}
}

func (a *appraisal) age() error {
	if a.maxAge == 0 {
		return nil
	}
	refuse := func(found string) error {
		return &RequirementError{Requirement: RequirementAge, Claim: claimIssuedOn, Expected: "at most " + a.maxAge.String() + " ago", Found: found}
	}
	if a.said.IssuedOn == nil {
		return refuse(absent)
	}
	slack := a.timeSlack
	switch {
	case slack == 0:
		slack = azattestation.DefaultTimeSlack
	case slack < 0:
		slack = 0
	}
	age := a.at.Sub(*a.said.IssuedOn)
	if age-slack > a.maxAge || age < -slack {
		return refuse(a.said.IssuedOn.Format(time.RFC3339) + ", " + age.String() + " ago")
	}
	return nil
}

// nonce compares in constant time: whoever may guess it by measuring need not know it.
func (a *appraisal) nonce() error {
	if a.reports {
		return a.reportNonce()
	}
	refuse := func(expected, found string) error {
		return &RequirementError{Requirement: RequirementNonce, Claim: claimNonce, Expected: expected, Found: found}
	}
	switch want, got := a.expected.Nonce, a.said.Nonce; {
	case want == "" && a.requireNonce:
		return refuse("one of this call, which brought none", "")
	case want == "":
		return nil
	case got == nil:
		return refuse("the one of this call", absent)
	case subtle.ConstantTimeCompare([]byte(*got), []byte(want)) != 1:
		return refuse("the one of this call", "another")
	}
	return nil
}

func (a *appraisal) heldData() error {
	want, got := a.expected.HeldData, a.said.EnclaveHeldData
	switch {
	case want == nil, got != nil && bytes.Equal(want, got):
		return nil
	case got == nil:
		return &RequirementError{Requirement: RequirementHeldData, Claim: claimHeldData, Expected: fmt.Sprintf("the %d bytes of this call", len(want)), Found: absent}
	}
	return &RequirementError{Requirement: RequirementHeldData, Claim: claimHeldData, Expected: fmt.Sprintf("the %d bytes of this call", len(want)), Found: fmt.Sprintf("%d other bytes", len(got))}
}

func (a *appraisal) runtimeClaims() error {
	if a.expected.RuntimeClaims == nil {
		return nil
	}
	refuse := func(found string, err error) error {
		return &RequirementError{Requirement: RequirementRuntimeClaims, Claim: claimRuntime, Expected: "those of this call", Found: found, Err: err}
	}
	want, err := parseJSON(a.expected.RuntimeClaims)
	if err != nil {
		return fmt.Errorf("relyingparty: Expected.RuntimeClaims: %w", err)
	}
	if a.said.RuntimeClaims == nil {
		return refuse(absent, nil)
	}
	got, err := parseJSON(a.said.RuntimeClaims)
	if err != nil {
		return refuse("", err)
	}
	if !reflect.DeepEqual(want, got) {
		return refuse("others", nil)
	}
	return nil
}
