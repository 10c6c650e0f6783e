package cli

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/attest/intel"
	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/token"
)

// operatorFlags say whose state a command works on: that of the service with this
// configuration, or that of one without a configuration, in its data directory.
// The service may be running.
type operatorFlags struct {
	configFile string
	dataDir    string
	isDirGiven func() bool
}

func (f *operatorFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.configFile, "config", "", "file with the configuration of the service")
	flags.StringVar(&f.dataDir, "data-dir", defaultDataDir, "data directory of a service without a configuration, such as one with --dev; beside --config in place of the one there")
	f.isDirGiven = func() bool { return flags.Changed("data-dir") }
	mustTakeFolder(cmd, "data-dir")
}

// loadEmpty returns the configuration of a service that may never have run. It
// must hold, but for what a service with --dev does without.
func (f *operatorFlags) loadEmpty(s Streams) (*config.Config, error) {
	if f.configFile == "" {
		c := config.Default()
		c.DataDir = f.dataDir
		return c, nil
	}
	c, err := loadConfiguration(s, f.configFile)
	if err != nil {
		return nil, err
	}
	if f.isDirGiven() {
		c.DataDir = f.dataDir
	}
	if err := c.ValidateDevelopment(); err != nil {
		return nil, tellFaults(s, f.configFile, err)
	}
	return c, nil
}

// load returns the configuration of a service that has run: no command makes the
// store, for it may run as somebody else than the service does.
func (f *operatorFlags) load(s Streams) (*config.Config, error) {
	c, err := f.loadEmpty(s)
	if err != nil || c.Store.Driver != driverSQLite {
		return c, err
	}
	if _, err := os.Stat(storePath(c)); err != nil {
		return nil, withHint(fmt.Errorf("store: %w", err), "start the service once, or name its --config or its --data-dir")
	}
	return c, nil
}

// openStore opens the state.
func (f *operatorFlags) openStore(ctx context.Context, s Streams) (store.Store, *config.Config, error) {
	c, err := f.load(s)
	if err != nil {
		return nil, nil, err
	}
	records, err := openLasting(ctx, c)
	return records, c, err
}

// openLasting opens a store that outlives the process. One in memory is that of
// the service alone.
func openLasting(ctx context.Context, c *config.Config) (store.Store, error) {
	if isVolatile(c) {
		return nil, errors.New("store.driver is memory: the state is the service's alone, no command reaches it")
	}
	return openStore(ctx, c)
}

// operator is what a command works with.
type operator struct {
	*instance.Directory
	config  *config.Config
	records store.Store
}

// Close lets go of the store.
func (o *operator) Close() {
	// Everything that a command wrote is durable already.
	_ = o.records.Close()
}

// open opens the state, and the instances in it. What the commands do needs no key:
// they sign nothing.
func (f *operatorFlags) open(ctx context.Context, s Streams) (*operator, error) {
	records, c, err := f.openStore(ctx, s)
	if err != nil {
		return nil, err
	}
	directory, err := openDirectory(ctx, s, c, records)
	if err != nil {
		_ = records.Close() // nothing was written
		return nil, operatorFault(err)
	}
	return &operator{Directory: directory, config: c, records: records}, nil
}

func openDirectory(ctx context.Context, s Streams, c *config.Config, records store.Store) (*instance.Directory, error) {
	fixed, err := fixedPolicies(c)
	if err != nil {
		return nil, err
	}
	quotes, err := intel.NewSGX(intel.Config{Source: noSource{}})
	if err != nil {
		return nil, err
	}
	// Nobody answers a challenge of a command's.
	tickets, err := openTickets(c, nil, s.Now)
	if err != nil {
		return nil, err
	}
	return instance.Open(ctx, instance.Config{
		Store: records, Keys: trialKeys{}, Fixed: fixed, MaxTokenLifetime: c.Keys.MaxTokenLifetime, Tickets: tickets,
		Verifiers: map[attest.Type]evidence.Verifier{
			attest.SGXEnclave: quotes, attest.OpenEnclave: quotes, attest.TPM: tpm.NewVerifier(tpm.VerifierConfig{}),
		},
		Clock: s.Now, Log: slog.New(slog.DiscardHandler),
	})
}

// trialKeys are keys to try settings with. Nothing is signed with them.
type trialKeys struct{}

// Ring makes a key that is thrown away. Whatever the algorithm, one key is as good
// as another to find out whether a URL can be certified.
func (trialKeys) Ring(_ context.Context, url string, _ token.Algorithm) (*token.Ring, error) {
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.ES256, Issuer: url})
	if err != nil {
		return nil, err
	}
	return token.NewRing(key)
}

// Generation never changes.
func (trialKeys) Generation() int64 { return 0 }

// Refresh has nothing to read.
func (trialKeys) Refresh(context.Context) error { return nil }

// noSource has no collateral: no command that changes instances verifies evidence.
type noSource struct{}

// Collateral finds none.
func (noSource) Collateral(_ context.Context, q collateral.Query) (*dcap.Collateral, error) {
	return nil, &collateral.NotFoundError{Query: q, Source: "none"}
}

// operatorName is who changes the state from the command line, for its history.
func operatorName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return "operator:" + u.Username
	}
	return "operator"
}
