package tpm

import (
	"fmt"

	"github.com/azattest/azattest/evidence"
)

// verifyBoot checks what was quoted before hibernation. It answers no challenge,
// for it was made before anybody asked; that the TPM was not reset since then, its
// counts say. Whether it speaks for what runs now, isResumedFromBoot does.
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
			fmt.Sprintf("no reset between it and reset count %d, restart count %d at %d ms", now.ResetCount, now.RestartCount, now.Clock))
		e.Hint = "the TPM was reset since: quote at boot, and keep that until the next one"
		return e
	}
	return nil
}
