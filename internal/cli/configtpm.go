package cli

import (
	"crypto/x509"
	"fmt"
	"slices"
)

// tpm checks the certificates of those whose word counts for TPMs.
func (f *configFiles) tpm() {
	t := &f.c.TPM
	for key, names := range map[string][]string{
		"tpm.aikRootFiles": t.AIKRootFiles, "tpm.aikIntermediateFiles": t.AIKIntermediateFiles,
		"tpm.ekRootFiles": t.EKRootFiles, "tpm.ekIntermediateFiles": t.EKIntermediateFiles,
	} {
		for i, name := range names {
			f.authorities(fmt.Sprintf("%s[%d]", key, i), name)
		}
	}
}

// authorities checks a PEM file of certificates of authorities. Collections of all
// vendors have some that have ended and do no harm; of a file at least one counts.
func (f *configFiles) authorities(key, name string) {
	raw := f.read(key, name)
	if raw == nil {
		return
	}
	found, err := authorityCertificates(raw)
	if err != nil {
		f.fault(key, "%s: %v", name, err)
		return
	}
	now := f.s.Now()
	if !slices.ContainsFunc(found, func(c *x509.Certificate) bool { return !now.After(c.NotAfter) }) {
		f.validity(key, found[0])
	}
}
