package tpm

import (
	"crypto/rsa"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// verifyEnclave checks the report of an enclave by the keys of the secure kernel
// that was booted. What was quoted before counts only if that is what runs: anybody
// may have booted a kernel with a key of his own before this one.
func verifyEnclave(f *found) error {
	r := f.request
	if r.enclave == nil {
		return nil
	}
	keys, err := kernelKeys(f.logs)
	if len(keys) == 0 && f.isResumedFromBoot() {
		keys, err = kernelKeys(f.bootLogs)
	}
	for _, k := range keys {
		if err = r.enclave.Verify(k, r.reportSigned); err == nil {
			return nil
		}
	}
	return err
}

// kernelKeys returns the keys of the secure kernel in several logs, and if there are
// none why.
func kernelKeys(logs []*eventlog.Proven) ([]*rsa.PublicKey, error) {
	var keys []*rsa.PublicKey
	var problem error
	for _, p := range logs {
		more, err := IDKS(p)
		if err != nil {
			problem = err
		}
		keys = append(keys, more...)
	}
	if len(keys) > 0 {
		return keys, nil
	}
	return nil, problem
}
