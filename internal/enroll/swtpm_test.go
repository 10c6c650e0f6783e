package enroll_test

import (
	"bytes"
	"crypto/x509"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/enroll"
	"github.com/azattest/azattest/internal/testtpm"
	"github.com/azattest/azattest/internal/ticket"
)

// Where swtpm_setup leaves the endorsement keys and their certificates.
const (
	rsaEKHandle, rsaEKIndex = 0x81010001, 0x01c00002
	eccEKHandle, eccEKIndex = 0x81010016, 0x01c00016
)

// A TPM that is not ours enrolls a key, with each of its endorsement keys.
func TestARealTPMEnrolls(t *testing.T) {
	t.Parallel()
	device := testtpm.Start(t)
	root, intermediate := device.Roots(t)
	tickets := must[*ticket.Sealer](t)(ticket.New(ticket.Config{Lifetime: 5 * time.Minute}))
	a := must[*enroll.Authority](t)(enroll.New(enroll.Config{
		Issuer: must[*enroll.Issuer](t)(enroll.MakeIssuer(enroll.Template{Name: "authority", Algorithm: enroll.RSA, Begin: time.Now().Add(-time.Hour), Lifetime: 24 * time.Hour})),
		EKs:    authoritiesOf(t, root), Tickets: tickets, Lifetime: time.Hour,
	}))
	aik := aikOf(t, device)
	for _, e := range []struct {
		name          string
		handle, index tpm2.TPMHandle
	}{{"RSA-2048", rsaEKHandle, rsaEKIndex}, {"P-384", eccEKHandle, eccEKIndex}} {
		ek := must[*tpm2.ReadPublicResponse](t)(tpm2.ReadPublic{ObjectHandle: e.handle}.Execute(device))
		for _, shown := range [][]byte{nil, ek.OutPublic.Bytes()} {
			c := must[*enroll.Challenge](t)(a.Begin(t.Context(), instance, enroll.BeginRequest{
				EKCertificates: [][]byte{nvRead(t, device, e.index), intermediate.Raw}, EKPublic: shown, AIKPublic: aik.OutPublic.Bytes(),
			}))
			found := must[[]byte](t)(activated(device, aik, e.handle, ek, c))
			enrolled := must[*enroll.Enrolled](t)(a.Activate(t.Context(), instance, enroll.ActivateRequest{Context: c.Context, Secret: found, AIKPublic: aik.OutPublic.Bytes()}))
			leaf := must[*x509.Certificate](t)(tpm.ParseCertificate(enrolled.Chain[0]))
			key := must[*tpm.AIK](t)(authoritiesOf(t, a.Issuer().Certificate()).VerifyAIK(leaf, nil, time.Now()))
			must[*tpm.AIK](t)(key.WithPublic(must[*tpm.Public](t)(tpm.ParsePublic(aik.OutPublic.Bytes()))))
			if got := namesIn(t, leaf); !bytes.Contains([]byte(got), []byte("2.23.133.2.2=swtpm")) {
				t.Errorf("%s: name %q", e.name, got)
			}
		}
	}
}

// aikOf makes an AIK in a TPM.
func aikOf(t *testing.T, device *testtpm.TPM) *tpm2.CreatePrimaryResponse {
	t.Helper()
	made := must[*tpm2.CreatePrimaryResponse](t)(tpm2.CreatePrimary{
		PrimaryHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)},
		InPublic: tpm2.New2B(tpm2.TPMTPublic{
			Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256,
			ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, Restricted: true, SignEncrypt: true},
			Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
				Symmetric: tpm2.TPMTSymDefObject{Algorithm: tpm2.TPMAlgNull}, CurveID: tpm2.TPMECCNistP256, KDF: tpm2.TPMTKDFScheme{Scheme: tpm2.TPMAlgNull},
				Scheme: tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256})},
			}),
		}),
	}.Execute(device))
	t.Cleanup(func() {
		if _, err := (tpm2.FlushContext{FlushHandle: made.ObjectHandle}).Execute(device); err != nil {
			t.Errorf("flush: %v", err)
		}
	})
	return made
}

// activated opens a credential.
func activated(device transport.TPM, aik *tpm2.CreatePrimaryResponse, handle tpm2.TPMHandle, ek *tpm2.ReadPublicResponse, c *enroll.Challenge) ([]byte, error) {
	public, err := ek.OutPublic.Contents()
	if err != nil {
		return nil, err
	}
	auth := tpm2.AuthHandle{Handle: handle, Name: ek.Name, Auth: tpm2.PasswordAuth(nil)}
	if !public.ObjectAttributes.UserWithAuth {
		auth.Auth = tpm2.Policy(public.NameAlg, 16, func(t transport.TPM, session tpm2.TPMISHPolicy, nonce tpm2.TPM2BNonce) error {
			_, err := tpm2.PolicySecret{
				AuthHandle:    tpm2.AuthHandle{Handle: tpm2.TPMRHEndorsement, Auth: tpm2.PasswordAuth(nil)},
				PolicySession: session, NonceTPM: nonce,
			}.Execute(t)
			return err
		})
	}
	opened, err := tpm2.ActivateCredential{
		ActivateHandle: tpm2.AuthHandle{Handle: aik.ObjectHandle, Name: aik.Name, Auth: tpm2.PasswordAuth(nil)}, KeyHandle: auth,
		CredentialBlob: tpm2.TPM2BIDObject{Buffer: c.IDObject}, Secret: tpm2.TPM2BEncryptedSecret{Buffer: c.EncryptedSecret},
	}.Execute(device)
	if err != nil {
		return nil, err
	}
	return opened.CertInfo.Buffer, nil
}

// nvRead reads an index of the TPM's NV memory.
func nvRead(t *testing.T, device *testtpm.TPM, index tpm2.TPMHandle) []byte {
	t.Helper()
	public := must[*tpm2.NVReadPublicResponse](t)(tpm2.NVReadPublic{NVIndex: index}.Execute(device))
	contents := must[*tpm2.TPMSNVPublic](t)(public.NVPublic.Contents())
	var all []byte
	for len(all) < int(contents.DataSize) {
		piece := must[*tpm2.NVReadResponse](t)(tpm2.NVRead{
			AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)},
			NVIndex:    tpm2.NamedHandle{Handle: index, Name: public.NVName},
			Size:       min(1024, contents.DataSize-uint16(len(all))), Offset: uint16(len(all)),
		}.Execute(device))
		all = append(all, piece.Data.Buffer...)
	}
	return all
}
