package tpm

import (
	"crypto"
	"crypto/rsa"
	"fmt"
	"slices"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

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

// found is what a verification has found so far.
type found struct {
	request *Request
	aik     *AIK
	quote   *Quote
	logs    []*eventlog.Proven
	// bootQuote and bootLogs are nil without a boot attestation.
	bootQuote *Quote
	bootLogs  []*eventlog.Proven
	// key and otherKeys are the objects that policies read of the keys.
	key       claims.Value
	otherKeys []claims.Value
}

// verifyEnclave checks the report of an enclave by the keys of the secure kernel
// that the boot has measured.
func verifyEnclave(f *found) error {
	r := f.request
	if r.enclave == nil {
		return nil
	}
	var keys []*rsa.PublicKey
	var err error
	for _, p := range slices.Concat(f.logs, f.bootLogs) {
		var more []*rsa.PublicKey
		if more, err = IDKS(p); err == nil {
			keys = append(keys, more...)
		}
	}
	if len(keys) == 0 {
		if err == nil {
			err = refuse(StageEnclave, evidence.CodeMissing, "VSM_IDKS_INFO", "no log", "the log of a boot with the key of the secure kernel")
		}
		return err
	}
	for _, k := range keys {
		if err = r.enclave.Verify(k, r.reportSigned); err == nil {
			return nil
		}
	}
	return err
}

// jwkOf returns a key as tokens have it.
func jwkOf(key crypto.PublicKey) (*claims.Set, error) {
	jwk, err := NewJWK(key)
	if err != nil {
		return nil, fmt.Errorf("tpm: %w", err)
	}
	set := new(claims.Set)
	for _, m := range [][2]string{{"kty", jwk.Kty}, {"n", jwk.N}, {"e", jwk.E}, {"crv", jwk.Crv}, {"x", jwk.X}, {"y", jwk.Y}} {
		if m[1] != "" {
			set.Add(m[0], claims.String(m[1]))
		}
	}
	return set, nil
}
