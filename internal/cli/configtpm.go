package cli

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/enroll"
)

// tpm checks the certificates of those whose word counts for TPMs.
func (f *configFiles) tpm(t *config.TPM) {
	for key, names := range map[string][]string{
		"tpm.aikRootFiles": t.AIKRootFiles, "tpm.aikIntermediateFiles": t.AIKIntermediateFiles,
		"tpm.ekRootFiles": t.EKRootFiles, "tpm.ekIntermediateFiles": t.EKIntermediateFiles,
	} {
		for i, name := range names {
			f.authorities(fmt.Sprintf("%s[%d]", key, i), name)
		}
	}
	f.issuer(&t.Enrollment)
}

// issuer checks that the authority of this service can issue now.
func (f *configFiles) issuer(e *config.Enrollment) {
	certificate, key := f.read("tpm.enrollment.certificateFile", e.CertificateFile), f.read("tpm.enrollment.keyFile", e.KeyFile)
	if certificate == nil || key == nil {
		return
	}
	issuer, err := enroll.ParseIssuer(certificate, key)
	if err == nil {
		err = issuer.Check(f.s.Now())
	}
	if err != nil {
		f.fault("tpm.enrollment.certificateFile", "%s: %s", e.CertificateFile, strings.TrimPrefix(err.Error(), "enroll: "))
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
