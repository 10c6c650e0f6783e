package tpm_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"testing"
	"time"

	pipeline "github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/testattest"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/token"
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

// BenchmarkRequest is the server's side of a request with a log of 200 events, up to
// the signed report, beside the signatures and hashes alone that this takes, in turns
// on the same machine. "ratio" is what the whole costs in those. A policy of version
// 1.2 gets the events as a document and queries it.
func BenchmarkRequest(b *testing.B) {
	rules := map[string]string{
		"1.1": `c:[type=="notSafeMode"] => issue(type=c.type, value=c.value);`,
		"1.2": `c:[type=="events"] => issue(type="secureBoot", value=JsonToClaimValue(JmesPath(c.value, "Events[?ProcessedData.UnicodeName == 'SecureBoot'].ProcessedData.VariableData | @[0] == 'AQ'")));`,
	}
	logs := map[string][]byte{"Windows": windowsLog(b), "Linux": otherLog(b)}
	for _, system := range []string{"Windows", "Linux"} {
		for _, version := range []string{"1.1", "1.2"} {
			b.Run(system+", policy "+version, func(b *testing.B) {
				var took time.Duration
				s := newService(b, version, rules[version], func(_ context.Context, p pipeline.Phase, d time.Duration) {
					if p == pipeline.PhasePolicy {
						took += d
					}
				})
				benchmarkRequest(b, s, longLog(b, logs[system]), &took)
			})
		}
	}
}

func benchmarkRequest(b *testing.B, s *pipeline.Service, log []byte, inPolicy *time.Duration) {
	b.Helper()
	aik, key := newSoft(b, rsaKey(), tpm.RSASSA, tpm.SHA256), rsaKey()
	d := newDraft(b, aik, key)
	d.current()["logs"] = []any{tcgLog(log)}
	bank := testattest.Replay(b, log, tpm.SHA256)
	d.requote(b, d.binding(b), bank)
	request := d.jws(b)
	parsed, err := eventlog.Parse(log)
	if err != nil {
		b.Fatal(err)
	}
	dot := bytes.LastIndexByte(request, '.')
	signature, err := base64.RawURLEncoding.AppendDecode(nil, request[dot+1:])
	if err != nil {
		b.Fatal(err)
	}
	attest := aik.quote(challenge, bank)
	quoted := aik.signature(b, attest).RSA
	var raw, whole time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		rawRequest(b, parsed, request[:dot], signature, attest, quoted)
		middle := time.Now()
		if _, err := s.Attest(b.Context(), &pipeline.Request{Type: pipeline.TPM, Evidence: request}); err != nil {
			b.Fatal(err)
		}
		raw += middle.Sub(start)
		whole += time.Since(middle)
	}
	b.ReportMetric(float64(whole)/float64(b.N), "request-ns/op")
	b.ReportMetric(float64(raw)/float64(b.N), "raw-ns/op")
	b.ReportMetric(float64(whole)/float64(raw), "ratio")
	b.ReportMetric(float64(whole-*inPolicy)/float64(raw), "ratio-without-policy")
}

// newService signs reports with RS256, under a policy of that version.
func newService(tb testing.TB, version, rule string, observe func(context.Context, pipeline.Phase, time.Duration)) *pipeline.Service {
	tb.Helper()
	key, err := token.NewKey(token.KeyConfig{Signer: rsaKey(), Algorithm: token.RS256, Issuer: "https://attest.example"})
	if err != nil {
		tb.Fatal(err)
	}
	ring, err := token.NewRing(key)
	if err != nil {
		tb.Fatal(err)
	}
	issuer, err := token.NewIssuer("https://attest.example", ring)
	if err != nil {
		tb.Fatal(err)
	}
	program, err := policy.Compile(`version=` + version + `; configurationrules{ => issueproperty(type="require_valid_aik_cert", value=false); };
authorizationrules{ [type=="tpmVersion", value==2] => permit(); };
issuancerules{ ` + rule + ` };`)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := pipeline.New(pipeline.Config{
		Issuer: issuer, Verifiers: map[pipeline.Type]evidence.Verifier{pipeline.TPM: tpm.NewVerifier(tpm.VerifierConfig{})},
		Policies: map[pipeline.Type]*policy.Program{pipeline.TPM: program}, Challenge: func(_, _ []byte) error { return nil }, Observe: observe,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// rawRequest is the cryptography of a request: two signatures to verify, for each
// event the hash of its data and the extension, and the signature of the report.
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
	if _, err := rsa.SignPKCS1v15(rand.Reader, rsaKey(), crypto.SHA256, digest[:]); err != nil {
		tb.Fatal(err)
	}
}

// longLog is a log with more events behind, until there are 200.
func longLog(tb testing.TB, raw []byte) []byte {
	tb.Helper()
	log, err := eventlog.Parse(raw)
	if err != nil {
		tb.Fatal(err)
	}
	var more []byte
	for i := 0; len(log.Events)+i < 200; i++ {
		more = append(more, agileEvent(8, uint32(eventlog.EvIPL), []byte("linux /boot/vmlinuz-5.11.0-16-generic root=PARTUUID=b2a3 ro console=ttyS"+strconv.Itoa(i)))...)
	}
	return append(slices.Clip(raw), more...)
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
