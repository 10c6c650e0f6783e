package cli

import (
	"net"
	"slices"
	"time"

	"github.com/azattest/azattest/internal/config"
)

// defaultInstance is the name of the one that flags describe.
const defaultInstance = "default"

// defaultDataDir is where a service keeps its state unless it is told otherwise.
const defaultDataDir = "azattest-data"

// configuration is what the file says, or else what the flags do.
func (o *serveOptions) configuration(s Streams) (*config.Config, error) {
	if o.configFile == "" {
		return o.flagged(), nil
	}
	c, err := loadConfiguration(s, o.configFile)
	if err != nil {
		return nil, err
	}
	if slices.Contains(o.given, "listen") {
		c.Listen = o.listen
	}
	if slices.Contains(o.given, "data-dir") {
		c.DataDir = o.dataDir
	}
	check := c.Validate
	if o.dev {
		if err := forDevelopment(c); err != nil {
			return nil, err
		}
		check = c.ValidateDevelopment
	}
	if err := check(); err != nil {
		return nil, tellFaults(s, o.configFile, err)
	}
	return c, nil
}

// loadConfiguration reads a file and the environment over it.
func loadConfiguration(s Streams, name string) (*config.Config, error) {
	c, err := readConfig(s, name)
	if err != nil {
		return nil, tellFaults(s, name, err)
	}
	return c, nil
}

// forDevelopment refuses in a file what --dev makes by itself, and what must not
// be reached from elsewhere.
func forDevelopment(c *config.Config) error {
	host, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil || !isLoopback(host):
		return usage("azattest serve", "--dev serves loopback only, not %q", c.Listen)
	case c.TLS.CertificateFile != "" || c.TLS.KeyFile != "" || c.BehindProxy:
		return usage("azattest serve", "--dev makes its own certificate: leave tls.certificateFile, tls.keyFile and behindProxy out of the file")
	case c.Keys.WrappingKeyFile != "" || !c.Keys.WrappingKey.IsZero() || len(c.Keys.PreviousWrappingKeyFiles) > 0 || c.Keys.PKCS11.Module != "":
		return usage("azattest serve", "--dev signs for simulated evidence, and must not do so with the keys of a service that others trust: leave keys.wrappingKey, keys.wrappingKeyFile, keys.previousWrappingKeyFiles and keys.pkcs11 out, and give it a store of its own")
	}
	return nil
}

// flagged is the configuration that flags describe.
func (o *serveOptions) flagged() *config.Config {
	c := config.Default()
	c.Listen, c.DataDir = o.listen, o.dataDir
	c.TLS.CertificateFile, c.TLS.KeyFile, c.BehindProxy = o.tlsCert, o.tlsKey, o.plainHTTP
	c.Keys.WrappingKeyFile = o.wrappingKeyFile
	if o.keyBits != 0 {
		c.Keys.Bits = o.keyBits
	}
	c.Collateral = config.Collateral{Source: o.source.from, Update: o.source.update, Cache: o.source.cache, AcceptStale: o.acceptStale}
	c.TPM.EKRootFiles = o.tpmEKRoots
	c.Errors = config.Errors{Terse: o.terse, ExplainDenials: o.explain}
	c.Shutdown.Linger = o.linger
	c.Log = config.Log{Format: o.logFormat, Level: o.logLevel}
	i := config.Instance{
		Name: defaultInstance, URL: o.url, Mode: "aad", AzureDefaultTCB: o.azureDefault,
		Algorithm: o.algorithm, TokenLifetime: o.tokenLifetime, AttestRole: "none", Policies: map[string]string{},
	}
	for _, status := range o.tcb {
		i.AcceptedTCB = append(i.AcceptedTCB, string(status))
	}
	if o.policySGX != "" {
		i.Policies["SgxEnclave"] = o.policySGX
	}
	if o.policyOE != "" {
		i.Policies["OpenEnclave"] = o.policyOE
	}
	c.Instances = []config.Instance{i}
	return c
}

// runOptions are what a service is started with.
type runOptions struct {
	config *config.Config
	dev    bool
	// verifyAt judges evidence as of a time; zero for now.
	verifyAt time.Time
	// at is the time of a simulated platform's making.
	at func(now func() time.Time) time.Time
}

func (o *serveOptions) runOptions(c *config.Config) runOptions {
	return runOptions{config: c, dev: o.dev, verifyAt: o.at.Time, at: o.at.or}
}
