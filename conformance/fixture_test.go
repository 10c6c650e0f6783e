package conformance_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/attest/intel"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/internal/server"
	"github.com/azattest/azattest/internal/ticket"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
	"github.com/azattest/azattest/token"
)

// ownKeys is a key ring of one key for each algorithm.
type ownKeys struct {
	mu      sync.Mutex
	signers map[token.Algorithm]crypto.Signer
}

func (k *ownKeys) signer(a token.Algorithm) (crypto.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s, ok := k.signers[a]; ok {
		return s, nil
	}
	s, err := token.GenerateSigner(a, 0)
	if err != nil {
		return nil, err
	}
	if k.signers == nil {
		k.signers = map[token.Algorithm]crypto.Signer{}
	}
	k.signers[a] = s
	return s, nil
}

func (k *ownKeys) Ring(_ context.Context, url string, a token.Algorithm) (*token.Ring, error) {
	signer, err := k.signer(a)
	if err != nil {
		return nil, err
	}
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: a, Issuer: url})
	if err != nil {
		return nil, err
	}
	return token.NewRing(key)
}

func (*ownKeys) Generation() int64 { return 0 }

func (*ownKeys) Refresh(context.Context) error { return nil }

// challengeLifetime is that of a service which is told nothing of it.
const challengeLifetime = 5 * time.Minute

// deployment is our service with one instance.
type deployment struct {
	settings     instance.Settings
	certificates []*x509.Certificate
	trust        intel.Config
	tpms         tpm.VerifierConfig
	keys         *ownKeys
	wrapping     string           // the keys that it shares with its replicas; "" for none
	maxLifetime  time.Duration    // of tokens; 0 for the default
	clock        func() time.Time // nil for the real one
	config       server.Config    // whatever else the server is told
	isRoleless   bool             // bearers have their roles for other instances
	developers   *auth.DevelopmentIssuer
	store        store.Store         // once deployed; before that, of another one whose replica it is
	instances    *instance.Directory // once deployed
}

// tickets seal challenges, as the command makes what seals them.
func (d *deployment) tickets() (*ticket.Sealer, error) {
	var secrets [][]byte
	if d.wrapping != "" {
		wrapping, err := keyring.ParseWrapping(d.wrapping)
		if err != nil {
			return nil, err
		}
		if secrets, err = wrapping.Secrets("azattest tickets"); err != nil {
			return nil, err
		}
	}
	return ticket.New(ticket.Config{Secrets: secrets, Lifetime: challengeLifetime, Clock: d.clock})
}

// deploy returns the service. It runs until the test ends.
func (d *deployment) deploy(tb testing.TB) *server.Server {
	tb.Helper()
	check := func(err error) {
		if err != nil {
			tb.Helper()
			tb.Fatal(err)
		}
	}
	quotes, err := intel.NewSGX(d.trust)
	check(err)
	reports, err := intel.NewOpenEnclave(d.trust)
	check(err)
	if d.keys == nil {
		d.keys = new(ownKeys)
	}
	isFirst := d.store == nil
	if isFirst {
		d.store = memory.New()
	}
	tickets, err := d.tickets()
	check(err)
	d.instances, err = instance.Open(tb.Context(), instance.Config{
		Store: d.store, Keys: d.keys, Clock: d.clock, Log: slog.New(slog.DiscardHandler), Tickets: tickets, MaxTokenLifetime: d.maxLifetime,
		Verifiers: map[attest.Type]evidence.Verifier{attest.SGXEnclave: quotes, attest.OpenEnclave: reports, attest.TPM: tpm.NewVerifier(d.tpms)},
	})
	check(err)
	if isFirst {
		check(d.instances.Create(tb.Context(), d.settings, d.certificates, "test"))
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	done := make(chan error, 1)
	go func() { done <- d.instances.Run(ctx) }()
	tb.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
	d.developers, err = auth.OpenDevelopmentIssuer(tb.TempDir())
	check(err)
	bindings := d.developers.Bindings()
	for i := range bindings {
		if d.isRoleless {
			bindings[i].Instances = []string{"elsewhere"}
		}
	}
	callers, err := auth.New(auth.Config{Issuers: []auth.Issuer{d.developers.Issuer()}, Bindings: bindings, Clock: d.clock})
	check(err)
	tb.Cleanup(func() { _ = callers.Close() })
	config := d.config
	config.Instances, config.Auth, config.Clock, config.Log = d.instances, callers, d.clock, slog.New(slog.DiscardHandler)
	s, err := server.New(config)
	check(err)
	return s
}

// bearer returns a token of the development issuer.
func (d *deployment) bearer(tb testing.TB, role auth.Role) string {
	tb.Helper()
	now := time.Now()
	if d.clock != nil {
		now = d.clock()
	}
	text, err := d.developers.Token(role, time.Hour, now)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}
