package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/internal/audit"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/internal/vaultserver"
	"github.com/azattest/azattest/internal/wholefile"
	"github.com/azattest/azattest/keyrelease"
)

// keyReleaseServeOptions are the flags of keyrelease serve.
type keyReleaseServeOptions struct {
	configFile      string
	listen          string
	dataDir         string
	readyFile       string
	dev             bool
	authorities     []string
	authorityCAFile string
}

func newKeyReleaseServe(s Streams) *cobra.Command {
	o := new(keyReleaseServeOptions)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a vault that releases keys to attested parties",
		Long: `serve runs a vault that speaks the part of Azure Key Vault's REST API that is about
keys: they are made, imported, rotated, listed, changed and deleted by callers with a
role, and released to who shows the token of a trusted attestation service whose claims
meet the key's release policy. The key is wrapped to the key in the token, so that only
the attested party can read it, and the response is signed.

Keys are kept encrypted. Each release and each change stands in the audit trail before
it is answered, and so do refusals to callers with a name, as far as they do not fill
it.

With --dev it serves loopback only, makes its own certificate, accepts simulated
evidence, and knows the callers of azattest dev-token. Without --dev nothing insecure is
allowed, and a file says everything.`,
		Example: `  # try it, beside azattest serve --dev
  azattest keyrelease serve --dev --authority https://127.0.0.1:8443 \
    --authority-ca-file azattest-data/ca.pem

  # run it for others
  azattest config example --keyrelease > keyrelease.yaml
  azattest keyrelease serve --config keyrelease.yaml`,
		Args: usageArgs(cobra.NoArgs),
	}
	f := cmd.Flags()
	f.StringVar(&o.configFile, "config", "", "file with the configuration; see azattest config example --keyrelease")
	f.StringVar(&o.listen, "listen", "", "address to listen on; port 0 takes a free one (default: the configuration's, or 127.0.0.1:8444)")
	f.StringVar(&o.dataDir, "data-dir", "", "folder for the store (default: the configuration's, or "+defaultKeyReleaseDataDir+")")
	f.StringVar(&o.readyFile, "ready-file", "", "file that is written once the vault listens: {\"endpoint\":…,\"caFile\":…}")
	f.BoolVar(&o.dev, "dev", false, "for development: loopback only, generated certificate, simulated evidence accepted")
	f.StringArrayVar(&o.authorities, "authority", nil, "with --dev: URL of an attestation service whose tokens count; may be repeated")
	f.StringVar(&o.authorityCAFile, "authority-ca-file", "", "with --dev: PEM file with the CA certificates to trust for TLS to the authorities (default: the system's)")
	mustTakeText(cmd, "listen", "authority")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		return keyReleaseServe(cmd.Context(), s, o)
	}
	return cmd
}

// check refuses what contradicts itself, and everything insecure without --dev.
func (o *keyReleaseServeOptions) check(cmd *cobra.Command) error {
	command := cmd.CommandPath()
	switch {
	case !o.dev && o.configFile == "":
		return usage(command, "--config is missing: the file that says whom to trust and who may ask (or try --dev)")
	case !o.dev && (len(o.authorities) > 0 || o.authorityCAFile != ""):
		return usage(command, "--authority and --authority-ca-file are for --dev only: say it in the file, under authorities")
	case o.dev && o.configFile == "" && len(o.authorities) == 0:
		return usage(command, "--authority is missing: the URL of the attestation service whose tokens count, such as https://127.0.0.1:8443")
	case len(o.authorities) == 0 && o.authorityCAFile != "":
		return usage(command, "--authority-ca-file goes with --authority")
	case o.configFile != "" && cmd.Flags().Changed("authority"):
		return usage(command, "--authority stands beside --config: say it in the file")
	case o.configFile != "" && cmd.Flags().Changed("authority-ca-file"):
		return usage(command, "--authority-ca-file stands beside --config: say it in the file")
	}
	return nil
}

// configuration is what the file says, or what --dev needs.
func (o *keyReleaseServeOptions) configuration(s Streams) (*config.KeyRelease, error) {
	c := config.DefaultKeyRelease()
	if o.configFile != "" {
		var err error
		if c, err = readKeyReleaseConfig(s, o.configFile); err != nil {
			return nil, tellFaults(s, o.configFile, err)
		}
	}
	for _, authority := range o.authorities {
		c.Authorities = append(c.Authorities, config.Authority{URL: authority, CAFile: o.authorityCAFile, SigningCertificate: "none"})
	}
	if o.listen != "" {
		c.Listen = o.listen
	}
	if o.dataDir != "" {
		c.DataDir = o.dataDir
	}
	validate := c.Validate
	if o.dev {
		if err := forVaultDevelopment(c); err != nil {
			return nil, err
		}
		validate = c.ValidateDevelopment
	}
	err := validate()
	switch {
	case err != nil && o.configFile == "":
		return nil, flagFault(err)
	case err != nil:
		return nil, tellFaults(s, o.configFile, err)
	}
	if host, _, err := net.SplitHostPort(c.Listen); o.dev && (err != nil || !isLoopback(host)) {
		return nil, usage("azattest keyrelease serve", "--dev serves loopback only, not %q", c.Listen)
	}
	return c, nil
}

// forVaultDevelopment refuses in a file what --dev makes by itself: simulated evidence
// and the callers of dev-token must not reach keys or a trail that others rely on, nor
// have what is released signed in the name of another host. To try a signing certificate
// for this machine is fine.
func forVaultDevelopment(c *config.KeyRelease) error {
	switch {
	case c.TLS.CertificateFile != "" || c.TLS.KeyFile != "" || c.TLS.ClientCAFile != "" || c.BehindProxy:
		return usage("azattest keyrelease serve", "--dev makes its own certificate and knows callers by dev-token: leave tls.certificateFile, tls.keyFile, tls.clientCAFile and behindProxy out of the file")
	case c.Keys.WrappingKeyFile != "" || !c.Keys.WrappingKey.IsZero() || len(c.Keys.PreviousWrappingKeyFiles) > 0:
		return usage("azattest keyrelease serve", "--dev releases to simulated evidence, and must not do so with the keys of a vault that others rely on: leave keys.wrappingKey, keys.wrappingKeyFile and keys.previousWrappingKeyFiles out, and give it a store of its own")
	}
	if u, err := url.Parse(c.URL); err == nil && u.Hostname() != "" && !isLoopback(u.Hostname()) && !strings.HasSuffix(u.Hostname(), ".localhost") {
		return usage("azattest keyrelease serve", "--dev serves this machine alone, not the url %s: this is the file of a vault that others rely on", c.URL)
	}
	return nil
}

// flagFault is the first fault of a configuration that the command line alone made.
func flagFault(err error) error {
	faulty, ok := errors.AsType[*config.Error](err)
	if !ok || len(faulty.Problems) == 0 {
		return err
	}
	p := faulty.Problems[0]
	name := p.Path
	for path, flag := range map[string]string{"authorities[": "--authority", "listen": "--listen", "dataDir": "--data-dir"} {
		if strings.HasPrefix(p.Path, path) {
			name = flag
		}
	}
	return usage("azattest keyrelease serve", "%s: %s", name, p.Text)
}

// keyReleaseServe runs until the context ends.
func keyReleaseServe(ctx context.Context, s Streams, o *keyReleaseServeOptions) error {
	c, err := o.configuration(s)
	if err != nil {
		return err
	}
	log, err := newLogger(s, c.Log.Format, c.Log.Level)
	if err != nil {
		return err
	}
	if o.readyFile != "" {
		if err := wholefile.Remove(o.readyFile); err != nil {
			return fmt.Errorf("ready file: %w", err)
		}
		defer wholefile.Remove(o.readyFile) //nolint:errcheck // whoever reads it later finds nobody listening
	}
	home := &config.Config{DataDir: c.DataDir}
	unlock, err := claimDataDir(home)
	if err != nil {
		return err
	}
	defer unlock()
	c.DataDir = home.DataDir
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return withHint(fmt.Errorf("listen: %w", err), "choose another --listen address; port 0 takes a free one")
	}
	p := new(parts)
	defer func() { _ = p.close() }()
	at := ready{Endpoint: c.URL}
	if at.Endpoint == "" {
		at.Endpoint = "https://" + listener.Addr().String()
		c.URL = at.Endpoint
	}
	server, err := (&vaultParts{config: c, configFile: o.configFile, dev: o.dev, log: log, parts: p}).assemble(ctx, s, &at)
	if err != nil {
		_ = listener.Close()
		return o.asFault(operatorFault(err))
	}
	if err := at.announce(o.readyFile); err != nil {
		_ = listener.Close()
		return err
	}
	log.LogAttrs(ctx, slog.LevelInfo, "listening", slog.String("endpoint", at.Endpoint), slog.Bool("dev", o.dev))
	return p.runBeside(ctx, func() error { return server.Run(ctx, listener) })
}

// asFault is what the parts of a vault refuse about their configuration.
func (o *keyReleaseServeOptions) asFault(err error) error {
	isConfiguration := isType[*vaultserver.ConfigError](err) || isType[*keyrelease.ConfigError](err) || isType[*vault.ConfigError](err) ||
		isType[*auth.ConfigError](err) || isType[*audit.ConfigError](err)
	switch {
	case !isConfiguration:
		return err
	case o.configFile != "":
		return &refusedError{fmt.Errorf("configuration %s: %w", o.configFile, err)}
	}
	return &usageError{err: err, command: "azattest keyrelease serve"}
}
