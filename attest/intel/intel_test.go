package intel_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/azattest/azattest/attest/intel"
	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/simulator"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// sourceFunc is a source of collateral made for one test.
type sourceFunc func(context.Context, collateral.Query) (*dcap.Collateral, error)

func (f sourceFunc) Collateral(ctx context.Context, q collateral.Query) (*dcap.Collateral, error) {
	return f(ctx, q)
}

func newPlatform(t *testing.T) *simulator.Platform {
	t.Helper()
	p, err := simulator.New(simulator.Config{Seed: simulator.Seed("intel"), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// kinds are both verifiers with the evidence that each takes.
func kinds(t *testing.T, p *simulator.Platform, source collateral.Source) map[string]struct {
	verifier evidence.Verifier
	raw      []byte
} {
	t.Helper()
	c := intel.Config{Roots: []dcap.Root{p.Root()}, Source: source}
	quotes, err := intel.NewSGX(c)
	if err != nil {
		t.Fatal(err)
	}
	reports, err := intel.NewOpenEnclave(c)
	if err != nil {
		t.Fatal(err)
	}
	quote, err := p.Quote(simulator.Report{ISVSVN: 3})
	if err != nil {
		t.Fatal(err)
	}
	report, err := p.OpenEnclaveReport(simulator.Report{ISVSVN: 3})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]struct {
		verifier evidence.Verifier
		raw      []byte
	}{"quote": {quotes, quote}, "report": {reports, report}}
}

func TestCollateralIsAskedForThePlatformOfTheEvidence(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	want := evidence.Requirements{At: now, TCBEvaluationDataNumber: 15}
	source := sourceFunc(func(_ context.Context, q collateral.Query) (*dcap.Collateral, error) {
		if q.Platform != p.Identity() || !q.At.Equal(want.At) || q.TCBEvaluationDataNumber != want.TCBEvaluationDataNumber {
			t.Errorf("asked for %+v", q)
		}
		return p.Collateral(simulator.CollateralOptions{})
	})
	for name, kind := range kinds(t, p, source) {
		e, err := kind.verifier.Parse(kind.raw)
		if err != nil {
			t.Fatal(err)
		}
		if !e.Claims().Has("x-ms-sgx-mrenclave") {
			t.Errorf("%s: no claims before verification", name)
		}
		got, err := kind.verifier.Verify(t.Context(), e, want)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Type != "sgx" || got.TCB.Status != evidence.TCBUpToDate {
			t.Errorf("%s: type %s, TCB %s", name, got.Type, got.TCB.Status)
		}
	}
}

func TestWhatTheSourceSays(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	outOfReach := errors.New("out of reach")
	for name, test := range map[string]struct {
		source    sourceFunc
		isRefusal bool
	}{
		"unknown platform": {func(_ context.Context, q collateral.Query) (*dcap.Collateral, error) {
			return nil, &collateral.NotFoundError{Query: q}
		}, true},
		"out of reach": {func(context.Context, collateral.Query) (*dcap.Collateral, error) { return nil, outOfReach }, false},
		"answered with garbage": {func(context.Context, collateral.Query) (*dcap.Collateral, error) {
			_, err := dcap.ParseTCBInfo([]byte("<html>"))
			return nil, fmt.Errorf("service: %w", err)
		}, false},
		"nothing inside": {func(context.Context, collateral.Query) (*dcap.Collateral, error) {
			return dcap.NewCollateral(dcap.CollateralParts{}), nil
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for form, kind := range kinds(t, p, test.source) {
				e, err := kind.verifier.Parse(kind.raw)
				if err != nil {
					t.Fatal(err)
				}
				_, err = kind.verifier.Verify(t.Context(), e, evidence.Requirements{At: now})
				_, isRefusal := errors.AsType[*evidence.Error](err)
				if name == "out of reach" && !errors.Is(err, outOfReach) {
					t.Errorf("%s: error %v hides its cause", form, err)
				}
				if err == nil || isRefusal != test.isRefusal {
					t.Errorf("%s: error %v; a refusal of the evidence: %t, want %t", form, err, isRefusal, test.isRefusal)
				}
			}
		})
	}
}

func TestForgedEvidenceAsksNobody(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	forger, err := simulator.New(simulator.Config{Seed: simulator.Seed("forger"), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	source := sourceFunc(func(_ context.Context, q collateral.Query) (*dcap.Collateral, error) {
		t.Errorf("asked for the collateral of %s", q.Platform)
		return nil, errors.New("not to be asked")
	})
	forged := kinds(t, forger, source)
	for name, kind := range kinds(t, p, source) {
		e, err := kind.verifier.Parse(forged[name].raw)
		if err != nil {
			t.Fatal(err)
		}
		_, err = kind.verifier.Verify(t.Context(), e, evidence.Requirements{At: now})
		if refusal, ok := errors.AsType[*evidence.Error](err); !ok || refusal.Code != evidence.CodeUntrustedRoot {
			t.Errorf("%s: error %v, want an untrusted root", name, err)
		}
	}
}

func TestEvidenceOfAnotherVerifier(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	source := sourceFunc(func(context.Context, collateral.Query) (*dcap.Collateral, error) {
		return p.Collateral(simulator.CollateralOptions{})
	})
	both := kinds(t, p, source)
	quote, err := both["quote"].verifier.Parse(both["quote"].raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := both["report"].verifier.Verify(t.Context(), quote, evidence.Requirements{At: now}); err == nil {
		t.Error("a verifier of reports took a quote")
	}
	for _, garbage := range [][]byte{nil, {1}, []byte("not evidence at all")} {
		for name, kind := range both {
			if e, err := kind.verifier.Parse(garbage); err == nil || e != nil {
				t.Errorf("%s: parsed %q as %v", name, garbage, e)
			}
		}
	}
}

func TestIncompleteConfiguration(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]intel.Config{
		"no source":  {},
		"empty root": {Source: sourceFunc(nil), Roots: []dcap.Root{{}}},
	} {
		if _, err := intel.NewSGX(c); err == nil {
			t.Errorf("%s: accepted for SGX", name)
		}
		if _, err := intel.NewOpenEnclave(c); err == nil {
			t.Errorf("%s: accepted for Open Enclave", name)
		}
	}
}
