package testtpm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"math/big"
	"sync"
	"testing"
	"time"
)

// Soft is what of a TPM an enrollment needs, in Go and without another program: an
// endorsement key with a certificate by an authority of its own, and the activation
// of credentials. It is immutable and safe for concurrent use.
type Soft struct {
	ek                *rsa.PrivateKey
	root, certificate *x509.Certificate
}

// softEK is one key for all: they take long to make.
var softEK = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// NewSoft makes a TPM whose certificate is valid for a while. Its authority is valid
// a year before and after.
func NewSoft(tb testing.TB, from, until time.Time) *Soft {
	tb.Helper()
	ek, err := softEK()
	if err != nil {
		tb.Fatalf("testtpm: %v", err)
	}
	ca, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatalf("testtpm: %v", err)
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "soft TPM vendor"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: from.AddDate(-1, 0, 0), NotAfter: until.AddDate(1, 0, 0),
	}
	s := &Soft{ek: ek}
	s.root = issued(tb, root, root, ca.Public(), ca)
	s.certificate = issued(tb, &x509.Certificate{
		SerialNumber: big.NewInt(2), BasicConstraintsValid: true, KeyUsage: x509.KeyUsageKeyEncipherment,
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{{2, 23, 133, 8, 1}}, NotBefore: from, NotAfter: until,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: true, Value: softName(tb)}},
	}, s.root, ek.Public(), ca)
	return s
}

func issued(tb testing.TB, template, parent *x509.Certificate, key any, signer *ecdsa.PrivateKey) *x509.Certificate {
	tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, signer)
	if err != nil {
		tb.Fatalf("testtpm: %v", err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatalf("testtpm: %v", err)
	}
	return c
}

// softName names vendor, model and version, as the EK credential profile has it.
func softName(tb testing.TB) []byte {
	tb.Helper()
	var name pkix.RDNSequence
	for i, text := range []string{"id:534F4654", "soft", "id:1"} {
		name = append(name, pkix.RelativeDistinguishedNameSET{{Type: asn1.ObjectIdentifier{2, 23, 133, 2, i + 1}, Value: text}})
	}
	inner, err := asn1.Marshal(name)
	if err != nil {
		tb.Fatalf("testtpm: %v", err)
	}
	der, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: inner}})
	if err != nil {
		tb.Fatalf("testtpm: %v", err)
	}
	return der
}

// Root is the authority of the endorsement key's certificate, Certificate that.
func (s *Soft) Root() *x509.Certificate { return s.root }

// Certificate is that of the endorsement key.
func (s *Soft) Certificate() *x509.Certificate { return s.certificate }

// Attributes of keys: those of an attestation identity key, and those of one that
// signs anything (TPMA_OBJECT).
const (
	AIKAttributes     uint32 = 1<<1 | 1<<4 | 1<<5 | 1<<6 | 1<<16 | 1<<18
	SigningAttributes        = AIKAttributes &^ (1 << 16)
)

// NewAIK returns the TPMT_PUBLIC of a new key, ECDSA on P-256 with SHA-256.
func (s *Soft) NewAIK(tb testing.TB, attributes uint32) []byte {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatalf("testtpm: %v", err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		tb.Fatalf("testtpm: %v", err)
	}
	b := []byte{0, 0x23, 0, 0x0b} // ECC, SHA256
	b = binary.BigEndian.AppendUint32(b, attributes)
	b = append(b, 0, 0, 0, 0x10, 0, 0x18, 0, 0x0b, 0, 3, 0, 0x10) // no policy, no cipher, ECDSA with SHA256, P-256, no KDF
	b = append(append(b, 0, 32), point[1:33]...)
	return append(append(b, 0, 32), point[33:]...)
}

// Activate is TPM2_ActivateCredential, of a TPM that holds the AIK of a TPMT_PUBLIC
// whose names are by SHA-256.
func (s *Soft) Activate(aikPublic, idObject, encryptedSecret []byte) ([]byte, error) {
	seed, err := rsa.DecryptOAEP(sha256.New(), nil, s.ek, encryptedSecret, []byte("IDENTITY\x00"))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(aikPublic)
	name := append([]byte{0, 0x0b}, sum[:]...)
	if len(idObject) < 36 {
		return nil, errors.New("testtpm: an ID object that is too short")
	}
	identity := append([]byte(nil), idObject[34:]...)
	h := hmac.New(sha256.New, kdfa(seed, "INTEGRITY", nil, 256))
	h.Write(identity)
	h.Write(name)
	if !hmac.Equal(h.Sum(nil), idObject[2:34]) {
		return nil, errors.New("testtpm: the credential is for another AIK")
	}
	block, err := aes.NewCipher(kdfa(seed, "STORAGE", name, 128))
	if err != nil {
		return nil, err
	}
	cipher.NewCFBDecrypter(block, make([]byte, aes.BlockSize)).XORKeyStream(identity, identity) //nolint:staticcheck // SA1019: What a TPM does.
	return identity[2:], nil
}

// kdfa is the key derivation of part 1, 11.4.10.2, by SHA-256 and up to its size.
func kdfa(key []byte, label string, context []byte, bits uint32) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(append(append(append([]byte{0, 0, 0, 1}, label...), 0), context...))
	h.Write(binary.BigEndian.AppendUint32(nil, bits))
	return h.Sum(nil)[:bits/8]
}
