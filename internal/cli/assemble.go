package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/attest/intel"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/server"
	"github.com/azattest/azattest/internal/telemetry"
	"github.com/azattest/azattest/internal/throttle"
	"github.com/azattest/azattest/simulator"
	"github.com/azattest/azattest/store"
)

// assemble puts a service together: store, keys, instances, callers, server. What
// was opened is in p, whatever it returns.
func assemble(ctx context.Context, s Streams, o runOptions, log *slog.Logger, p *parts, at *ready) (*server.Server, error) {
	c := o.config
	tlsConfig, caFile, err := o.tlsConfig(s.Now(), log, p)
	if err != nil {
		return nil, err
	}
	at.CAFile = caFile
	numbers, err := openTelemetry(c, s.Now, log, p)
	if err != nil {
		return nil, err
	}
	trail, err := openAudit(c, s.Now, log, p)
	if err != nil {
		return nil, err
	}
	tpms, err := o.openTPM(ctx, s.Now, log)
	if err != nil {
		return nil, err
	}
	if a := tpms.enrollment; a != nil {
		p.sources.EnrollmentAuthority = func() (time.Time, bool) { return a.Issuer().Expires(), true }
	}
	directory, err := openInstances(ctx, s, o, log, numbers, tpms, p)
	if err != nil {
		return nil, err
	}
	callers, err := openAuth(o, s.Now, log)
	if err != nil {
		return nil, err
	}
	p.closeLater(callers)
	proxies, err := proxiesOf(c)
	if err != nil {
		return nil, err
	}
	if err := serveMetrics(ctx, c.Telemetry.MetricsListen, numbers.Handler(), log, p); err != nil {
		return nil, err
	}
	return server.New(server.Config{
		Instances: directory, Auth: callers, TLS: tlsConfig, PlainHTTP: c.BehindProxy, Log: log, Clock: s.Now,
		Version: "azattest/" + release, TerseErrors: c.Errors.Terse, ExplainDenials: c.Errors.ExplainDenials,
		Audit: trail, AuditAttestations: c.Audit.Attestations, Telemetry: numbers, TrustedProxies: proxies, Limits: limitsOf(c),
		Enrollment: tpms.enrollment,
	})
}

// openInstances opens the store with keys and instances in it, and makes those that
// the configuration names.
func openInstances(ctx context.Context, s Streams, o runOptions, log *slog.Logger, numbers *telemetry.Telemetry, tpms *tpmParts, p *parts) (*instance.Directory, error) {
	c := o.config
	platform, err := o.platform(s.Now)
	if err != nil {
		return nil, err
	}
	records, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	p.closeLater(records)
	if err := store.CheckComplete(ctx, records); err != nil {
		return nil, err
	}
	keys, err := openKeys(ctx, s, o, log, records, platform, p)
	if err != nil {
		return nil, err
	}
	observe := observer(numbers)
	verifiers, err := o.verifiers(s, log, platform, observe, tpms, p)
	if err != nil {
		return nil, err
	}
	fixed, err := fixedPolicies(c)
	if err != nil {
		return nil, err
	}
	directory, err := instance.Open(ctx, instance.Config{
		Store: records, Keys: keys, Verifiers: verifiers, Tickets: tpms.tickets, Fixed: fixed, MaxStaleness: c.Store.MaxStaleness,
		MaxTokenLifetime: c.Keys.MaxTokenLifetime, Clock: s.Now, VerifyAt: o.verifyAt, Observe: observe, Log: log,
	})
	if err != nil {
		return nil, err
	}
	if err := ensureInstances(ctx, directory, c, s.Now()); err != nil {
		return nil, err
	}
	p.sources.StoreStaleness, p.sources.SigningKeys = directory.Age, signingKeys(keys)
	numbers.Metrics().SetSources(p.sources)
	p.runs = append(p.runs, directory.Run, keys.Run, namingInstances(directory, numbers))
	return directory, nil
}

// namingInstances lets the numbers know which instances there are.
func namingInstances(d *instance.Directory, numbers *telemetry.Telemetry) func(context.Context) error {
	return func(ctx context.Context) error {
		every := time.NewTicker(namingPeriod)
		defer every.Stop()
		for {
			numbers.Metrics().SetInstances(d.Names())
			select {
			case <-ctx.Done():
				return nil
			case <-every.C:
			}
		}
	}
}

// namingPeriod is how soon a new instance has numbers of its own.
const namingPeriod = 5 * time.Second

func limitsOf(c *config.Config) server.Limits {
	l := c.Limits
	return server.Limits{
		BodyBytes: l.BodyBytes, HeaderBytes: l.HeaderBytes, Uploads: l.Uploads, Concurrent: l.Concurrent,
		Request: l.Request, ReadHeader: l.ReadHeader, Read: l.Read, Write: l.Write, Idle: l.Idle,
		Linger: c.Shutdown.Linger, Drain: c.Shutdown.Drain,
		Caller: rateOf(l.RatePerCaller, l.Burst), Instance: rateOf(l.RatePerInstance, l.Burst),
	}
}

// rateOf is a limit of so many requests per second, none for 0.
func rateOf(perSecond float64, burst int) throttle.Limit {
	if perSecond == 0 {
		return throttle.Limit{}
	}
	return throttle.Limit{PerSecond: perSecond, Burst: burst}
}

// platform is the simulated one with --dev, nil without.
func (o runOptions) platform(now func() time.Time) (*simulator.Platform, error) {
	if !o.dev {
		return nil, nil //nolint:nilnil // no platform is what all but --dev have
	}
	return openSimulator(o.config.DataDir, o.at(now))
}

// verifiers join what is attested with a source of collateral: with --dev, that of
// the simulated platform beside Intel's.
func (o runOptions) verifiers(
	s Streams, log *slog.Logger, platform *simulator.Platform, observe func(context.Context, attest.Phase, time.Duration), tpms *tpmParts, p *parts,
) (map[attest.Type]evidence.Verifier, error) {
	c := o.config.Collateral
	flags := sourceFlags{from: c.Source, update: c.Update, cache: c.Cache}
	if flags.cache == "" && isURL(flags.from) {
		flags.cache = filepath.Join(o.config.DataDir, "collateral")
	}
	src, err := flags.open(log, s.Now, nil)
	if err != nil {
		return nil, err
	}
	p.closeLater(closerFunc(func() error { src.Close(); return nil }))
	p.sources.Collateral = src.expires
	trust := intel.Config{
		Source: src.Source, AcceptStaleCollateral: c.AcceptStale,
		Observe: func(ctx context.Context, took time.Duration) { observe(ctx, attest.PhaseCollateral, took) },
	}
	if platform != nil {
		trust.Source = &simulatedSource{platform: platform, others: src.Source}
		trust.Roots = []dcap.Root{dcap.IntelRoot(), platform.Root()}
	}
	quotes, err := intel.NewSGX(trust)
	if err != nil {
		return nil, err
	}
	reports, err := intel.NewOpenEnclave(trust)
	if err != nil {
		return nil, err
	}
	return map[attest.Type]evidence.Verifier{attest.SGXEnclave: quotes, attest.OpenEnclave: reports, attest.TPM: tpms.verifier(o.config)}, nil
}

// tlsConfig returns the certificate of the service, nil for plain HTTP, and the
// file of the CA that clients must trust, if it is the service's own.
func (o runOptions) tlsConfig(now time.Time, log *slog.Logger, p *parts) (*tls.Config, string, error) {
	c := o.config
	if o.dev {
		return devTLS(c.DataDir, now, namesBelowLocalhost(c.Instances)...)
	}
	if c.BehindProxy {
		return nil, "", nil
	}
	files := server.CertificateFiles{Certificate: c.TLS.CertificateFile, Key: c.TLS.KeyFile, ClientCAs: c.TLS.ClientCAFile, Log: log}
	if c.TLS.MinVersion == "1.3" {
		files.MinVersion = tls.VersionTLS13
	}
	certificate, err := server.OpenCertificate(files)
	if err != nil {
		return nil, "", fmt.Errorf("TLS certificate: %w", err)
	}
	p.sources.TLSCertificate = func() (time.Time, bool) { return certificate.Expires(), true }
	p.runs = append(p.runs, reloadOnHangup(certificate))
	return certificate.TLS(), "", nil
}

// storePath is where SQLite keeps its file.
func storePath(c *config.Config) string {
	return cmp.Or(c.Store.Path, filepath.Join(c.DataDir, "store.db"))
}
