// Package server is the HTTP edge of the service: routes, limits, headers, the
// log, and the one place where errors become answers. It decides nothing about
// evidence.
//
// Which function do I want? [New] makes a [Server], which is an [http.Handler];
// [Server.Run] serves a listener with time-outs, TLS and an orderly end. Tests
// use the handler, everybody else uses Run.
//
// One handler file holds one group of routes; errors.go is the only mapping from
// internal errors to HTTP. Every route, header and code is in docs/service.md,
// and what differs from Microsoft's service in docs/maa-divergences.md.
package server

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/azattest/azattest/internal/audit"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/edge"
	"github.com/azattest/azattest/internal/enroll"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/telemetry"
	"github.com/azattest/azattest/internal/throttle"
	"github.com/azattest/azattest/internal/wire"
)

// Config is what a server is made of.
type Config struct {
	// Instances are what is served. Required; somebody must let it run.
	Instances *instance.Directory
	// Auth says who a caller is. Nil knows nobody: then nothing can be managed over
	// the network.
	Auth *auth.Authenticator
	// TLS holds the certificate with which Run serves. Versions below TLS 1.2 are
	// refused.
	TLS *tls.Config
	// PlainHTTP lets Run serve without TLS: on loopback, or behind a proxy that
	// does it.
	PlainHTTP bool
	// Log takes one line for each request. Required.
	Log *slog.Logger
	// Clock says when a token about policies is issued; nil means [time.Now].
	Clock func() time.Time
	// Version is the value of the header x-ms-maa-service-version; "azattest" if
	// it is empty.
	Version string
	// TerseErrors keeps the reasons of refusals to the log. Clients then read no
	// more than the sentences of the real service.
	TerseErrors bool
	// ExplainDenials lets clients read which claims the policy turned down, with
	// their values. Whoever may attest can find out with it what the policy asks
	// for, so it is not the default. It excludes TerseErrors.
	ExplainDenials bool
	// Ready reports whether requests may come, for /readyz; nil means always. It
	// must be safe for concurrent use, and quick.
	Ready func() bool
	// Audit takes a record of each change and each refusal, and of attestations and
	// reads if AuditAttestations is set. Of refusals of anonymous callers it takes ten
	// a second at most; all others are in the log alone. What it cannot take is not
	// done. Nil keeps no trail. Somebody must let it run.
	Audit             *audit.Trail
	AuditAttestations bool
	// Enrollment gives the keys of TPMs their certificates. Nil enrolls nobody.
	Enrollment *enroll.Authority
	// Telemetry counts and times; nil does so for nobody.
	Telemetry *telemetry.Telemetry
	// TrustedProxies are the networks whose X-Forwarded-For says who the client is.
	TrustedProxies []netip.Prefix
	// Limits bound requests; fields that are zero take their defaults.
	Limits Limits
}

// ConfigError says why a [Config] makes no server.
type ConfigError struct {
	// Field is the field of Config.
	Field string
	// Problem is what is wrong with it, and what would be right.
	Problem string
}

func (e *ConfigError) Error() string { return "server: config: " + e.Field + ": " + e.Problem }

func (c Config) validate() error {
	switch {
	case c.Instances == nil:
		return &ConfigError{"Instances", "missing, want the directory of what is served"}
	case c.Log == nil:
		return &ConfigError{"Log", "missing, want a logger"}
	case c.Version != "" && !edge.IsToken(c.Version):
		return &ConfigError{"Version", fmt.Sprintf("%q, want at most %d visible ASCII characters", wire.Clip(c.Version), edge.MaxEchoedID)}
	case c.TerseErrors && c.ExplainDenials:
		return &ConfigError{"ExplainDenials", "set beside TerseErrors, want one of them"}
	case c.TLS != nil && c.PlainHTTP:
		return &ConfigError{"PlainHTTP", "set beside TLS, want one of them"}
	}
	if err := checkTLS(c.TLS); err != nil {
		return err
	}
	return c.Limits.validate()
}

func checkTLS(c *tls.Config) error {
	switch {
	case c == nil:
		return nil
	case c.MinVersion != 0 && c.MinVersion < tls.VersionTLS12:
		return &ConfigError{"TLS", fmt.Sprintf("lets clients use %s, want TLS 1.2 or newer", tls.VersionName(c.MinVersion))}
	case len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil:
		return &ConfigError{"TLS", "has no certificate, want one for the host of the issuer's URL"}
	}
	return nil
}

// Server serves the instances of a directory. It is safe for concurrent use.
type Server struct {
	instances *instance.Directory
	auth      *auth.Authenticator
	// enrollment is nil if nobody is enrolled.
	enrollment *enroll.Authority
	log        *slog.Logger
	clock      func() time.Time
	limits     Limits
	tls        *tls.Config
	// isPlain says that Run may do without TLS.
	isPlain  bool
	isTerse  bool
	explains bool
	version  string
	ready    func() bool
	// uploads and work are the places of whoever attests without a credential, known
	// those of callers with a role who attest or enroll, managing those who manage:
	// whoever floods the service must not keep out who could end it, nor anybody
	// without a name who has one.
	uploads, work                 edge.Places
	knownUploads, knownWork       edge.Places
	managingUploads, managingWork edge.Places
	// turns are those of TPMs' requests, one a processor; queue bounds those that have
	// or await one, with all that they brought.
	turns, queue edge.Places
	throttle     *throttle.Throttle
	audit        *audit.Trail
	// auditsAll says that attestations and reads are recorded, too.
	auditsAll bool
	// strangers bounds the records of refusals of callers without a name.
	strangers *rate.Limiter
	metrics   *telemetry.Metrics
	tracer    *telemetry.Tracer
	proxies   []netip.Prefix
	// processMux has the paths that are about the process, instanceMux those below
	// the URL of an instance.
	processMux, instanceMux *http.ServeMux
	// processPaths are those of processMux: they have no variables.
	processPaths map[string]bool
	// handlers are those under way.
	handlers sync.WaitGroup
	// isDraining is set once the shutdown begins.
	isDraining atomic.Bool
}

var _ http.Handler = (*Server)(nil)

// New makes a server. It returns a *[ConfigError] if the configuration is
// incomplete or contradicts itself.
func New(c Config) (*Server, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	limits := c.Limits.orDefaults()
	s := &Server{
		instances:       c.Instances,
		auth:            c.Auth,
		enrollment:      c.Enrollment,
		log:             c.Log,
		clock:           c.Clock,
		limits:          limits,
		tls:             c.TLS,
		isPlain:         c.PlainHTTP,
		isTerse:         c.TerseErrors,
		explains:        c.ExplainDenials,
		version:         cmp.Or(c.Version, product),
		ready:           c.Ready,
		uploads:         make(edge.Places, limits.Uploads),
		work:            make(edge.Places, limits.Concurrent),
		knownUploads:    make(edge.Places, limits.Uploads),
		knownWork:       make(edge.Places, limits.Concurrent),
		managingUploads: make(edge.Places, limits.Uploads),
		managingWork:    make(edge.Places, limits.Concurrent),
		turns:           make(edge.Places, runtime.GOMAXPROCS(0)),
		queue:           make(edge.Places, queued*runtime.GOMAXPROCS(0)),
		throttle:        throttle.New(limits.Caller, limits.Instance, time.Now),
		audit:           c.Audit,
		auditsAll:       c.AuditAttestations,
		strangers:       rate.NewLimiter(strangersPerSecond, strangersAtOnce),
		proxies:         c.TrustedProxies,
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.auth == nil {
		// With nothing configured it knows nobody.
		var err error
		if s.auth, err = auth.New(auth.Config{}); err != nil {
			return nil, err
		}
	}
	if c.Telemetry == nil {
		var err error
		if c.Telemetry, err = telemetry.New(telemetry.Config{Routes: Routes(), Codes: wire.Codes()}); err != nil {
			return nil, err
		}
	}
	s.metrics, s.tracer = c.Telemetry.Metrics(), c.Telemetry.Tracer()
	s.processMux, s.processPaths = s.newMux(s.processRoutes()), map[string]bool{}
	for path := range s.processRoutes() {
		s.processPaths[path] = true
	}
	// Behind a proxy that has one path alone, an instance answers for the process.
	s.instanceMux = s.newMux(s.instanceRoutes(), s.processRoutes())
	return s, nil
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.observe(w, r) }
