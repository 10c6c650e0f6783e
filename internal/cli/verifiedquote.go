package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
)

// verifiedQuote is what quote verify --json prints of evidence that is genuine.
// Programs read it: members are added, never renamed.
type verifiedQuote struct {
	Kind                      string             `json:"kind"`
	Format                    string             `json:"format"`
	Genuine                   bool               `json:"genuine"`
	TCBStatus                 evidence.TCBStatus `json:"tcbStatus"`
	PlatformTCBStatus         evidence.TCBStatus `json:"platformTcbStatus"`
	QETCBStatus               evidence.TCBStatus `json:"qeTcbStatus"`
	AdvisoryIDs               []string           `json:"advisoryIds"`
	TCBDate                   *time.Time         `json:"tcbDate"`
	TCBEvaluationDataNumber   int                `json:"tcbEvaluationDataNumber"`
	QETCBEvaluationDataNumber int                `json:"qeTcbEvaluationDataNumber"`
	FMSPC                     string             `json:"fmspc"`
	CA                        dcap.CA            `json:"ca"`
	Behind                    []string           `json:"behind"`
	StaleCollateral           []string           `json:"staleCollateral"`
	Simulated                 bool               `json:"simulated"`
	At                        time.Time          `json:"at"`
	Claims                    *claims.Set        `json:"claims"`
	// Error is there if the evidence is genuine and --require-tcb refuses it.
	Error *reason `json:"error,omitempty"`
}

// notGenuine is what quote verify --json prints of all other evidence.
type notGenuine struct {
	Genuine bool    `json:"genuine"` // false
	Error   *reason `json:"error"`
}

func newVerifiedQuote(format string, platform dcap.Platform, r *evidence.Result, at time.Time) *verifiedQuote {
	v := &verifiedQuote{
		Kind: r.Type, Format: format, Genuine: true,
		TCBStatus: r.TCB.Status, PlatformTCBStatus: r.TCB.Platform, QETCBStatus: r.TCB.QE,
		AdvisoryIDs:             list(r.TCB.Advisories),
		TCBEvaluationDataNumber: r.TCB.EvaluationDataNumber, QETCBEvaluationDataNumber: r.TCB.QEEvaluationDataNumber,
		FMSPC: platform.FMSPC.String(), CA: platform.CA,
		Behind: list(r.TCB.Behind), StaleCollateral: list(r.TCB.StaleCollateral),
		Simulated: r.Simulated, At: at, Claims: r.Claims.Clone(),
	}
	v.Claims.AddAll(r.TokenOnly)
	if !r.TCB.Date.IsZero() {
		date := r.TCB.Date.UTC()
		v.TCBDate = &date
	}
	return v
}

// list is s as JSON shall show it: an array, empty or not.
func list(s []string) []string { return append([]string{}, s...) }

// tcbWords are the statuses in words, to follow "TCB".
var tcbWords = map[evidence.TCBStatus]string{
	evidence.TCBUpToDate:                          "up to date",
	evidence.TCBSWHardeningNeeded:                 "up to date, software hardening needed",
	evidence.TCBConfigurationNeeded:               "up to date, configuration needed",
	evidence.TCBConfigurationAndSWHardeningNeeded: "up to date, configuration and software hardening needed",
	evidence.TCBOutOfDate:                         "out of date",
	evidence.TCBOutOfDateConfigurationNeeded:      "out of date, configuration needed",
	evidence.TCBRevoked:                           "revoked",
	evidence.TCBNoMatchingLevel:                   "below every level that Intel lists",
}

// print writes the verdict and a table.
func (v *verifiedQuote) print(w io.Writer) error {
	what := formatNames[v.Format]
	if v.Simulated {
		what = "SIMULATED " + what + " that proves nothing about hardware"
	}
	if _, err := fmt.Fprintf(w, "genuine %s, TCB %s\n\n", what, tcbWords[v.TCBStatus]); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	t := newTable(w)
	t.row("verified as of", v.At.Format(time.RFC3339))
	t.row("platform", fmt.Sprintf("FMSPC %s, %s CA", v.FMSPC, v.CA))
	t.row("TCB status", v.TCBStatus)
	t.row("  of the platform", v.PlatformTCBStatus)
	t.row("  of the quoting enclave", v.QETCBStatus)
	if v.TCBDate != nil {
		t.row("TCB date", v.TCBDate.Format(time.DateOnly))
	}
	t.row("TCB evaluation data number", fmt.Sprintf("%d, QE identity %d", v.TCBEvaluationDataNumber, v.QETCBEvaluationDataNumber))
	t.rows("advisory", v.AdvisoryIDs)
	t.rows("behind", v.Behind)
	t.rows("STALE COLLATERAL", v.StaleCollateral)
	for name, value := range v.Claims.All() {
		if value.Kind() != claims.KindJSON {
			t.row(name, value)
		}
	}
	return t.flush()
}
