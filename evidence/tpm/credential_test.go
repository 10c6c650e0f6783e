package tpm_test

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
)

// open is TPM2_ActivateCredential by go-tpm's key derivation, given the seed.
func open(tb testing.TB, seed []byte, name tpm.Name, id []byte) []byte {
	tb.Helper()
	mac, identity := id[2:34], bytes.Clone(id[34:])
	h := hmac.New(sha256.New, tpm2.KDFa(crypto.SHA256, seed, "INTEGRITY", nil, nil, 256))
	h.Write(identity)
	h.Write(name)
	if !hmac.Equal(h.Sum(nil), mac) {
		tb.Fatal("the HMAC does not hold")
	}
	block, err := aes.NewCipher(tpm2.KDFa(crypto.SHA256, seed, "STORAGE", name, nil, 128))
	if err != nil {
		tb.Fatal(err)
	}
	cipher.NewCFBDecrypter(block, make([]byte, 16)).XORKeyStream(identity, identity) //nolint:staticcheck // SA1019: What a TPM does.
	return identity[2:]
}

func TestMakeCredentialIsWhatGoTPMOpens(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "EK authority", nil)
	aik := ecSoft(t)
	secret := bytes.Repeat([]byte{7}, 32)
	verify := func(key any) *tpm.EK {
		ek, err := newAuthorities(t, ca.certificate).VerifyEK(ca.issue(t, key, ekCertificate), nil, issued)
		if err != nil {
			t.Fatal(err)
		}
		return ek
	}
	ek := verify(rsaKey().Public())
	c, err := ek.MakeCredential(aik.aik(t), secret)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := rsa.DecryptOAEP(sha256.New(), nil, rsaKey(), c.EncryptedSecret, []byte("IDENTITY\x00"))
	if err != nil {
		t.Fatal(err)
	}
	if got := open(t, seed, aik.public.Name(), c.IDObject); !bytes.Equal(got, secret) {
		t.Errorf("secret %x", got)
	}

	key := newECKey(t, elliptic.P256())
	if c, err = verify(key.Public()).MakeCredential(aik.aik(t), secret); err != nil {
		t.Fatal(err)
	}
	private, err := key.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	x := c.EncryptedSecret[2:34]
	ephemeral, err := ecdh.P256().NewPublicKey(append(append([]byte{4}, x...), c.EncryptedSecret[36:]...))
	if err != nil {
		t.Fatal(err)
	}
	z, err := private.ECDH(ephemeral)
	if err != nil {
		t.Fatal(err)
	}
	seed = tpm2.KDFe(crypto.SHA256, z, "IDENTITY", x, private.PublicKey().Bytes()[1:33], 256)
	if got := open(t, seed, aik.public.Name(), c.IDObject); !bytes.Equal(got, secret) {
		t.Errorf("secret %x", got)
	}
	again, err := verify(key.Public()).MakeCredential(aik.aik(t), secret)
	if err != nil || bytes.Equal(again.EncryptedSecret, c.EncryptedSecret) || bytes.Equal(again.IDObject, c.IDObject) {
		t.Errorf("two credentials are the same: %v", err)
	}
}

func TestMakeCredentialRefuses(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "EK authority", nil)
	ek, err := newAuthorities(t, ca.certificate).VerifyEK(ca.issue(t, newECKey(t, elliptic.P256()).Public(), ekCertificate), nil, issued)
	if err != nil {
		t.Fatal(err)
	}
	s := ecSoft(t)
	for _, size := range []int{0, 15, 33} {
		_, err := ek.MakeCredential(s.aik(t), make([]byte, size))
		wantRefusal(t, err, tpm.StageCredential, evidence.CodeMalformed)
	}
	bare, err := tpm.AIKFromKey(s.public.Key)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ek.MakeCredential(bare, make([]byte, 32))
	wantRefusal(t, err, tpm.StageCredential, evidence.CodeMissing)
}

func TestCheckSecret(t *testing.T) {
	t.Parallel()
	want := bytes.Repeat([]byte{1}, 32)
	if err := tpm.CheckSecret(want, bytes.Clone(want)); err != nil {
		t.Error(err)
	}
	for name, pair := range map[string][2][]byte{
		"another": {want, make([]byte, 32)}, "prefix": {want, want[:31]}, "none": {want, nil}, "none wanted": {nil, nil}, "short": {want[:8], want[:8]},
	} {
		err := tpm.CheckSecret(pair[0], pair[1])
		if wantRefusal(t, err, tpm.StageCredential, evidence.CodeMismatch); t.Failed() {
			t.Fatal(name)
		}
		if bytes.Contains([]byte(err.Error()), []byte("0101")) {
			t.Errorf("%s: the secret is in the error: %v", name, err)
		}
	}
}

func TestVerifyEKRefuses(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "EK authority", nil)
	forAIKs := newAuthority(t, "AIK authority", ca, oidAIK)
	key := newECKey(t, elliptic.P256()).Public()
	for name, test := range map[string]struct {
		leaf  *x509.Certificate
		stage evidence.Stage
		code  evidence.Code
	}{
		"no certificate":  {nil, evidence.StageChain, evidence.CodeMissing},
		"of an AIK":       {ca.issue(t, key, aikCertificate), evidence.StageChain, evidence.CodeMismatch},
		"by a CA of AIKs": {forAIKs.issue(t, key, ekCertificate), evidence.StageChain, evidence.CodeMismatch},
		"that signs":      {ca.issue(t, key, func(c *x509.Certificate) { ekCertificate(c); c.KeyUsage = x509.KeyUsageDigitalSignature }), evidence.StageChain, evidence.CodeMalformed},
		"weak":            {ca.issue(t, weakKey().Public(), ekCertificate), tpm.StageKey, evidence.CodeUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newAuthorities(t, ca.certificate).VerifyEK(test.leaf, []*x509.Certificate{forAIKs.certificate}, issued)
			wantRefusal(t, err, test.stage, test.code)
		})
	}
}

func TestEKWithPublicRefuses(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "EK authority", nil)
	key := newECKey(t, elliptic.P256())
	ek, err := newAuthorities(t, ca.certificate).VerifyEK(ca.issue(t, key.Public(), ekCertificate), nil, issued)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	public := func(edit func(*tpm2.TPMTPublic)) *tpm.Public {
		template := tpm2.ECCEKTemplate
		template.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{X: tpm2.TPM2BECCParameter{Buffer: point[1:33]}, Y: tpm2.TPM2BECCParameter{Buffer: point[33:]}})
		edit(&template)
		return parsePublic(t, tpm2.Marshal(template))
	}
	if with, err := ek.WithPublic(public(func(*tpm2.TPMTPublic) {})); err != nil || len(with.Chain()) != 2 || !key.PublicKey.Equal(with.Key()) {
		t.Errorf("%+v, %v", with, err)
	}
	for name, p := range map[string]*tpm.Public{
		"another key":      ecSoft(t).public,
		"leaves its TPM":   public(func(p *tpm2.TPMTPublic) { p.ObjectAttributes.FixedTPM = false }),
		"signs":            public(func(p *tpm2.TPMTPublic) { p.ObjectAttributes.SignEncrypt = true }),
		"unrestricted":     public(func(p *tpm2.TPMTPublic) { p.ObjectAttributes.Restricted = false }),
		"another policy":   public(func(p *tpm2.TPMTPublic) { p.AuthPolicy.Buffer = make([]byte, 32) }),
		"without a policy": public(func(p *tpm2.TPMTPublic) { p.AuthPolicy.Buffer = nil }),
		"name by SHA-1":    public(func(p *tpm2.TPMTPublic) { p.NameAlg, p.AuthPolicy.Buffer = tpm2.TPMAlgSHA1, make([]byte, 20) }),
		"without a cipher": parsePublic(t, publicOf(t, key.Public(), uint32(tpm.FixedTPM|tpm.FixedParent|tpm.SensitiveDataOrigin|tpm.AdminWithPolicy|tpm.Restricted|tpm.Decrypt), tpm.SHA256, tpm.Null, 0)),
	} {
		_, err := ek.WithPublic(p)
		if wantRefusal(t, err, tpm.StageKey, evidence.CodeMismatch); t.Failed() {
			t.Fatal(name)
		}
	}
}

// Some vendors name the key of an EK by id-RSAES-OAEP, which crypto/x509 leaves
// unread.
func TestVerifyEKReadsKeysNamedOAEP(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "EK authority", nil)
	plain := ca.issue(t, rsaKey().Public(), ekCertificate)
	resign := func(from, to []byte) *x509.Certificate {
		return resigned(t, ca, plain, from, to)
	}
	oaep := resign([]byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1}, []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 7})
	if oaep.PublicKey != nil {
		t.Fatalf("crypto/x509 reads it: %T", oaep.PublicKey)
	}
	ek, err := newAuthorities(t, ca.certificate).VerifyEK(oaep, nil, issued)
	if err != nil || !rsaKey().PublicKey.Equal(ek.Key()) || oaep.PublicKey != nil {
		t.Errorf("%+v, %v", ek, err)
	}
	unknown := resign([]byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1}, []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 9})
	_, err = newAuthorities(t, ca.certificate).VerifyEK(unknown, nil, issued)
	wantRefusal(t, err, evidence.StageChain, evidence.CodeUnsupported)
}

// resigned replaces bytes within a certificate and signs it anew.
func resigned(tb testing.TB, ca *authority, c *x509.Certificate, from, to []byte) *x509.Certificate {
	tb.Helper()
	tbs := bytes.Replace(c.RawTBSCertificate, from, to, 1)
	digest := sha256.Sum256(tbs)
	signature, err := ca.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		tb.Fatal(err)
	}
	der, err := asn1.Marshal(struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{
		asn1.RawValue{FullBytes: tbs},
		pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}},
		asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	})
	if err != nil {
		tb.Fatal(err)
	}
	changed, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return changed
}
