package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// checker looks for what contradicts itself or means nothing.
type checker struct {
	problems
	*Config
	isDevelopment bool
}

// Validate returns all that is wrong with the configuration as one *[Error], each
// fault with its path, and with its place if the configuration was read by [Load].
// It opens no file and asks nobody.
func (c *Config) Validate() error { return c.validate(false) }

// ValidateDevelopment is [Config.Validate] for a service that makes its own
// certificate and keeps its keys as they are: neither is missed then.
func (c *Config) ValidateDevelopment() error { return c.validate(true) }

func (c *Config) validate(isDevelopment bool) error {
	k := &checker{problems: problems{file: c.file}, Config: c, isDevelopment: isDevelopment}
	k.network()
	k.store()
	k.keys()
	k.collateral()
	k.auth()
	k.instances()
	k.limits()
	k.outlook()
	return k.err()
}

// fault tells a fault of a key.
func (k *checker) fault(path, format string, args ...any) {
	k.say(k.placeOf(path), path, fmt.Sprintf(format, args...))
}

// placeOf is where the value of a key was read. Of a key that the file does not
// have, it is the place of its section.
func (c *Config) placeOf(path string) place {
	at, known := c.places[path]
	for section := path; !known && section != ""; at, known = c.places[section] {
		i := strings.LastIndexAny(section, ".[")
		section = section[:max(i, 0)]
	}
	return at
}

// Fault is a fault that somebody else found in the value of a key, such as a file
// that is not there, with the place where the value was read. The text must hold
// no secret.
func (c *Config) Fault(path, text string) Problem {
	p := problems{file: c.file}
	p.say(c.placeOf(path), path, text)
	return p.found[0]
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

// schemaName is what PostgreSQL takes for a name without quotation marks.
var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

func (k *checker) store() {
	s := &k.Store
	if !k.oneOf("store.driver", s.Driver, driverSQLite, driverPostgres, driverMemory) {
		return
	}
	if s.Path != "" && s.Driver != driverSQLite {
		k.fault("store.path", "is for the driver sqlite alone, not %s", s.Driver)
	}
	if s.MaxStaleness <= 0 {
		k.fault("store.maxStaleness", "%s, want a duration above 0", s.MaxStaleness)
	}
	if s.Driver != driverPostgres {
		for path, given := range map[string]bool{"store.dsn": !s.DSN.IsZero(), "store.dsnFile": s.DSNFile != "", "store.schema": s.Schema != ""} {
			if given {
				k.fault(path, "is for the driver postgres alone, not %s", s.Driver)
			}
		}
		return
	}
	switch {
	case s.DSN.IsZero() && s.DSNFile == "":
		k.fault("store.dsnFile", "missing, want a file that says how to reach PostgreSQL")
	case !s.DSN.IsZero() && s.DSNFile != "":
		k.fault("store.dsn", "stands beside store.dsnFile, want one of them")
	case !s.DSN.IsZero() && !isDSNURL(s.DSN.Reveal()) && !strings.Contains(s.DSN.Reveal(), "="):
		k.fault("store.dsn", "want postgres://user@host/database or host=… dbname=…")
	}
	if s.Schema != "" && !schemaName.MatchString(s.Schema) {
		k.fault("store.schema", "%s, want a name of letters in lower case, digits and _", quoted(s.Schema))
	}
}

func (k *checker) keys() {
	r := &k.Keys
	hasFile, hasKey := r.WrappingKeyFile != "", !r.WrappingKey.IsZero()
	switch {
	case hasFile && hasKey:
		k.fault("keys.wrappingKey", "stands beside keys.wrappingKeyFile, want one of them")
	case !hasFile && !hasKey && k.Store.Driver != driverMemory && !k.isDevelopment:
		// With a device too: it also keeps others from planting records of keys.
		k.fault("keys.wrappingKeyFile", "missing, want the file of the key that encrypts signing keys at rest")
	}
	k.files("keys.previousWrappingKeyFiles", r.PreviousWrappingKeyFiles)
	if hasFile && slices.Contains(r.PreviousWrappingKeyFiles, r.WrappingKeyFile) {
		k.fault("keys.previousWrappingKeyFiles", "holds keys.wrappingKeyFile, want earlier keys alone")
	}
	if r.MaxTokenLifetime < time.Second {
		k.fault("keys.maxTokenLifetime", "%s, want a second or more", durationText(r.MaxTokenLifetime))
	}
	for i, one := range k.Instances {
		if one.TokenLifetime > r.MaxTokenLifetime && one.TokenLifetime <= maxLifetime {
			k.fault(at("instances", i)+".tokenLifetime", "%s, want at most keys.maxTokenLifetime (%s)", durationText(one.TokenLifetime), durationText(r.MaxTokenLifetime))
		}
	}
	k.notNegative("keys.announce", r.Announce)
	k.notNegative("keys.rotateAfter", r.RotateAfter)
	if r.RotateAfter > 0 && r.RotateAfter <= r.Announce {
		k.fault("keys.rotateAfter", "%s, want more than keys.announce (%s): a key would never sign", durationText(r.RotateAfter), durationText(r.Announce))
	}
	if r.Bits != 2048 && r.Bits != 3072 {
		k.fault("keys.bits", "%d, want 2048 or 3072", r.Bits)
	}
	k.oneOf("keys.report", r.Report, reportAuto, "none")
	if r.PKCS11 == (PKCS11{}) {
		return
	}
	for path, value := range map[string]string{
		"keys.pkcs11.module": r.PKCS11.Module, "keys.pkcs11.tokenLabel": r.PKCS11.TokenLabel,
		"keys.pkcs11.pinFile": r.PKCS11.PINFile, "keys.pkcs11.keyLabel": r.PKCS11.KeyLabel,
	} {
		if value == "" {
			k.fault(path, "missing, want all of keys.pkcs11 or none of it")
		}
	}
}

func (k *checker) collateral() {
	c := &k.Collateral
	if c.Source == "" {
		k.fault("collateral.source", "empty, want a folder or the URL of a service")
		return
	}
	isURL := strings.Contains(c.Source, "://")
	if isURL {
		// It is signed, so that plain HTTP can keep it from us but not change it.
		k.url("collateral.source", c.Source, urlRules{schemes: []string{"https", "http"}})
	}
	if c.Update != "" {
		k.oneOf("collateral.update", c.Update, "standard", "early")
	}
	for path, value := range map[string]string{"collateral.update": c.Update, "collateral.cache": c.Cache} {
		if value != "" && !isURL {
			k.fault(path, "goes with a URL in collateral.source: a folder gives what is in it")
		}
	}
}

func (k *checker) limits() {
	l := &k.Limits
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
		k.fault("limits.burst", "goes with limits.ratePerCaller or limits.ratePerInstance")
	}
	if least := cmp.Or(l.Read, 20*time.Second) + cmp.Or(l.Request, 30*time.Second); l.Write > 0 && l.Write < least {
		k.fault("limits.write", "%s, want %s or more, the sum of limits.read and limits.request: whoever runs out of time is to be told",
			durationText(l.Write), durationText(least))
	}
}

// outlook checks what others see of the service.
func (k *checker) outlook() {
	k.oneOf("log.format", k.Log.Format, "text", "json")
	k.oneOf("log.level", k.Log.Level, "debug", "info", "warn", "error")
	t := &k.Telemetry
	if t.MetricsListen != "" {
		k.address("telemetry.metricsListen", t.MetricsListen)
		if t.MetricsListen == k.Listen && !strings.HasSuffix(k.Listen, ":0") {
			k.fault("telemetry.metricsListen", "the address of listen, want another: metrics are not for callers")
		}
	}
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
	k.notNegative("shutdown.linger", k.Shutdown.Linger)
	k.notNegative("shutdown.drain", k.Shutdown.Drain)
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
