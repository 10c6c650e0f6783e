package tpm_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/testtpm"
)

// Where swtpm_setup leaves the endorsement keys and their certificates, as the EK
// credential profile has it.
const (
	rsaEKHandle, rsaEKIndex = 0x81010001, 0x01c00002
	eccEKHandle, eccEKIndex = 0x81010016, 0x01c00016
)

// key is a key that is loaded in the device.
type key struct {
	handle tpm2.TPMHandle
	name   tpm2.TPM2BName
	public *tpm.Public
}

func (k key) auth() tpm2.AuthHandle {
	return tpm2.AuthHandle{Handle: k.handle, Name: k.name, Auth: tpm2.PasswordAuth(nil)}
}

// device drives a swtpm.
type device struct {
	*testtpm.TPM
	t *testing.T
}

var _ transport.TPM = device{}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// signing is the template of a signing key.
func signing(attributes tpm2.TPMAObject, parameters tpm2.TPMUPublicParms, kind tpm2.TPMAlgID) tpm2.TPMTPublic {
	attributes.SignEncrypt = true
	return tpm2.TPMTPublic{Type: kind, NameAlg: tpm2.TPMAlgSHA256, ObjectAttributes: attributes, Parameters: parameters}
}

var (
	aikAttributes = tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, Restricted: true}
	appAttributes = tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true}
)

func rsaParameters(scheme, hash tpm2.TPMAlgID) tpm2.TPMUPublicParms {
	p := &tpm2.TPMSRSAParms{Symmetric: tpm2.TPMTSymDefObject{Algorithm: tpm2.TPMAlgNull}, KeyBits: 2048}
	switch scheme {
	case tpm2.TPMAlgRSASSA:
		p.Scheme = tpm2.TPMTRSAScheme{Scheme: scheme, Details: tpm2.NewTPMUAsymScheme(scheme, &tpm2.TPMSSigSchemeRSASSA{HashAlg: hash})}
	case tpm2.TPMAlgRSAPSS:
		p.Scheme = tpm2.TPMTRSAScheme{Scheme: scheme, Details: tpm2.NewTPMUAsymScheme(scheme, &tpm2.TPMSSigSchemeRSAPSS{HashAlg: hash})}
	default:
		p.Scheme.Scheme = tpm2.TPMAlgNull
	}
	return tpm2.NewTPMUPublicParms(tpm2.TPMAlgRSA, p)
}

func eccParameters(curve tpm2.TPMECCCurve, hash tpm2.TPMAlgID) tpm2.TPMUPublicParms {
	p := &tpm2.TPMSECCParms{
		Symmetric: tpm2.TPMTSymDefObject{Algorithm: tpm2.TPMAlgNull}, CurveID: curve,
		Scheme: tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgNull}, KDF: tpm2.TPMTKDFScheme{Scheme: tpm2.TPMAlgNull},
	}
	if hash != tpm2.TPMAlgNull {
		p.Scheme = tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: hash})}
	}
	return tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, p)
}

// primary makes a key below a hierarchy.
func (d device) primary(hierarchy tpm2.TPMHandle, template tpm2.TPMTPublic) key {
	d.t.Helper()
	made := must[*tpm2.CreatePrimaryResponse](d.t)(tpm2.CreatePrimary{
		PrimaryHandle: tpm2.AuthHandle{Handle: hierarchy, Auth: tpm2.PasswordAuth(nil)}, InPublic: tpm2.New2B(template),
	}.Execute(d))
	// Three keys fit into a TPM at a time.
	d.t.Cleanup(func() { d.flush(made.ObjectHandle) })
	public := must[*tpm.Public](d.t)(tpm.ParsePublic(made.OutPublic.Bytes()))
	if !bytes.Equal(public.Name(), made.Name.Buffer) {
		d.t.Fatalf("name %s, the TPM says %x", public.Name(), made.Name.Buffer)
	}
	return key{made.ObjectHandle, made.Name, public}
}

func (d device) flush(handle tpm2.TPMHandle) {
	if _, err := (tpm2.FlushContext{FlushHandle: handle}).Execute(d); err != nil {
		d.t.Errorf("flush: %v", err)
	}
}

func selection(banks map[tpm.Algorithm][]uint, order ...tpm.Algorithm) tpm2.TPMLPCRSelection {
	var s tpm2.TPMLPCRSelection
	for _, a := range order {
		s.PCRSelections = append(s.PCRSelections, tpm2.TPMSPCRSelection{Hash: tpm2.TPMAlgID(a), PCRSelect: tpm2.PCClientCompatible.PCRs(banks[a]...)})
	}
	return s
}

// values reads PCRs, one by one, for an answer may leave some out.
func (d device) values(a tpm.Algorithm, pcrs ...uint) tpm.Bank {
	d.t.Helper()
	bank := tpm.Bank{Algorithm: a}
	for _, i := range pcrs {
		read := must[*tpm2.PCRReadResponse](d.t)(tpm2.PCRRead{PCRSelectionIn: selection(map[tpm.Algorithm][]uint{a: {i}}, a)}.Execute(d))
		bank.PCRs = append(bank.PCRs, tpm.PCR{Index: int(i), Digest: read.PCRValues.Digests[0].Buffer})
	}
	return bank
}

func (d device) quote(aik key, data []byte, s tpm2.TPMLPCRSelection) ([]byte, *tpm.Signature) {
	d.t.Helper()
	q := must[*tpm2.QuoteResponse](d.t)(tpm2.Quote{
		SignHandle: aik.auth(), QualifyingData: tpm2.TPM2BData{Buffer: data},
		InScheme: tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull}, PCRSelect: s,
	}.Execute(d))
	return q.Quoted.Bytes(), must[*tpm.Signature](d.t)(tpm.ParseSignature(tpm2.Marshal(q.Signature)))
}

func (d device) certify(aik, object key, data []byte) ([]byte, *tpm.Signature) {
	d.t.Helper()
	c := must[*tpm2.CertifyResponse](d.t)(tpm2.Certify{
		ObjectHandle: object.auth(), SignHandle: aik.auth(), QualifyingData: tpm2.TPM2BData{Buffer: data},
		InScheme: tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull},
	}.Execute(d))
	return c.CertifyInfo.Bytes(), must[*tpm.Signature](d.t)(tpm.ParseSignature(tpm2.Marshal(c.Signature)))
}

// certificate reads an endorsement key's certificate out of the NV memory.
func (d device) certificate(index tpm2.TPMHandle) *x509.Certificate {
	d.t.Helper()
	public := must[*tpm2.NVReadPublicResponse](d.t)(tpm2.NVReadPublic{NVIndex: index}.Execute(d))
	contents := must[*tpm2.TPMSNVPublic](d.t)(public.NVPublic.Contents())
	var der []byte
	for len(der) < int(contents.DataSize) {
		piece := must[*tpm2.NVReadResponse](d.t)(tpm2.NVRead{
			AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)},
			NVIndex:    tpm2.NamedHandle{Handle: index, Name: public.NVName},
			Size:       min(1024, contents.DataSize-uint16(len(der))), Offset: uint16(len(der)),
		}.Execute(d))
		der = append(der, piece.Data.Buffer...)
	}
	return must[*x509.Certificate](d.t)(x509.ParseCertificate(der))
}

// persistent is a key that is in the TPM already.
func (d device) persistent(handle tpm2.TPMHandle) key {
	d.t.Helper()
	read := must[*tpm2.ReadPublicResponse](d.t)(tpm2.ReadPublic{ObjectHandle: handle}.Execute(d))
	return key{handle, read.Name, must[*tpm.Public](d.t)(tpm.ParsePublic(read.OutPublic.Bytes()))}
}

// endorsed authorizes an EK as its policy demands.
func endorsed(k key) tpm2.AuthHandle {
	h := k.auth()
	if !k.public.Attributes.Has(tpm.UserWithAuth) {
		h.Auth = tpm2.Policy(tpm2.TPMAlgID(k.public.NameAlgorithm), 16, func(t transport.TPM, session tpm2.TPMISHPolicy, nonce tpm2.TPM2BNonce) error {
			_, err := tpm2.PolicySecret{
				AuthHandle:    tpm2.AuthHandle{Handle: tpm2.TPMRHEndorsement, Auth: tpm2.PasswordAuth(nil)},
				PolicySession: session, NonceTPM: nonce,
			}.Execute(t)
			return err
		})
	}
	return h
}

func (d device) activate(ek, aik key, c *tpm.Credential) ([]byte, error) {
	opened, err := tpm2.ActivateCredential{
		ActivateHandle: aik.auth(), KeyHandle: endorsed(ek),
		CredentialBlob: tpm2.TPM2BIDObject{Buffer: c.IDObject}, Secret: tpm2.TPM2BEncryptedSecret{Buffer: c.EncryptedSecret},
	}.Execute(d)
	if err != nil {
		return nil, err
	}
	return opened.CertInfo.Buffer, nil
}

// aiks are the kinds of AIK for which everything is tried.
var aiks = []struct {
	name     string
	template tpm2.TPMTPublic
}{
	{"RSASSA SHA256", signing(aikAttributes, rsaParameters(tpm2.TPMAlgRSASSA, tpm2.TPMAlgSHA256), tpm2.TPMAlgRSA)},
	{"RSASSA SHA1", signing(aikAttributes, rsaParameters(tpm2.TPMAlgRSASSA, tpm2.TPMAlgSHA1), tpm2.TPMAlgRSA)},
	{"RSAPSS SHA256", signing(aikAttributes, rsaParameters(tpm2.TPMAlgRSAPSS, tpm2.TPMAlgSHA256), tpm2.TPMAlgRSA)},
	{"RSAPSS SHA384", signing(aikAttributes, rsaParameters(tpm2.TPMAlgRSAPSS, tpm2.TPMAlgSHA384), tpm2.TPMAlgRSA)},
	{"ECDSA P-256 SHA256", signing(aikAttributes, eccParameters(tpm2.TPMECCNistP256, tpm2.TPMAlgSHA256), tpm2.TPMAlgECC)},
	{"ECDSA P-384 SHA384", signing(aikAttributes, eccParameters(tpm2.TPMECCNistP384, tpm2.TPMAlgSHA384), tpm2.TPMAlgECC)},
	{"ECDSA P-384 SHA512", signing(aikAttributes, eccParameters(tpm2.TPMECCNistP384, tpm2.TPMAlgSHA512), tpm2.TPMAlgECC)},
}

func TestRealTPM(t *testing.T) {
	t.Parallel()
	running := testtpm.Start(t)
	d := device{running, t}
	extend := tpm2.PCRExtend{
		PCRHandle: tpm2.AuthHandle{Handle: 16, Auth: tpm2.PasswordAuth(nil)},
		Digests:   tpm2.TPMLDigestValues{Digests: []tpm2.TPMTHA{{HashAlg: tpm2.TPMAlgSHA256, Digest: bytes.Repeat([]byte{7}, 32)}}},
	}
	if _, err := extend.Execute(d); err != nil {
		t.Fatal(err)
	}
	// Not in parallel: a TPM does one thing after the other.
	for _, kind := range aiks {
		t.Run(kind.name, func(t *testing.T) { quoteAndCertify(t, device{running, t}, kind.template) })
	}
	t.Run("credential", func(t *testing.T) { enroll(t, device{running, t}) })
	t.Run("hostile", func(t *testing.T) { posing(t, device{running, t}) })
}

func quoteAndCertify(t *testing.T, d device, template tpm2.TPMTPublic) {
	t.Helper()
	loaded := d.primary(tpm2.TPMRHEndorsement, template)
	aik := must[*tpm.AIK](t)(tpm.NewAIK(loaded.public))
	challenge := bytes.Repeat([]byte{0xc5}, 16)
	want := tpm.Requirements{QualifyingData: challenge, AllowSHA1Signatures: loaded.public.SchemeHash == tpm.SHA1, AllowSHA1Banks: true}

	picked := map[tpm.Algorithm][]uint{tpm.SHA1: {0, 16}, tpm.SHA256: {0, 1, 2, 3, 7, 16, 23}, tpm.SHA384: {16}, tpm.SHA512: {4}}
	order := []tpm.Algorithm{tpm.SHA256, tpm.SHA1, tpm.SHA512, tpm.SHA384}
	attest, signature := d.quote(loaded, challenge, selection(picked, order...))
	var banks []tpm.Bank
	for a, pcrs := range picked { // in whatever order
		banks = append(banks, d.values(a, pcrs...))
	}
	quote := must[*tpm.Quote](t)(aik.VerifyQuote(attest, signature, banks, want))
	for i, b := range quote.Banks {
		if b.Algorithm != order[i] || len(b.PCRs) != len(picked[order[i]]) {
			t.Errorf("bank %d is %s with %d PCRs", i, b.Algorithm, len(b.PCRs))
		}
	}
	if quote.Mask() != 0x81009f {
		t.Errorf("mask %#x", quote.Mask())
	}
	compareAttest(t, attest)
	comparePublic(t, loaded.public.Bytes())

	// A certified key, of another kind and hierarchy.
	object := d.primary(tpm2.TPMRHOwner, signing(appAttributes, eccParameters(tpm2.TPMECCNistP256, tpm2.TPMAlgNull), tpm2.TPMAlgECC))
	attest, signature = d.certify(loaded, object, challenge)
	certified := must[*tpm.Certification](t)(aik.VerifyCertification(object.public, attest, signature, want))
	if !certified.IsFrom(quote) || !certified.IsOf(object.public.Key) || certified.IsOf(loaded.public.Key) || !certified.Public.Attributes.IsResident() {
		t.Errorf("certified %+v", certified.Public)
	}
	owner := tpm.Name{0x40, 0, 0, 1}
	if got := object.public.QualifiedName(owner); !bytes.Equal(got, certified.Attest.Certify.QualifiedName) {
		t.Errorf("qualified name %s, the TPM says %s", got, certified.Attest.Certify.QualifiedName)
	}
	endorsement := tpm.Name{0x40, 0, 0, 0x0b}
	if got := loaded.public.QualifiedName(endorsement); !bytes.Equal(got, quote.Attest.QualifiedSigner) {
		t.Errorf("qualified signer %s, the TPM says %s", quote.Attest.QualifiedSigner, got)
	}
	compareAttest(t, attest)

	// Each says what it is, and is not taken for the other.
	_, err := aik.VerifyQuote(attest, signature, nil, want)
	wantRefusal(t, err, tpm.StageQuote, evidence.CodeMismatch)
	want.QualifyingData = []byte("another challenge")
	_, err = aik.VerifyCertification(object.public, attest, signature, want)
	wantRefusal(t, err, tpm.StageCertification, evidence.CodeMismatch)
}

func enroll(t *testing.T, d device) {
	t.Helper()
	root, intermediate := d.Roots(t)
	authorities := must[*tpm.Authorities](t)(tpm.NewAuthorities(tpm.Config{Roots: []*x509.Certificate{root}}))
	now := time.Now()
	loaded := d.primary(tpm2.TPMRHOwner, aiks[0].template)
	other := d.primary(tpm2.TPMRHOwner, aiks[4].template)
	aik := must[*tpm.AIK](t)(tpm.NewAIK(loaded.public))
	for _, e := range []struct {
		name          string
		handle, index tpm2.TPMHandle
		secret        int
	}{{"RSA-2048", rsaEKHandle, rsaEKIndex, 32}, {"P-384", eccEKHandle, eccEKIndex, 48}} {
		leaf := d.certificate(e.index)
		ek := must[*tpm.EK](t)(authorities.VerifyEK(leaf, []*x509.Certificate{intermediate}, now))
		there := d.persistent(e.handle)
		shown := must[*tpm.EK](t)(ek.WithPublic(there.public))
		for i, ek := range []*tpm.EK{ek, shown} {
			secret := make([]byte, e.secret)
			if _, err := rand.Read(secret); err != nil {
				t.Fatal(err)
			}
			c := must[*tpm.Credential](t)(ek.MakeCredential(aik, secret))
			opened, err := d.activate(there, loaded, c)
			if err != nil {
				t.Fatalf("%s %d: %v", e.name, i, err)
			}
			if err := tpm.CheckSecret(secret, opened); err != nil {
				t.Errorf("%s %d: %v", e.name, i, err)
			}
			// The same TPM does not open it for another key.
			if _, err := d.activate(there, other, c); err == nil {
				t.Errorf("%s: opened for another AIK", e.name)
			}
		}
		_, err := authorities.VerifyEK(leaf, nil, now)
		wantRefusal(t, err, evidence.StageChain, evidence.CodeUntrustedRoot)
		_, err = authorities.VerifyAIK(leaf, []*x509.Certificate{intermediate}, now)
		wantRefusal(t, err, evidence.StageChain, evidence.CodeMismatch)
		if _, err := tpm.NewAIK(there.public); err == nil {
			t.Error("an EK was taken for an AIK")
		}
	}
	// An EK on P-256 has no certificate here, so it gets one.
	there := d.primary(tpm2.TPMRHEndorsement, tpm2.ECCEKTemplate)
	ca := newAuthority(t, "EK authority", nil)
	leaf := ca.issue(t, there.public.Key, ekCertificate)
	authorities = must[*tpm.Authorities](t)(tpm.NewAuthorities(tpm.Config{Roots: []*x509.Certificate{ca.certificate}}))
	ek := must[*tpm.EK](t)(authorities.VerifyEK(leaf, nil, issued))
	must[*tpm.EK](t)(ek.WithPublic(there.public))
	secret := bytes.Repeat([]byte{9}, 20)
	c := must[*tpm.Credential](t)(ek.MakeCredential(aik, secret))
	opened, err := d.activate(there, loaded, c)
	if err != nil || tpm.CheckSecret(secret, opened) != nil {
		t.Errorf("P-256: %x, %v", opened, err)
	}
}

// posing has keys of the real TPM sign what they should not be believed in.
func posing(t *testing.T, d device) {
	t.Helper()
	challenge := bytes.Repeat([]byte{0xc5}, 16)
	want := tpm.Requirements{QualifyingData: challenge}
	loaded := d.primary(tpm2.TPMRHOwner, signing(appAttributes, eccParameters(tpm2.TPMECCNistP256, tpm2.TPMAlgSHA256), tpm2.TPMAlgECC))
	_, err := tpm.NewAIK(loaded.public)
	wantRefusal(t, err, tpm.StageKey, evidence.CodeMismatch)

	// A restricted key signs no digest whose text begins like an attestation: the
	// TPM gives no ticket for it. Text that begins otherwise is no attestation.
	aikKey := d.primary(tpm2.TPMRHOwner, aiks[4].template)
	text := append([]byte("\xffTCH"), bytes.Repeat([]byte{0}, 100)...)
	hashed := must[*tpm2.HashResponse](t)(tpm2.Hash{Data: tpm2.TPM2BMaxBuffer{Buffer: text}, HashAlg: tpm2.TPMAlgSHA256, Hierarchy: tpm2.TPMRHOwner}.Execute(d))
	signed := must[*tpm2.SignResponse](t)(tpm2.Sign{
		KeyHandle: aikKey.auth(), Digest: hashed.OutHash, InScheme: tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull}, Validation: hashed.Validation,
	}.Execute(d))
	signature := must[*tpm.Signature](t)(tpm.ParseSignature(tpm2.Marshal(signed.Signature)))
	aik := must[*tpm.AIK](t)(tpm.NewAIK(aikKey.public))
	_, err = aik.VerifyQuote(text, signature, nil, want)
	wantRefusal(t, err, evidence.StageParse, evidence.CodeMalformed)

	// A quote is its own AIK's and no other key's.
	attest, signature := d.quote(aikKey, challenge, selection(map[tpm.Algorithm][]uint{tpm.SHA256: {0}}, tpm.SHA256))
	bank := d.values(tpm.SHA256, 0)
	if _, err := aik.VerifyQuote(attest, signature, []tpm.Bank{bank}, want); err != nil {
		t.Error(err)
	}
	foreign := must[*tpm.AIK](t)(tpm.AIKFromKey(loaded.public.Key))
	_, err = foreign.VerifyQuote(attest, signature, []tpm.Bank{bank}, want)
	wantRefusal(t, err, evidence.StageSignature, evidence.CodeBadSignature)
}

// wantRefusal checks where and why something was refused.
func wantRefusal(tb testing.TB, err error, stage evidence.Stage, code evidence.Code) {
	tb.Helper()
	e, ok := err.(*evidence.Error) //nolint:errorlint // The refusal itself is promised, not one in a chain.
	if !ok || e.Stage != stage || e.Code != code {
		tb.Errorf("refused with %v, want %s: %s", err, stage, code)
		return
	}
	if e.Error() == "" || fmt.Sprint(e.Part) == "" {
		tb.Errorf("a refusal that says nothing: %#v", e)
	}
}
