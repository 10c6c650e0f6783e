package tpm

import (
	"crypto/rsa"
	"slices"

	"github.com/azattest/azattest/evidence"
)

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
