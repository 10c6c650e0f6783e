package simulator_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/openenclave"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/simulator"
)

func withFault(tb testing.TB, p *simulator.Platform, f simulator.Fault) *simulator.Platform {
	tb.Helper()
	faulty, err := p.With(f)
	if err != nil {
		tb.Fatal(err)
	}
	return faulty
}

func TestEveryFaultIsRefusedWithItsStageAndCode(t *testing.T) {
	t.Parallel()
	for _, ca := range []dcap.CA{dcap.PlatformCA, dcap.ProcessorCA} {
		p := newPlatform(t, simulator.Config{CA: ca})
		for _, versions := range [][2]int{{3, 2}, {2, 1}} {
			options := simulator.CollateralOptions{TCBInfoVersion: versions[0], QEIdentityVersion: versions[1]}
			for _, f := range simulator.Faults() {
				if f == simulator.FaultQEIdentityTDX && versions[1] == 1 {
					continue
				}
				t.Run(fmt.Sprintf("%s/v%d/%s", ca, versions[0], f), func(t *testing.T) {
					t.Parallel()
					faulty := withFault(t, p, f)
					_, err := verify(t, newVerifier(t, p.Root()), quoteOf(t, faulty, simulator.Report{}), collateralOf(t, faulty, options))
					wantRefusal(t, err, f.Stage(), f.Code())
				})
			}
		}
	}
}

// A verifier that has just accepted the genuine thing must not accept the faulty
// one for it.
func TestNoFaultHidesBehindWhatAVerifierRemembers(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	v := newVerifier(t, p.Root())
	quote, collateral := quoteOf(t, p, simulator.Report{}), collateralOf(t, p, simulator.CollateralOptions{})
	for _, f := range simulator.Faults() {
		if _, err := verify(t, v, quote, collateral); err != nil {
			t.Fatal(err)
		}
		faulty := withFault(t, p, f)
		_, err := verify(t, v, quoteOf(t, faulty, simulator.Report{}), collateralOf(t, faulty, simulator.CollateralOptions{}))
		if err == nil {
			t.Errorf("%s: verified", f)
			continue
		}
		wantRefusal(t, err, f.Stage(), f.Code())
	}
}

func TestAFaultSpoilsItsArtifactOnly(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	v := newVerifier(t, p.Root())
	quote, collateral := quoteOf(t, p, simulator.Report{}), collateralOf(t, p, simulator.CollateralOptions{})
	for _, f := range simulator.Faults() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			faulty := withFault(t, p, f)
			badQuote, badCollateral := quoteOf(t, faulty, simulator.Report{}), collateralOf(t, faulty, simulator.CollateralOptions{})
			sameQuote, sameCollateral := bytes.Equal(badQuote, quote), badCollateral.Digest() == collateral.Digest()
			switch f.Artifact() {
			case simulator.ArtifactQuote:
				if sameQuote || !sameCollateral {
					t.Errorf("same quote: %t, same collateral: %t; want another quote", sameQuote, sameCollateral)
				}
				_, err := verify(t, v, badQuote, collateral)
				wantRefusal(t, err, f.Stage(), f.Code())
			case simulator.ArtifactCollateral:
				if !sameQuote || sameCollateral {
					t.Errorf("same quote: %t, same collateral: %t; want other collateral", sameQuote, sameCollateral)
				}
				_, err := verify(t, v, quote, badCollateral)
				wantRefusal(t, err, f.Stage(), f.Code())
			default:
				t.Errorf("artifact %q", f.Artifact())
			}
		})
	}
}

func TestFaultsHoldWhateverTheStatus(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	for _, f := range simulator.Faults() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			faulty := withFault(t, p, f)
			for _, status := range evidence.TCBStatuses() {
				c := collateralOf(t, faulty, simulator.CollateralOptions{Status: status, QEStatus: status})
				_, err := verify(t, newVerifier(t, p.Root()), quoteOf(t, faulty, simulator.Report{}), c)
				wantRefusal(t, err, f.Stage(), f.Code())
			}
		})
	}
}

func TestFaultsUnderTheSimulatedRootBesideIntels(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	for _, roots := range [][]dcap.Root{{p.Root(), dcap.IntelRoot()}, {dcap.IntelRoot(), p.Root()}} {
		for _, f := range simulator.Faults() {
			t.Run(roots[0].Name()+" first/"+string(f), func(t *testing.T) {
				t.Parallel()
				faulty := withFault(t, p, f)
				_, err := verify(t, newVerifier(t, roots...), quoteOf(t, faulty, simulator.Report{}), collateralOf(t, faulty, simulator.CollateralOptions{}))
				code := f.Code()
				if f == simulator.FaultPCKCASignature {
					code = evidence.CodeUntrustedRoot
				}
				wantRefusal(t, err, f.Stage(), code)
			})
		}
	}
}

func TestFaultsInsideAnOpenEnclaveReport(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	v, err := openenclave.NewVerifier(sgx.Config{Roots: []dcap.Root{p.Root()}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range simulator.Faults() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			faulty := withFault(t, p, f)
			raw, err := faulty.OpenEnclaveReport(simulator.Report{})
			if err != nil {
				t.Fatal(err)
			}
			r, err := openenclave.Parse(raw)
			if err == nil {
				_, err = v.Verify(t.Context(), r, sgx.Options{Collateral: collateralOf(t, faulty, simulator.CollateralOptions{}), At: epoch})
			}
			var e *evidence.Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v, want a refusal", err)
			}
			if e.Stage != f.Stage() {
				t.Errorf("refused at stage %s, want %s: %v", e.Stage, f.Stage(), e)
			}
		})
	}
}

func TestExpiredCollateralIsStaleToThoseWhoAcceptThat(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	v := newVerifier(t, p.Root())
	for f, part := range map[simulator.Fault]string{
		simulator.FaultTCBInfoExpired: "TCB info", simulator.FaultQEIdentityExpired: "QE identity",
		simulator.FaultPCKCRLExpired: "PCK CRL", simulator.FaultRootCRLExpired: "root CA CRL",
	} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			r, err := verifyWith(t, v, quoteOf(t, p, simulator.Report{}), sgx.Options{
				Collateral: collateralOf(t, withFault(t, p, f), simulator.CollateralOptions{}), At: epoch, AcceptStaleCollateral: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.TCB.StaleCollateral) != 1 || !strings.HasPrefix(r.TCB.StaleCollateral[0], part) {
				t.Errorf("stale collateral %q, want the %s", r.TCB.StaleCollateral, part)
			}
		})
	}
}

func TestAFaultTakesThePlaceOfAnother(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	if p.Fault() != "" {
		t.Errorf("a new platform has the fault %q", p.Fault())
	}
	faulty := withFault(t, withFault(t, p, simulator.FaultPCKExpired), simulator.FaultTCBSignerExpired)
	if faulty.Fault() != simulator.FaultTCBSignerExpired {
		t.Errorf("the fault is %q", faulty.Fault())
	}
	if got, want := faulty.String(), "simulated SGX FMSPC 53494d000000, platform CA, fault tcb-signer-expired"; got != want {
		t.Errorf("prints as %q, want %q", got, want)
	}
	if !bytes.Equal(quoteOf(t, faulty, simulator.Report{}), quoteOf(t, p, simulator.Report{})) {
		t.Error("the first fault is still in the quote")
	}
	if !bytes.Equal(faulty.RootCertificatePEM(), p.RootCertificatePEM()) {
		t.Error("the root is another")
	}
}

func TestFaultsDescribeThemselves(t *testing.T) {
	t.Parallel()
	seen := map[simulator.Fault]bool{}
	descriptions := map[string]bool{}
	for _, f := range simulator.Faults() {
		if seen[f] || descriptions[f.Description()] {
			t.Errorf("%s stands twice, or its description does", f)
		}
		seen[f], descriptions[f.Description()] = true, true
		if !f.Valid() || f.Description() == "" || f.Stage() == "" || f.Code() == "" || f.Artifact() == "" {
			t.Errorf("%s lacks a description, stage, code or artifact", f)
		}
		if strings.HasSuffix(f.Description(), ".") || strings.ToLower(string(f)) != string(f) {
			t.Errorf("%s: %q ends in a full stop, or the name is not in lower case", f, f.Description())
		}
	}
}

func TestEveryConstantIsAFault(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "fault.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var constants []simulator.Fault
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Fault") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		constants = append(constants, simulator.Fault(value))
		return true
	})
	if diff := cmp.Diff(constants, simulator.Faults()); diff != "" {
		t.Errorf("constants and Faults differ (-constants +Faults):\n%s", diff)
	}
}

func TestEveryStageIsCovered(t *testing.T) {
	t.Parallel()
	covered := map[evidence.Stage]bool{}
	for _, f := range simulator.Faults() {
		covered[f.Stage()] = true
	}
	for _, s := range []evidence.Stage{
		evidence.StageParse, evidence.StageChain, evidence.StageCollateral, evidence.StageRevocation, evidence.StageQE, evidence.StageSignature,
	} {
		if !covered[s] {
			t.Errorf("no fault is refused at stage %s", s)
		}
	}
}

func TestUnknownFaultsAreRefused(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	for _, f := range []simulator.Fault{"", "pck-revoke", "PCK-REVOKED"} {
		if faulty, err := p.With(f); err == nil || faulty != nil {
			t.Errorf("With(%q) returned %v, %v; want an error", f, faulty, err)
		}
		if f.Valid() || f.Description()+string(f.Stage())+string(f.Code())+string(f.Artifact()) != "" {
			t.Errorf("%q has properties", f)
		}
	}
}

func TestAFaultThatAVersionCannotExpressIsAnError(t *testing.T) {
	t.Parallel()
	p := withFault(t, newPlatform(t, simulator.Config{}), simulator.FaultQEIdentityTDX)
	c, err := p.Collateral(simulator.CollateralOptions{QEIdentityVersion: 1})
	if err == nil || c != nil {
		t.Fatalf("made %v, %v; want an error", c, err)
	}
	if !strings.Contains(err.Error(), "ask for version 2") {
		t.Errorf("error %q does not say what to do", err)
	}
}
