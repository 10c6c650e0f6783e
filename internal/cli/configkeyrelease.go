package cli

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/keyrelease"
)

// configuration is one of the attestation service or of the key release server.
type configuration interface {
	Validate() error
	Print(w io.Writer, asJSON bool) error
	Fault(path, text string) config.Problem
}

// keyReleaseFlag says which of the two servers a configuration is for. A file does
// not say it by itself, and a guess would tell faults that are none.
func keyReleaseFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("keyrelease", false, "the configuration of a key release server, not of the attestation service")
}

// readKeyReleaseConfig is readConfig for the key release server.
func readKeyReleaseConfig(s Streams, name string) (*config.KeyRelease, error) {
	raw, err := readInput(s, name)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return config.ParseKeyRelease(shownFile(name), raw, s.env)
}

// readEither reads a configuration of one of the two servers.
func readEither(s Streams, name string, isKeyRelease bool) (configuration, error) {
	if isKeyRelease {
		return readKeyReleaseConfig(s, name)
	}
	return readConfig(s, name)
}

// checkKeyReleaseConfig is checkConfig for the key release server.
func checkKeyReleaseConfig(s Streams, name string) (*checkedConfig, error) {
	c, err := readKeyReleaseConfig(s, name)
	if err != nil {
		return checkedOf(name, err, nil)
	}
	f := &configFiles{s: s, c: c}
	f.keyRelease(c)
	return checkedOf(name, c.Validate(), f.found)
}

// keyRelease looks at every file of a key release server.
func (f *configFiles) keyRelease(c *config.KeyRelease) {
	f.vault(c)
	f.certificates("tls.clientCAFile", c.TLS.ClientCAFile)
	f.wrappingKeys(c.Keys.WrappingKeyFile, c.Keys.WrappingKey, c.Keys.PreviousWrappingKeyFiles)
	f.dsn(c.Store.DSNFile)
	for i, authority := range c.Authorities {
		f.certificates(fmt.Sprintf("authorities[%d].caFile", i), authority.CAFile)
	}
	f.issuers(&c.Auth)
}

// vault checks the certificate by which clients know the server, and that by which
// they know who signed: both are for the host of the vault.
func (f *configFiles) vault(c *config.KeyRelease) {
	host := ""
	if u, err := url.Parse(c.URL); err == nil {
		host = u.Hostname()
	}
	section, signing := "tls", f.pair("tls", c.TLS.CertificateFile, c.TLS.KeyFile)
	isShown := len(c.TrustedProxies) == 0 // else clients see the certificate of the proxy
	if hasOwn := c.Signing != (config.Signing{}); hasOwn {
		if signing != nil && isShown {
			f.named("url", section, signing.Leaf, host)
		}
		section, signing = "signing", f.pair("signing", c.Signing.CertificateFile, c.Signing.KeyFile)
	}
	if signing == nil {
		return
	}
	f.named("url", section, signing.Leaf, host)
	if key, ok := signing.PrivateKey.(crypto.Signer); ok {
		if _, err := keyrelease.NewSigner(key, []*x509.Certificate{signing.Leaf}); err != nil {
			f.fault(section+".keyFile", "%v", strings.TrimPrefix(err.Error(), "keyrelease: signer: "))
		}
	}
}
