package tpm_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // G505: logs have digests of it
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"testing"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
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

// BenchmarkRequest is a request with a log of 200 events, read and verified, beside
// the signatures and hashes alone that this takes.
func BenchmarkRequest(b *testing.B) {
	aik, key := newSoft(b, rsaKey(), tpm.RSASSA, tpm.SHA256), rsaKey()
	log := longLog(b)
	d := newDraft(b, aik, key)
	d.current()["logs"] = []any{tcgLog(log)}
	bank := replayed(b, log, tpm.SHA256)
	d.requote(b, d.binding(b), bank)
	raw := d.jws(b)
	v := tpm.NewVerifier(tpm.VerifierConfig{})
	b.Run("whole", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := checkRequest(b, v, raw, evidence.Requirements{PCRs: allPCRMask}); err != nil {
				b.Fatal(err)
			}
		}
	})
	parsed, err := eventlog.Parse(log)
	if err != nil {
		b.Fatal(err)
	}
	dot := bytes.LastIndexByte(raw, '.')
	signature, err := base64.RawURLEncoding.AppendDecode(nil, raw[dot+1:])
	if err != nil {
		b.Fatal(err)
	}
	attest := aik.quote(challenge, bank)
	quoted := aik.signature(b, attest).RSA
	b.Run("raw", func(b *testing.B) {
		for b.Loop() {
			rawRequest(b, parsed, raw[:dot], signature, attest, quoted)
		}
	})
}

// rawRequest is the cryptography of a request: two signatures, and for each event
// the hash of its data and the extension.
func rawRequest(tb testing.TB, log *eventlog.Log, input, signature, attest, quoted []byte) {
	tb.Helper()
	digest := sha256.Sum256(input)
	if err := rsa.VerifyPSS(&rsaKey().PublicKey, crypto.SHA256, digest[:], signature, nil); err != nil {
		tb.Fatal(err)
	}
	digest = sha256.Sum256(attest)
	if err := rsa.VerifyPKCS1v15(&rsaKey().PublicKey, crypto.SHA256, digest[:], quoted); err != nil {
		tb.Fatal(err)
	}
	var value [64]byte
	for i := range log.Events {
		sum := sha256.Sum256(log.Events[i].Data)
		copy(value[32:], sum[:])
		sum = sha256.Sum256(value[:])
		copy(value[:32], sum[:])
	}
}

// longLog is the Windows log with its events of PCR 4 repeated until there are 200.
func longLog(tb testing.TB) []byte {
	tb.Helper()
	raw := windowsLog(tb)
	log, err := eventlog.Parse(raw)
	if err != nil {
		tb.Fatal(err)
	}
	var more []byte
	for i := 0; len(log.Events)+i < 200; i++ {
		more = append(more, agileEvent(4, uint32(eventlog.EvAction), []byte("Calling EFI Application from Boot Option "+strconv.Itoa(i)))...)
	}
	return append(raw, more...)
}

// agileEvent is a TCG_PCR_EVENT2 with digests of its data.
func agileEvent(pcr, kind uint32, data []byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, pcr), kind), 2)
	one, two := sha1.Sum(data), sha256.Sum256(data)
	b = append(le.AppendUint16(b, uint16(tpm.SHA1)), one[:]...)
	b = append(le.AppendUint16(b, uint16(tpm.SHA256)), two[:]...)
	return append(le.AppendUint32(b, uint32(len(data))), data...)
}
