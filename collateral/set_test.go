package collateral

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/evidence/dcap"
)

func TestDescribeWholeSet(t *testing.T) {
	t.Parallel()
	for _, platform := range []dcap.Platform{sgxProcessor, sgxPlatform, tdxPlatform} {
		t.Run(platform.String(), func(t *testing.T) {
			t.Parallel()
			c := recipe{platform: platform, number: 19}.collateral()
			got := describe(c, nil)
			if len(got.Problems) > 0 {
				t.Fatalf("problems: %v", got.Problems)
			}
			want := Set{
				Platform: platform, TCBEvaluationDataNumber: 19, TCBInfoVersion: 3,
				Issued: day0, ValidFrom: day0, ValidUntil: day0.Add(days(30)),
			}
			if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool {
				return p.Last().String() == ".Collateral" || p.Last().String() == ".located"
			}, cmp.Ignore())); diff != "" {
				t.Error(diff)
			}
			if got.Collateral != c {
				t.Error("the set holds another collateral")
			}
		})
	}
}

func TestDescribeVersion2MeansSGX(t *testing.T) {
	t.Parallel()
	got := describe(recipe{platform: sgxProcessor, version: 2}.collateral(), nil)
	if got.Platform != sgxProcessor || got.TCBInfoVersion != 2 || len(got.Problems) > 0 {
		t.Errorf("got %v version %d, problems %v", got.Platform, got.TCBInfoVersion, got.Problems)
	}
}

func TestWindowIsTheIntersectionOfAllParts(t *testing.T) {
	t.Parallel()
	p := pki()
	for name, test := range map[string]struct {
		change      func(*dcap.CollateralParts)
		from, until time.Time
	}{
		"PCK CRL begins last": {
			func(c *dcap.CollateralParts) {
				c.PCKCRL = crl(p.processor, day0.Add(days(2)), day0.Add(days(40)), 0)
			},
			day0.Add(days(2)), day0.Add(days(30)),
		},
		"root CRL ends first": {
			func(c *dcap.CollateralParts) { c.RootCACRL = crl(p.root, day0, day0.Add(days(3)), 0) },
			day0, day0.Add(days(3)),
		},
		"QE identity ends first": {
			func(c *dcap.CollateralParts) {
				c.QEIdentity = recipe{platform: sgxProcessor, number: 17, issued: day0.Add(-days(20)), life: days(30)}.qeIdentity()
			},
			day0, day0.Add(days(10)),
		},
		"never valid together": {
			func(c *dcap.CollateralParts) {
				c.PCKCRL = crl(p.processor, day0.Add(-days(40)), day0.Add(-days(10)), 0)
			},
			day0, day0.Add(-days(10)),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parts := recipe{platform: sgxProcessor}.parts()
			test.change(&parts)
			got := describe(dcap.NewCollateral(parts), nil)
			if !got.ValidFrom.Equal(test.from) || !got.ValidUntil.Equal(test.until) {
				t.Errorf("window %s to %s, want %s to %s", got.ValidFrom, got.ValidUntil, test.from, test.until)
			}
		})
	}
}

func TestCertificatesNarrowTheWindow(t *testing.T) {
	t.Parallel()
	got := describe(recipe{platform: sgxProcessor, issued: day0.Add(days(1990))}.collateral(), nil)
	if want := pki().signing.cert.NotAfter; got.ValidUntil.After(want) {
		t.Errorf("valid until %s, but the signing certificate expires %s", got.ValidUntil, want)
	}
}

func TestValidAtIncludesBothEnds(t *testing.T) {
	t.Parallel()
	s := Set{ValidFrom: day0, ValidUntil: day0.Add(time.Hour)}
	for at, want := range map[time.Time]bool{
		day0.Add(-time.Nanosecond): false, day0: true, day0.Add(time.Hour): true,
		day0.Add(time.Hour + time.Nanosecond): false,
	} {
		if got := s.ValidAt(at); got != want {
			t.Errorf("at %s: %v, want %v", at, got, want)
		}
	}
}

func TestDescribeNamesProblems(t *testing.T) {
	t.Parallel()
	p := pki()
	for name, test := range map[string]struct {
		change  func(*dcap.CollateralParts)
		want    string
		located bool
	}{
		"no TCB info":       {func(c *dcap.CollateralParts) { c.TCBInfo = nil }, "TCB info: missing", false},
		"no QE identity":    {func(c *dcap.CollateralParts) { c.QEIdentity = nil }, "QE identity: missing", true},
		"no TCB chain":      {func(c *dcap.CollateralParts) { c.TCBInfoIssuerChain = nil }, "TCB info issuer chain: missing", true},
		"no root CRL":       {func(c *dcap.CollateralParts) { c.RootCACRL = nil }, "root CA CRL: missing", true},
		"no PCK CRL":        {func(c *dcap.CollateralParts) { c.PCKCRL = nil }, "PCK CRL: missing", true},
		"CA unknown":        {func(c *dcap.CollateralParts) { c.PCKCRL, c.PCKCRLIssuerChain = nil, nil }, "PCK CRL: missing", false},
		"garbage TCB info":  {func(c *dcap.CollateralParts) { c.TCBInfo = []byte("<html>") }, "TCB info: ", false},
		"garbage identity":  {func(c *dcap.CollateralParts) { c.QEIdentity = []byte("{}") }, "QE identity: ", true},
		"garbage CRL":       {func(c *dcap.CollateralParts) { c.RootCACRL = []byte("0\x03") }, "root CA CRL: ", true},
		"garbage chain":     {func(c *dcap.CollateralParts) { c.TCBInfoIssuerChain = []byte("x") }, "TCB info issuer chain: ", true},
		"identity of TDX":   {func(c *dcap.CollateralParts) { c.QEIdentity = recipe{platform: tdxPlatform, issued: day0}.qeIdentity() }, `id "TD_QE", want "QE"`, true},
		"root CRL as PCK's": {func(c *dcap.CollateralParts) { c.PCKCRL = c.RootCACRL }, `issuer "Intel SGX Root CA", want one of Intel's PCK CAs`, false},
		"PCK CRL as root's": {func(c *dcap.CollateralParts) { c.RootCACRL = c.PCKCRL }, `issuer "Intel SGX PCK Processor CA", want the root`, true},
		"other CA's chain":  {func(c *dcap.CollateralParts) { c.PCKCRLIssuerChain = chainPEM(p.platform, p.root) }, "PCK CRL issuer chain: no certificate of", true},
		"unknown TEE": {func(c *dcap.CollateralParts) {
			c.TCBInfo = bytes.Replace(c.TCBInfo, []byte(`"id":"SGX"`), []byte(`"id":"SEV"`), 1)
		}, `id "SEV"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parts := recipe{platform: sgxProcessor}.parts()
			test.change(&parts)
			got := describe(dcap.NewCollateral(parts), nil)
			if len(got.Problems) == 0 || !strings.Contains(got.Problems[0].Error(), test.want) {
				t.Errorf("problems %v, want %q", got.Problems, test.want)
			}
			if got.located != test.located {
				t.Errorf("located %v, want %v", got.located, test.located)
			}
		})
	}
}

func TestOptionalChainMayBeAbsent(t *testing.T) {
	t.Parallel()
	parts := recipe{platform: sgxProcessor}.parts()
	parts.PCKCRLIssuerChain = nil
	if got := describe(dcap.NewCollateral(parts), nil); len(got.Problems) > 0 || got.Platform != sgxProcessor {
		t.Errorf("%v, problems %v", got.Platform, got.Problems)
	}
}
