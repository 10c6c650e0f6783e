package evidence

import (
	"slices"
	"time"
)

// TCBStatus is Intel's word for the state of a platform's trusted computing
// base (Intel SGX and TDX Provisioning Certification Service API v4, "TCB
// Status").
type TCBStatus string

// The statuses, from best to worst.
const (
	TCBUpToDate                          TCBStatus = "UpToDate"
	TCBSWHardeningNeeded                 TCBStatus = "SWHardeningNeeded"
	TCBConfigurationNeeded               TCBStatus = "ConfigurationNeeded"
	TCBConfigurationAndSWHardeningNeeded TCBStatus = "ConfigurationAndSWHardeningNeeded"
	TCBOutOfDate                         TCBStatus = "OutOfDate"
	TCBOutOfDateConfigurationNeeded      TCBStatus = "OutOfDateConfigurationNeeded"
	TCBRevoked                           TCBStatus = "Revoked"
	// TCBNoMatchingLevel is ours: the platform's SVNs reach no level that Intel
	// lists ("TCB not supported" in Intel's library).
	TCBNoMatchingLevel TCBStatus = "NoMatchingLevel"
)

// TCBStatuses returns every status, from best to worst.
func TCBStatuses() []TCBStatus {
	return []TCBStatus{
		TCBUpToDate, TCBSWHardeningNeeded, TCBConfigurationNeeded, TCBConfigurationAndSWHardeningNeeded,
		TCBOutOfDate, TCBOutOfDateConfigurationNeeded, TCBRevoked, TCBNoMatchingLevel,
	}
}

// Valid reports whether s is one of [TCBStatuses].
func (s TCBStatus) Valid() bool { return slices.Contains(TCBStatuses(), s) }

// TCB is the state of a platform's trusted computing base under the collateral
// that judged it.
type TCB struct {
	// Status merges Platform and QE by Intel's convergence rule.
	Status TCBStatus
	// Platform is the status of the TCB level that the PCK certificate's SVNs
	// reach.
	Platform TCBStatus
	// QE is the status of the quoting enclave that signed.
	QE TCBStatus
	// Advisories are the IDs of the security advisories that apply
	// (INTEL-SA-…), the platform's first, without repetition.
	Advisories []string
	// Date is the TCB date of the platform's level: fixes for issues up to it
	// are in place. Zero if no level matched.
	Date time.Time
	// EvaluationDataNumber is that of the TCB info.
	EvaluationDataNumber int
	// QEEvaluationDataNumber is that of the QE identity, 0 for version 1, which
	// has none.
	QEEvaluationDataNumber int
	// Behind says, for people, in what the platform falls short of the newest
	// level: one line per component, with the SVN found and the SVN wanted.
	Behind []string
	// StaleCollateral names the collateral that was outside its validity at the
	// time of verification. It is empty unless the operator accepted that.
	StaleCollateral []string
}
