package tpm_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/corpus"
)

func unhex(tb testing.TB, text string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// swtpmFile reads a file of the case that was made with a swtpm.
func swtpmFile(tb testing.TB, name string) []byte {
	tb.Helper()
	return corpus.Read(tb, "evidence", "tpm", "swtpm-a", name)
}

const swtpmNonce = "00112233445566778899aabbccddeeff00112233445566778899aabbccddee01"

// swtpmBank reads the bank of SHA-256 out of pcrs.txt.
func swtpmBank(tb testing.TB, pcrs ...int) tpm.Bank {
	tb.Helper()
	_, text, _ := strings.Cut(string(swtpmFile(tb, "pcrs.txt")), "sha256:\n")
	text, _, _ = strings.Cut(text, "  sha384:")
	values := map[int][]byte{}
	for _, m := range regexp.MustCompile(`(\d+) *: 0x([0-9A-F]+)`).FindAllStringSubmatch(text, -1) {
		i, err := strconv.Atoi(m[1])
		if err != nil {
			tb.Fatal(err)
		}
		values[i] = unhex(tb, m[2])
	}
	bank := tpm.Bank{Algorithm: tpm.SHA256}
	for _, i := range pcrs {
		bank.PCRs = append(bank.PCRs, tpm.PCR{Index: i, Digest: values[i]})
	}
	return bank
}

func swtpmAIK(tb testing.TB, name string) *tpm.AIK {
	tb.Helper()
	p, err := tpm.ParsePublic2B(swtpmFile(tb, name+".ak.pub.tpm2b"))
	if err != nil {
		tb.Fatal(err)
	}
	if want := swtpmFile(tb, name+".ak.name"); !bytes.Equal(p.Name(), want) {
		tb.Errorf("%s: name %s, want %x", name, p.Name(), want)
	}
	block, _ := pem.Decode(swtpmFile(tb, name+".ak.pub.pem"))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		tb.Fatal(err)
	}
	if equal, ok := key.(interface{ Equal(crypto.PublicKey) bool }); !ok || !equal.Equal(p.Key) {
		tb.Errorf("%s: another key than in its PEM", name)
	}
	comparePublic(tb, p.Bytes())
	aik, err := tpm.NewAIK(p)
	if err != nil {
		tb.Fatal(err)
	}
	return aik
}

func signatureOf(tb testing.TB, raw []byte) *tpm.Signature {
	tb.Helper()
	s, err := tpm.ParseSignature(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestCorpusSwtpm(t *testing.T) {
	t.Parallel()
	want := tpm.Requirements{QualifyingData: unhex(t, swtpmNonce)}
	ecdsa, rsa := swtpmAIK(t, "ecc-p256"), swtpmAIK(t, "rsa2048-rsassa")
	for _, test := range []struct {
		aik  *tpm.AIK
		name string
		pcrs []int
	}{{ecdsa, "quote-ecdsa-p256", []int{0, 1, 2, 3, 4, 5, 6, 7, 11, 23}}, {rsa, "quote-rsassa-sha256-pcr0-7", []int{0, 1, 2, 3, 4, 5, 6, 7}}} {
		attest := swtpmFile(t, test.name+".attest")
		compareAttest(t, attest)
		if _, err := test.aik.VerifyQuote(attest, signatureOf(t, swtpmFile(t, test.name+".sig")), []tpm.Bank{swtpmBank(t, test.pcrs...)}, want); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	app, err := tpm.ParsePublic2B(swtpmFile(t, "certify-appkey.pub.tpm2b"))
	if err != nil {
		t.Fatal(err)
	}
	attest := swtpmFile(t, "certify-appkey.attest")
	want.QualifyingData = []byte{0x00, 0xff, 0x55, 0xaa}
	certified, err := rsa.VerifyCertification(app, attest, signatureOf(t, swtpmFile(t, "certify-appkey.sig")), want)
	if err != nil {
		t.Fatal(err)
	}
	if a := certified.Public.Attributes; !a.IsResident() || a.Has(tpm.Restricted) || !a.Has(tpm.Sign) {
		t.Errorf("attributes %s", a)
	}
}

func pemCertificate(tb testing.TB, raw []byte) *x509.Certificate {
	tb.Helper()
	if block, _ := pem.Decode(raw); block != nil {
		raw = block.Bytes
	}
	c, err := x509.ParseCertificate(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestCorpusSwtpmEndorsement(t *testing.T) {
	t.Parallel()
	root, issuer := pemCertificate(t, swtpmFile(t, "swtpm-localca-rootca-cert.pem")), pemCertificate(t, swtpmFile(t, "issuercert.pem"))
	leaf := pemCertificate(t, swtpmFile(t, "ek-rsa2048.crt.der"))
	at := leaf.NotBefore.Add(time.Hour)
	authorities, err := tpm.NewAuthorities(tpm.Config{Roots: []*x509.Certificate{root}, Intermediates: []*x509.Certificate{issuer}})
	if err != nil {
		t.Fatal(err)
	}
	ek, err := authorities.VerifyEK(leaf, nil, at)
	if err != nil {
		t.Fatal(err)
	}
	public, err := tpm.ParsePublic2B(swtpmFile(t, "ek-rsa2048.pub.tpm2b"))
	if err != nil {
		t.Fatal(err)
	}
	comparePublic(t, public.Bytes())
	if _, err := ek.WithPublic(public); err != nil {
		t.Error(err)
	}
	_, err = authorities.VerifyEK(leaf, nil, leaf.NotBefore.Add(-time.Hour))
	wantRefusal(t, err, evidence.StageChain, evidence.CodeNotYetValid)
}

func TestCorpusNegatives(t *testing.T) {
	t.Parallel()
	bank := []tpm.Bank{swtpmBank(t, 0, 1, 2, 3, 4, 5, 6, 7, 11, 23)}
	want := tpm.Requirements{QualifyingData: unhex(t, swtpmNonce)}
	for mutation, code := range map[string]evidence.Code{
		"extradata-bit": evidence.CodeBadSignature,
		"magic-bit":     evidence.CodeMalformed,
		"sig-bit":       evidence.CodeBadSignature,
		"trailing":      evidence.CodeTrailingData,
		"trunc":         evidence.CodeTruncated,
		"type-certify":  "", // what of it does not fit a certification is for the parser to meet first
	} {
		t.Run(mutation, func(t *testing.T) {
			t.Parallel()
			file := func(name string) []byte {
				return corpus.Read(t, "evidence", "negative-mutated", "share", "tpm_swtpm-a--quote-ecdsa-p256-"+mutation, name)
			}
			_, err := swtpmAIK(t, "ecc-p256").VerifyQuote(file("quote-ecdsa-p256.attest"), signatureOf(t, file("quote-ecdsa-p256.sig")), bank, want)
			e, ok := err.(*evidence.Error) //nolint:errorlint // See wantRefusal.
			if !ok || code != "" && e.Code != code {
				t.Errorf("refused with %v, want %s", err, code)
			}
		})
	}
	t.Run("unrestricted key", func(t *testing.T) {
		t.Parallel()
		file := func(name string) []byte {
			return corpus.Read(t, "evidence", "negative", "tpm-forged-unrestricted", name)
		}
		public, err := tpm.ParsePublic2B(file("appkey.pub"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = tpm.NewAIK(public)
		wantRefusal(t, err, tpm.StageKey, evidence.CodeMismatch)
		// As a bare key it passes, and is not validated: this is why a policy asks.
		bare, err := tpm.AIKFromKey(public.Key)
		if err != nil {
			t.Fatal(err)
		}
		q, err := bare.VerifyQuote(file("quote-ecdsa-p256.attest"), signatureOf(t, file("forged-unrestricted.sig")), bank, want)
		if err != nil || q.AIK.IsValidated() {
			t.Errorf("%+v, %v", q, err)
		}
	})
}

// The AIK of an Azure confidential VM stands as a JWK in the HCL report's runtime
// data; quotes there have bare signatures.
func TestCorpusAzureConfidentialVMs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		folder []string
		stage  evidence.Stage // of the refusal
	}{
		{[]string{"azure-cvm", "snp-genoa-trustee"}, ""},
		{[]string{"azure-cvm", "snp-milan-live"}, ""},
		{[]string{"azure-cvm", "snp-milan-trustee-v1"}, ""},
		{[]string{"azure-cvm", "tdx-trustee-v1"}, ""},
		{[]string{"negative-mutated", "share", "azure-cvm_snp-milan-trustee-v1--pcr4-zero"}, tpm.StageQuote},
		{[]string{"negative-mutated", "share", "azure-cvm_snp-milan-trustee-v1--quote-nonce-bit"}, evidence.StageSignature},
	} {
		t.Run(test.folder[len(test.folder)-1], func(t *testing.T) {
			t.Parallel()
			file := func(name string) []byte {
				return corpus.Read(t, append(append([]string{"evidence"}, test.folder...), name)...)
			}
			report := file("hcl_report.bin")
			var runtime struct {
				Keys []json.RawMessage `json:"keys"`
			}
			_, text, _ := bytes.Cut(report, []byte(`{"keys"`))
			if err := json.NewDecoder(strings.NewReader(`{"keys"` + string(text))).Decode(&runtime); err != nil {
				t.Fatal(err)
			}
			key, err := tpm.ParseJWK(runtime.Keys[0])
			if err != nil || !bytes.Contains(runtime.Keys[0], []byte("HCLAkPub")) {
				t.Fatalf("%s: %v", runtime.Keys[0], err)
			}
			aik, err := tpm.AIKFromKey(key)
			if err != nil {
				t.Fatal(err)
			}
			var digests []string
			if err := json.Unmarshal(file("pcrs.json"), &digests); err != nil {
				t.Fatal(err)
			}
			bank := tpm.Bank{Algorithm: tpm.SHA256}
			for i, d := range digests {
				bank.PCRs = append(bank.PCRs, tpm.PCR{Index: i, Digest: unhex(t, d)})
			}
			attest := file("tpm_quote.msg")
			signature, err := tpm.RawSignature(tpm.RSASSA, tpm.SHA256, file("tpm_quote.sig"))
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := tpm.ParseAttest(attest)
			if err != nil {
				t.Fatal(err)
			}
			_, err = aik.VerifyQuote(attest, signature, []tpm.Bank{bank}, tpm.Requirements{QualifyingData: parsed.ExtraData})
			if test.stage == "" {
				if err != nil {
					t.Error(err)
				}
				compareAttest(t, attest)
			} else if e, ok := err.(*evidence.Error); !ok || e.Stage != test.stage { //nolint:errorlint // See wantRefusal.
				t.Errorf("refused with %v, want %s", err, test.stage)
			}
		})
	}
}

func TestCorpusTrustee(t *testing.T) {
	t.Parallel()
	var doc struct {
		Key   []byte `json:"ak_public"`
		Quote struct {
			Message   []byte   `json:"message"`
			Signature []byte   `json:"signature"`
			PCRs      []string `json:"pcrs"`
		} `json:"tpm_quote"`
	}
	if err := json.Unmarshal(corpus.Read(t, "evidence", "tpm", "trustee-tpm", "tpm_evidence.json"), &doc); err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKIXPublicKey(doc.Key)
	if err != nil {
		t.Fatal(err)
	}
	aik, err := tpm.AIKFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	bank := tpm.Bank{Algorithm: tpm.SHA256}
	for i, d := range doc.Quote.PCRs {
		bank.PCRs = append(bank.PCRs, tpm.PCR{Index: i, Digest: unhex(t, d)})
	}
	parsed, err := tpm.ParseAttest(doc.Quote.Message)
	if err != nil {
		t.Fatal(err)
	}
	q, err := aik.VerifyQuote(doc.Quote.Message, signatureOf(t, doc.Quote.Signature), []tpm.Bank{bank}, tpm.Requirements{QualifyingData: parsed.ExtraData})
	if err != nil {
		t.Fatal(err)
	}
	if q.Mask() != 1<<24-1 {
		t.Errorf("mask %#x", q.Mask())
	}
	compareAttest(t, doc.Quote.Message)
}
