package sgx_test

import (
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/simulator"
)

// needCollateral are the faults of quotes that nobody can see without
// collateral: under a root that is not Intel's, only the QE identity says who the
// quoting enclave is.
var needCollateral = []simulator.Fault{
	simulator.FaultQEMRSIGNER, simulator.FaultQEAttributes, simulator.FaultQEMISCSELECT, simulator.FaultQEProdID,
}

// Every fault of a quote is refused without collateral as it is with it.
func TestSignaturesRefuseWhatVerifyRefuses(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, "signatures", dcap.PlatformCA)
	v := newVerifier(t, p.Root())
	unseen := map[simulator.Fault]bool{}
	for _, f := range needCollateral {
		unseen[f] = true
	}
	for _, f := range simulator.Faults() {
		if f.Artifact() != simulator.ArtifactQuote {
			continue
		}
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			faulty, err := p.With(f)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := faulty.Quote(simulator.Report{})
			if err != nil {
				t.Fatal(err)
			}
			q, err := sgx.Parse(raw)
			if err == nil {
				_, err = v.VerifySignatures(t.Context(), q, now)
			}
			if unseen[f] {
				if err != nil {
					t.Errorf("refused: %v; want it unseen without collateral", err)
				}
				return
			}
			wantCode(t, err, f.Stage(), f.Code())
		})
	}
}

func TestSignaturesOfAGenuineQuote(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, "signatures", dcap.PlatformCA)
	q := quoteOf(t, p, simulator.Report{})
	got, err := newVerifier(t, p.Root()).VerifySignatures(t.Context(), q, now)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Simulated || got.PCK.FMSPC != p.Identity().FMSPC || got.QEReport.ISVProdID != 1 {
		t.Errorf("signatures %+v, want those of the simulated platform", got)
	}
	_, err = newVerifier(t).VerifySignatures(t.Context(), q, now)
	wantCode(t, err, evidence.StageChain, evidence.CodeUntrustedRoot)
	if _, err := newVerifier(t, p.Root()).VerifySignatures(t.Context(), q, time.Time{}); err == nil {
		t.Error("verified at no time")
	}
	_, err = newVerifier(t, p.Root()).VerifySignatures(t.Context(), q, now.AddDate(50, 0, 0))
	wantCode(t, err, evidence.StageChain, evidence.CodeExpired)
}

// The quoting enclave of every real quote is the one that is known without
// collateral.
func TestSignaturesOfRealQuotes(t *testing.T) {
	t.Parallel()
	verified := 0
	for _, c := range expectedQuotes(t) {
		if len(c.Coll) == 0 {
			continue // no chain of its own, or no time at which it was valid
		}
		q, err := sgx.Parse(corpus.Read(t, "evidence", c.Dir, "quote.bin"))
		if err != nil {
			t.Fatalf("%s: %v", c.Dir, err)
		}
		if _, err := newVerifier(t).VerifySignatures(t.Context(), q, c.Coll[0].At); err != nil {
			t.Errorf("%s: %v", c.Dir, err)
			continue
		}
		verified++
	}
	if verified < 12 {
		t.Errorf("verified the signatures of %d quotes, want 12 at least", verified)
	}
}
