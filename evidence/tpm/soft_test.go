package tpm_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"sync"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence/tpm"
)

// soft is a TPM's key in software: it signs what a test wants, also what no TPM
// would.
type soft struct {
	signer       crypto.Signer
	scheme, hash tpm.Algorithm
	public       *tpm.Public
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

var weakKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // G403: It is to be refused.
	if err != nil {
		panic(err)
	}
	return key
})

const aikBits = tpm.FixedTPM | tpm.FixedParent | tpm.SensitiveDataOrigin | tpm.UserWithAuth | tpm.Restricted | tpm.Sign

// newSoft makes an AIK of a signer.
func newSoft(tb testing.TB, signer crypto.Signer, scheme, hash tpm.Algorithm) soft {
	tb.Helper()
	s := soft{signer: signer, scheme: scheme, hash: hash}
	public, err := tpm.ParsePublic(publicOf(tb, signer.Public(), uint32(aikBits), tpm.SHA256, scheme, hash))
	if err != nil {
		tb.Fatal(err)
	}
	s.public = public
	return s
}

func ecSoft(tb testing.TB) soft {
	tb.Helper()
	return newSoft(tb, newECKey(tb, elliptic.P256()), tpm.ECDSA, tpm.SHA256)
}

func (s soft) aik(tb testing.TB) *tpm.AIK {
	tb.Helper()
	aik, err := tpm.NewAIK(s.public)
	if err != nil {
		tb.Fatal(err)
	}
	return aik
}

// publicOf writes a TPMT_PUBLIC, by hand, for tests that want one which no TPM has.
func publicOf(tb testing.TB, key crypto.PublicKey, attributes uint32, nameAlg, scheme, hash tpm.Algorithm) []byte {
	tb.Helper()
	kind := tpm.RSA
	if _, ok := key.(*ecdsa.PublicKey); ok {
		kind = tpm.ECC
	}
	b := put16(nil, uint16(kind), uint16(nameAlg))
	b = binary.BigEndian.AppendUint32(b, attributes)
	b = put16(b, 0, uint16(tpm.Null), uint16(scheme))
	if scheme != tpm.Null {
		b = put16(b, uint16(hash))
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		b = put16(b, uint16(key.N.BitLen()))
		exponent := uint32(key.E)
		if exponent == 65537 {
			exponent = 0
		}
		b = binary.BigEndian.AppendUint32(b, exponent)
		return put2B(b, key.N.Bytes())
	case *ecdsa.PublicKey:
		id := uint16(3)
		if key.Curve == elliptic.P384() {
			id = 4
		}
		point, err := key.Bytes()
		if err != nil {
			tb.Fatal(err)
		}
		half := len(point) / 2
		return put2B(put2B(put16(b, id, uint16(tpm.Null)), point[1:1+half]), point[1+half:])
	}
	tb.Fatalf("a key of type %T", key)
	return nil
}

func put16(b []byte, values ...uint16) []byte {
	for _, v := range values {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}

func put2B(b, content []byte) []byte { return append(put16(b, uint16(len(content))), content...) }

// sign signs bytes as a TPM does and returns the TPMT_SIGNATURE.
func (s soft) sign(tb testing.TB, attest []byte) []byte {
	tb.Helper()
	hash, _ := s.hash.Hash()
	h := hash.New()
	h.Write(attest)
	var options crypto.SignerOpts = hash
	if s.scheme == tpm.RSAPSS {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	raw, err := s.signer.Sign(rand.Reader, h.Sum(nil), options)
	if err != nil {
		tb.Fatal(err)
	}
	b := put16(nil, uint16(s.scheme), uint16(s.hash))
	if s.scheme != tpm.ECDSA {
		return put2B(b, raw)
	}
	r, sv := splitDER(tb, raw)
	return put2B(put2B(b, r), sv)
}

// signature is sign, parsed.
func (s soft) signature(tb testing.TB, attest []byte) *tpm.Signature {
	tb.Helper()
	parsed, err := tpm.ParseSignature(s.sign(tb, attest))
	if err != nil {
		tb.Fatal(err)
	}
	return parsed
}

// header is a TPMS_ATTEST up to the part that depends on the type.
func (s soft) header(kind tpm.AttestType, data []byte) tpm2.TPMSAttest {
	return tpm2.TPMSAttest{
		Magic: tpm2.TPMGeneratedValue, Type: tpm2.TPMST(kind),
		QualifiedSigner: tpm2.TPM2BName{Buffer: s.public.QualifiedName(tpm.Name{0x40, 0, 0, 0x0b})},
		ExtraData:       tpm2.TPM2BData{Buffer: data},
		ClockInfo:       tpm2.TPMSClockInfo{Clock: 1000, ResetCount: 2, RestartCount: 3, Safe: true},
		FirmwareVersion: 0x2019102300163636,
	}
}

// quote is a quote of banks, in their order.
func (s soft) quote(data []byte, banks ...tpm.Bank) []byte {
	hash, _ := s.hash.Hash()
	h := hash.New()
	info := &tpm2.TPMSQuoteInfo{}
	for _, b := range banks {
		var pcrs []uint
		for _, p := range b.PCRs {
			pcrs = append(pcrs, uint(p.Index))
			h.Write(p.Digest)
		}
		info.PCRSelect.PCRSelections = append(info.PCRSelect.PCRSelections, tpm2.TPMSPCRSelection{
			Hash: tpm2.TPMAlgID(b.Algorithm), PCRSelect: tpm2.PCClientCompatible.PCRs(pcrs...),
		})
	}
	info.PCRDigest.Buffer = h.Sum(nil)
	a := s.header(tpm.AttestQuote, data)
	a.Attested = tpm2.NewTPMUAttest(tpm2.TPMSTAttestQuote, info)
	return tpm2.Marshal(a)
}

// certify is a certification of a public area.
func (s soft) certify(data []byte, p *tpm.Public) []byte {
	a := s.header(tpm.AttestCertify, data)
	a.Attested = tpm2.NewTPMUAttest(tpm2.TPMSTAttestCertify, &tpm2.TPMSCertifyInfo{
		Name: tpm2.TPM2BName{Buffer: p.Name()}, QualifiedName: tpm2.TPM2BName{Buffer: p.QualifiedName(tpm.Name{0x40, 0, 0, 1})},
	})
	return tpm2.Marshal(a)
}

// bankOf is a bank whose PCRs hold their index in every byte.
func bankOf(a tpm.Algorithm, pcrs ...int) tpm.Bank {
	hash, _ := a.Hash()
	b := tpm.Bank{Algorithm: a}
	for _, i := range pcrs {
		digest := make([]byte, hash.Size())
		for j := range digest {
			digest[j] = byte(i)
		}
		b.PCRs = append(b.PCRs, tpm.PCR{Index: i, Digest: digest})
	}
	return b
}

// splitDER takes an ECDSA signature of crypto/ecdsa apart into r and s.
func splitDER(tb testing.TB, der []byte) (r, s []byte) {
	tb.Helper()
	at := 2
	next := func() []byte {
		n := int(der[at+1])
		b := der[at+2 : at+2+n]
		at += 2 + n
		for len(b) > 1 && b[0] == 0 {
			b = b[1:]
		}
		return b
	}
	return next(), next()
}
