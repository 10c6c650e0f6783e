package simulator

import (
	"fmt"

	"github.com/azattest/azattest/evidence"
)

// Fault is a defect that [Platform.With] builds into quotes or collateral. A
// verifier that trusts the simulated root refuses what has it, with exactly the
// [Fault.Stage] and [Fault.Code] of the fault. (With other roots beside it,
// [FaultPCKCASignature] is an untrusted root: none of them signed the CA.) A
// verifier that accepts stale collateral accepts expired collateral.
type Fault string

// Faults of quotes, those of their certificate chains included.
const (
	FaultQuoteTruncated           Fault = "quote-truncated"
	FaultQuoteTrailingData        Fault = "quote-trailing-data"
	FaultQuoteTooLarge            Fault = "quote-too-large"
	FaultQuoteVersion             Fault = "quote-version"
	FaultQuoteKeyType             Fault = "quote-key-type"
	FaultQuoteTEEType             Fault = "quote-tee-type"
	FaultQuoteVendor              Fault = "quote-vendor"
	FaultCertificationDataUnknown Fault = "certification-data-unknown"
	FaultCertificationDataPPID    Fault = "certification-data-ppid"
	FaultCertificationDataLeaf    Fault = "certification-data-leaf"
	FaultChainGarbage             Fault = "chain-garbage"
	FaultChainWithoutPCK          Fault = "chain-without-pck"
	FaultChainWithoutCA           Fault = "chain-without-ca"
	FaultForeignRoot              Fault = "foreign-root"
	FaultRootKey                  Fault = "root-key"
	FaultPCKByTCBSigner           Fault = "pck-by-tcb-signer"
	FaultPCKSignature             Fault = "pck-signature"
	FaultPCKCASignature           Fault = "pck-ca-signature"
	FaultPCKExpired               Fault = "pck-expired"
	FaultPCKNotYetValid           Fault = "pck-not-yet-valid"
	FaultPCKCAExpired             Fault = "pck-ca-expired"
	FaultPCKCANotYetValid         Fault = "pck-ca-not-yet-valid"
	FaultRootExpired              Fault = "root-expired"
	FaultRootNotYetValid          Fault = "root-not-yet-valid"
	FaultPCKName                  Fault = "pck-name"
	FaultPCKIsCA                  Fault = "pck-is-ca"
	FaultPCKUsage                 Fault = "pck-usage"
	FaultPCKWithoutExtension      Fault = "pck-without-extension"
	FaultPCKExtension             Fault = "pck-extension"
	FaultPCKCAName                Fault = "pck-ca-name"
	FaultPCKCAIsNoCA              Fault = "pck-ca-is-no-ca"
	FaultPCKCAUsage               Fault = "pck-ca-usage"
	FaultQEReportSignature        Fault = "qe-report-signature"
	FaultAttestationKeyBinding    Fault = "attestation-key-binding"
	FaultQEAuthData               Fault = "qe-auth-data"
	FaultQEMRSIGNER               Fault = "qe-mrsigner"
	FaultQEAttributes             Fault = "qe-attributes"
	FaultQEMISCSELECT             Fault = "qe-miscselect"
	FaultQEProdID                 Fault = "qe-prodid"
	FaultQuoteSignature           Fault = "quote-signature"
	FaultQuoteSignatureZero       Fault = "quote-signature-zero"
	FaultQuoteMeasurement         Fault = "quote-measurement"
	FaultAttestationKeyInvalid    Fault = "attestation-key-invalid"
)

// Faults of collateral.
const (
	FaultTCBInfoMissing          Fault = "tcb-info-missing"
	FaultTCBInfoSignerMissing    Fault = "tcb-info-signer-missing"
	FaultTCBInfoSignature        Fault = "tcb-info-signature"
	FaultTCBInfoReformatted      Fault = "tcb-info-reformatted"
	FaultTCBInfoGarbage          Fault = "tcb-info-garbage"
	FaultTCBInfoVersion          Fault = "tcb-info-version"
	FaultTCBInfoExpired          Fault = "tcb-info-expired"
	FaultTCBInfoNotYetValid      Fault = "tcb-info-not-yet-valid"
	FaultQEIdentityMissing       Fault = "qe-identity-missing"
	FaultQEIdentitySignerMissing Fault = "qe-identity-signer-missing"
	FaultQEIdentitySignature     Fault = "qe-identity-signature"
	FaultQEIdentityReformatted   Fault = "qe-identity-reformatted"
	FaultQEIdentityGarbage       Fault = "qe-identity-garbage"
	FaultQEIdentityVersion       Fault = "qe-identity-version"
	FaultQEIdentityExpired       Fault = "qe-identity-expired"
	FaultQEIdentityNotYetValid   Fault = "qe-identity-not-yet-valid"
	FaultTCBInfoStatus           Fault = "tcb-info-status"
	FaultTCBInfoFMSPC            Fault = "tcb-info-fmspc"
	FaultTCBInfoPCEID            Fault = "tcb-info-pceid"
	FaultTCBInfoTDX              Fault = "tcb-info-tdx"
	FaultQEIdentityTDX           Fault = "qe-identity-tdx"
	FaultTCBSignerExpired        Fault = "tcb-signer-expired"
	FaultTCBSignerNotYetValid    Fault = "tcb-signer-not-yet-valid"
	FaultTCBSignerSignature      Fault = "tcb-signer-signature"
	FaultTCBSignerForeignRoot    Fault = "tcb-signer-foreign-root"
	FaultTCBSignerName           Fault = "tcb-signer-name"
	FaultTCBSignerIsPCK          Fault = "tcb-signer-is-pck"
	FaultPCKRevoked              Fault = "pck-revoked"
	FaultPCKCARevoked            Fault = "pck-ca-revoked"
	FaultTCBSignerRevoked        Fault = "tcb-signer-revoked"
	FaultPCKCRLMissing           Fault = "pck-crl-missing"
	FaultPCKCRLGarbage           Fault = "pck-crl-garbage"
	FaultPCKCRLSignature         Fault = "pck-crl-signature"
	FaultPCKCRLExpired           Fault = "pck-crl-expired"
	FaultPCKCRLNotYetValid       Fault = "pck-crl-not-yet-valid"
	FaultPCKCRLPartial           Fault = "pck-crl-partial"
	FaultRootCRLMissing          Fault = "root-crl-missing"
	FaultRootCRLGarbage          Fault = "root-crl-garbage"
	FaultRootCRLSignature        Fault = "root-crl-signature"
	FaultRootCRLExpired          Fault = "root-crl-expired"
	FaultRootCRLNotYetValid      Fault = "root-crl-not-yet-valid"
	FaultRootCRLPartial          Fault = "root-crl-partial"
	FaultPCKCRLOtherCA           Fault = "pck-crl-other-ca"
	FaultPCKCRLIsRootCRL         Fault = "pck-crl-is-root-crl"
	FaultRootCRLIsPCKCRL         Fault = "root-crl-is-pck-crl"
)

// Artifact is what a fault spoils.
type Artifact string

// The artifacts.
const (
	ArtifactQuote      Artifact = "quote"
	ArtifactCollateral Artifact = "collateral"
)

// Faults returns every fault, those of quotes first.
func Faults() []Fault {
	all := make([]Fault, 0, len(quoteDefects)+len(collateralDefects))
	for _, list := range [][]defect{quoteDefects, collateralDefects} {
		for i := range list {
			all = append(all, list[i].fault)
		}
	}
	return all
}

// Valid reports whether f is one of [Faults].
func (f Fault) Valid() bool {
	_, err := f.defect()
	return err == nil
}

// Description says in a clause what is wrong: "the PCK certificate is revoked".
// It is empty for a fault that is not one of [Faults], as are the other
// properties.
func (f Fault) Description() string { return f.properties().description }

// Artifact is what the fault spoils.
func (f Fault) Artifact() Artifact { return f.properties().artifact() }

// Stage is the step of the verification that refuses.
func (f Fault) Stage() evidence.Stage { return f.properties().stage }

// Code is the reason of the refusal.
func (f Fault) Code() evidence.Code { return f.properties().code }

func (f Fault) properties() *defect {
	d, err := f.defect()
	if err != nil {
		return new(defect)
	}
	return d
}

func (f Fault) defect() (*defect, error) {
	for _, list := range [][]defect{quoteDefects, collateralDefects} {
		for i := range list {
			if list[i].fault == f {
				return &list[i], nil
			}
		}
	}
	return nil, fmt.Errorf("simulator: no fault %q, want one of Faults", string(f))
}
