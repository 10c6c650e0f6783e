package simulator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/simulator"
)

// epoch is the time of all platforms here that do not want another.
var epoch = time.Date(2026, time.March, 14, 15, 9, 26, 0, time.UTC)

func newPlatform(tb testing.TB, c simulator.Config) *simulator.Platform {
	tb.Helper()
	if c.Seed == nil {
		c.Seed = simulator.Seed(tb.Name())
	}
	if c.Now.IsZero() {
		c.Now = epoch
	}
	p, err := simulator.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func newVerifier(tb testing.TB, roots ...dcap.Root) *sgx.Verifier {
	tb.Helper()
	v, err := sgx.NewVerifier(sgx.Config{Roots: roots})
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func quoteOf(tb testing.TB, p *simulator.Platform, r simulator.Report) []byte {
	tb.Helper()
	raw, err := p.Quote(r)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func collateralOf(tb testing.TB, p *simulator.Platform, o simulator.CollateralOptions) *dcap.Collateral {
	tb.Helper()
	c, err := p.Collateral(o)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// verify parses and verifies at the time of the platforms.
func verify(tb testing.TB, v *sgx.Verifier, raw []byte, c *dcap.Collateral) (*evidence.Result, error) {
	tb.Helper()
	return verifyWith(tb, v, raw, sgx.Options{Collateral: c, At: epoch})
}

func verifyWith(tb testing.TB, v *sgx.Verifier, raw []byte, o sgx.Options) (*evidence.Result, error) {
	tb.Helper()
	q, err := sgx.Parse(raw)
	if err != nil {
		return nil, err
	}
	return v.Verify(tb.Context(), q, o)
}

func wantRefusal(tb testing.TB, err error, stage evidence.Stage, code evidence.Code) {
	tb.Helper()
	var e *evidence.Error
	if !errors.As(err, &e) {
		tb.Fatalf("error %v, want a refusal %s/%s", err, stage, code)
	}
	if e.Stage != stage || e.Code != code {
		tb.Errorf("refused with %s/%s, want %s/%s: %v", e.Stage, e.Code, stage, code, e)
	}
}

func TestZeroConfigMakesAPlatformThatVerifiesNow(t *testing.T) {
	t.Parallel()
	before := time.Now().Add(-time.Second)
	p, err := simulator.New(simulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Now().Before(before) || p.Now().After(time.Now()) {
		t.Errorf("issued at %v, want now", p.Now())
	}
	if got, want := p.Identity().String(), "SGX FMSPC 53494d000000, platform CA"; got != want {
		t.Errorf("identity %q, want %q", got, want)
	}
	r, err := verifyWith(t, newVerifier(t, p.Root()), quoteOf(t, p, simulator.Report{}), sgx.Options{
		Collateral: collateralOf(t, p, simulator.CollateralOptions{}), At: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.TCB.Status != evidence.TCBUpToDate {
		t.Errorf("status %s, want up to date", r.TCB.Status)
	}
}

func TestNothingPassesForReal(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	quote, collateral := quoteOf(t, p, simulator.Report{}), collateralOf(t, p, simulator.CollateralOptions{})

	t.Run("Intel's root refuses", func(t *testing.T) {
		t.Parallel()
		_, err := verify(t, newVerifier(t), quote, collateral)
		wantRefusal(t, err, evidence.StageChain, evidence.CodeUntrustedRoot)
	})
	t.Run("the simulated root marks the result", func(t *testing.T) {
		t.Parallel()
		for _, roots := range [][]dcap.Root{{p.Root()}, {dcap.IntelRoot(), p.Root()}, {p.Root(), dcap.IntelRoot()}} {
			r, err := verify(t, newVerifier(t, roots...), quote, collateral)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Simulated {
				t.Error("the result is not marked as simulated")
			}
		}
	})
	t.Run("the root says so", func(t *testing.T) {
		t.Parallel()
		if !p.Root().IsSimulated() || p.Root().Name() != simulator.RootName || p.Root().Name() == dcap.IntelRoot().Name() {
			t.Errorf("root %q, simulated %t; want a simulated %q", p.Root().Name(), p.Root().IsSimulated(), simulator.RootName)
		}
	})
	t.Run("every certificate and the quote say so", func(t *testing.T) {
		t.Parallel()
		q, err := sgx.Parse(quote)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(bytes.TrimRight(q.Header.UserData[:], "\x00")); got != "azattest SIMULATED" {
			t.Errorf("user data of the quote is %q", got)
		}
		certs, err := dcap.ParseCertificates(slices.Concat(q.CertificationData.Data, collateral.Parts().TCBInfoIssuerChain))
		if err != nil {
			t.Fatal(err)
		}
		if len(certs) != 5 {
			t.Errorf("%d certificates, want three in the quote and two in the collateral", len(certs))
		}
		for _, c := range certs {
			for _, name := range [][]string{c.Subject.Organization, c.Issuer.Organization} {
				if len(name) != 1 || !strings.HasPrefix(name[0], "SIMULATED") {
					t.Errorf("certificate %q has the organization %q", c.Subject.CommonName, name)
				}
			}
		}
	})
	t.Run("nor is a random root ever the same", func(t *testing.T) {
		t.Parallel()
		seen := map[string]bool{}
		for range 3 {
			p, err := simulator.New(simulator.Config{Now: epoch})
			if err != nil {
				t.Fatal(err)
			}
			seen[string(p.RootCertificatePEM())] = true
		}
		if len(seen) != 3 {
			t.Errorf("%d different roots of 3 platforms without a seed", len(seen))
		}
	})
}

func TestRootCertificateIsTheRoot(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	root, err := dcap.RootFromPEM(p.RootCertificatePEM(), true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify(t, newVerifier(t, root), quoteOf(t, p, simulator.Report{}), collateralOf(t, p, simulator.CollateralOptions{})); err != nil {
		t.Error(err)
	}
}

func TestPlatformIsAsConfigured(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]simulator.Config{
		"platform CA":  {},
		"processor CA": {CA: dcap.ProcessorCA},
		"everything": {
			CA: dcap.ProcessorCA, FMSPC: dcap.FMSPC{1, 2, 3, 4, 5, 6}, PCEID: [2]byte{7, 8},
			SVNs:  simulator.SVNs{Components: [16]uint8{255, 254, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, PCESVN: 65534},
			QESVN: 65534, Validity: 48 * time.Hour,
		},
		"lowest": {SVNs: simulator.SVNs{PCESVN: 1}, QESVN: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, c)
			v, err := dcap.NewVerifier(dcap.Config{Roots: []dcap.Root{p.Root()}})
			if err != nil {
				t.Fatal(err)
			}
			q, err := dcap.ParseQuote(quoteOf(t, p, simulator.Report{}))
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.Verify(t.Context(), q, dcap.Options{Collateral: collateralOf(t, p, simulator.CollateralOptions{}), At: epoch})
			if err != nil {
				t.Fatal(err)
			}
			if c.FMSPC == (dcap.FMSPC{}) {
				c.FMSPC = dcap.FMSPC{'S', 'I', 'M'}
			}
			if c.CA == "" {
				c.CA = dcap.PlatformCA
			}
			pck := got.PCK
			if pck.FMSPC != c.FMSPC || pck.CA != c.CA || pck.PCEID != c.PCEID {
				t.Errorf("FMSPC %s, %s CA, PCEID %x; want %s, %s, %x", pck.FMSPC, pck.CA, pck.PCEID, c.FMSPC, c.CA, c.PCEID)
			}
			if c.SVNs != (simulator.SVNs{}) && (pck.Components != c.SVNs.Components || pck.CPUSVN != c.SVNs.Components || pck.PCESVN != c.SVNs.PCESVN) {
				t.Errorf("components %v, CPUSVN %v, PCESVN %d; want %v", pck.Components, pck.CPUSVN, pck.PCESVN, c.SVNs)
			}
			if c.QESVN != 0 && got.QEReport.ISVSVN != c.QESVN {
				t.Errorf("QE SVN %d, want %d", got.QEReport.ISVSVN, c.QESVN)
			}
			if q.Header.QESVN != got.QEReport.ISVSVN || q.Header.PCESVN != pck.PCESVN {
				t.Errorf("header says QE %d, PCE %d; want %d, %d", q.Header.QESVN, q.Header.PCESVN, got.QEReport.ISVSVN, pck.PCESVN)
			}
			hasExtras := pck.PlatformInstanceID != nil && pck.DynamicPlatform != nil && pck.CachedKeys != nil && pck.SMTEnabled != nil
			if hasExtras != (c.CA == dcap.PlatformCA) {
				t.Errorf("has instance ID and configuration: %t, under the %s CA", hasExtras, c.CA)
			}
			wantType := map[dcap.CA]dcap.SGXType{dcap.PlatformCA: dcap.SGXScalable, dcap.ProcessorCA: dcap.SGXStandard}[c.CA]
			if pck.Type != wantType {
				t.Errorf("SGX type %d, want %d", pck.Type, wantType)
			}
			if want := (dcap.Platform{TEE: dcap.SGX, FMSPC: c.FMSPC, CA: c.CA}); p.Identity() != want {
				t.Errorf("identity %v, want %v", p.Identity(), want)
			}
			unverified, err := q.Platform()
			if err != nil || unverified != p.Identity() {
				t.Errorf("the quote names %v (%v), want %v", unverified, err, p.Identity())
			}
		})
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	t.Parallel()
	full := [16]uint8{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}
	for name, tc := range map[string]struct {
		config simulator.Config
		want   string
	}{
		"CA":                 {simulator.Config{CA: "root"}, `CA "root", want "processor" or "platform"`},
		"long seed":          {simulator.Config{Seed: make([]byte, 1025)}, "seed of 1025 bytes"},
		"early":              {simulator.Config{Now: time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)}, "year 1999"},
		"late":               {simulator.Config{Now: time.Date(9001, 1, 1, 0, 0, 0, 0, time.UTC)}, "year 9001"},
		"short validity":     {simulator.Config{Validity: time.Hour}, "valid for 1h0m0s"},
		"negative validity":  {simulator.Config{Validity: -time.Hour}, "valid for -1h0m0s"},
		"long validity":      {simulator.Config{Validity: 41 * 365 * 24 * time.Hour}, "want 48h0m0s to"},
		"full components":    {simulator.Config{SVNs: simulator.SVNs{Components: full}}, "all components have SVN 255"},
		"full PCESVN":        {simulator.Config{SVNs: simulator.SVNs{PCESVN: 65535}}, "PCESVN 65535"},
		"full quoting SVN":   {simulator.Config{QESVN: 65535}, "QESVN 65535"},
		"more than one flaw": {simulator.Config{QESVN: 65535, CA: "x"}, `CA "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := simulator.New(tc.config)
			if p != nil || err == nil {
				t.Fatalf("New returned %v, %v; want an error", p, err)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q, want it to say %q", err, tc.want)
			}
			if again := tc.config.Validate(); again == nil || again.Error() != err.Error() {
				t.Errorf("Validate says %v, New %v", again, err)
			}
		})
	}
	if err := (simulator.Config{}).Validate(); err != nil {
		t.Errorf("the zero Config is refused: %v", err)
	}
}

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	all := func(c simulator.Config) [][]byte {
		p := newPlatform(t, c)
		parts := collateralOf(t, p, simulator.CollateralOptions{Status: evidence.TCBOutOfDate}).Parts()
		return [][]byte{
			p.RootCertificatePEM(), quoteOf(t, p, simulator.Report{ISVSVN: 1}), parts.TCBInfo, parts.TCBInfoIssuerChain,
			parts.QEIdentity, parts.QEIdentityIssuerChain, parts.PCKCRL, parts.PCKCRLIssuerChain, parts.RootCACRL,
		}
	}
	base := simulator.Config{Seed: []byte("one")}
	if diff := cmp.Diff(all(base), all(base)); diff != "" {
		t.Errorf("the same seed gave other bytes:\n%s", diff)
	}
	other := all(simulator.Config{Seed: []byte("two")})
	for i, part := range all(base) {
		if bytes.Equal(part, other[i]) {
			t.Errorf("part %d is the same under another seed", i)
		}
	}
}

func TestSeedIsCopied(t *testing.T) {
	t.Parallel()
	seed := []byte("a seed that the caller wipes")
	p := newPlatform(t, simulator.Config{Seed: seed})
	clear(seed)
	sibling, err := p.Sibling(simulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sibling.RootCertificatePEM(), p.RootCertificatePEM()) {
		t.Error("wiping the caller's seed changed the platform")
	}
}

func TestSiblingsShareTheRootAndNothingElse(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	v := newVerifier(t, p.Root())
	for name, c := range map[string]simulator.Config{
		"other family": {FMSPC: dcap.FMSPC{9}},
		"other CA":     {CA: dcap.ProcessorCA},
		"other SVNs":   {SVNs: simulator.SVNs{PCESVN: 3}},
		"other PCE":    {PCEID: [2]byte{1}},
		"other everything": {
			Seed: []byte("not heeded"), Now: epoch.Add(time.Hour), Validity: 100 * time.Hour, FMSPC: dcap.FMSPC{8}, CA: dcap.ProcessorCA,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sibling, err := p.Sibling(c)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(sibling.RootCertificatePEM(), p.RootCertificatePEM()) || !sibling.Now().Equal(p.Now()) {
				t.Error("root or time differ")
			}
			quote := quoteOf(t, sibling, simulator.Report{})
			if _, err := verify(t, v, quote, collateralOf(t, sibling, simulator.CollateralOptions{})); err != nil {
				t.Error(err)
			}
			mine, err := dcap.ParseQuote(quote)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := dcap.ParseQuote(quoteOf(t, p, simulator.Report{}))
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(mine.AttestationKey, theirs.AttestationKey) || bytes.Equal(mine.CertificationData.Data, theirs.CertificationData.Data) {
				t.Error("attestation key or PCK certificate are shared")
			}
		})
	}
	if _, err := p.Sibling(simulator.Config{CA: "x"}); err == nil {
		t.Error("a sibling with an invalid configuration was made")
	}
}

func TestCollateralOfAnotherMachineIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	v := newVerifier(t, p.Root())
	for name, tc := range map[string]struct {
		config simulator.Config
		stage  evidence.Stage
	}{
		"family": {simulator.Config{FMSPC: dcap.FMSPC{9}}, evidence.StageCollateral},
		"PCE":    {simulator.Config{PCEID: [2]byte{1}}, evidence.StageCollateral},
		"CA":     {simulator.Config{CA: dcap.ProcessorCA}, evidence.StageRevocation},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other, err := p.Sibling(tc.config)
			if err != nil {
				t.Fatal(err)
			}
			_, err = verify(t, v, quoteOf(t, p, simulator.Report{}), collateralOf(t, other, simulator.CollateralOptions{}))
			wantRefusal(t, err, tc.stage, evidence.CodeMismatch)
		})
	}
	t.Run("stranger", func(t *testing.T) {
		t.Parallel()
		stranger := newPlatform(t, simulator.Config{})
		quote := quoteOf(t, p, simulator.Report{})
		_, err := verify(t, v, quote, collateralOf(t, stranger, simulator.CollateralOptions{}))
		wantRefusal(t, err, evidence.StageRevocation, evidence.CodeBadSignature)
		_, err = verify(t, newVerifier(t, stranger.Root()), quote, collateralOf(t, p, simulator.CollateralOptions{}))
		wantRefusal(t, err, evidence.StageChain, evidence.CodeUntrustedRoot)
	})
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	seed := "correct horse battery staple"
	c := simulator.Config{Seed: []byte(seed)}
	p := newPlatform(t, c)
	var logs bytes.Buffer
	slog.New(slog.NewTextHandler(&logs, nil)).Info("text", slog.Any("config", c), slog.Any("platform", p))
	slog.New(slog.NewJSONHandler(&logs, nil)).Info("json", slog.Any("config", c), slog.Any("platform", p))
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %x %q %v %+v %#v %s", c, c, c, c.Seed, c.Seed, c.Seed, p, p, p, p) + logs.String() + string(asJSON)
	for _, secret := range []string{seed, fmt.Sprintf("%x", seed), "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ", "99 111 114 114"} {
		if strings.Contains(printed, secret) {
			t.Errorf("%q was printed: %s", secret, printed)
		}
	}
	if got, want := p.String(), "simulated SGX FMSPC 53494d000000, platform CA"; got != want {
		t.Errorf("a platform prints as %q, want %q", got, want)
	}
	if got := simulator.Seed(nil).String(); got != "" {
		t.Errorf("no seed prints as %q", got)
	}
}

func TestPlatformIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	v := newVerifier(t, p.Root())
	want := quoteOf(t, p, simulator.Report{ISVSVN: 7})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			status := evidence.TCBStatuses()[i]
			c, err := p.Collateral(simulator.CollateralOptions{Status: status})
			if err != nil {
				t.Error(err)
				return
			}
			quote, err := p.Quote(simulator.Report{ISVSVN: 7})
			if err != nil || !bytes.Equal(quote, want) {
				t.Errorf("another quote (%v)", err)
			}
			if r, err := verify(t, v, quote, c); err != nil || r.TCB.Status != status {
				t.Errorf("%s: %v", status, err)
			}
			faulty, err := p.With(simulator.FaultPCKRevoked)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := faulty.Collateral(simulator.CollateralOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
