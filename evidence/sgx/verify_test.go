package sgx_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/simulator"
)

// now is the time of every simulated platform in these tests.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newPlatform(t testing.TB, seed string, ca dcap.CA) *simulator.Platform {
	t.Helper()
	p, err := simulator.New(simulator.Config{Seed: simulator.Seed(seed), Now: now, CA: ca})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func quoteOf(t testing.TB, p *simulator.Platform, r simulator.Report) *sgx.Quote {
	t.Helper()
	raw, err := p.Quote(r)
	if err != nil {
		t.Fatal(err)
	}
	q, err := sgx.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func collateralOf(t testing.TB, p *simulator.Platform, o simulator.CollateralOptions) *dcap.Collateral {
	t.Helper()
	c, err := p.Collateral(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
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

func TestClaimsOfAnEnclave(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, "claims", dcap.PlatformCA)
	report := simulator.Report{
		MRENCLAVE: [32]byte{0xe1}, MRSIGNER: [32]byte{0x51}, ISVProdID: 65535, ISVSVN: 7, ReportData: simulator.Bind([]byte("key")),
		Debug: true,
	}
	v := newVerifier(t, p.Root())
	verify := func(t *testing.T, r simulator.Report) *evidence.Result {
		t.Helper()
		got, err := v.Verify(t.Context(), quoteOf(t, p, r), sgx.Options{Collateral: collateralOf(t, p, simulator.CollateralOptions{}), At: now})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	kss := []string{"x-ms-sgx-config-id", "x-ms-sgx-config-svn", "x-ms-sgx-isv-extended-product-id", "x-ms-sgx-isv-family-id"}

	t.Run("without KSS", func(t *testing.T) {
		t.Parallel()
		got := verify(t, report)
		for name, want := range map[string]claims.Value{
			"x-ms-attestation-type":  claims.String("sgx"),
			"x-ms-sgx-is-debuggable": claims.Boolean(true),
			"x-ms-sgx-product-id":    claims.Integer(65535),
			"x-ms-sgx-svn":           claims.Integer(7),
			"x-ms-sgx-mrenclave":     claims.String("e1" + zeros(62)),
			"x-ms-sgx-mrsigner":      claims.String("51" + zeros(62)),
		} {
			if v, _ := got.Claims.First(name); v != want {
				t.Errorf("%s = %#v, want %#v", name, v, want)
			}
		}
		for _, name := range kss {
			if got.Claims.Has(name) {
				t.Errorf("%s stands there without KSS", name)
			}
		}
		if got.InitTimeBinding != nil {
			t.Error("an enclave without KSS binds init-time data")
		}
		if !got.Simulated {
			t.Error("not marked as simulated")
		}
		if v, _ := got.PolicyOnly.First("$is-debuggable"); v != claims.Boolean(true) || got.Claims.Has("$is-debuggable") {
			t.Error("the preview's names belong to policies, and only to them")
		}
	})
	t.Run("with KSS", func(t *testing.T) {
		t.Parallel()
		r := report
		r.KSS, r.ConfigID, r.ConfigSVN = true, simulator.Bind([]byte("configuration")), 3
		got := verify(t, r)
		for _, name := range kss {
			if !got.Claims.Has(name) {
				t.Errorf("no %s with KSS", name)
			}
		}
		if !slices.Equal(got.InitTimeBinding, r.ConfigID[:]) {
			t.Errorf("init-time data is bound to %x, want the CONFIGID", got.InitTimeBinding)
		}
	})
}

func zeros(n int) string { return string(slices.Repeat([]byte{'0'}, n)) }

func TestRootsAreNotMixed(t *testing.T) {
	t.Parallel()
	ours, theirs := newPlatform(t, "ours", dcap.PlatformCA), newPlatform(t, "theirs", dcap.PlatformCA)
	q := quoteOf(t, ours, simulator.Report{})
	own := collateralOf(t, ours, simulator.CollateralOptions{})
	foreign := collateralOf(t, theirs, simulator.CollateralOptions{})

	t.Run("nobody trusts a simulator by default", func(t *testing.T) {
		t.Parallel()
		_, err := newVerifier(t).Verify(t.Context(), q, sgx.Options{Collateral: own, At: now})
		wantCode(t, err, evidence.StageChain, evidence.CodeUntrustedRoot)
	})
	t.Run("another root", func(t *testing.T) {
		t.Parallel()
		_, err := newVerifier(t, theirs.Root()).Verify(t.Context(), q, sgx.Options{Collateral: own, At: now})
		wantCode(t, err, evidence.StageChain, evidence.CodeUntrustedRoot)
	})
	t.Run("collateral under another trusted root", func(t *testing.T) {
		t.Parallel()
		v := newVerifier(t, dcap.IntelRoot(), theirs.Root(), ours.Root())
		if _, err := v.Verify(t.Context(), q, sgx.Options{Collateral: own, At: now}); err != nil {
			t.Fatal(err)
		}
		_, err := v.Verify(t.Context(), q, sgx.Options{Collateral: foreign, At: now})
		wantCode(t, err, evidence.StageRevocation, evidence.CodeBadSignature)
	})
}

func TestTimeIsAskedAtEachVerification(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, "time", dcap.ProcessorCA)
	v := newVerifier(t, p.Root())
	q := quoteOf(t, p, simulator.Report{})
	set := collateralOf(t, p, simulator.CollateralOptions{Validity: 30 * 24 * time.Hour})
	at := func(d time.Duration, stale bool) error {
		_, err := v.Verify(t.Context(), q, sgx.Options{Collateral: set, At: now.Add(d), AcceptStaleCollateral: stale})
		return err
	}
	// The verdicts on chain and collateral are remembered from the first line on;
	// none of the later ones may profit from that.
	if err := at(time.Hour, false); err != nil {
		t.Fatal(err)
	}
	wantCode(t, at(31*24*time.Hour, false), evidence.StageRevocation, evidence.CodeExpired)
	if err := at(31*24*time.Hour, true); err != nil {
		t.Errorf("stale collateral refused though accepted: %v", err)
	}
	wantCode(t, at(-48*time.Hour, true), evidence.StageChain, evidence.CodeNotYetValid)
	wantCode(t, at(20*365*24*time.Hour, true), evidence.StageChain, evidence.CodeExpired)
	if err := at(29*24*time.Hour, false); err != nil {
		t.Errorf("refused within the window: %v", err)
	}
}

func TestEvaluationNumberDemanded(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, "number", dcap.PlatformCA)
	v := newVerifier(t, p.Root())
	q := quoteOf(t, p, simulator.Report{})
	set := collateralOf(t, p, simulator.CollateralOptions{EvaluationDataNumber: 17})
	for number, ok := range map[int]bool{0: true, 16: true, 17: true, 18: false} {
		_, err := v.Verify(t.Context(), q, sgx.Options{Collateral: set, At: now, TCBEvaluationDataNumber: number})
		if ok && err != nil {
			t.Errorf("at least %d demanded: %v", number, err)
		}
		if !ok {
			wantCode(t, err, evidence.StageCollateral, evidence.CodeStale)
		}
	}
}

func TestIncompleteOptionsAreNotAVerdict(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, "options", dcap.PlatformCA)
	v := newVerifier(t, p.Root())
	q := quoteOf(t, p, simulator.Report{})
	for name, o := range map[string]sgx.Options{
		"no collateral": {At: now},
		"no time":       {Collateral: collateralOf(t, p, simulator.CollateralOptions{})},
	} {
		_, err := v.Verify(t.Context(), q, o)
		if _, isVerdict := errors.AsType[*evidence.Error](err); err == nil || isVerdict {
			t.Errorf("%s: error %v, want one that blames the caller and not the evidence", name, err)
		}
	}
}

// TestConcurrentVerifications runs many platforms through one verifier, genuine
// and not, cold and warm; the race detector watches.
func TestConcurrentVerifications(t *testing.T) {
	t.Parallel()
	genuine, forger := newPlatform(t, "genuine", dcap.PlatformCA), newPlatform(t, "forger", dcap.PlatformCA)
	v := newVerifier(t, genuine.Root())
	good := sgx.Options{Collateral: collateralOf(t, genuine, simulator.CollateralOptions{}), At: now}
	bad := sgx.Options{Collateral: collateralOf(t, forger, simulator.CollateralOptions{}), At: now}
	q, forged := quoteOf(t, genuine, simulator.Report{}), quoteOf(t, forger, simulator.Report{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if _, err := v.Verify(t.Context(), q, good); err != nil {
					t.Errorf("genuine: %v", err)
				}
				if _, err := v.Verify(t.Context(), forged, bad); err == nil {
					t.Error("forged: verified")
				}
				if _, err := v.Verify(t.Context(), q, bad); err == nil {
					t.Error("foreign collateral: verified")
				}
			}
		})
	}
	wg.Wait()
}

func TestParseRefusesWhatIsNoQuote(t *testing.T) {
	t.Parallel()
	raw, err := newPlatform(t, "parse", dcap.PlatformCA).Quote(simulator.Report{})
	if err != nil {
		t.Fatal(err)
	}
	changed := func(offset int, b ...byte) []byte {
		c := slices.Clone(raw)
		copy(c[offset:], b)
		return c
	}
	for name, test := range map[string]struct {
		raw    []byte
		code   evidence.Code
		offset int
	}{
		"nothing":            {nil, evidence.CodeTruncated, 0},
		"half a header":      {raw[:20], evidence.CodeTruncated, 12},
		"no signature":       {raw[:432], evidence.CodeTruncated, 432},
		"one byte short":     {raw[:len(raw)-1], evidence.CodeTruncated, 432},
		"trailing byte":      {append(slices.Clone(raw), 1), evidence.CodeTrailingData, len(raw)},
		"trailing later":     {append(slices.Clone(raw), 0, 0, 9), evidence.CodeTrailingData, len(raw) + 2},
		"too large":          {make([]byte, 65<<10), evidence.CodeTooLarge, -1},
		"version 4":          {changed(0, 4), evidence.CodeUnsupported, 0},
		"P-384":              {changed(2, 3), evidence.CodeUnsupported, 2},
		"reserved":           {changed(4, 1), evidence.CodeMalformed, 4},
		"another vendor":     {changed(12, 0), evidence.CodeUnsupported, 12},
		"signature too long": {changed(432, 0xff, 0xff, 0xff, 0xff), evidence.CodeTruncated, 432},
		"auth data too long": {changed(1012, 0xff, 0xff), evidence.CodeTruncated, 1014},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := sgx.Parse(test.raw)
			e, ok := errors.AsType[*evidence.Error](err)
			if !ok || e.Stage != evidence.StageParse || e.Code != test.code || e.Offset != test.offset {
				t.Errorf("error %v, want %s at byte %d", err, test.code, test.offset)
			}
		})
	}
	if q, err := sgx.Parse(append(slices.Clone(raw), make([]byte, 70)...)); err != nil || q.Size() != len(raw) {
		t.Errorf("padding of zero bytes: %v", err)
	}
}
