package relyingparty_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/simulator"
)

func TestSigningCertificate(t *testing.T) {
	t.Parallel()
	s := newService(t)
	want := relyingparty.Identity{MRENCLAVE: s.report.MRENCLAVE, MRSIGNER: s.report.MRSIGNER, ProductID: 1, SVN: 4}
	check := func(t *testing.T, o relyingparty.SigningCertificateOptions) *relyingparty.SigningCertificateResult {
		t.Helper()
		o.KeyID = s.keyID(t)
		var asked *relyingparty.Identity
		o.Identity = func(id *relyingparty.Identity) error { asked = id; return nil }
		got, err := relyingparty.VerifySigningCertificate(t.Context(), s.certificate(t), o)
		if err != nil {
			t.Fatal(err)
		}
		if got.Identity != want || asked == nil || *asked != want {
			t.Errorf("identity %+v, and asked about %+v; want %+v", got.Identity, asked, want)
		}
		if got.KeyID != s.keyID(t) || !got.Simulated {
			t.Errorf("key %q, simulated %t; want %q, simulated", got.KeyID, got.Simulated, s.keyID(t))
		}
		if got.Report.Certificate == nil || got.Report.Quote.Report.ISVSVN != 4 {
			t.Error("the report is not handed on")
		}
		return got
	}
	t.Run("without collateral", func(t *testing.T) {
		t.Parallel()
		if got := check(t, s.options()); got.TCBJudged || got.TCB != nil {
			t.Errorf("judged %t, TCB %+v; want a TCB that nobody judged", got.TCBJudged, got.TCB)
		}
	})
	t.Run("with stale collateral", func(t *testing.T) {
		t.Parallel()
		o := s.options()
		o.Collateral = s.collateral(t, simulator.CollateralOptions{IssueDate: now.AddDate(0, -6, 0)})
		_, err := relyingparty.VerifySigningCertificate(t.Context(), s.certificate(t), o)
		wantRefusal(t, err, relyingparty.CheckQuote)
		o.AcceptStaleCollateral = true
		if got := check(t, o); !got.TCBJudged || len(got.TCB.StaleCollateral) == 0 {
			t.Errorf("judged %t, TCB %+v; want one judged by stale collateral", got.TCBJudged, got.TCB)
		}
	})
	t.Run("with collateral", func(t *testing.T) {
		t.Parallel()
		o := s.options()
		o.Collateral = s.collateral(t, simulator.CollateralOptions{Status: evidence.TCBOutOfDate, Advisories: []string{"INTEL-SA-00614"}})
		got := check(t, o)
		if !got.TCBJudged || got.TCB.Status != evidence.TCBOutOfDate {
			t.Fatalf("judged %t, TCB %+v; want out of date", got.TCBJudged, got.TCB)
		}
		if diff := cmp.Diff([]string{"INTEL-SA-00614"}, got.TCB.Advisories); diff != "" {
			t.Errorf("advisories (-want +got):\n%s", diff)
		}
	})
}

// A key that signs the reports of TPMs is published under two IDs.
func TestTheKeyIDOfReports(t *testing.T) {
	t.Parallel()
	s, other := newService(t), newService(t)
	id := func(cert *x509.Certificate) string {
		sum := sha1.Sum(cert.Raw)
		return base64.RawURLEncoding.EncodeToString(sum[:])
	}
	cert, o := s.certificate(t), s.options()
	o.KeyID = id(cert)
	got, err := relyingparty.VerifySigningCertificate(t.Context(), cert, o)
	if err != nil || got.KeyID != s.keyID(t) {
		t.Errorf("%+v, %v", got, err)
	}
	o.KeyID = id(other.certificate(t))
	_, err = relyingparty.VerifySigningCertificate(t.Context(), cert, o)
	wantRefusal(t, err, relyingparty.CheckKeyID)
}

// envelope wraps data as oe_get_evidence does.
func envelope(t *testing.T, data []byte) []byte {
	t.Helper()
	uuid, err := hex.DecodeString("a3a21e871b4d4014b70aa125d2fbcd8c")
	if err != nil {
		t.Fatal(err)
	}
	b := append([]byte{3, 0, 0, 0}, uuid...)
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(data))), data...)
}

func TestEveryEncodingOfAReport(t *testing.T) {
	t.Parallel()
	s := newService(t)
	octets, err := asn1.Marshal(s.quote(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, extension := range map[string]pkix.Extension{
		"report, first identifier":    {Id: oidReport, Value: s.openEnclaveReport(t)},
		"report, second identifier":   {Id: oidReportNew, Value: s.openEnclaveReport(t)},
		"bare quote":                  {Id: oidReport, Value: s.quote(t)},
		"bare quote, second":          {Id: oidReportNew, Value: s.quote(t)},
		"quote in an octet string":    {Id: oidReport, Value: octets},
		"evidence, first identifier":  {Id: oidEvidence, Value: envelope(t, s.quote(t))},
		"evidence, second identifier": {Id: oidEvidenceNew, Value: envelope(t, s.quote(t))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := relyingparty.VerifySigningCertificate(t.Context(), issue(t, s.key.Public(), s.key, extension), s.options())
			if err != nil {
				t.Fatal(err)
			}
			if got.KeyID != s.keyID(t) {
				t.Errorf("key %q, want %q", got.KeyID, s.keyID(t))
			}
		})
	}
}

func TestCertificatesWithoutAReport(t *testing.T) {
	t.Parallel()
	s, ca := newService(t), newKey(t)
	for name, test := range map[string]struct {
		cert *x509.Certificate
		want error
	}{
		"self-signed": {issue(t, s.key.Public(), s.key, pkix.Extension{Id: oidOther, Value: s.openEnclaveReport(t)}), relyingparty.ErrNoReport},
		"of a CA":     {issue(t, s.key.Public(), ca), relyingparty.ErrNoReport},
		"SEV-SNP":     {issue(t, s.key.Public(), s.key, pkix.Extension{Id: oidSEVSNP, Value: []byte{0x0c, 2, '{', '}'}}), errors.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := relyingparty.VerifySigningCertificate(t.Context(), test.cert, s.options())
			wantRefusal(t, err, relyingparty.CheckReport)
			if !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

func TestSigningCertificatesThatAreRefused(t *testing.T) {
	t.Parallel()
	s, other := newService(t), newKey(t)
	report := pkix.Extension{Id: oidReportNew, Value: s.openEnclaveReport(t)}
	half := s.report
	half.ReportData = simulator.Bind(bound(t, s.key))
	half.ReportData[63] = 1
	otherCollateral := newService(t)
	sibling, err := s.platform.Sibling(simulator.Config{FMSPC: dcap.FMSPC{9}})
	if err != nil {
		t.Fatal(err)
	}
	otherCollateral.platform = sibling
	changed := parse(t, bytes.Clone(s.certificate(t).Raw))
	changed.Raw[len(changed.Raw)-1] ^= 1
	type options = relyingparty.SigningCertificateOptions
	for name, test := range map[string]struct {
		cert   *x509.Certificate
		change func(*options)
		check  relyingparty.Check
		code   evidence.Code // empty where the evidence is not at fault
	}{
		"another key with the report":     {issue(t, other.Public(), other, report), nil, relyingparty.CheckKeyBinding, ""},
		"another key in the second half":  {issue(t, s.key.Public(), s.key, pkix.Extension{Id: oidReport, Value: s.quoteOf(t, half)}), nil, relyingparty.CheckKeyBinding, ""},
		"a report about nothing":          {issue(t, s.key.Public(), s.key, pkix.Extension{Id: oidReport, Value: s.quoteOf(t, s.report)}), nil, relyingparty.CheckKeyBinding, ""},
		"signed by another key":           {issue(t, s.key.Public(), other, report), nil, relyingparty.CheckSelfSignature, evidence.CodeBadSignature},
		"changed after signing":           {changed, nil, relyingparty.CheckSelfSignature, evidence.CodeBadSignature},
		"an empty report":                 {issue(t, s.key.Public(), s.key, pkix.Extension{Id: oidReportNew}), nil, relyingparty.CheckReport, evidence.CodeTruncated},
		"another kid":                     {s.certificate(t), func(o *options) { o.KeyID = strings.Repeat("k", 100) }, relyingparty.CheckKeyID, ""},
		"a kid without padding":           {s.certificate(t), func(o *options) { o.KeyID = strings.TrimRight(s.keyID(t), "=") }, relyingparty.CheckKeyID, ""},
		"before its time":                 {s.certificate(t), func(o *options) { o.At = now.Add(-time.Hour - 1) }, relyingparty.CheckValidity, ""},
		"after its time":                  {s.certificate(t), func(o *options) { o.At = now.Add(time.Hour + 1) }, relyingparty.CheckValidity, ""},
		"a simulator under Intel's root":  {s.certificate(t), func(o *options) { o.Roots = nil }, relyingparty.CheckQuote, evidence.CodeUntrustedRoot},
		"collateral of another platform":  {s.certificate(t), func(o *options) { o.Collateral = otherCollateral.collateral(t, simulator.CollateralOptions{}) }, relyingparty.CheckQuote, evidence.CodeMismatch},
		"empty collateral":                {s.certificate(t), func(o *options) { o.Collateral = dcap.NewCollateral(dcap.CollateralParts{}) }, relyingparty.CheckQuote, evidence.CodeMissing},
		"an enclave that is not accepted": {s.certificate(t), func(o *options) { o.Identity = func(*relyingparty.Identity) error { return errStranger } }, relyingparty.CheckIdentity, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := s.options()
			if test.change != nil {
				test.change(&o)
			}
			got, err := relyingparty.VerifySigningCertificate(t.Context(), test.cert, o)
			if got != nil {
				t.Errorf("a result beside the error: %+v", got)
			}
			wantRefusal(t, err, test.check)
			cause, _ := errors.AsType[*evidence.Error](err)
			switch {
			case test.code == "" && cause != nil:
				t.Errorf("the evidence is blamed: %v", cause)
			case test.code != "" && (cause == nil || cause.Code != test.code):
				t.Errorf("cause %v, want the evidence's %s", cause, test.code)
			}
			if text := err.Error(); strings.ContainsAny(text, "\n\x00") || len(text) > 600 {
				t.Errorf("error of more than a line: %q", text)
			}
			if errors.Is(err, relyingparty.ErrNoReport) {
				t.Error("taken for a certificate without a report")
			}
		})
	}
}

var errStranger = errors.New("a stranger's enclave")

// The caller's own reason comes back, and is asked only about what is genuine.
func TestIdentityDecidesLast(t *testing.T) {
	t.Parallel()
	s := newService(t)
	o := s.options()
	o.Identity = func(*relyingparty.Identity) error { return errStranger }
	_, err := relyingparty.VerifySigningCertificate(t.Context(), s.certificate(t), o)
	if !errors.Is(err, errStranger) {
		t.Errorf("error %v, want the caller's", err)
	}
	o.Roots = nil
	o.Identity = func(*relyingparty.Identity) error { t.Error("asked about an enclave that is not genuine"); return nil }
	_, err = relyingparty.VerifySigningCertificate(t.Context(), s.certificate(t), o)
	wantRefusal(t, err, relyingparty.CheckQuote)
}

// A question that cannot be decided is no refusal.
func TestQuestionsThatAreNotDecided(t *testing.T) {
	t.Parallel()
	s := newService(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	type options = relyingparty.SigningCertificateOptions
	for name, test := range map[string]struct {
		ctx    context.Context //nolint:containedctx // a case of the table
		cert   *x509.Certificate
		change func(*options)
	}{
		"no certificate":              {t.Context(), nil, func(*options) {}},
		"a certificate without bytes": {t.Context(), new(x509.Certificate), func(*options) {}},
		"no time":                     {t.Context(), s.certificate(t), func(o *options) { o.At = time.Time{} }},
		"an empty root":               {t.Context(), s.certificate(t), func(o *options) { o.Roots = make([]dcap.Root, 1) }},
		"ended":                       {ended, s.certificate(t), func(*options) {}},
		"ended, where there is more":  {ended, s.certificate(t), func(o *options) { o.Collateral = s.collateral(t, simulator.CollateralOptions{}) }},
		"an empty root, with collateral": {t.Context(), s.certificate(t), func(o *options) {
			o.Roots, o.Collateral = make([]dcap.Root, 1), dcap.NewCollateral(dcap.CollateralParts{})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := s.options()
			test.change(&o)
			got, err := relyingparty.VerifySigningCertificate(test.ctx, test.cert, o)
			if err == nil || got != nil {
				t.Fatalf("result %+v, error %v; want an error alone", got, err)
			}
			if e, ok := errors.AsType[*relyingparty.SigningCertificateError](err); ok {
				t.Errorf("refused by %s, want no verdict", e.Check)
			}
			if test.ctx == ended && !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want that of the context", err)
			}
		})
	}
}

// One byte is changed in each region of the extension, and the certificate signed
// again, as the enclave itself could: with and without collateral, what is not
// signed by the platform does not pass.
func TestOneFlippedByteOfTheReport(t *testing.T) {
	t.Parallel()
	const quote = 16
	s := newService(t)
	collateral := s.collateral(t, simulator.CollateralOptions{})
	genuine := s.openEnclaveReport(t)
	for name, test := range map[string]struct {
		offset int
		check  relyingparty.Check
	}{
		"report header: version":      {0, relyingparty.CheckReport},
		"report header: type":         {4, relyingparty.CheckReport},
		"report header: size":         {9, relyingparty.CheckReport},
		"quote header: version":       {quote, relyingparty.CheckReport},
		"quote header: key type":      {quote + 2, relyingparty.CheckReport},
		"quote header: QE vendor":     {quote + 12, relyingparty.CheckReport},
		"quote header: QE SVN":        {quote + 8, relyingparty.CheckQuote},
		"quote header: user data":     {quote + 28, relyingparty.CheckQuote},
		"body: CPUSVN":                {quote + 48, relyingparty.CheckQuote},
		"body: attributes":            {quote + 48 + 48, relyingparty.CheckQuote},
		"body: MRENCLAVE":             {quote + 48 + 64, relyingparty.CheckQuote},
		"body: MRSIGNER":              {quote + 48 + 128, relyingparty.CheckQuote},
		"body: SVN":                   {quote + 48 + 258, relyingparty.CheckQuote},
		"body: report data":           {quote + 48 + 320, relyingparty.CheckKeyBinding},
		"body: end of report data":    {quote + 48 + 383, relyingparty.CheckKeyBinding},
		"signature data: length":      {quote + 432, relyingparty.CheckReport},
		"signature":                   {quote + 436, relyingparty.CheckQuote},
		"attestation key":             {quote + 436 + 64, relyingparty.CheckQuote},
		"QE report: MRSIGNER":         {quote + 436 + 128 + 128, relyingparty.CheckQuote},
		"QE report: report data":      {quote + 436 + 128 + 320, relyingparty.CheckQuote},
		"QE report: signature":        {quote + 436 + 512, relyingparty.CheckQuote},
		"QE authentication data":      {quote + 436 + 576 + 2, relyingparty.CheckQuote},
		"certification data: type":    {quote + 436 + 576 + 34, relyingparty.CheckQuote},
		"certification data: PCK":     {quote + 436 + 576 + 40 + 300, relyingparty.CheckQuote},
		"certification data: its end": {len(genuine) - 100, relyingparty.CheckQuote},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := bytes.Clone(genuine)
			report[test.offset] ^= 1
			cert := issue(t, s.key.Public(), s.key, pkix.Extension{Id: oidReportNew, Value: report})
			for _, c := range []*dcap.Collateral{nil, collateral} {
				o := s.options()
				o.Collateral = c
				_, err := relyingparty.VerifySigningCertificate(t.Context(), cert, o)
				wantRefusal(t, err, test.check)
				if _, ok := errors.AsType[*evidence.Error](err); !ok && test.check != relyingparty.CheckKeyBinding {
					t.Errorf("error %v, want one around an *evidence.Error", err)
				}
			}
		})
	}
}
