package cli

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/enroll"
	"github.com/azattest/azattest/internal/keyring"
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
		return nil, withoutWrapping(err)
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
	level, end := slog.LevelInfo, issuer.Expires()
	if end.Before(now().Add(lifetime)) && o.hasIssuer() {
		// Certificates end sooner than they are meant to, and one day none is given.
		level = slog.LevelWarn
	}
	if err := issuer.Check(now()); err != nil {
		log.LogAttrs(ctx, slog.LevelError, "no TPMs are enrolled: make another authority with azattest tpm make-authority",
			slog.String("authority", issuer.String()), slog.String("cause", err.Error()))
		return p, nil
	}
	log.LogAttrs(ctx, level, "TPMs are enrolled", slog.String("authority", issuer.String()), slog.Time("until", end), slog.Bool("in_memory", !o.hasIssuer()))
	return p, nil
}

// openTickets returns what seals the challenges and the enrollments of TPMs. All
// replicas with the same wrapping keys open each other's; without one, as --dev and
// a store in memory may be, they end with the process.
func openTickets(c *config.Config, wrapping *keyring.Wrapping, now func() time.Time) (*ticket.Sealer, error) {
	var secrets [][]byte
	if wrapping != nil {
		var err error
		if secrets, err = wrapping.Secrets("azattest tickets"); err != nil {
			return nil, err
		}
	}
	return ticket.New(ticket.Config{Secrets: secrets, Lifetime: c.TPM.ChallengeLifetime, Clock: now})
}

// tpmAuthorities reads whose certificates count: those of AIKs, to which extra ones
// are added, and those of EKs. Either is nil where none is configured.
func tpmAuthorities(c *config.Config, extra ...*x509.Certificate) (aik, ek *tpm.Authorities, err error) {
	if aik, err = authoritiesOf("tpm.aik", c.TPM.AIKRootFiles, c.TPM.AIKIntermediateFiles, extra...); err != nil {
		return nil, nil, err
	}
	if ek, err = authoritiesOf("tpm.ek", c.TPM.EKRootFiles, c.TPM.EKIntermediateFiles); err != nil {
		return nil, nil, err
	}
	return aik, ek, nil
}

// authoritiesOf reads the files of two keys of the configuration that begin alike.
func authoritiesOf(key string, rootFiles, intermediateFiles []string, extra ...*x509.Certificate) (*tpm.Authorities, error) {
	roots, err := certificatesOf(key+"RootFiles", rootFiles)
	if err != nil {
		return nil, err
	}
	intermediates, err := certificatesOf(key+"IntermediateFiles", intermediateFiles)
	if err != nil {
		return nil, err
	}
	roots = append(roots, extra...)
	if len(roots) == 0 {
		return nil, nil //nolint:nilnil // no authority is what a service has that trusts none
	}
	return tpm.NewAuthorities(tpm.Config{Roots: roots, Intermediates: intermediates})
}

// certificatesOf reads the certificates of authorities.
func certificatesOf(key string, names []string) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, name := range names {
		text, err := os.ReadFile(filepath.Clean(name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		found, err := authorityCertificates(text)
		if err != nil {
			return nil, &refusedError{fmt.Errorf("%s: %s: %w", key, name, err)}
		}
		all = append(all, found...)
	}
	return all, nil
}

// authorityCertificates reads PEM with nothing but authorities in it: a leaf among
// them would never count, and be missed later.
func authorityCertificates(text []byte) ([]*x509.Certificate, error) {
	found, err := azattestation.ParseCertificates(text)
	if err != nil {
		return nil, fmt.Errorf("%s", plain(err))
	}
	for _, c := range found {
		if !c.IsCA {
			return nil, fmt.Errorf("the certificate of %q is not an authority's (CA:TRUE)", c.Subject)
		}
	}
	return found, nil
}

// verifier returns what verifies requests of TPMs.
func (p *tpmParts) verifier(c *config.Config) *tpm.Verifier {
	digests := tpm.Base64URL
	if c.TPM.PCRDigests == "hex" {
		digests = tpm.Hexadecimal
	}
	return tpm.NewVerifier(tpm.VerifierConfig{
		AIKs: p.aiks, AcceptSHA1: c.TPM.AcceptSHA1, RefuseVersion1: c.TPM.RefuseVersion1, PCRDigests: digests,
	})
}
