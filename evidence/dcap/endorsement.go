package dcap

import (
	"crypto/x509"
	"fmt"
	"time"

	"github.com/azattest/azattest/evidence"
)

// endorsement is collateral whose every signature holds, up to one root. Time is
// not part of the verdict: the windows are checked at each use.
type endorsement struct {
	tcbInfo    *TCBInfo
	qeIdentity *QEIdentity
	rootCRL    *revocations
	pckCRL     *revocations
	valid      []validity
	hashes     CollateralHashes
}

// verifyCollateral checks every signature of c under one root. The PCK CRL must
// be by this CA.
func verifyCollateral(c *Collateral, root Root, ca issuer) (*endorsement, error) {
	p := c.parts
	e := new(endorsement)
	var err error
	if e.rootCRL, err = verifyCRL("root CA CRL", p.RootCACRL, root.name, root.key); err != nil {
		return nil, err
	}
	if e.pckCRL, err = verifyCRL("PCK CRL", p.PCKCRL, ca.name, ca.key); err != nil {
		return nil, err
	}
	e.valid = []validity{e.rootCRL.valid, e.pckCRL.valid}
	tcbSigner, err := e.verifySigner(tcbInfoPart, p.TCBInfoIssuerChain, root)
	if err != nil {
		return nil, err
	}
	qeSigner := tcbSigner
	if string(p.QEIdentityIssuerChain) != string(p.TCBInfoIssuerChain) {
		if qeSigner, err = e.verifySigner(qeIdentityPart, p.QEIdentityIssuerChain, root); err != nil {
			return nil, err
		}
	}
	if err := e.verifyTCBInfo(p.TCBInfo, tcbSigner); err != nil {
		return nil, err
	}
	if err := e.verifyQEIdentity(p.QEIdentity, qeSigner); err != nil {
		return nil, err
	}
	e.hashes, err = hashCollateral(p, e.rootCRL.der)
	return e, err
}

// verifySigner checks an issuer chain and that the root has not revoked it.
func (e *endorsement) verifySigner(part string, chain []byte, root Root) (*x509.Certificate, error) {
	signer, err := verifyIssuerChain(part, chain, root)
	if err != nil {
		return nil, err
	}
	if err := e.rootCRL.check(signer); err != nil {
		return nil, err
	}
	e.valid = append(e.valid, certificateValidity(evidence.StageCollateral, signer))
	return signer, nil
}

func (e *endorsement) verifyTCBInfo(raw []byte, signer *x509.Certificate) error {
	doc, _, err := splitSigned(tcbInfoPart, raw, maxTCBInfo, "tcbInfo")
	if err != nil {
		return err
	}
	key, err := publicKey(signer)
	if err != nil {
		return err
	}
	if err := doc.verify(tcbInfoPart, key); err != nil {
		return err
	}
	if e.tcbInfo, err = decodeTCBInfo(doc); err != nil {
		return err
	}
	e.valid = append(e.valid, validity{evidence.StageCollateral, tcbInfoPart, e.tcbInfo.IssueDate, e.tcbInfo.NextUpdate})
	return nil
}

func (e *endorsement) verifyQEIdentity(raw []byte, signer *x509.Certificate) error {
	doc, member, err := splitSigned(qeIdentityPart, raw, maxQEIdentity, "enclaveIdentity", "qeIdentity")
	if err != nil {
		return err
	}
	key, err := publicKey(signer)
	if err != nil {
		return err
	}
	if err := doc.verify(qeIdentityPart, key); err != nil {
		return err
	}
	if e.qeIdentity, err = decodeQEIdentity(doc, member); err != nil {
		return err
	}
	e.valid = append(e.valid, validity{evidence.StageCollateral, qeIdentityPart, e.qeIdentity.IssueDate, e.qeIdentity.NextUpdate})
	return nil
}

// check refuses collateral outside its windows. Where the operator accepts stale
// collateral it names the parts that are past their end instead; a part from
// the future is refused all the same.
func (e *endorsement) check(at time.Time, acceptStale bool) ([]string, error) {
	var stale []string
	for _, v := range e.valid {
		if acceptStale && at.After(v.to) {
			stale = append(stale, fmt.Sprintf("%s (until %s)", v.part, v.to.UTC().Format(time.RFC3339)))
			continue
		}
		if err := v.check(at); err != nil {
			return nil, err
		}
	}
	return stale, nil
}

// matches checks that the collateral speaks of this platform.
func (e *endorsement) matches(tee TEE, p *PCK) error {
	if e.tcbInfo.ID != tee.String() {
		return mismatch(tcbInfoPart+": id", e.tcbInfo.ID, tee.String())
	}
	if want := map[TEE]string{SGX: "QE", TDX: "TD_QE"}[tee]; e.qeIdentity.ID != want {
		return mismatch(qeIdentityPart+": id", e.qeIdentity.ID, want)
	}
	if e.tcbInfo.FMSPC != p.FMSPC {
		return mismatch(tcbInfoPart+": fmspc", e.tcbInfo.FMSPC.String(), p.FMSPC.String()+" of the PCK certificate")
	}
	if e.tcbInfo.PCEID != p.PCEID {
		return mismatch(tcbInfoPart+": pceId", fmt.Sprintf("%x", e.tcbInfo.PCEID), fmt.Sprintf("%x of the PCK certificate", p.PCEID))
	}
	return nil
}

// isRecent refuses collateral below the evaluation data number demanded.
func (e *endorsement) isRecent(number int) error {
	refuse := func(part string, found int) error {
		return &evidence.Error{
			Stage: evidence.StageCollateral, Code: evidence.CodeStale, Part: part + ": tcbEvaluationDataNumber", Offset: -1,
			Found: fmt.Sprint(found), Expected: fmt.Sprintf("at least %d", number),
			Hint: "get newer collateral, or demand a lower TCB evaluation data number",
		}
	}
	if n := e.tcbInfo.TCBEvaluationDataNumber; n < number {
		return refuse(tcbInfoPart, n)
	}
	if n := e.qeIdentity.TCBEvaluationDataNumber; n < number {
		return refuse(qeIdentityPart, n)
	}
	return nil
}

func mismatch(part, found, expected string) error {
	return &evidence.Error{
		Stage: evidence.StageCollateral, Code: evidence.CodeMismatch, Part: part, Offset: -1, Found: found, Expected: expected,
	}
}
