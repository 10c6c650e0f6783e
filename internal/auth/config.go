package auth

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Config says whom to believe and who may do what. Its zero value believes
// nobody: whoever sends a token is refused.
type Config struct {
	// Issuers are those whose tokens are believed.
	Issuers []Issuer
	// Bindings give roles to holders of tokens, Certificates to holders of client
	// certificates. Who gets several has all of them.
	Bindings     []Binding
	Certificates []CertificateBinding
	// Leeway is how far the clocks of issuers may be off, at most 5 minutes. Zero
	// stands for one minute.
	Leeway time.Duration
	// Clock is the time by which tokens and certificates are judged and keys grow
	// old; nil stands for time.Now.
	Clock func() time.Time
	// HTTPClient is whose Transport asks issuers for their keys; nil stands for one
	// with time-outs. Redirects are not followed, and no cookies kept, whatever it
	// says. It excludes [Issuer.RootCAs].
	HTTPClient *http.Client
	// Log hears of keys that change or cannot be fetched, and of tokens that do not
	// say what a binding asks. Nil stands for nobody.
	Log *slog.Logger
}

// ConfigError says why a [Config] makes no Authenticator.
type ConfigError struct {
	// Field is the field of Config, such as "Issuers[0].URL".
	Field string
	// Problem is what is wrong with it, and what would be right.
	Problem string
}

func (e *ConfigError) Error() string { return "auth: config: " + e.Field + ": " + e.Problem }

// normalized checks the configuration and fills in what stands for empty fields.
// Nothing of it is shared with the one that was given.
func (c Config) normalized() (Config, error) {
	if c.Leeway < 0 || c.Leeway > maxLeeway {
		return Config{}, &ConfigError{"Leeway", fmt.Sprintf("%s, want at most %s", c.Leeway, maxLeeway)}
	}
	if c.Leeway == 0 {
		c.Leeway = defaultLeeway
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if err := c.normalizeIssuers(); err != nil {
		return Config{}, err
	}
	c.Bindings = slices.Clone(c.Bindings)
	for i := range c.Bindings {
		if err := c.Bindings[i].validate(fmt.Sprintf("Bindings[%d]", i), c.Issuers); err != nil {
			return Config{}, err
		}
		c.Bindings[i].Instances = slices.Clone(c.Bindings[i].Instances)
	}
	c.Certificates = slices.Clone(c.Certificates)
	for i := range c.Certificates {
		b, err := c.Certificates[i].normalized(fmt.Sprintf("Certificates[%d]", i))
		if err != nil {
			return Config{}, err
		}
		b.Instances = slices.Clone(b.Instances)
		c.Certificates[i] = b
	}
	return c, nil
}

func (c *Config) normalizeIssuers() error {
	c.Issuers = slices.Clone(c.Issuers)
	for n, given := range c.Issuers {
		field := fmt.Sprintf("Issuers[%d]", n)
		i, err := given.normalized(field)
		if err != nil {
			return err
		}
		if i.RootCAs != nil && c.HTTPClient != nil {
			return &ConfigError{field + ".RootCAs", "given beside Config.HTTPClient, which has its own, want one of them"}
		}
		for _, other := range c.Issuers[:n] {
			if strings.TrimSuffix(other.URL, "/") == strings.TrimSuffix(i.URL, "/") {
				return &ConfigError{field + ".URL", fmt.Sprintf("%q stands twice", i.URL)}
			}
			if other.Name == i.Name && (i.TenantID == "" || other.TenantID != i.TenantID) {
				return &ConfigError{field + ".Name", fmt.Sprintf("%q stands twice, for issuers that are not of one tenant", i.Name)}
			}
		}
		c.Issuers[n] = i
	}
	return nil
}
