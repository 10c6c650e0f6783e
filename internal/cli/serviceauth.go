package cli

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/config"
)

// openAuth says who the callers are that the configuration knows, and with --dev
// those of azattest dev-token.
func openAuth(o runOptions, now func() time.Time, log *slog.Logger) (*auth.Authenticator, error) {
	given := o.config.Auth
	c := auth.Config{Leeway: given.Leeway, Clock: now, Log: log}
	if err := addIssuers(&c, given, auth.Entra); err != nil {
		return nil, err
	}
	addBindings(&c, given)
	if o.dev {
		development, err := auth.OpenDevelopmentIssuer(o.config.DataDir)
		if err != nil {
			return nil, fmt.Errorf("development issuer: %w", err)
		}
		c.Issuers = append(c.Issuers, development.Issuer())
		c.Bindings = append(c.Bindings, development.Bindings()...)
	}
	return auth.New(c)
}

// addBindings gives roles.
func addBindings(c *auth.Config, given config.Auth) {
	for _, b := range given.Bindings {
		c.Bindings = append(c.Bindings, auth.Binding{
			Issuer: b.Issuer, Claim: auth.Claim(b.Claim), Value: b.Value, Role: roleOf(b.Role), Instances: b.Instances,
		})
	}
	for _, b := range given.Certificates {
		c.Certificates = append(c.Certificates, auth.CertificateBinding{
			SHA256: b.SHA256, SPKI: b.SPKISHA256, URI: b.URI, DNS: b.DNS, Role: roleOf(b.Role), Instances: b.Instances,
		})
	}
}

// addIssuers adds the issuers of bearers; those of Entra ID are for one of two services.
func addIssuers(c *auth.Config, given config.Auth, entra func(string, auth.Cloud, ...string) ([]auth.Issuer, error)) error {
	for _, e := range given.Entra {
		issuers, err := entra(e.Tenant, auth.Cloud(e.Cloud), e.Audiences...)
		if err != nil {
			return err
		}
		for _, i := range issuers {
			i.Name = e.Name
			c.Issuers = append(c.Issuers, i)
		}
	}
	for _, i := range given.Issuers {
		issuer := auth.Issuer{Name: i.Name, URL: i.URL, Audiences: i.Audiences, TenantID: i.Tenant}
		if i.CAFile != "" {
			pool, err := poolOf(i.CAFile)
			if err != nil {
				return fmt.Errorf("auth.issuers, %s: %w", i.Name, err)
			}
			issuer.RootCAs = pool
		}
		c.Issuers = append(c.Issuers, issuer)
	}
	return nil
}

func poolOf(name string) (*x509.CertPool, error) {
	text, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate in PEM", name)
	}
	return pool, nil
}

// roleOf reads a role as the configuration spells it. One that is not known
// allows nothing.
func roleOf(text string) auth.Role {
	switch text {
	case "reader":
		return auth.Reader
	case "contributor":
		return auth.Contributor
	case "release-user":
		return auth.KeyReleaseUser
	case "key-reader":
		return auth.KeyReader
	case "crypto-officer":
		return auth.KeyOfficer
	}
	return auth.Role(text)
}
