package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// checker looks for what contradicts itself or means nothing, in the sections that
// both servers have.
type checker struct {
	problems
	common
	origin        *origin
	roles         roleWords
	isDevelopment bool
}

// common are the sections that both servers have.
type common struct {
	Listen, DataDir string
	TLS             *TLS
	BehindProxy     bool
	TrustedProxies  []string
	Store           *Store
	Auth            *Auth
	Log             *Log
	Shutdown        *Shutdown
}

// serviceChecker looks at the rest of an attestation service, too.
type serviceChecker struct {
	checker
	*Config
}

// Validate returns all that is wrong with the configuration as one *[Error], each
// fault with its path, and with its place if the configuration was read by [Load].
// It opens no file and asks nobody.
func (c *Config) Validate() error { return c.validate(false) }

// ValidateDevelopment is [Config.Validate] for a service that makes its own
// certificate and keeps its keys as they are: neither is missed then.
func (c *Config) ValidateDevelopment() error { return c.validate(true) }

func (c *Config) validate(isDevelopment bool) error {
	k := &serviceChecker{Config: c, checker: checker{
		problems: problems{file: c.file}, origin: &c.origin, roles: serviceRoles, isDevelopment: isDevelopment,
		common: common{c.Listen, c.DataDir, &c.TLS, c.BehindProxy, c.TrustedProxies, &c.Store, &c.Auth, &c.Log, &c.Shutdown},
	}}
	k.shared()
	k.staleness()
	k.keys()
	k.collateral()
	k.tpm()
	k.instances()
	k.limits(&c.Limits, "limits.ratePerCaller or limits.ratePerInstance")
	k.outlook()
	return k.err()
}

// shared checks the sections that both servers have.
func (k *checker) shared() {
	k.network()
	k.store()
	k.auth()
	k.oneOf("log.format", k.Log.Format, "text", "json")
	k.oneOf("log.level", k.Log.Level, "debug", "info", "warn", "error")
	k.notNegative("shutdown.linger", k.Shutdown.Linger)
	k.notNegative("shutdown.drain", k.Shutdown.Drain)
}

// fault tells a fault of a key.
func (k *checker) fault(path, format string, args ...any) {
	k.say(k.origin.placeOf(path), path, fmt.Sprintf(format, args...))
}

// oneOf demands one of a few words.
func (k *checker) oneOf(path, value string, words ...string) bool {
	if slices.Contains(words, value) {
		return true
	}
	k.fault(path, "%s, want %s", quoted(value), listed(words))
	return false
}

// notNegative demands a duration of zero or more.
func (k *checker) notNegative(path string, d time.Duration) {
	if d < 0 {
		k.fault(path, "%s, want a duration that is not negative", d)
	}
}

// isUnique tells texts that stand twice.
func (k *checker) isUnique(path string, texts []string) {
	seen := make(map[string]bool, len(texts))
	for i, text := range texts {
		if seen[text] {
			k.fault(at(path, i), "%s stands twice", quoted(text))
		}
		seen[text] = true
	}
}

// files demands names of files, each once.
func (k *checker) files(path string, names []string) {
	for i, name := range names {
		if name == "" {
			k.fault(at(path, i), "empty, want the name of a file")
		}
	}
	k.isUnique(path, names)
}

// at is the path of an element of a list.
func at(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// limits checks limits, of which rates are those that a burst goes with.
func (k *checker) limits(l *Limits, rates string) {
	for path, n := range map[string]float64{
		"bodyBytes": float64(l.BodyBytes), "headerBytes": float64(l.HeaderBytes), "uploads": float64(l.Uploads),
		"concurrent": float64(l.Concurrent), "ratePerCaller": l.RatePerCaller, "ratePerInstance": l.RatePerInstance, "burst": float64(l.Burst),
	} {
		if n < 0 {
			k.fault("limits."+path, "%v, want 0 or more", n)
		}
	}
	for path, d := range map[string]time.Duration{
		"request": l.Request, "readHeader": l.ReadHeader, "read": l.Read, "write": l.Write, "idle": l.Idle,
	} {
		k.notNegative("limits."+path, d)
	}
	if l.Burst > 0 && l.RatePerCaller == 0 && l.RatePerInstance == 0 {
		k.fault("limits.burst", "goes with %s", rates)
	}
	if least := cmp.Or(l.Read, 20*time.Second) + cmp.Or(l.Request, 30*time.Second); l.Write > 0 && l.Write < least {
		k.fault("limits.write", "%s, want %s or more, the sum of limits.read and limits.request: whoever runs out of time is to be told",
			durationText(l.Write), durationText(least))
	}
}

// metrics checks where metrics are served, if they are.
func (k *checker) metrics(listen string) {
	if listen == "" {
		return
	}
	k.address("telemetry.metricsListen", listen)
	if listen == k.Listen && !strings.HasSuffix(k.Listen, ":0") {
		k.fault("telemetry.metricsListen", "the address of listen, want another: metrics are not for callers")
	}
}

// outlook checks what others see of the service.
func (k *serviceChecker) outlook() {
	t := &k.Telemetry
	k.metrics(t.MetricsListen)
	hasHeaders := !t.OTLPHeaders.IsZero() || t.OTLPHeadersFile != ""
	if t.OTLPEndpoint != "" {
		u := k.url("telemetry.otlpEndpoint", t.OTLPEndpoint, urlRules{schemes: []string{"https", "http"}})
		if hasHeaders && u != nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
			k.fault("telemetry.otlpEndpoint", "%s, want https: telemetry.otlpHeaders would go there in plain text", quoted(t.OTLPEndpoint))
		}
	} else if hasHeaders {
		k.fault("telemetry.otlpEndpoint", "missing, want the URL to which telemetry.otlpHeaders go")
	}
	if !t.OTLPHeaders.IsZero() && t.OTLPHeadersFile != "" {
		k.fault("telemetry.otlpHeaders", "stands beside telemetry.otlpHeadersFile, want one of them")
	}
	if !isHeaderList(t.OTLPHeaders.Reveal()) {
		k.fault("telemetry.otlpHeaders", "want name=value, separated by commas")
	}
	if t.TraceRatio < 0 || t.TraceRatio > 1 {
		k.fault("telemetry.traceRatio", "%v, want a number from 0 to 1", t.TraceRatio)
	}
	if k.Errors.Terse && k.Errors.ExplainDenials {
		k.fault("errors.explainDenials", "contradicts errors.terse, want one of them")
	}
}

// isHeaderList says that a text is name=value, separated by commas, or empty.
func isHeaderList(text string) bool {
	if text == "" {
		return true
	}
	for one := range strings.SplitSeq(text, ",") {
		name, _, found := strings.Cut(strings.TrimSpace(one), "=")
		if !found || name == "" || !isPrintable(one) {
			return false
		}
	}
	return true
}
