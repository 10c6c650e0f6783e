package dcap

import (
	"context"
	"crypto/x509"
	"fmt"

	"github.com/azattest/azattest/evidence"
)

// CollateralVerification is what is true of collateral that is genuine.
type CollateralVerification struct {
	TCBInfo    *TCBInfo
	QEIdentity *QEIdentity
	// CA whose revocation list the collateral holds.
	CA CA
	// Stale names the parts past their nextUpdate, if that was accepted.
	Stale []string
	// Simulated is true under a simulator's root.
	Simulated bool
}

// CheckCollateral checks collateral without a quote: every signature down to a
// trusted root, revocation of its signers, and the windows. It needs the issuer
// chain of the PCK CRL, which stands in for the chain of a quote. It returns an
// *[evidence.Error] if anything does not hold.
func (v *Verifier) CheckCollateral(ctx context.Context, o Options) (*CollateralVerification, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ca, issuer, err := v.crlIssuer(o.Collateral.parts.PCKCRLIssuerChain)
	if err != nil {
		return nil, err
	}
	if err := certificateValidity(evidence.StageCollateral, ca).check(o.At); err != nil {
		return nil, err
	}
	e, err := v.endorsement(o.Collateral, issuer)
	if err != nil {
		return nil, err
	}
	stale, err := e.check(o.At, o.AcceptStaleCollateral)
	if err != nil {
		return nil, err
	}
	if err := e.rootCRL.check(ca); err != nil {
		return nil, err
	}
	if err := e.isRecent(o.TCBEvaluationDataNumber); err != nil {
		return nil, err
	}
	return &CollateralVerification{
		TCBInfo: e.tcbInfo, QEIdentity: e.qeIdentity, CA: caNames[issuer.name], Stale: stale,
		Simulated: v.roots[issuer.root].simulated,
	}, nil
}

// crlIssuer finds and verifies the CA in the issuer chain of a PCK CRL.
func (v *Verifier) crlIssuer(pemText []byte) (*x509.Certificate, issuer, error) {
	const part = "PCK CRL issuer chain"
	if len(pemText) == 0 {
		return nil, issuer{}, documentError(evidence.CodeMissing, part, "none", "the PCK CA that issued the list", nil)
	}
	certs, err := ParseCertificates(pemText)
	if err != nil {
		return nil, issuer{}, atStage(evidence.StageCollateral, part, err)
	}
	for _, c := range certs {
		if isSelfIssued(c) {
			continue
		}
		ca, err := verifyCA(certs, c, v.roots)
		if err != nil {
			return nil, issuer{}, atStage(evidence.StageCollateral, part, err)
		}
		return c, ca, nil
	}
	return nil, issuer{}, documentError(evidence.CodeMissing, part, fmt.Sprintf("only %s", names(certs)), "the PCK CA that issued the list", nil)
}
