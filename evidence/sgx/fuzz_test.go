package sgx_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/internal/corpus"
)

// FuzzVerify changes a real quote and expects that nothing but the original, or
// a change in what no signature covers, verifies with other claims.
func FuzzVerify(f *testing.F) {
	f.Add([]byte{3, 0, 2, 0})
	var genuine *sgx.Quote
	set := dcap.NewCollateral(dcap.CollateralParts{})
	at := time.Date(2025, 6, 15, 1, 27, 46, 0, time.UTC)
	if dir, ok := corpus.Find(); ok {
		raw, err := os.ReadFile(filepath.Join(dir, "evidence", "sgx-v3", "phala-a067", "quote.bin"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
		if genuine, err = sgx.Parse(raw); err != nil {
			f.Fatal(err)
		}
		set = collateralSet(f, filepath.Join(dir, "evidence", "sgx-v3", "phala-a067", "collateral", "2025-06-03-e19-tcbv2"))
	}
	v := newVerifier(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		q, err := sgx.Parse(raw)
		if err != nil {
			return
		}
		result, err := v.Verify(t.Context(), q, sgx.Options{Collateral: set, At: at})
		if err != nil {
			return
		}
		if genuine == nil || *q.Report != *genuine.Report || result.TCB == nil {
			t.Errorf("verified a quote that no platform signed: %x", raw)
		}
	})
}
