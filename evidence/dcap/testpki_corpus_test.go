package dcap_test

import (
	"errors"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/internal/corpus"
)

// synthetic is the sample of Intel's quote verification library: everything
// signed under a root of its own, with the PCK chain beside the quote.
func synthetic(t *testing.T) (*dcap.Quote, dcap.CollateralParts, dcap.Root, time.Time) {
	t.Helper()
	read := func(name string) []byte {
		return corpus.Read(t, "evidence", "synthetic-pki", "intel-qvl-sgx", name)
	}
	bare, err := dcap.ParseQuote(read("quote.dat"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newVerifier(t).Platform(bare); err == nil {
		t.Error("a quote that only names its PCK certificate gives a platform")
	}
	q, err := bare.WithPCKChain(append(read("pckCert.pem"), read("pckSignChain.pem")...))
	if err != nil {
		t.Fatal(err)
	}
	root, err := dcap.RootFromPEM(read("trustedRootCaCert.pem"), true)
	if err != nil {
		t.Fatal(err)
	}
	signing := read("tcbSignChain.pem")
	return q, dcap.CollateralParts{
		TCBInfo: read("tcbInfo.json"), TCBInfoIssuerChain: signing,
		QEIdentity: read("qeIdentity.json"), QEIdentityIssuerChain: signing,
		PCKCRL: read("intermediateCaCrl.der"), PCKCRLIssuerChain: read("pckSignChain.pem"),
		RootCACRL: read("rootCaCrl.der"),
	}, root, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
}

func TestSyntheticSampleOfIntel(t *testing.T) {
	t.Parallel()
	q, p, root, at := synthetic(t)
	v := newVerifier(t, root)
	t.Run("collateral", func(t *testing.T) {
		t.Parallel()
		got, err := v.CheckCollateral(t.Context(), dcap.Options{Collateral: dcap.NewCollateral(p), At: at})
		if err != nil {
			t.Fatal(err)
		}
		if !got.Simulated {
			t.Error("not marked as simulated")
		}
	})
	t.Run("quote", func(t *testing.T) {
		t.Parallel()
		got, err := v.Verify(t.Context(), q, dcap.Options{Collateral: dcap.NewCollateral(p), At: at})
		if err != nil {
			t.Fatal(err)
		}
		if !got.Simulated {
			t.Error("not marked as simulated")
		}
		if got.TCB.Status != evidence.TCBUpToDate || got.TCB.EvaluationDataNumber != 3 || len(got.TCB.Behind) > 0 {
			t.Errorf("TCB %+v, want up to date by evaluation 3", got.TCB)
		}
	})
	t.Run("not under Intel's root", func(t *testing.T) {
		t.Parallel()
		_, err := newVerifier(t).Verify(t.Context(), q, dcap.Options{Collateral: dcap.NewCollateral(p), At: at})
		if e, ok := errors.AsType[*evidence.Error](err); !ok || e.Code != evidence.CodeUntrustedRoot {
			t.Errorf("error %v, want an untrusted root", err)
		}
	})
}
