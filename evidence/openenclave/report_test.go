package openenclave_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/openenclave"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/simulator"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bench is a simulated platform with a verifier that trusts it.
type bench struct {
	platform *simulator.Platform
	verifier *openenclave.Verifier
	options  sgx.Options
}

func newBench(t testing.TB) *bench {
	t.Helper()
	p, err := simulator.New(simulator.Config{Seed: simulator.Seed("openenclave"), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	v, err := openenclave.NewVerifier(sgx.Config{Roots: []dcap.Root{p.Root()}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.Collateral(simulator.CollateralOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{platform: p, verifier: v, options: sgx.Options{Collateral: c, At: now}}
}

func (b *bench) quote(t testing.TB, bound []byte) []byte {
	t.Helper()
	q, err := b.platform.Quote(simulator.Report{ReportData: simulator.Bind(bound)})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

const sgxECDSA = "a3a21e871b4d4014b70aa125d2fbcd8c"

// envelope wraps data as oe_get_evidence does.
func envelope(t testing.TB, format string, data []byte) []byte {
	t.Helper()
	uuid, err := hex.DecodeString(format)
	if err != nil {
		t.Fatal(err)
	}
	b := append([]byte{3, 0, 0, 0}, uuid...)
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(data))), data...)
}

func wantCode(t *testing.T, err error, stage evidence.Stage, code evidence.Code) {
	t.Helper()
	e, ok := errors.AsType[*evidence.Error](err)
	if !ok {
		t.Fatalf("error %v, want an *evidence.Error", err)
	}
	if e.Stage != stage || e.Code != code {
		t.Errorf("refused with %s/%s (%v), want %s/%s", e.Stage, e.Code, e, stage, code)
	}
}

func TestEvidenceBindsItsCustomClaims(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	custom := []byte("custom claims of the enclave")
	for name, test := range map[string]struct {
		data []byte
		ok   bool
	}{
		"bound":          {append(b.quote(t, custom), custom...), true},
		"none, bound":    {b.quote(t, nil), true},
		"changed":        {append(b.quote(t, custom), "custom claims of an attacker"...), false},
		"added":          {append(b.quote(t, nil), custom...), false},
		"left out":       {b.quote(t, custom), false},
		"zero byte more": {append(append(b.quote(t, custom), custom...), 0), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parsed := map[string]func() (*openenclave.Report, error){
				"in an envelope": func() (*openenclave.Report, error) { return openenclave.Parse(envelope(t, sgxECDSA, test.data)) },
				"bare":           func() (*openenclave.Report, error) { return openenclave.ParseEvidence(test.data) },
			}
			for form, parse := range parsed {
				r, err := parse()
				if err != nil {
					t.Fatalf("%s: %v", form, err)
				}
				_, err = b.verifier.Verify(t.Context(), r, b.options)
				if test.ok && err != nil {
					t.Errorf("%s: %v", form, err)
				}
				if !test.ok {
					wantCode(t, err, evidence.StageSignature, evidence.CodeMismatch)
				}
			}
		})
	}
}

func TestDigestCoversTheWholeReport(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	raw, err := b.platform.OpenEnclaveReport(simulator.Report{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := openenclave.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.verifier.Verify(t.Context(), r, b.options)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := got.TokenOnly.First("x-ms-sgx-collateral")
	digest := sha256.Sum256(raw)
	if text, _ := v.RawJSON(); !bytes.Contains([]byte(text), []byte(`"quotehash":"`+hex.EncodeToString(digest[:])+`"`)) {
		t.Errorf("collateral %s, want the digest %x of the report with its header", text, digest)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	report, err := b.platform.OpenEnclaveReport(simulator.Report{})
	if err != nil {
		t.Fatal(err)
	}
	quote := b.quote(t, nil)
	changed := func(offset int, value byte) []byte {
		c := bytes.Clone(report)
		c[offset] = value
		return c
	}
	for name, test := range map[string]struct {
		raw    []byte
		code   evidence.Code
		offset int
	}{
		"nothing":               {nil, evidence.CodeTruncated, 0},
		"half a header":         {report[:8], evidence.CodeTruncated, 0},
		"a bare quote":          {quote, evidence.CodeUnsupported, 0},
		"version 2":             {changed(0, 2), evidence.CodeUnsupported, 0},
		"local report":          {changed(4, 1), evidence.CodeUnsupported, 4},
		"size too large":        {changed(15, 0xff), evidence.CodeTruncated, 8},
		"bytes after it":        {append(bytes.Clone(report), 7), evidence.CodeTrailingData, len(report)},
		"too large":             {make([]byte, 129<<10), evidence.CodeTooLarge, -1},
		"half an envelope":      {envelope(t, sgxECDSA, nil)[:27], evidence.CodeTruncated, 0},
		"local evidence":        {envelope(t, "09268c336e0b45e58a2715644d0ef89a", quote), evidence.CodeUnsupported, 4},
		"unknown evidence":      {envelope(t, "00000000000000000000000000000000", quote), evidence.CodeUnsupported, 4},
		"envelope without data": {envelope(t, sgxECDSA, nil), evidence.CodeTruncated, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := openenclave.Parse(test.raw)
			e, ok := errors.AsType[*evidence.Error](err)
			if !ok || e.Stage != evidence.StageParse || e.Code != test.code || e.Offset != test.offset {
				t.Errorf("error %v, want %s at byte %d", err, test.code, test.offset)
			}
		})
	}
	if _, err := openenclave.Parse(append(bytes.Clone(report), 0, 0, 0)); err != nil {
		t.Errorf("padding of zero bytes: %v", err)
	}
}

// certificate makes an attested certificate: self-signed, with evidence made
// from the hash that Open Enclave takes of the key.
func (b *bench) certificate(t *testing.T, oid asn1.ObjectIdentifier, wrap func(bound []byte) []byte) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	bound := append(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}), 0)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "enclave"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		ExtraExtensions: []pkix.Extension{{Id: oid, Value: wrap(bound)}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestAttestedCertificates(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	report := func(bound []byte) []byte {
		raw, err := b.platform.OpenEnclaveReport(simulator.Report{ReportData: simulator.Bind(bound)})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	octets := func(bound []byte) []byte {
		der, err := asn1.Marshal(b.quote(t, bound))
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	oldReport := asn1.ObjectIdentifier{1, 2, 840, 113556, 10, 1, 1}
	newReport := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 105, 1}
	oldEvidence := asn1.ObjectIdentifier{1, 2, 840, 113556, 10, 1, 2}
	newEvidence := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 105, 2}
	inEnvelope := func(bound []byte) []byte { return envelope(t, sgxECDSA, append(b.quote(t, bound), bound...)) }
	for name, test := range map[string]struct {
		oid  asn1.ObjectIdentifier
		wrap func([]byte) []byte
	}{
		"report, first identifier":    {oldReport, report},
		"report, second identifier":   {newReport, report},
		"bare quote":                  {oldReport, func(bound []byte) []byte { return b.quote(t, bound) }},
		"quote in an octet string":    {oldReport, octets},
		"evidence, first identifier":  {oldEvidence, inEnvelope},
		"evidence, second identifier": {newEvidence, inEnvelope},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			der := b.certificate(t, test.oid, test.wrap)
			r, err := openenclave.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.verifier.Verify(t.Context(), r, b.options); err != nil {
				t.Fatal(err)
			}
			if got, err := b.verifier.VerifySignatures(t.Context(), r, now); err != nil || !got.Simulated {
				t.Errorf("signatures %+v (%v), want those of a simulated platform", got, err)
			}
			if !openenclave.IsAttested(r.Certificate) {
				t.Error("not known for an attested certificate")
			}
			if hash := sha256.Sum256(r.Bound()); !bytes.Equal(hash[:], r.Quote.Report.ReportData[:32]) {
				t.Errorf("bound %q, which is not what the report data hashes", r.Bound())
			}
			if r.Certificate == nil || r.Certificate.Subject.CommonName != "enclave" {
				t.Error("the certificate is not handed on")
			}
		})
	}
	t.Run("report of another key", func(t *testing.T) {
		t.Parallel()
		stolen := report([]byte("another key"))
		r, err := openenclave.ParseCertificate(b.certificate(t, newReport, func([]byte) []byte { return stolen }))
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.verifier.Verify(t.Context(), r, b.options)
		wantCode(t, err, evidence.StageSignature, evidence.CodeMismatch)
		_, err = b.verifier.VerifySignatures(t.Context(), r, now)
		wantCode(t, err, evidence.StageSignature, evidence.CodeMismatch)
	})
	t.Run("no evidence", func(t *testing.T) {
		t.Parallel()
		der := b.certificate(t, asn1.ObjectIdentifier{1, 2, 3}, report)
		_, err := openenclave.ParseCertificate(der)
		wantCode(t, err, evidence.StageParse, evidence.CodeMissing)
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if openenclave.IsAttested(cert) {
			t.Error("taken for an attested certificate")
		}
	})
	t.Run("changed after signing", func(t *testing.T) {
		t.Parallel()
		der := b.certificate(t, newReport, report)
		der[len(der)-1] ^= 1
		_, err := openenclave.ParseCertificate(der)
		wantCode(t, err, evidence.StageSignature, evidence.CodeBadSignature)
	})
}

// endorsements serializes collateral as oe_get_evidence does.
func endorsements(p dcap.CollateralParts) []byte {
	items := [][]byte{
		{1, 0, 0, 0},
		append(bytes.Clone(p.TCBInfo), 0),
		append(bytes.Clone(p.TCBInfoIssuerChain), 0),
		p.PCKCRL, p.RootCACRL,
		append(bytes.Clone(p.PCKCRLIssuerChain), 0),
		append(bytes.Clone(p.QEIdentity), 0),
		append(bytes.Clone(p.QEIdentityIssuerChain), 0),
		[]byte("2026-03-01T12:00:00Z\x00"),
	}
	var offsets, data []byte
	for _, item := range items {
		offsets = binary.LittleEndian.AppendUint32(offsets, uint32(len(data)))
		data = append(data, item...)
	}
	raw := []byte{1, 0, 0, 0, 2, 0, 0, 0}
	raw = binary.LittleEndian.AppendUint32(raw, uint32(len(offsets)+len(data)))
	raw = binary.LittleEndian.AppendUint32(raw, uint32(len(items)))
	return append(append(raw, offsets...), data...)
}

func TestEndorsementsAreCollateral(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	raw := endorsements(b.options.Collateral.Parts())
	for name, form := range map[string][]byte{"bare": raw, "in an envelope": envelope(t, sgxECDSA, raw)} {
		c, err := openenclave.ParseEndorsements(form)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.Digest() != b.options.Collateral.Digest() {
			t.Errorf("%s: not the collateral that went in", name)
		}
	}
	for name, broken := range map[string][]byte{
		"nothing":          nil,
		"half a header":    raw[:10],
		"version 2":        replace(raw, 0, 2),
		"another enclave":  replace(raw, 4, 3),
		"too few items":    replace(raw, 12, 8),
		"size of the rest": raw[:len(raw)-1],
		"offset backwards": replace(raw, 16+4*3+3, 0x7f),
		"item version":     replace(raw, 16+36, 9),
		"too large":        make([]byte, 201<<10),
	} {
		if _, err := openenclave.ParseEndorsements(broken); err == nil {
			t.Errorf("%s: accepted", name)
		} else if e, ok := errors.AsType[*evidence.Error](err); !ok || e.Stage != evidence.StageParse {
			t.Errorf("%s: error %v, want an *evidence.Error of stage parse", name, err)
		}
	}
}

func replace(raw []byte, offset int, value byte) []byte {
	c := bytes.Clone(raw)
	c[offset] = value
	return c
}
