package tpm

import (
	"crypto/rsa"
	"errors"

	"github.com/azattest/azattest/evidence"
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
	if isMissing(err) && f.isResumedFromBoot() {
		// A resume that measured a key speaks for itself, also with one that cannot be
		// read.
		keys, err = kernelKeys(f.bootLogs)
	}
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err = r.enclave.Verify(k, r.reportSigned); err == nil {
			return nil
		}
	}
	return err
}

// kernelKeys returns the keys of the secure kernel in several logs, one at least. If
// none of them measured one, the error is of the code missing; what was measured and
// cannot be read is another.
func kernelKeys(logs []*eventlog.Proven) ([]*rsa.PublicKey, error) {
	var keys []*rsa.PublicKey
	var missing error = refuse(StageEnclave, evidence.CodeMissing, "VSM_IDKS_INFO", "no log", "a log with the key of the secure kernel")
	for _, p := range logs {
		more, err := IDKS(p)
		switch {
		case isMissing(err):
			missing = err
		case err != nil:
			return nil, err
		}
		keys = append(keys, more...)
	}
	if len(keys) == 0 {
		return nil, missing
	}
	return keys, nil
}

func isMissing(err error) bool {
	e, ok := errors.AsType[*evidence.Error](err)
	return ok && e.Code == evidence.CodeMissing
}
