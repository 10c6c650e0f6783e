package tpm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"slices"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence/tpm"
)

// Algorithm is what a key in a TPM is for.
type Algorithm string

// The algorithms. Every TPM for PCs has the first three.
const (
	// RSA is RSA-2048. An AIK signs by RSASSA-PKCS1-v1_5 with SHA-256; other keys
	// sign by either scheme, in requests by RSASSA-PSS (PS256).
	RSA Algorithm = "rsa"
	// RSAPSS is RSA-2048 that signs by RSASSA-PSS with SHA-256 alone.
	RSAPSS Algorithm = "rsa-pss"
	// ECC is ECDSA on P-256 with SHA-256 (ES256).
	ECC Algorithm = "ecc"
	// ECCP384 is ECDSA on P-384 with SHA-384 (ES384).
	ECCP384 Algorithm = "ecc-p384"
)

// PossibleAlgorithmValues returns the algorithms.
func PossibleAlgorithmValues() []Algorithm { return []Algorithm{RSA, RSAPSS, ECC, ECCP384} }

func (a Algorithm) check(op string) error {
	if !slices.Contains(PossibleAlgorithmValues(), a) {
		return &Error{Op: op, Found: fmt.Sprintf("algorithm %q", string(a)), Expected: fmt.Sprint(PossibleAlgorithmValues())}
	}
	return nil
}

// algorithmOf is the algorithm of a public area.
func algorithmOf(p *tpm.Public) Algorithm {
	switch key := p.Key.(type) {
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P384() {
			return ECCP384
		}
		return ECC
	default:
		if p.Scheme == tpm.RSAPSS {
			return RSAPSS
		}
		return RSA
	}
}

// attributes of every key that is made here: it was made in this TPM and stays
// there, an empty password is enough to use it, and wrong ones for other objects do
// not lock it.
var residentAttributes = tpm2.TPMAObject{
	FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, NoDA: true, SignEncrypt: true,
}

// aikTemplate is that of a key that signs only what the TPM made, so that its
// scheme is fixed.
func aikTemplate(a Algorithm) tpm2.TPMTPublic {
	template := tpm2.TPMTPublic{NameAlg: tpm2.TPMAlgSHA256, ObjectAttributes: residentAttributes}
	template.ObjectAttributes.Restricted = true
	switch a {
	case ECC:
		template.Type, template.Parameters = tpm2.TPMAlgECC, eccParameters(tpm2.TPMECCNistP256, tpm2.TPMAlgSHA256)
	case ECCP384:
		template.Type, template.Parameters = tpm2.TPMAlgECC, eccParameters(tpm2.TPMECCNistP384, tpm2.TPMAlgSHA384)
	case RSAPSS:
		template.Type, template.Parameters = tpm2.TPMAlgRSA, rsaParameters(pssScheme)
	default:
		template.Type, template.Parameters = tpm2.TPMAlgRSA, rsaParameters(ssaScheme)
	}
	return template
}

// keyTemplate is that of a key that signs whatever it is given.
func keyTemplate(a Algorithm) tpm2.TPMTPublic {
	template := aikTemplate(a)
	template.ObjectAttributes.Restricted = false
	if a == RSA {
		template.Parameters = rsaParameters(tpm2.TPMTRSAScheme{Scheme: tpm2.TPMAlgNull})
	}
	return template
}

var (
	ssaScheme = tpm2.TPMTRSAScheme{
		Scheme:  tpm2.TPMAlgRSASSA,
		Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgRSASSA, &tpm2.TPMSSigSchemeRSASSA{HashAlg: tpm2.TPMAlgSHA256}),
	}
	pssScheme = tpm2.TPMTRSAScheme{
		Scheme:  tpm2.TPMAlgRSAPSS,
		Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgRSAPSS, &tpm2.TPMSSigSchemeRSAPSS{HashAlg: tpm2.TPMAlgSHA256}),
	}
	noCipher = tpm2.TPMTSymDefObject{Algorithm: tpm2.TPMAlgNull}
)

func rsaParameters(scheme tpm2.TPMTRSAScheme) tpm2.TPMUPublicParms {
	return tpm2.NewTPMUPublicParms(tpm2.TPMAlgRSA, &tpm2.TPMSRSAParms{Symmetric: noCipher, Scheme: scheme, KeyBits: 2048})
}

func eccParameters(curve tpm2.TPMECCCurve, hash tpm2.TPMAlgID) tpm2.TPMUPublicParms {
	return tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
		Symmetric: noCipher, CurveID: curve, KDF: tpm2.TPMTKDFScheme{Scheme: tpm2.TPMAlgNull},
		Scheme: tpm2.TPMTECCScheme{
			Scheme:  tpm2.TPMAlgECDSA,
			Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: hash}),
		},
	})
}

// equal compares two public keys.
func equal(a, b crypto.PublicKey) bool {
	switch a := a.(type) {
	case *rsa.PublicKey:
		return a.Equal(b)
	case *ecdsa.PublicKey:
		return a.Equal(b)
	}
	return false
}
