package tpm

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence/tpm"
)

// ekKind is a kind of endorsement key.
type ekKind struct {
	name        string
	certificate tpm2.TPMHandle // where its certificate is
	persistent  tpm2.TPMHandle // where the key may be (TCG, "Registry of reserved handles")
	template    tpm2.TPMTPublic
}

// ekKinds returns the kinds of an algorithm, in the order in which they are looked
// for: of elliptic curves some TPMs have one and some the other.
func ekKinds(a Algorithm) ([]ekKind, error) {
	switch a {
	case RSA, "":
		return []ekKind{{"RSA-2048", nvRSACertificate, 0x81010001, tpm2.RSAEKTemplate}}, nil
	case ECC:
		high, err := highECCTemplate()
		if err != nil {
			return nil, err
		}
		return []ekKind{{"P-256", nvECCCertificate, 0x81010002, tpm2.ECCEKTemplate}, {"P-384", nvECCHighCertificate, 0x81010016, high}}, nil
	default:
		return nil, &Error{Op: "endorsement key", Found: string(a), Expected: fmt.Sprintf("%s or %s", RSA, ECC)}
	}
}

// highECCTemplate is template H-3 of the EK credential profile (appendix B.4.5).
func highECCTemplate() (tpm2.TPMTPublic, error) {
	// PolicyC-SHA384: PolicyOR of PolicySecret(endorsement) and of a policy in an NV
	// index (appendix B.6.5).
	policy, err := hex.DecodeString("b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12")
	if err != nil {
		return tpm2.TPMTPublic{}, err
	}
	template := tpm2.ECCEKTemplate
	template.NameAlg = tpm2.TPMAlgSHA384
	template.ObjectAttributes.UserWithAuth = true
	template.AuthPolicy = tpm2.TPM2BDigest{Buffer: policy}
	template.Parameters = tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
		Symmetric: tpm2.TPMTSymDefObject{
			Algorithm: tpm2.TPMAlgAES,
			KeyBits:   tpm2.NewTPMUSymKeyBits(tpm2.TPMAlgAES, tpm2.TPMKeyBits(256)),
			Mode:      tpm2.NewTPMUSymMode(tpm2.TPMAlgAES, tpm2.TPMAlgCFB),
		},
		CurveID: tpm2.TPMECCNistP384,
	})
	template.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{}) // empty in the high range
	return template, nil
}

// endorsement is an endorsement key with its certificates.
type endorsement struct {
	public *tpm.Public
	// certificates are in DER, the key's own first.
	certificates [][]byte
	handle       tpm2.TPMHandle   // of a persistent key
	saved        tpm2.TPMSContext // of one that was made: RSA's takes seconds to make again
}

// endorsement finds the endorsement key of an algorithm that has a certificate, in
// the TPM or among those that are given.
func (t *TPM) endorsement(ctx context.Context, a Algorithm, given []*x509.Certificate) (*endorsement, error) {
	const op = "endorsement key"
	kinds, err := ekKinds(a)
	if err != nil {
		return nil, err
	}
	for _, kind := range kinds {
		var e *endorsement
		err := t.do(ctx, func() error {
			var err error
			e, err = t.endorsementOf(kind, given)
			return err
		})
		if err != nil || e != nil {
			return e, err
		}
	}
	return nil, &Error{
		Op: op, Found: fmt.Sprintf("no certificate at %#08x", uint32(kinds[0].certificate)), Expected: "that of the " + kinds[0].name + " key",
		Hint: "give the vendor's certificate, which some publish on the web, or take the other kind of key",
	}
}

// endorsementOf is nil if there is no certificate for this kind of key.
func (t *TPM) endorsementOf(kind ekKind, given []*x509.Certificate) (*endorsement, error) {
	stored, err := t.nvRead(kind.certificate)
	if err != nil {
		return nil, err
	}
	leaf := splitDER(stored, 1)
	if len(leaf) == 0 && len(given) == 0 {
		return nil, nil //nolint:nilnil // The other kind is looked for.
	}
	e, err := t.makeEndorsement(kind, leaf)
	if err != nil {
		return nil, err
	}
	var issuers [][]byte
	for _, c := range given {
		// A given certificate of this very key stands in for the stored one.
		if equal(e.public.Key, c.PublicKey) {
			leaf = [][]byte{c.Raw}
		} else {
			issuers = append(issuers, c.Raw)
		}
	}
	if len(leaf) == 0 {
		return nil, nil //nolint:nilnil // The other kind is looked for.
	}
	if err := isFor(leaf[0], e.public.Key); err != nil {
		return nil, &Error{Op: "endorsement key " + kind.name, Err: err, Hint: "the vendor made it by a template of his own, which is not supported: take the other kind of key"}
	}
	chain, err := t.nvChain()
	if err != nil {
		return nil, err
	}
	e.certificates = append(append(leaf, issuers...), chain...)
	if len(e.certificates) > maxChain {
		e.certificates = e.certificates[:maxChain]
	}
	return e, nil
}

// isFor refuses a certificate for another key. What Go does not read (some vendors
// name the key's algorithm in their own way) is for the service to judge.
func isFor(der []byte, key crypto.PublicKey) error {
	c, err := x509.ParseCertificate(der)
	if err == nil && c.PublicKey != nil && !equal(key, c.PublicKey) {
		return errors.New("its certificate is for another key than the TCG's template gives")
	}
	return nil
}

// makeEndorsement makes the key of the template, unless the key of the certificate
// is there.
func (t *TPM) makeEndorsement(kind ekKind, leaf [][]byte) (*endorsement, error) {
	there, err := t.persistent(kind.persistent)
	if err == nil && there != nil && len(leaf) > 0 && isFor(leaf[0], there.public.Key) == nil &&
		bytes.Equal(there.public.AuthPolicy, kind.template.AuthPolicy.Buffer) {
		return &endorsement{public: there.public, handle: there.handle}, nil
	}
	if err != nil {
		return nil, err
	}
	made, err := tpm2.CreatePrimary{
		PrimaryHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHEndorsement, Auth: tpm2.PasswordAuth(t.auth.Endorsement)},
		InPublic:      tpm2.New2B(kind.template),
	}.Execute(t.device)
	if err != nil {
		return nil, failed("TPM2_CreatePrimary of the endorsement key "+kind.name, err)
	}
	e, err := t.saveEndorsement(made)
	return e, joined(err, t.flush(made.ObjectHandle))
}

// saveEndorsement keeps a key that was made for another use, outside of the TPM.
func (t *TPM) saveEndorsement(made *tpm2.CreatePrimaryResponse) (*endorsement, error) {
	public, err := tpm.ParsePublic(made.OutPublic.Bytes())
	if err != nil {
		return nil, failed("TPM2_CreatePrimary", err)
	}
	saved, err := tpm2.ContextSave{SaveHandle: made.ObjectHandle}.Execute(t.device)
	if err != nil {
		return nil, failed("TPM2_ContextSave", err)
	}
	return &endorsement{public: public, saved: saved.Context}, nil
}

// activate opens a credential that was made for this key and an AIK.
func (e *endorsement) activate(ctx context.Context, aik *AIK, idObject, encryptedSecret []byte) ([]byte, error) {
	t := aik.key.tpm
	var secret []byte
	err := t.do(ctx, func() error {
		return aik.key.with(func(named tpm2.AuthHandle) error {
			return e.with(t, func(ek tpm2.AuthHandle) error {
				opened, err := tpm2.ActivateCredential{
					ActivateHandle: named, KeyHandle: ek,
					CredentialBlob: tpm2.TPM2BIDObject{Buffer: idObject}, Secret: tpm2.TPM2BEncryptedSecret{Buffer: encryptedSecret},
				}.Execute(t.device)
				if err != nil {
					return &Error{Op: "TPM2_ActivateCredential", Err: err, Hint: "the service made the credential for another endorsement key or another AIK"}
				}
				secret = opened.CertInfo.Buffer
				return nil
			})
		})
	})
	return secret, err
}

// with has the key loaded and authorized as its policy demands.
func (e *endorsement) with(t *TPM, use func(tpm2.AuthHandle) error) error {
	handle := e.handle
	if handle == 0 {
		loaded, err := tpm2.ContextLoad{Context: e.saved}.Execute(t.device)
		if err != nil {
			return failed("TPM2_ContextLoad", err)
		}
		handle = loaded.LoadedHandle
	}
	err := e.authorized(t, func(auth tpm2.Session) error {
		return use(tpm2.AuthHandle{Handle: handle, Name: tpm2.TPM2BName{Buffer: e.public.Name()}, Auth: auth})
	})
	if e.handle == 0 {
		err = joined(err, t.flush(handle))
	}
	return err
}

// authorized has what the key's policy demands. The session is ended here, for those
// that go-tpm makes itself stay in the TPM where a command gets no answer, or the
// policy is not satisfied.
func (e *endorsement) authorized(t *TPM, use func(tpm2.Session) error) error {
	if e.public.Attributes.Has(tpm.UserWithAuth) {
		return use(tpm2.PasswordAuth(nil))
	}
	session, end, err := tpm2.PolicySession(t.device, tpm2.TPMAlgID(e.public.NameAlgorithm), 16)
	if err != nil {
		return failed("TPM2_StartAuthSession", err)
	}
	if err = t.endorse(session); err == nil {
		err = use(session)
	}
	if ending := end(); ending != nil {
		err = joined(err, failed("TPM2_FlushContext", ending))
	}
	return err
}

// endorse satisfies PolicySecret(endorsement).
func (t *TPM) endorse(session tpm2.Session) error {
	_, err := tpm2.PolicySecret{
		AuthHandle:    tpm2.AuthHandle{Handle: tpm2.TPMRHEndorsement, Auth: tpm2.PasswordAuth(t.auth.Endorsement)},
		PolicySession: session.Handle(), NonceTPM: session.NonceTPM(),
	}.Execute(t.device)
	if err != nil {
		return failed("TPM2_PolicySecret of the endorsement hierarchy", err)
	}
	return nil
}
