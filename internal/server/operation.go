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

	// These are ours: Azure's service enrolls nobody.
	opBeginEnrollment    operation = "BeginTpmEnrollment"
	opActivateEnrollment operation = "ActivateTpmEnrollment"
)

// isChange reports whether the operation changes what is stored.
func (o operation) isChange() bool {
	switch o {
	case opSetPolicy, opResetPolicy, opAddCertificate, opRemoveCertificate:
		return true
	case opAttest, opGetPolicy, opGetCertificates, opGetBaselines, opBeginEnrollment, opActivateEnrollment:
	}
	return false
}

// isEnrollment reports whether the operation is a step of an enrollment.
func (o operation) isEnrollment() bool { return o == opBeginEnrollment || o == opActivateEnrollment }

// isEvent reports whether the operation is an event that no crash may take out of
// the trail: a change, or a certificate that is out in the world from then on.
func (o operation) isEvent() bool { return o.isChange() || o == opActivateEnrollment }

// counted is what the numbers call a change.
func (o operation) counted() (telemetry.ChangeKind, telemetry.ChangeAction) {
	switch o {
	case opResetPolicy:
		return telemetry.ChangePolicy, telemetry.ActionReset
	case opAddCertificate:
		return telemetry.ChangeCertificate, telemetry.ActionAdd
	case opRemoveCertificate:
		return telemetry.ChangeCertificate, telemetry.ActionRemove
	case opSetPolicy, opAttest, opGetPolicy, opGetCertificates, opGetBaselines, opBeginEnrollment, opActivateEnrollment:
	}
	return telemetry.ChangePolicy, telemetry.ActionSet
}
