package tpm

import (
	"fmt"

	"github.com/azattest/azattest/evidence"
)

// verifyBoot checks what was quoted before hibernation. It answers no challenge,
// for it was made before anybody asked; that it is of the boot which was resumed,
// the counts of the TPM say.
func (v *Verifier) verifyBoot(f *found, mask uint32) error {
	p := f.request.boot
	if p == nil {
		return nil
	}
	if p.key != nil && !equalKeys(f.aik.Key(), p.key) {
		return refuse(StageKey, evidence.CodeMismatch, p.path+".aik_pub", "another key", "the AIK of the current attestation")
	}
	if p.certificate != nil {
		leaf, err := ParseCertificate(p.certificate)
		if err != nil {
			return inRequest(err, p.path+".aik_cert")
		}
		if !equalKeys(f.aik.Key(), leaf.PublicKey) {
			return refuse(StageKey, evidence.CodeMismatch, p.path+".aik_cert", "another key", "the AIK of the current attestation")
		}
	}
	var err error
	if f.bootQuote, f.bootLogs, err = v.verifyPlatform(p, f.aik, Requirements{anyData: true}, mask); err != nil {
		return err
	}
	if then, now := f.bootLogs[0].Bank, f.logs[0].Bank; then != now {
		return refuse(StageQuote, evidence.CodeMismatch, p.path+": PCRs", "bank "+then.String(), now.String()+", by which the current attestation is proven")
	}
	now, then := &f.quote.Attest.Clock, &f.bootQuote.Attest.Clock
	if then.ResetCount != now.ResetCount || then.RestartCount > now.RestartCount || then.Clock > now.Clock {
		e := refuse(StageQuote, evidence.CodeMismatch, p.path+": clock",
			fmt.Sprintf("reset count %d, restart count %d at %d ms", then.ResetCount, then.RestartCount, then.Clock),
			fmt.Sprintf("the same boot, earlier than reset count %d, restart count %d at %d ms", now.ResetCount, now.RestartCount, now.Clock))
		e.Hint = "it is of another boot: quote at boot, and keep that until the next restart"
		return e
	}
	return nil
}
