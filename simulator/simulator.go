// Package simulator is a software SGX platform for people without hardware: it
// makes quotes and the collateral to judge them by, for every TCB status and
// every fault.
//
// NOTHING IT MAKES PROVES ANYTHING. A SIMULATED QUOTE IS SIGNED BY SOFTWARE, ITS
// MEASUREMENTS ARE WHATEVER THE CALLER WROTE, AND WHOEVER HOLDS THE PLATFORM'S
// SEED CAN SIGN ANY QUOTE. NEVER TRUST A SIMULATED ROOT IN PRODUCTION.
//
// It cannot be mistaken for the real thing: its root has a key of its own, drawn
// at random unless the caller gives a seed; verifiers that trust Intel's root
// refuse it; and verifiers that trust [Platform.Root] mark every result as
// simulated. No key is compiled in.
//
// Which function do I want?
//
//   - [New] makes a platform; [Open], [Load] and [Platform.Save] keep one in a
//     folder, so that two processes share it.
//   - [Platform.Quote] signs a [Report]; [Platform.OpenEnclaveReport] wraps the
//     quote as Open Enclave does.
//   - [Platform.Collateral] makes the collateral under which the platform has
//     the TCB status that a test wants.
//   - [Platform.With] returns the same platform with one [Fault]; [Faults] lists
//     them all, each with the stage and code of its refusal.
//   - [Platform.Root] is what a verifier must trust.
//   - [Platform.Sibling] makes another machine under the same root.
//
// The same seed, configuration and input give the same bytes, in every run:
// signatures are deterministic (RFC 6979). Golden files work.
//
// The formats are Intel's: "SGX ECDSA Quote Library Reference DCAP API" (A.4),
// "SGX PCK Certificate and CRL Profile Specification", "SGX and TDX Provisioning
// Certification Service API", versions 3 and 4.
package simulator

import (
	"fmt"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

// RootName is the common name of the simulated root CA.
const RootName = "azattest Simulated SGX Root CA"

// SVNs are the security version numbers of a platform's TCB.
type SVNs struct {
	// Components are the SVNs of the 16 SGX TCB components. At least one must be
	// below 255, so that there can be a newer level.
	Components [16]uint8
	// PCESVN is that of the provisioning certification enclave, at most 65534.
	PCESVN uint16
}

// Config describes a platform. The zero value is a platform of today with a
// random seed.
type Config struct {
	// Seed gives the platform its keys. Platforms with the same Seed, Now and
	// Validity share root, CAs and TCB signer: they are machines of one
	// simulated Intel. Empty means 32 random bytes.
	Seed Seed
	// Now is when the platform and its collateral are issued, to the second;
	// zero means the clock's time.
	Now time.Time
	// Validity is how long certificates hold. They begin a day before Now, so
	// that clocks need not agree. Zero means ten years.
	Validity time.Duration
	// FMSPC is the platform's family; zero means 53494d000000 ("SIM" in ASCII).
	FMSPC dcap.FMSPC
	// CA is the kind of CA that issues the PCK certificate; empty means the
	// platform CA, as for the servers that Azure runs.
	CA dcap.CA
	// PCEID is the ID of the provisioning certification enclave, zero on all
	// real platforms.
	PCEID [2]byte
	// SVNs of the platform; zero means some ordinary ones.
	SVNs SVNs
	// QESVN is the ISVSVN of the quoting enclave, 1 to 65534; zero means 8.
	QESVN uint16
}

const (
	defaultValidity = 10 * 365 * 24 * time.Hour
	defaultQESVN    = 8
	// backdating lets certificates begin before the platform's time.
	backdating = 24 * time.Hour
)

var (
	defaultFMSPC = dcap.FMSPC{'S', 'I', 'M'}
	defaultSVNs  = SVNs{Components: [16]uint8{9, 9, 2, 4, 1, 128, 7}, PCESVN: 13}
)

// Validate says what is wrong with c, nil if [New] takes it.
func (c Config) Validate() error {
	c = c.withDefaults()
	switch {
	case len(c.Seed) > maxSeed:
		return fmt.Errorf("simulator: seed of %d bytes, want at most %d", len(c.Seed), maxSeed)
	case c.Now.Year() < minYear || c.Now.Year() > maxYear:
		return fmt.Errorf("simulator: Now in the year %d, want %d to %d", c.Now.Year(), minYear, maxYear)
	case c.Validity < 2*backdating || c.Validity > maxValidity:
		return fmt.Errorf("simulator: certificates valid for %v, want %v to %v", c.Validity, 2*backdating, maxValidity)
	case c.CA != dcap.ProcessorCA && c.CA != dcap.PlatformCA:
		return fmt.Errorf("simulator: CA %q, want %q or %q", c.CA, dcap.ProcessorCA, dcap.PlatformCA)
	case c.SVNs.PCESVN == maxSVN:
		return fmt.Errorf("simulator: PCESVN %d, want less, so that there can be a newer level", maxSVN)
	case c.QESVN == maxSVN:
		return fmt.Errorf("simulator: QESVN %d, want less, so that there can be a newer level", maxSVN)
	}
	if _, ok := c.SVNs.newer(); !ok {
		return fmt.Errorf("simulator: all components have SVN 255, want one lower, so that there can be a newer level")
	}
	return nil
}

// withDefaults fills everything in but the seed and the time, which are not
// constant.
func (c Config) withDefaults() Config {
	if c.Now.IsZero() {
		c.Now = time.Now()
	}
	c.Now = c.Now.UTC().Truncate(time.Second)
	if c.Validity == 0 {
		c.Validity = defaultValidity
	}
	c.Validity = c.Validity.Truncate(time.Second)
	if c.FMSPC == (dcap.FMSPC{}) {
		c.FMSPC = defaultFMSPC
	}
	if c.CA == "" {
		c.CA = dcap.PlatformCA
	}
	if c.SVNs == (SVNs{}) {
		c.SVNs = defaultSVNs
	}
	if c.QESVN == 0 {
		c.QESVN = defaultQESVN
	}
	return c
}

// certificates is the time for which all certificates are valid.
func (c Config) certificates() window {
	from := c.Now.Add(-backdating)
	return window{from, from.Add(c.Validity)}
}

// machine names what makes one platform of a seed differ from another.
func (c Config) machine() string {
	return fmt.Sprintf("machine %s %s %x %x %d", c.FMSPC, c.CA, c.PCEID, c.SVNs.Components, c.SVNs.PCESVN)
}

// Platform is a simulated SGX machine together with the simulated Intel that
// vouches for it. It is immutable and safe for concurrent use.
type Platform struct {
	config Config
	keys   *keys
	ids    *identifiers
	root   dcap.Root
	// genuine are the certificates without a defect, quoting those that quotes
	// carry, endorsing those that collateral carries.
	genuine, quoting, endorsing *hierarchy
	// defect of all that the platform makes; the zero one does nothing.
	defect *defect
}

// New makes a platform. It returns an error if the configuration is invalid.
func New(c Config) (*Platform, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	c.Seed = append(Seed(nil), c.Seed...)
	if len(c.Seed) == 0 {
		seed, err := newSeed()
		if err != nil {
			return nil, err
		}
		c.Seed = seed
	}
	p := &Platform{config: c, defect: new(defect)}
	var err error
	if p.keys, err = newKeys(c); err != nil {
		return nil, err
	}
	if p.ids, err = newIdentifiers(c); err != nil {
		return nil, err
	}
	if p.root, err = dcap.NewRoot(RootName, &p.keys.root.PublicKey, true); err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	if p.genuine, err = p.issue(nil); err != nil {
		return nil, err
	}
	p.quoting, p.endorsing = p.genuine, p.genuine
	return p, nil
}

// Sibling makes another machine under p's root: Seed, Now and Validity are p's,
// everything else is as c says.
func (p *Platform) Sibling(c Config) (*Platform, error) {
	c.Seed, c.Now, c.Validity = p.config.Seed, p.config.Now, p.config.Validity
	return New(c)
}

// With returns a platform that is p but for one defect in all that it makes: in
// its quotes or in its collateral, as [Fault.Artifact] says. The defect takes
// the place of the one that p may have. It returns an error for a fault that is
// not one of [Faults].
func (p *Platform) With(f Fault) (*Platform, error) {
	d, err := f.defect()
	if err != nil {
		return nil, err
	}
	faulty := *p
	faulty.defect = d
	faulty.quoting, faulty.endorsing = p.genuine, p.genuine
	if d.chain != nil {
		if faulty.quoting, err = p.issue(d.chain); err != nil {
			return nil, err
		}
	}
	if d.signers != nil {
		if faulty.endorsing, err = p.issue(d.signers); err != nil {
			return nil, err
		}
	}
	return &faulty, nil
}

// Root is the trust anchor for p's quotes, marked as simulated.
func (p *Platform) Root() dcap.Root { return p.root }

// RootCertificatePEM is the certificate of the root, for tools that take a file.
func (p *Platform) RootCertificatePEM() []byte { return chainPEM(p.genuine.root) }

// Identity says which collateral the platform's quotes need.
func (p *Platform) Identity() dcap.Platform {
	return dcap.Platform{TEE: dcap.SGX, FMSPC: p.config.FMSPC, CA: p.config.CA}
}

// Now is when the platform was issued. Its quotes and default collateral are
// valid then.
func (p *Platform) Now() time.Time { return p.config.Now }

// Fault is the defect that [Platform.With] gave the platform, empty for none.
func (p *Platform) Fault() Fault { return p.defect.fault }

// String describes the platform without its secrets.
func (p *Platform) String() string {
	text := "simulated " + p.Identity().String()
	if f := p.Fault(); f != "" {
		text += ", fault " + string(f)
	}
	return text
}

// GoString is String: a platform never prints its keys.
func (p *Platform) GoString() string { return p.String() }
