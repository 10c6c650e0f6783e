package tpm

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"strconv"

	"github.com/azattest/azattest/evidence"
)

// Certification is a TPM2_Certify that holds: the TPM of the AIK had the key when
// it signed, with these attributes.
type Certification struct {
	// Public is the key's public area, with its attributes and its policy.
	Public *Public
	// Attest is what was signed. Its QualifiedName says under which parents the
	// key hangs, to who knows them: see [Public.QualifiedName].
	Attest *Attest
}

// VerifyCertification checks that this AIK certified the key of a public area: the
// signature, that a TPM made it, the qualifying data, and that the name which is
// certified is that of the public area. It says nothing of whether the attributes
// are good enough; see [Attributes.IsResident].
//
// A key that hashes its name with SHA-1 is refused: another public area could have
// the same name.
func (a *AIK) VerifyCertification(p *Public, attest []byte, s *Signature, want Requirements) (*Certification, error) {
	signed, err := a.open(attest, s, want)
	if err != nil {
		return nil, err
	}
	problem := func(code evidence.Code, part, found, expected string) error {
		return refuse(StageCertification, code, part, found, expected)
	}
	if signed.Certify == nil {
		return nil, problem(evidence.CodeMismatch, "TPMS_ATTEST: type", signed.Type.String(), AttestCertify.String())
	}
	if err := checkQualifyingData(StageCertification, signed, want); err != nil {
		return nil, err
	}
	if p.NameAlgorithm == SHA1 {
		return nil, problem(evidence.CodeUnsupported, "TPMT_PUBLIC: nameAlg", SHA1.String(), "SHA256, SHA384 or SHA512")
	}
	if name := p.Name(); !bytes.Equal(signed.Certify.Name, name) {
		return nil, problem(evidence.CodeMismatch, "TPMS_CERTIFY_INFO: name", signed.Certify.Name.String(), name.String()+", the name of the TPMT_PUBLIC")
	}
	if q := signed.Certify.QualifiedName; !q.isDigest() || q.algorithm() != p.NameAlgorithm {
		return nil, problem(evidence.CodeMalformed, "TPMS_CERTIFY_INFO: qualifiedName", strconv.Quote(q.String()), "a name by "+p.NameAlgorithm.String())
	}
	if err := CheckKey(p.Key); err != nil {
		return nil, err
	}
	return &Certification{Public: p, Attest: signed}, nil
}

// IsOf reports whether the certified key is this public key.
func (c *Certification) IsOf(key crypto.PublicKey) bool { return equalKeys(c.Public.Key, key) }

// IsFrom reports whether the same key of the same TPM signed a quote. It follows
// from the AIK's signature alone unless the AIK is known as a bare public key,
// which two TPMs could hold if it was made outside.
func (c *Certification) IsFrom(q *Quote) bool {
	return bytes.Equal(c.Attest.QualifiedSigner, q.Attest.QualifiedSigner)
}

// Info returns the text of the object to which policies see a certification
// reduced:
//
//	{"auth_policy":"…","name_alg":11,"obj_attr":50}
//
// with the policy's digest in base64url.
func (c *Certification) Info() string {
	p := c.Public
	return `{"auth_policy":"` + base64.RawURLEncoding.EncodeToString(p.AuthPolicy) +
		`","name_alg":` + strconv.FormatUint(uint64(p.NameAlgorithm), 10) +
		`,"obj_attr":` + strconv.FormatUint(uint64(p.Attributes), 10) + `}`
}
