package cli

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/enroll"
	"github.com/azattest/azattest/internal/ticket"
)

// tpmParts are what the attestation and the enrollment of TPMs share.
type tpmParts struct {
	// tickets seals the challenges of both.
	tickets *ticket.Sealer
	// aiks are those who vouch for attestation keys, the service's own authority
	// among them; nil if there is nobody.
	aiks *tpm.Authorities
	// enrollment is nil if nobody is enrolled.
	enrollment *enroll.Authority
}

// openTPM reads whose word counts for TPMs, and opens the authority that enrolls
// them, if one is configured.
func (o runOptions) openTPM(ctx context.Context, now func() time.Time, log *slog.Logger) (*tpmParts, error) {
	wrapping, err := wrappingOf(o.config)
	if err != nil {
		return nil, err
	}
	p := new(tpmParts)
	if p.tickets, err = openTickets(o.config, wrapping, now); err != nil {
		return nil, err
	}
	issuer, err := o.issuer(now())
	if err != nil {
		return nil, err
	}
	var own []*x509.Certificate
	if issuer != nil {
		own = []*x509.Certificate{issuer.Certificate()}
	}
	aiks, eks, err := tpmAuthorities(o.config, own...)
	if err != nil {
		return nil, err
	}
	p.aiks = aiks
	if issuer == nil {
		return p, nil
	}
	lifetime := o.config.TPM.Enrollment.Lifetime
	p.enrollment, err = enroll.New(enroll.Config{Issuer: issuer, EKs: eks, Tickets: p.tickets, Lifetime: lifetime, Clock: now})
	if err != nil {
		return nil, err
	}
	level, end := slog.LevelInfo, issuer.Certificate().NotAfter
	if end.Before(now().Add(lifetime)) && o.hasIssuer() {
		// Certificates end sooner than they are meant to, and one day none is given.
		level = slog.LevelWarn
	}
	log.LogAttrs(ctx, level, "TPMs are enrolled", slog.String("authority", issuer.String()), slog.Time("until", end), slog.Bool("in_memory", !o.hasIssuer()))
	return p, nil
}

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
