package server

import "github.com/azattest/azattest/internal/telemetry"

// operation names what a request does, in log and audit trail: the names that the
// real service's log has, as far as they are public.
type operation string

const (
	opAttest            operation = "Attest"
	opGetPolicy         operation = "GetCurrentPolicy"
	opSetPolicy         operation = "SetCurrentPolicy"
	opResetPolicy       operation = "ResetCurrentPolicy"
	opGetCertificates   operation = "GetPolicyCertificates"
	opAddCertificate    operation = "AddPolicyCertificate"
	opRemoveCertificate operation = "RemovePolicyCertificate"
	opGetBaselines      operation = "GetTcbBaselines"
)

// isChange reports whether the operation changes what is stored.
func (o operation) isChange() bool {
	switch o {
	case opSetPolicy, opResetPolicy, opAddCertificate, opRemoveCertificate:
		return true
	case opAttest, opGetPolicy, opGetCertificates, opGetBaselines:
	}
	return false
}

// counted is what the numbers call a change.
func (o operation) counted() (telemetry.ChangeKind, telemetry.ChangeAction) {
	switch o {
	case opResetPolicy:
		return telemetry.ChangePolicy, telemetry.ActionReset
	case opAddCertificate:
		return telemetry.ChangeCertificate, telemetry.ActionAdd
	case opRemoveCertificate:
		return telemetry.ChangeCertificate, telemetry.ActionRemove
	case opSetPolicy, opAttest, opGetPolicy, opGetCertificates, opGetBaselines:
	}
	return telemetry.ChangePolicy, telemetry.ActionSet
}
