package relyingparty

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/azattest/azattest/evidence/tpm"
)

// KeyBinding is how a confirmed key is bound to the TPM that was attested.
type KeyBinding string

// The bindings, by their names in x-ms-tpm-request-key.
const (
	// KeyBindingNone: the report names the key, and nothing ties it to the TPM.
	// Reports of version 1 of the protocol are all like that. Whoever can have the
	// machine quote a challenge, as a server that it believes in can, has the report
	// name a key of his own, and a nonce.
	KeyBindingNone KeyBinding = "none"
	// KeyBindingQuote: the quote vouches for the key. Who quoted knew it. Its private
	// part may be in a file, and copied.
	KeyBindingQuote KeyBinding = "tpm_quote"
	// KeyBindingCertify: the TPM certified the key, which is in it, with these
	// attributes; see [ConfirmedKey.IsResident].
	KeyBindingCertify KeyBinding = "tpm_certify"
)

// ConfirmedKey is the public key that a report of a TPM confirms (cnf, RFC 7800): that
// which signed the request. Let whoever shows the report prove that he has its
// private part, or the report is a bearer token like any other.
//
// How it is bound is the word of an attestation key (AIK). That a TPM holds the AIK is for
// the policy to demand: require_valid_aik_cert, true unless it says otherwise, or the
// claim aikValidated.
type ConfirmedKey struct {
	// Public is an *rsa.PublicKey of 2048 to 8192 bits, or an *ecdsa.PublicKey on
	// P-256, P-384 or P-521.
	Public crypto.PublicKey
	// Binding is how the key is bound to the TPM.
	Binding KeyBinding

	// NameAlgorithm is name_alg of a certified key: the hash by which the TPM names
	// it. Zero with another binding.
	NameAlgorithm tpm.Algorithm
	// Attributes are obj_attr of a certified key. Zero with another binding.
	Attributes tpm.Attributes
	// AuthPolicy is auth_policy of a certified key: the digest of the policy by which
	// the TPM lets it be used, empty if it has none.
	AuthPolicy []byte
}

// IsResident reports whether the TPM made the private part, and it is nowhere else:
// the key is certified, with fixedTPM, fixedParent and sensitiveDataOrigin, under a
// name that nobody can give to another key, as with SHA-1 he could.
func (k *ConfirmedKey) IsResident() bool {
	return k.Binding == KeyBindingCertify && k.NameAlgorithm != tpm.SHA1 && k.Attributes.IsResident()
}

// IsBound reports whether the key is that of the attested machine: the quote vouches
// for it, or it is resident.
func (k *ConfirmedKey) IsBound() bool { return k.Binding == KeyBindingQuote || k.IsResident() }

// ConfirmedKey returns the key that the report of a TPM confirms, and how it is
// bound.
//
// It returns a *[RequirementError] if there is none, as where the TPM's attestation
// key signed the request itself; if it cannot be read, is too weak or comes with its
// private half; and if cnf and x-ms-tpm-request-key name two keys.
func (r *Result) ConfirmedKey() (*ConfirmedKey, error) {
	refuse := func(claim, found string, err error) error {
		return &RequirementError{Requirement: RequirementConfirmedKey, Claim: claim, Expected: "a JSON Web Key", Found: found, Err: err}
	}
	if r.Claims.Confirmation == nil {
		return nil, refuse(claimConfirmation, absent, nil)
	}
	cnf, err := objectOf(r.Claims.Confirmation)
	if err == nil && len(cnf) > 1 {
		// RFC 7800, section 3.1, has one key in one cnf.
		err = errors.New("other members beside jwk")
	}
	if err != nil {
		return nil, refuse(claimConfirmation, "", err)
	}
	key, err := readHeldKey(cnf["jwk"])
	if err != nil {
		return nil, refuse(claimConfirmation+"/jwk", "", err)
	}
	k := &ConfirmedKey{Public: key.Public, Binding: KeyBindingNone}
	raw, ok := r.Claims.AdditionalClaims[claimRequestKey]
	if !ok {
		return k, nil
	}
	if err := k.readBinding(raw); err != nil {
		return nil, &RequirementError{Requirement: RequirementConfirmedKey, Claim: claimRequestKey, Expected: "the key of cnf, and how it is bound", Err: err}
	}
	return k, nil
}

// readBinding reads x-ms-tpm-request-key.
func (k *ConfirmedKey) readBinding(raw json.RawMessage) error {
	members, err := objectOf(raw)
	if err != nil {
		return err
	}
	key, err := readHeldKey(members["jwk"])
	if err != nil {
		return fmt.Errorf("member jwk: %w", err)
	}
	if !equalKeys(key.Public, k.Public) {
		return errors.New("member jwk: another key than that of cnf")
	}
	value, ok := members["info"]
	if !ok {
		return nil
	}
	info, ok := value.(map[string]any)
	if !ok || len(info) != 1 {
		return errors.New("member info: want an object with one member, tpm_quote or tpm_certify")
	}
	quote, isQuote := info["tpm_quote"].(map[string]any)
	certify, isCertify := info["tpm_certify"].(map[string]any)
	switch {
	case isQuote:
		err = k.readQuote(quote)
	case isCertify:
		err = k.readCertify(certify)
	default:
		err = errors.New("neither tpm_quote nor tpm_certify is an object")
	}
	if err != nil {
		return fmt.Errorf("member info: %w", err)
	}
	return nil
}

func (k *ConfirmedKey) readQuote(quote map[string]any) error {
	switch quote["hash_alg"] {
	case "sha-256", "sha-384", "sha-512":
		k.Binding = KeyBindingQuote
		return nil
	}
	return errors.New("tpm_quote: member hash_alg: want sha-256, sha-384 or sha-512")
}

func (k *ConfirmedKey) readCertify(certify map[string]any) error {
	name, err := unsignedOf(certify, "name_alg", 16)
	if err != nil {
		return fmt.Errorf("tpm_certify: %w", err)
	}
	attributes, err := unsignedOf(certify, "obj_attr", 32)
	if err != nil {
		return fmt.Errorf("tpm_certify: %w", err)
	}
	switch algorithm := tpm.Algorithm(name); algorithm { //nolint:gosec // G115: 16 bits were read
	case tpm.SHA1, tpm.SHA256, tpm.SHA384, tpm.SHA512:
		k.NameAlgorithm = algorithm
	default:
		return fmt.Errorf("tpm_certify: member name_alg: %s, want that of a hash", algorithm)
	}
	if value, ok := certify["auth_policy"]; ok {
		text, ok := value.(string)
		if k.AuthPolicy, err = base64.RawURLEncoding.Strict().DecodeString(text); !ok || err != nil || strings.ContainsAny(text, "\r\n") {
			return errors.New("tpm_certify: member auth_policy: want base64url without padding")
		}
	}
	k.Binding, k.Attributes = KeyBindingCertify, tpm.Attributes(attributes) //nolint:gosec // G115: 32 bits were read
	return nil
}

// unsignedOf reads a member that is an integer of so many bits.
func unsignedOf(members map[string]any, name string, bits int) (uint64, error) {
	number, ok := members[name].(json.Number)
	if !ok {
		return 0, fmt.Errorf("member %s: no number", name)
	}
	value, err := strconv.ParseUint(number.String(), 10, bits)
	if err != nil {
		return 0, fmt.Errorf("member %s: want an integer of %d bits", name, bits)
	}
	return value, nil
}

// objectOf reads a claim that is an object.
func objectOf(raw json.RawMessage) (map[string]any, error) {
	value, err := parseJSON(raw)
	if err != nil {
		return nil, err
	}
	members, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("no object")
	}
	return members, nil
}

// equalKeys compares a key that was read with any other: nil and keys of other types
// are other keys.
func equalKeys(read, other crypto.PublicKey) bool {
	switch key := other.(type) {
	case *rsa.PublicKey:
		public, ok := read.(*rsa.PublicKey)
		return ok && key != nil && key.N != nil && public.Equal(key)
	case *ecdsa.PublicKey:
		public, ok := read.(*ecdsa.PublicKey)
		return ok && key != nil && key.Curve != nil && public.Equal(key)
	}
	return false
}

// confirmedKey looks at the key of a report, and at the one of this call.
func (a *appraisal) confirmedKey() error {
	refuse := func(claim, expected, found string) error {
		return &RequirementError{Requirement: RequirementConfirmedKey, Claim: claim, Expected: expected, Found: found}
	}
	want := a.expected.ConfirmedKey
	if !a.reports {
		if want != nil {
			return refuse(claimConfirmation, "the key of this call", "a token that is no report of a TPM, of which alone it is known what cnf means")
		}
		return nil
	}
	_, names := a.said.AdditionalClaims[claimRequestKey]
	if want == nil && !a.requireResidentKey && a.said.Confirmation == nil && !names {
		return nil // a report without a key is nobody's in particular
	}
	key, err := a.result.ConfirmedKey()
	if err != nil {
		return err
	}
	switch {
	case a.requireResidentKey && !key.IsResident():
		return refuse(claimRequestKey+"/info", "tpm_certify of a key that its TPM made and never gives away", key.describe())
	case !a.allowUnboundKey && !key.IsBound():
		return refuse(claimRequestKey+"/info", "a key that is bound to the TPM, or AllowUnboundKey", key.describe())
	case want != nil && !equalKeys(key.Public, want):
		return refuse(claimConfirmation, "the key of this call", "another")
	}
	return nil
}

// describe says how the key is bound, for an error.
func (k *ConfirmedKey) describe() string {
	switch k.Binding {
	case KeyBindingCertify:
		return fmt.Sprintf("%s, name by %s, %s", k.Binding, k.NameAlgorithm, k.Attributes)
	case KeyBindingQuote:
		return string(k.Binding)
	case KeyBindingNone:
	}
	return absent
}
