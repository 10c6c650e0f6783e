package relyingparty_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/relyingparty"
)

// collateralSet is a set of the corpus for the platform family of Azure's own
// machines, FMSPC 00906ed50000.
func collateralSet(t testing.TB, quote, set string) *dcap.Collateral {
	t.Helper()
	read := func(name string) []byte {
		return corpus.Read(t, "evidence", "sgx-v3", quote, "collateral", set, name)
	}
	chain := read("tcb_signing_chain.pem")
	return dcap.NewCollateral(dcap.CollateralParts{
		TCBInfo: read("tcb_info.json"), TCBInfoIssuerChain: chain,
		QEIdentity: read("qe_identity.json"), QEIdentityIssuerChain: chain,
		PCKCRL: read("pck_crl.der"), PCKCRLIssuerChain: read("pck_crl_issuer_chain.pem"),
		RootCACRL: read("root_ca_crl.der"),
	})
}

// collateralOfTheService is that by which the real service judged in 2022: TCB
// evaluation 10, pinned, with the revocation lists of the day.
func collateralOfTheService(t testing.TB) *dcap.Collateral {
	t.Helper()
	read := func(path string) []byte { return corpus.Read(t, filepath.FromSlash(path)) }
	chain := read("maa/collateral/tcb_signing_chain_2018.pem")
	const lists = "evidence/sgx-v3/integritee-00906ea1/collateral/2022-10-18-e12-tcbv2/"
	return dcap.NewCollateral(dcap.CollateralParts{
		TCBInfo:            read("evidence/pcs-collateral/until-2025-06/tcb_info/00906ed50000-SGX-v2-e10-2021-03-31.json"),
		TCBInfoIssuerChain: chain,
		QEIdentity:         read("evidence/pcs-collateral/until-2025-06/qe_identity/QE-e10-2021-07-01.json"), QEIdentityIssuerChain: chain,
		PCKCRL: read(lists + "pck_crl.der"), PCKCRLIssuerChain: read(lists + "pck_crl_issuer_chain.pem"),
		RootCACRL: read("evidence/trust-anchors/intel/root_ca_crl_2022-04-19_2023-04-19.der"),
	})
}

// With collateral the recorded certificates say in which state their platforms
// were. Those that were certified after a set's time are not valid yet for it.
func TestRecordedSigningCertificatesWithCollateral(t *testing.T) {
	t.Parallel()
	const family = "maa-cert-sharedwus-2022"
	for name, test := range map[string]struct {
		set                                     *dcap.Collateral
		at                                      time.Time
		stale                                   bool
		hardeningNeeded, outOfDate, notYetValid int
	}{
		"of May 2022":           {collateralSet(t, family, "2022-05-09-e12-tcbv2"), time.Date(2022, 5, 18, 9, 47, 34, 0, time.UTC), false, 55, 32, 7},
		"of May 2022, pinned":   {collateralSet(t, family, "2022-05-09-e12-tcbv2"), recordedAt, true, 61, 33, 0},
		"of May 2023":           {collateralSet(t, "openenclave-00906ed5-ad73", "2023-05-11-e15-tcbv3"), time.Date(2023, 5, 20, 0, 0, 0, 0, time.UTC), false, 0, 94, 0},
		"of May 2025":           {collateralSet(t, family, "2025-05-27-e17-tcbv3"), time.Date(2025, 6, 10, 0, 0, 0, 0, time.UTC), false, 0, 94, 0},
		"the service's of 2022": {collateralOfTheService(t), time.Date(2022, 11, 1, 0, 0, 0, 0, time.UTC), true, 94, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := map[string]int{}
			for _, k := range attestedKeys(t) {
				r, err := relyingparty.VerifySigningCertificate(t.Context(), parse(t, k.X5C[0]), relyingparty.SigningCertificateOptions{
					Collateral: test.set, At: test.at, AcceptStaleCollateral: test.stale, KeyID: k.KeyID, Identity: isAzures,
				})
				if e, ok := errors.AsType[*evidence.Error](err); ok {
					got[string(e.Code)]++
					continue
				}
				if err != nil {
					t.Errorf("key %s: %v", k.KeyID, err)
					continue
				}
				if !r.TCBJudged || len(r.TCB.StaleCollateral) > 0 != test.stale {
					t.Errorf("key %s: judged %t by stale collateral %q", k.KeyID, r.TCBJudged, r.TCB.StaleCollateral)
				}
				got[string(r.TCB.Status)]++
			}
			want := map[string]int{}
			for status, n := range map[string]int{
				string(evidence.TCBSWHardeningNeeded): test.hardeningNeeded, string(evidence.TCBOutOfDate): test.outOfDate,
				string(evidence.CodeNotYetValid): test.notYetValid,
			} {
				if n > 0 {
					want[status] = n
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
