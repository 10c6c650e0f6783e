package tpm

import (
	"context"
	"crypto"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/evidence/tpm"
)

// AttestOptions say what is to be attested. The AIK alone has no default.
type AttestOptions struct {
	// AIK signs what the TPM says.
	AIK *AIK

	// RequestKey signs the request, and the report names it. A [Key] must be in the
	// AIK's TPM, which certifies it; any other is bound by the quote. The default is
	// an RSA key that is made for the request. In version 1 the report names the key
	// without anything that binds it to the TPM: that is how the protocol is.
	RequestKey crypto.Signer
	// NoRequestKey has the AIK sign the request: the report says what it says of the
	// machine, and names no key. This is for azattest's service; Azure's wants a
	// request key. Version 2 only.
	NoRequestKey bool
	// OtherKeys are up to two more for the policy to read, in the claim
	// x-ms-tpm-other-keys; the report names them if the policy issues it. Version 2
	// only.
	OtherKeys []OtherKey

	// Version is that of the protocol's request: 2, which is the default, or 1.
	Version int
	// Banks are the banks of PCRs to quote. The default is the strongest that is
	// active and that the TCG log has, SHA-1 excepted; without such a match the
	// strongest that is active, but for SHA-512. In version 1, which has room for
	// one, it is SHA-256, or SHA-1 where that is not active.
	Banks []tpm.Algorithm
	// PCRs are those to quote, of each bank. The default is all, 0 to 23; version 1
	// has no other.
	PCRs []int

	// Logs are sent instead of those that the machine keeps; see [ReadLogs]. Version 1
	// has room for one TCG log.
	Logs []Log
	// NoLogs sends none.
	NoLogs bool
	// Root is the folder that stands for "/" where logs are looked for; see
	// [ReadLogs]. The logs of a TPM behind a socket are looked for only if it is
	// given, for this machine's are not its.
	Root string

	// RPID says who will rely on the report, a URL by custom.
	RPID string
	// Nonce is rp_data: bytes by which that party knows its own question again. The
	// report repeats them, in base64url.
	Nonce []byte
	// CustomClaims are the caller's word, for the policy to read.
	CustomClaims []CustomClaim

	// VSMReport returns the report of a VBS enclave (EnclaveGetAttestationReport)
	// whose enclave data is the SHA-512 of reportSigned. With it the machine and the
	// enclave are attested together.
	VSMReport func(ctx context.Context, reportSigned []byte) ([]byte, error)

	// TokenValidation is how the report is checked. The default is strict.
	TokenValidation *azattestation.TokenValidationOptions
}

// CustomClaim is a claim of the caller's.
type CustomClaim struct {
	Name      string         `json:"name"`
	Value     string         `json:"value"`
	ValueType ClaimValueType `json:"value_type"`
}

// ClaimValueType is how a claim's text is to be read.
type ClaimValueType string

// The types of values.
const (
	ClaimString  ClaimValueType = "String"
	ClaimInteger ClaimValueType = "Integer" // decimal
	ClaimBoolean ClaimValueType = "Boolean" // "true" or "false"
)

const (
	version1, version2 = 1, 2
)

// check returns the options with their defaults, or says which cannot be. It finds
// what would otherwise be found after the TPM has worked.
func (o *AttestOptions) check(t *TPM) (*AttestOptions, error) {
	const op = "attest"
	if o == nil || o.AIK == nil {
		return nil, &Error{Op: op, Found: "no AIK", Expected: "one of TPM.AIK"}
	}
	own := *o
	if own.Version == 0 {
		own.Version = version2
	}
	if own.Version == version1 && len(own.Banks) == 0 {
		// Windows' claims have these two.
		own.Banks = []tpm.Algorithm{tpm.SHA1}
		if slices.Contains(t.banks, tpm.SHA256) {
			own.Banks = []tpm.Algorithm{tpm.SHA256}
		}
	}
	resident, _ := own.RequestKey.(*Key)
	switch {
	case own.AIK.key.tpm != t:
		return nil, &Error{Op: op, Found: "an AIK of " + own.AIK.key.tpm.name, Expected: "one of " + t.name}
	case own.Version != version1 && own.Version != version2:
		return nil, &Error{Op: op, Found: fmt.Sprintf("version %d", own.Version), Expected: "1 or 2"}
	case own.NoLogs && len(own.Logs) > 0:
		return nil, &Error{Op: op, Found: "logs, and that there shall be none", Expected: "one of the two"}
	case !utf8.ValidString(own.RPID):
		return nil, &Error{Op: op, Found: "an RPID that is no UTF-8", Expected: "text"}
	case len(own.OtherKeys) > maxOtherKeys:
		return nil, &Error{Op: op, Found: fmt.Sprintf("%d other keys", len(own.OtherKeys)), Expected: fmt.Sprintf("at most %d", maxOtherKeys)}
	case own.NoRequestKey && own.RequestKey != nil:
		return nil, &Error{Op: op, Found: "a request key, and that there shall be none", Expected: "one of the two"}
	case resident != nil && resident.tpm != t:
		return nil, &Error{Op: op, Found: "a request key of " + resident.tpm.name, Expected: "one of " + t.name}
	case resident != nil && resident.Area().Attributes.Has(tpm.Restricted):
		return nil, &Error{Op: op, Found: "a request key that signs only what the TPM made", Expected: "one of TPM.NewKey"}
	}
	if own.Version == version1 {
		if err := own.checkVersion1(op); err != nil {
			return nil, err
		}
	}
	for _, k := range own.OtherKeys {
		if err := k.check(t); err != nil {
			return nil, err
		}
	}
	for _, c := range own.CustomClaims {
		if err := c.check(op); err != nil {
			return nil, err
		}
	}
	_, err := t.selected(own.Banks, own.PCRs)
	return &own, err
}

// checkVersion1 refuses what requests of version 1 have no room for.
func (o *AttestOptions) checkVersion1(op string) error {
	hint := "version 2 has them"
	switch {
	case o.NoRequestKey:
		return &Error{Op: op, Found: "no request key", Expected: "one in version 1", Hint: "version 2 can do without"}
	case len(o.OtherKeys) > 0:
		return &Error{Op: op, Found: "other keys", Expected: "none in version 1", Hint: hint}
	case len(o.Banks) > 1:
		return &Error{Op: op, Found: fmt.Sprintf("%d banks", len(o.Banks)), Expected: "one in version 1", Hint: hint}
	case len(o.PCRs) > 0:
		return &Error{Op: op, Found: "a choice of PCRs", Expected: "all in version 1", Hint: "version 2 has a choice"}
	case len(o.Logs) > 1 || len(o.Logs) == 1 && o.Logs[0].Type != LogTCG:
		return &Error{Op: op, Found: "several logs, or IMA's", Expected: "one TCG log in version 1", Hint: hint}
	}
	return nil
}

func (c CustomClaim) check(op string) error {
	switch {
	case c.Name == "" || !utf8.ValidString(c.Name) || !utf8.ValidString(c.Value):
		return &Error{Op: op, Found: fmt.Sprintf("a claim named %q", c.Name), Expected: "a name, and UTF-8"}
	case c.ValueType != ClaimString && c.ValueType != ClaimInteger && c.ValueType != ClaimBoolean:
		return &Error{Op: op, Found: fmt.Sprintf("claim %s: type %q", c.Name, string(c.ValueType)), Expected: "String, Integer or Boolean"}
	}
	return nil
}
