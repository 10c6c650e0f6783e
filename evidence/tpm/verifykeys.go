package tpm

import "github.com/azattest/azattest/evidence"

// verifyKeys checks how the keys are bound, and that the one which the request
// names has signed it. A request without a key of its own is signed by the AIK:
// then there is nothing to encrypt to, and the token confirms no key.
func (v *Verifier) verifyKeys(f *found) error {
	r := f.request
	want := Requirements{QualifyingData: r.challenge, AllowSHA1Signatures: v.config.AcceptSHA1}
	signer, isAIK := f.aik.Key(), true
	if r.key != nil {
		signer, isAIK = r.key.key, equalKeys(r.key.key, f.aik.Key())
		var err error
		if f.key, err = r.key.verify(f.aik, want); err != nil {
			return err
		}
		if r.jws.version == 2 && !r.key.isBound() && !isAIK {
			e := refuse(StageCertification, evidence.CodeMissing, r.key.path+".info", "a key that nothing binds to the TPM",
				"tpm_quote, or tpm_certify of a key that was made in the TPM and never leaves it")
			e.Hint = "with a quote, the key must be bound by it or reside in the same TPM"
			return e
		}
	}
	if err := r.jws.verify(signer, isAIK); err != nil {
		return err
	}
	for _, k := range r.otherKeys {
		object, err := k.verify(f.aik, want)
		if err != nil {
			return err
		}
		f.otherKeys = append(f.otherKeys, object)
	}
	return nil
}
