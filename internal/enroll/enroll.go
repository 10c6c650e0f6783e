// Package enroll is the authority that gives attestation identity keys (AIKs) their
// certificates, once a TPM has proved that it holds them.
//
// Which function do I want? [New] makes an [Authority] of an [Issuer], which is a
// certificate with its key: [ParseIssuer] reads one, [MakeIssuer] makes one.
// [Authority.Begin] answers the first message of a client with a [Challenge],
// [Authority.Activate] the second with the certificate.
//
//	client                                     authority
//	  EK certificates, AIK's public area  ──▶  the EK is of a TPM whose vendor is trusted,
//	                                           the AIK would be one if a TPM held it
//	  a secret that only this EK opens,   ◀──  TPM2_MakeCredential
//	  and only beside this AIK
//	  TPM2_ActivateCredential             ──▶  the secret is right: so it holds both
//	                                      ◀──  certificate of the AIK
//
// Nothing is kept between the two: what the authority must know again travels with
// the client in a ticket that it cannot read.
//
// What a certificate says: when it was issued, a TPM by a trusted vendor held this
// key, which signs nothing but what the TPM made. It says nothing of the machine
// around the TPM, and nothing of what it runs: that is for its quotes to say. It does
// not name the endorsement key either, for whoever sees two certificates need not
// learn that they are of one machine; the audit trail can tell.
//
// Sources: TCG, "Trusted Platform Module Library", part 1, revision 1.59, section 24
// (credential protection); TCG, "Credential Profiles for TPM Family 1.2; Level 2",
// version 1.2 (the certificate of an AIK); TCG, "EK Credential Profile for TPM
// Family 2.0", version 2.5 (what a TPM is called).
package enroll

import (
	"errors"
	"fmt"
	"time"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/ticket"
)

// Config is what an [Authority] is made of.
type Config struct {
	// Issuer signs the certificates. Required. Out of its time it enrolls nobody, and
	// the authority says so to whoever asks: a service is not to stand still for that.
	Issuer *Issuer
	// EKs are those who vouch for TPMs. Required.
	EKs *tpm.Authorities
	// Tickets seals what travels with clients. Required.
	Tickets *ticket.Sealer
	// Lifetime is that of the certificates; they end with the issuer's at the
	// latest. Required.
	Lifetime time.Duration
	// Clock returns the time; nil stands for [time.Now].
	Clock func() time.Time
}

// ConfigError says which field of a [Config] cannot be.
type ConfigError struct{ Field, Problem string }

func (e *ConfigError) Error() string { return "enroll: config: " + e.Field + ": " + e.Problem }

// Authority enrolls AIKs. It is immutable and safe for concurrent use.
type Authority struct {
	issuer   *Issuer
	eks      *tpm.Authorities
	tickets  *ticket.Sealer
	lifetime time.Duration
	clock    func() time.Time
}

// New returns an authority; a *[ConfigError] for an issuer whose certificates
// nobody would ever accept.
func New(c Config) (*Authority, error) {
	switch {
	case c.Issuer == nil:
		return nil, &ConfigError{"Issuer", "missing, want the certificate and the key of the authority"}
	case c.EKs == nil:
		return nil, &ConfigError{"EKs", "missing, want the authorities of endorsement keys that may enroll"}
	case c.Tickets == nil:
		return nil, &ConfigError{"Tickets", "missing, want a sealer"}
	case c.Lifetime < time.Second:
		return nil, &ConfigError{"Lifetime", fmt.Sprintf("%s, want a second or more", c.Lifetime)}
	}
	a := &Authority{issuer: c.Issuer, eks: c.EKs, tickets: c.Tickets, lifetime: c.Lifetime, clock: c.Clock}
	if a.clock == nil {
		a.clock = time.Now
	}
	err := a.issuer.Check(a.clock())
	if _, ok := errors.AsType[*PeriodError](err); ok {
		err = a.issuer.Check(a.issuer.Expires())
	}
	if err != nil {
		return nil, &ConfigError{"Issuer", err.Error()}
	}
	return a, nil
}

// Issuer returns what signs the certificates.
func (a *Authority) Issuer() *Issuer { return a.issuer }
