package dcap

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/azattest/azattest/evidence"
)

// intelQESigner is the MRSIGNER of Intel's quoting enclave for SGX. It has been
// the same in every QE identity that Intel published since 2018.
const intelQESigner = "8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff"

// Signatures is what the signatures of a quote prove by themselves. It is no
// [Verification]: nobody has judged the platform's TCB or the version of its
// quoting enclave, and nobody has asked whether a certificate was revoked.
type Signatures struct {
	// PCK is what Intel certified of the platform. Shared: do not change it.
	PCK *PCK
	// QEReport is the report of the quoting enclave that signed.
	QEReport *EnclaveReport
	// Simulated is true under a simulator's root.
	Simulated bool
}

// VerifySignatures checks what can be checked of a quote without collateral: the
// certificate chain to a trusted root key, valid at the given time; the quoting
// enclave's report and its binding of the attestation key; the quote's
// signature. It returns an *[evidence.Error] if anything of it does not hold.
//
// That is less than [Verifier.Verify], and no substitute for it where collateral
// can be had: a platform with known holes passes, and so does one whose keys
// leaked and were revoked.
//
// Who the quoting enclave is, is for collateral to say: the PCK signs for any
// enclave that the owner of the machine lets use the provisioning key, one that
// makes quotes up included. Under Intel's root the quoting enclave must
// therefore be one that Intel signed, not debuggable. Under other roots it is not
// known who it should be, and it is not checked: the caller has QEReport.
func (v *Verifier) VerifySignatures(ctx context.Context, q *Quote, at time.Time) (*Signatures, error) {
	if at.IsZero() {
		return nil, fmt.Errorf("dcap: no time given, want the time for which the quote is verified")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	chain, qe, err := v.signatures(q, at)
	if err != nil {
		return nil, err
	}
	root := v.roots[chain.issuer.root]
	if root.isIntel() {
		if err := isIntelsQE(q.Header.TEE, qe); err != nil {
			return nil, err
		}
	}
	return &Signatures{PCK: chain.pck, QEReport: qe, Simulated: root.simulated}, nil
}

// signatures is what every verification begins with.
func (v *Verifier) signatures(q *Quote, at time.Time) (*pckChain, *EnclaveReport, error) {
	chain, err := v.pckChain(q)
	if err != nil {
		return nil, nil, err
	}
	if err := chain.check(at); err != nil {
		return nil, nil, err
	}
	qe, err := verifyQEReport(q, chain.key)
	if err != nil {
		return nil, nil, err
	}
	if err := verifyQuoteSignature(q); err != nil {
		return nil, nil, err
	}
	return chain, qe, nil
}

// isIntelsQE holds a quoting enclave against what all of Intel's QE identities
// have in common.
func isIntelsQE(tee TEE, qe *EnclaveReport) error {
	if tee != SGX {
		return &evidence.Error{
			Stage: evidence.StageQE, Code: evidence.CodeUnsupported, Part: "quoting enclave", Offset: -1,
			Found: tee.String(), Expected: SGX.String(), Hint: "verify it with collateral",
		}
	}
	signer, err := hex.DecodeString(intelQESigner)
	if err != nil {
		panic("dcap: intelQESigner is not hexadecimal: " + err.Error())
	}
	identity := QEIdentity{
		MISCSELECTMask: 0xffffffff,
		// Initialized and allowed to use the provisioning key, not debuggable;
		// 64-bit mode and XFRM do not matter.
		Attributes:     [16]byte{0: 0x11},
		AttributesMask: [16]byte{0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		MRSIGNER:       [32]byte(signer),
		ISVProdID:      1,
	}
	err = identity.matches(qe)
	if e, ok := errors.AsType[*evidence.Error](err); ok {
		e.Hint = "without collateral, only the quoting enclave that Intel signed is accepted"
	}
	return err
}
