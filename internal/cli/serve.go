package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/audit"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/enroll"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/internal/server"
	"github.com/azattest/azattest/internal/telemetry"
	"github.com/azattest/azattest/internal/wholefile"
	"github.com/azattest/azattest/token"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	configFile string
	listen     string
	url        string
	dataDir    string
	readyFile  string
	dev        bool

	wrappingKeyFile string

	tlsCert, tlsKey string
	plainHTTP       bool

	source      sourceFlags
	acceptStale bool
	at          *timeFlag
	tpmEKRoots  []string

	tcb           tcbFlag
	azureDefault  int
	policySGX     string
	policyOE      string
	algorithm     string
	keyBits       int
	tokenLifetime time.Duration
	terse         bool
	explain       bool
	linger        time.Duration

	logFormat string
	logLevel  string

	// given are the names of the flags beside --config.
	given []string
}

func newServe(s Streams) *cobra.Command {
	o := new(serveOptions)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the attestation service",
		Long: `serve runs an attestation service that speaks the REST API of Azure Attestation:
POST /attest/{type}, /policies/{type}, /certificates, GET /certs and
GET /.well-known/openid-configuration, and for probes GET /healthz and /readyz.

With --dev it serves loopback only, makes its own TLS certificate, trusts simulated
evidence beside Intel's, and knows the callers of azattest dev-token. Without --dev
nothing insecure is allowed.

With --config a file says everything: many instances, who may change their policies,
where state is kept. Without it the flags describe one instance, whose policies can
be managed with --dev alone, for nobody else is known.`,
		Example: `  # try it: simulated evidence, generated certificate
  azattest serve --dev

  # run it for others
  azattest serve --config /etc/azattest/azattest.yaml

  # one instance with fixed policies, by flags alone
  azattest keys wrapping-key --out wrapping.key
  azattest serve --listen :8443 --url https://attest.example.com \
    --tls-cert server.pem --tls-key server-key.pem --wrapping-key-file wrapping.key`,
		Args: usageArgs(cobra.NoArgs),
	}
	o.addFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		return serve(cmd.Context(), s, o)
	}
	return cmd
}

func (o *serveOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.configFile, "config", "", "file with the configuration; flags about what stands in it are refused beside it, save for --listen and --data-dir")
	f.StringVar(&o.listen, "listen", "127.0.0.1:8443", "address to listen on; port 0 takes a free one")
	f.StringVar(&o.url, "url", "", "URL by which clients know the service, the issuer of its tokens (default with --dev: the address it listens on)")
	f.StringVar(&o.dataDir, "data-dir", defaultDataDir, "folder for the store, keys and cached collateral")
	f.StringVar(&o.readyFile, "ready-file", "", "file that is written once the service listens: {\"endpoint\":…,\"caFile\":…,\"instances\":{…}}")
	f.BoolVar(&o.dev, "dev", false, "for development: loopback only, generated certificate, simulated evidence accepted and marked")
	f.StringVar(&o.wrappingKeyFile, "wrapping-key-file", "", "file with the key that encrypts signing keys at rest; make it with azattest keys wrapping-key")
	f.StringVar(&o.tlsCert, "tls-cert", "", "PEM file with the certificate chain for TLS")
	f.StringVar(&o.tlsKey, "tls-key", "", "PEM file with the private key for TLS")
	f.BoolVar(&o.plainHTTP, "behind-proxy", false, "serve plain HTTP on loopback, for a proxy on this machine that does TLS")
	o.source.add(cmd)
	f.BoolVar(&o.acceptStale, "accept-stale-collateral", false, "accept collateral past its nextUpdate; revocations since then go unnoticed")
	o.at = addAt(cmd, "with --dev: judge evidence and collateral as of this time instead of now")
	f.StringArrayVar(&o.tpmEKRoots, "tpm-ek-root", nil, "with --dev: PEM file with authorities of TPMs' endorsement keys, which may then enroll, with an authority that is made in memory; may be repeated")
	f.Var(&o.tcb, "accept-tcb-status", "TCB statuses that get a token, separated by commas (default UpToDate,SWHardeningNeeded)")
	f.IntVar(&o.azureDefault, "azure-default-tcb", 0, "TCB evaluation data number that \"azuredefault\" demands; 0 for current collateral")
	f.StringVar(&o.policySGX, "policy-sgx", "", "file with the policy of SgxEnclave (default: Azure's default policy)")
	f.StringVar(&o.policyOE, "policy-open-enclave", "", "file with the policy of OpenEnclave (default: Azure's default policy)")
	f.StringVar(&o.algorithm, "algorithm", string(token.RS256), "algorithm that signs tokens: RS256, PS256 or ES256")
	f.IntVar(&o.keyBits, "key-bits", 0, "size of an RSA signing key that is made: 2048 or 3072 (default 2048)")
	f.DurationVar(&o.tokenLifetime, "token-lifetime", defaultTokenLifetime, "how long tokens are valid")
	f.BoolVar(&o.terse, "terse-errors", false, "keep the reasons of refusals to the log: clients read the sentences of the real service alone")
	f.BoolVar(&o.explain, "explain-denials", false, "let clients read which claims a policy turned down, with their values")
	f.DurationVar(&o.linger, "linger", 0, "at shutdown, how long to go on serving after /readyz says no, so that balancers notice")
	f.StringVar(&o.logFormat, "log-format", "text", "form of the log on stderr: text or json")
	f.StringVar(&o.logLevel, "log-level", "info", "what is logged: debug, info, warn or error")
	mustComplete(cmd, "algorithm", signingAlgorithms...)
	mustComplete(cmd, "accept-tcb-status", tcbStatuses()...)
	mustComplete(cmd, "log-format", "text", "json")
	mustComplete(cmd, "log-level", "debug", "info", "warn", "error")
}

// besideConfig are the flags that --config leaves room for.
var besideConfig = []string{"config", "listen", "data-dir", "ready-file", "dev", "at"}

// check refuses what contradicts itself, and everything insecure without --dev.
func (o *serveOptions) check(cmd *cobra.Command) error {
	command := cmd.CommandPath()
	if !o.dev && !o.at.IsZero() {
		return usage(command, "--at is for --dev only: it lets old evidence pass for new")
	}
	if !o.dev && len(o.tpmEKRoots) > 0 {
		return usage(command, "--tpm-ek-root is for --dev only: say tpm.ekRootFiles and tpm.enrollment in a file, and name it with --config")
	}
	if o.configFile != "" {
		var err error
		cmd.Flags().Visit(func(f *pflag.Flag) {
			if err == nil && !slices.Contains(besideConfig, f.Name) {
				err = usage(command, "--%s stands beside --config: say it in the file", f.Name)
			}
			o.given = append(o.given, f.Name)
		})
		return err
	}
	host, _, err := net.SplitHostPort(o.listen)
	if err != nil {
		return usage(command, "--listen %q: want host:port", o.listen)
	}
	switch {
	case o.dev && !isLoopback(host):
		return usage(command, "--dev serves loopback only, not %q", o.listen)
	case o.dev && (o.tlsCert != "" || o.tlsKey != "" || o.plainHTTP):
		return usage(command, "--dev makes its own certificate: leave out --tls-cert, --tls-key and --behind-proxy")
	case o.dev && o.wrappingKeyFile != "":
		return usage(command, "--dev signs for simulated evidence, and must not do so with the keys of a service that others trust: leave out --wrapping-key-file, and give it a --data-dir of its own")
	case !slices.Contains(signingAlgorithms, o.algorithm):
		return usage(command, "--algorithm %q: want RS256, PS256 or ES256", o.algorithm)
	case !slices.Contains([]int{0, 2048, 3072}, o.keyBits):
		return usage(command, "--key-bits %d: want 2048 or 3072", o.keyBits)
	case o.tokenLifetime < time.Second:
		return usage(command, "--token-lifetime %s: want a second or more", o.tokenLifetime)
	case o.azureDefault < 0:
		return usage(command, "--azure-default-tcb %d: want a TCB evaluation data number, or 0", o.azureDefault)
	case o.linger < 0:
		return usage(command, "--linger %s: want a duration that is not negative", o.linger)
	case !o.dev && o.url == "":
		return usage(command, "--url is missing: the URL by which clients know the service (or try --dev)")
	case !o.dev && o.plainHTTP && !isLoopback(host):
		return usage(command, "--behind-proxy serves loopback only, not %q", o.listen)
	case !o.dev && o.plainHTTP == (o.tlsCert != "" || o.tlsKey != ""):
		return usage(command, "give either --tls-cert and --tls-key, or --behind-proxy")
	case !o.dev && !o.plainHTTP && (o.tlsCert == "" || o.tlsKey == ""):
		return usage(command, "--tls-cert and --tls-key go together")
	case !o.dev && o.wrappingKeyFile == "":
		return usage(command, "--wrapping-key-file is missing: the key that encrypts signing keys at rest; make one with azattest keys wrapping-key")
	}
	return o.source.check(command)
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// serve runs until the context ends.
func serve(ctx context.Context, s Streams, o *serveOptions) error {
	c, err := o.configuration(s)
	if err != nil {
		return err
	}
	log, err := newLogger(s, c.Log.Format, c.Log.Level)
	if err != nil {
		return err
	}
	if o.readyFile != "" {
		// One that a service before us left would name a dead endpoint.
		if err := wholefile.Remove(o.readyFile); err != nil {
			return fmt.Errorf("ready file: %w", err)
		}
		defer wholefile.Remove(o.readyFile) //nolint:errcheck // whoever reads it later finds nobody listening
	}
	unlock, err := claimDataDir(c)
	if err != nil {
		return err
	}
	defer unlock()
	defer runtime.KeepAlive(holdHeap())
	running, err := startConfigured(ctx, s, o.runOptions(c), log)
	if err != nil {
		return o.asFault(operatorFault(err))
	}
	defer running.close()
	if err := running.announce(o.readyFile); err != nil {
		return err
	}
	log.LogAttrs(ctx, slog.LevelInfo, "listening", slog.String("endpoint", running.Endpoint), slog.Bool("dev", o.dev))
	return running.wait()
}

// asFault is what the parts of a service refuse about their configuration: a usage
// error if it came from flags, and a refusal of the file if one was given.
func (o *serveOptions) asFault(err error) error {
	isConfiguration := isType[*attest.ConfigError](err) || isType[*server.ConfigError](err) || isType[*token.URLError](err) ||
		isType[*instance.SettingsError](err) || isType[*instance.ConfigError](err) || isType[*auth.ConfigError](err) ||
		isType[*keyring.ConfigError](err) || isType[*audit.ConfigError](err) || isType[*telemetry.ConfigError](err) ||
		isType[*enroll.ConfigError](err) || isType[*tpm.ConfigError](err)
	switch {
	case !isConfiguration:
		return err
	case o.configFile != "":
		return &refusedError{fmt.Errorf("configuration %s: %w", o.configFile, err)}
	case isType[*instance.SettingsError](err):
		return asInstanceUsage("azattest serve", err)
	}
	return &usageError{err: err, command: "azattest serve"}
}

// claimDataDir makes the data directory, keeps other services out of it, and
// makes its path absolute, for the ready file names files inside.
func claimDataDir(c *config.Config) (func(), error) {
	dir, err := filepath.Abs(c.DataDir)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	c.DataDir = dir
	unlock, err := lockFolder(dir)
	if err != nil {
		return nil, withHint(fmt.Errorf("data directory %s: %w", dir, err), "another azattest serves from it: stop that one, or give this one a --data-dir of its own")
	}
	return unlock, nil
}

// ready is what the ready file says.
type ready struct {
	Endpoint string `json:"endpoint"`
	CAFile   string `json:"caFile,omitempty"`
	// Instances are the URLs of the instances that the configuration names.
	Instances map[string]string `json:"instances,omitempty"`
}

// announce writes the ready file as a whole, so that whoever waits for it never
// reads half of it.
func (r ready) announce(name string) error {
	if name == "" {
		return nil
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := writeFile(name, append(text, '\n')); err != nil {
		return fmt.Errorf("ready file: %w", err)
	}
	return nil
}

func newLogger(s Streams, format, level string) (*slog.Logger, error) {
	options := new(slog.HandlerOptions)
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usage("azattest serve", "--log-level %q: want debug, info, warn or error", level)
	}
	options.Level = l
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(s.Err, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(s.Err, options)), nil
	}
	return nil, usage("azattest serve", "--log-format %q: want text or json", format)
}
