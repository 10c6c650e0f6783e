package sgx

import (
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
)

// Quote is an SGX quote, parsed and not trusted.
type Quote struct {
	*dcap.Quote
	// Report is the enclave's report body.
	Report *dcap.EnclaveReport

	claims *claims.Set
}

var _ evidence.Evidence = (*Quote)(nil)

// Parse takes a quote apart. Errors are *[evidence.Error] of stage parse, with
// the offset.
func Parse(raw []byte) (*Quote, error) {
	q, err := dcap.ParseQuote(raw)
	if err != nil {
		return nil, err
	}
	if q.Header.TEE != dcap.SGX {
		return nil, &evidence.Error{
			Stage: evidence.StageParse, Code: evidence.CodeUnsupported, Part: "quote header: TEE type", Offset: 4,
			Found: q.Header.TEE.String(), Expected: dcap.SGX.String(),
		}
	}
	report, err := dcap.ParseEnclaveReport(q.Body)
	if err != nil {
		return nil, err
	}
	return &Quote{Quote: q, Report: report, claims: claimsOf(report)}, nil
}

// Claims returns what the quote says of its enclave, unverified: the claims that
// a verified [evidence.Result] shows, and their deprecated names.
func (q *Quote) Claims() *claims.Set {
	all := q.claims.Clone()
	all.AddAll(Aliases(q.claims))
	return all
}
