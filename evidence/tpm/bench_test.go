package tpm_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"testing"

	"github.com/azattest/azattest/evidence/tpm"
)

// Each verification stands beside the bare signature over the same bytes.

func allPCRs() []int {
	pcrs := make([]int, 24)
	for i := range pcrs {
		pcrs[i] = i
	}
	return pcrs
}

func benchmarkQuote(b *testing.B, s soft, bare func(digest []byte) bool) {
	b.Helper()
	banks := []tpm.Bank{bankOf(tpm.SHA1, allPCRs()...), bankOf(tpm.SHA256, allPCRs()...)}
	attest := s.quote(challenge, banks...)
	raw := s.sign(b, attest)
	aik := s.aik(b)
	want := tpm.Requirements{QualifyingData: challenge, AllowSHA1Banks: true}
	b.Run("verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			signature, err := tpm.ParseSignature(raw)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := aik.VerifyQuote(attest, signature, banks, want); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare signature", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			digest := sha256.Sum256(attest)
			if !bare(digest[:]) {
				b.Fatal("the signature does not hold")
			}
		}
	})
}

func BenchmarkQuoteRSASSA(b *testing.B) {
	s := newSoft(b, rsaKey(), tpm.RSASSA, tpm.SHA256)
	banks := []tpm.Bank{bankOf(tpm.SHA1, allPCRs()...), bankOf(tpm.SHA256, allPCRs()...)}
	signature := s.signature(b, s.quote(challenge, banks...)).RSA
	benchmarkQuote(b, s, func(digest []byte) bool {
		return rsa.VerifyPKCS1v15(&rsaKey().PublicKey, crypto.SHA256, digest, signature) == nil
	})
}

func BenchmarkQuoteECDSA(b *testing.B) {
	s := ecSoft(b)
	banks := []tpm.Bank{bankOf(tpm.SHA1, allPCRs()...), bankOf(tpm.SHA256, allPCRs()...)}
	attest := s.quote(challenge, banks...)
	digest := sha256.Sum256(attest)
	der, err := s.signer.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		b.Fatal(err)
	}
	key, ok := s.public.Key.(*ecdsa.PublicKey)
	if !ok {
		b.Fatal("no ECDSA key")
	}
	benchmarkQuote(b, s, func(digest []byte) bool { return ecdsa.VerifyASN1(key, digest, der) })
}

func BenchmarkCertificationRSASSA(b *testing.B) {
	s, app := newSoft(b, rsaKey(), tpm.RSASSA, tpm.SHA256), ecSoft(b)
	attest := s.certify(challenge, app.public)
	raw, aik, public := s.sign(b, attest), s.aik(b), app.public.Bytes()
	b.ReportAllocs()
	for b.Loop() {
		p, err := tpm.ParsePublic(public)
		if err != nil {
			b.Fatal(err)
		}
		signature, err := tpm.ParseSignature(raw)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := aik.VerifyCertification(p, attest, signature, tpm.Requirements{QualifyingData: challenge}); err != nil {
			b.Fatal(err)
		}
	}
}
