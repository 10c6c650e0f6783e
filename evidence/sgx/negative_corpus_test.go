package sgx_test

import (
	"path/filepath"
	"testing"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/internal/corpus"
)

// TestQuotesThatMustFail takes the bad quotes that other projects keep for
// their own tests. What is wrong with each is wrong before any collateral is
// looked at, so that a set which does not fit serves for all.
func TestQuotesThatMustFail(t *testing.T) {
	t.Parallel()
	v := newVerifier(t)
	cases := expectedQuotes(t)
	base := cases[len(cases)-1]
	set := base.Coll[0]
	o := sgx.Options{Collateral: collateralSet(t, filepath.Join(corpus.Dir(t), "evidence", base.Dir, "collateral", set.Name)), At: set.At}
	for name, want := range map[string]struct {
		stage evidence.Stage
		code  evidence.Code
	}{
		"negative/automata-bad-chain-cn":  {evidence.StageChain, evidence.CodeMissing},          // a CA renamed after signing
		"negative/automata-wasm-bad-leaf": {evidence.StageParse, evidence.CodeUnsupported},      // a TDX quote, of a PCK that does not hold
		"negative/fortanix-bad-sig":       {evidence.StageSignature, evidence.CodeBadSignature}, // the signature changed
		"negative/nonprod-root-tdx-v4":    {evidence.StageParse, evidence.CodeUnsupported},      // a TDX quote, of a root that is not Intel's
		"sgx-v3-other/oasis-eppid-72a0":   {evidence.StageChain, evidence.CodeUnsupported},      // no PCK certificate inside
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, err := sgx.Parse(corpus.Read(t, "evidence", filepath.FromSlash(name), "quote.bin"))
			if err == nil {
				_, err = v.Verify(t.Context(), q, o)
			}
			wantCode(t, err, want.stage, want.code)
		})
	}
}

// TestQuoteThatOnlyNamesItsCertificate reads what such a quote has instead of a
// chain.
func TestQuoteThatOnlyNamesItsCertificate(t *testing.T) {
	t.Parallel()
	q, err := sgx.Parse(corpus.Read(t, "evidence", "sgx-v3-other", "oasis-eppid-72a0", "quote.bin"))
	if err != nil {
		t.Fatal(err)
	}
	id, ok := q.CertificationData.Identifier()
	if !ok || q.CertificationData.Type != dcap.CertPPIDRSA3072 || len(id.PPID) != 384 || id.CPUSVN == [16]byte{} {
		t.Errorf("type %s, identifier %t with a PPID of %d bytes; want one encrypted with RSA-3072", q.CertificationData.Type, ok, len(id.PPID))
	}
}
