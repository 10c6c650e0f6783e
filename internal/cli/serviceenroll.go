package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/enroll"
)

// hasIssuer says that the configuration names an authority.
func (o runOptions) hasIssuer() bool { return o.config.TPM.Enrollment.CertificateFile != "" }

// issuer opens the authority, nil if there is none. With --dev one is made, which
// ends with the process, once it is said whose TPMs may enroll.
func (o runOptions) issuer(now time.Time) (*enroll.Issuer, error) {
	if o.hasIssuer() {
		return loadIssuer(o.config.TPM.Enrollment)
	}
	if !o.dev || len(o.config.TPM.EKRootFiles) == 0 {
		return nil, nil //nolint:nilnil // no authority is what most services have
	}
	return enroll.MakeIssuer(enroll.Template{
		Name: "azattest development TPM enrollment", Algorithm: enroll.ECDSA, Begin: now.Add(-authorityBackdate), Lifetime: devCertificateLife,
	})
}

func loadIssuer(c config.Enrollment) (*enroll.Issuer, error) {
	certificate, err := os.ReadFile(filepath.Clean(c.CertificateFile))
	if err != nil {
		return nil, fmt.Errorf("tpm.enrollment.certificateFile: %w", err)
	}
	key, err := os.ReadFile(filepath.Clean(c.KeyFile))
	if err != nil {
		return nil, withHint(fmt.Errorf("tpm.enrollment.keyFile: %w", err), "make an authority with azattest tpm make-authority --out DIR")
	}
	issuer, err := enroll.ParseIssuer(certificate, key)
	if err != nil {
		return nil, &refusedError{fmt.Errorf("tpm.enrollment: %w", err)}
	}
	return issuer, nil
}
