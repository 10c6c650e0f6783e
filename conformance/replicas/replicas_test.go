// Package replicas_test runs the service as a team does: two processes over one
// PostgreSQL, behind something that hands out connections, under load, while keys
// change and a process dies.
package replicas_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/testpg"
	"github.com/azattest/azattest/simulator"
)

// world is two replicas, and a client that does not know which one it speaks to.
type world struct {
	replicas []*replica
	endpoint string
	options  *azattestation.ClientOptions
	bearer   held
	quote    []byte
	data     []byte
}

// held is a bearer at hand.
type held string

// GetToken returns it.
func (h held) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(h), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	b := newBalancer(t)
	w := &world{replicas: newReplicas(t, 2, testpg.Start(t).DSN(t), b), endpoint: "https://localhost:" + b.port()}
	dataDir := w.replicas[0].dataDir
	ca, err := os.ReadFile(filepath.Join(dataDir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	// Connections are not kept, so that every request may meet either replica.
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
	w.options = &azattestation.ClientOptions{ClientOptions: policy.ClientOptions{
		Transport: &http.Client{Transport: transport},
		Retry:     policy.RetryOptions{MaxRetries: 5, RetryDelay: 50 * time.Millisecond, MaxRetryDelay: time.Second},
	}}
	w.bearer = held(strings.TrimSpace(run(t, "dev-token", "--role", "contributor", "--data-dir", dataDir)))
	platform, err := simulator.Open(filepath.Join(dataDir, "simulator"), simulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	w.data = []byte(`{"key":"of an enclave"}`)
	if w.quote, err = platform.Quote(simulator.Report{ReportData: simulator.Bind(w.data)}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) client(t *testing.T) *azattestation.Client {
	t.Helper()
	c, err := azattestation.NewClientWithNoCredential(w.endpoint, w.options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *world) administration(t *testing.T) *azattestation.AdministrationClient {
	t.Helper()
	c, err := azattestation.NewAdministrationClient(w.endpoint, w.bearer, w.options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// attest attests once. The client verifies the token with the keys that the
// instance publishes.
func (w *world) attest(ctx context.Context, c *azattestation.Client) (azattestation.AttestationResult, string, error) {
	answer, err := c.AttestSGXEnclave(ctx, w.quote, &azattestation.ClientAttestSGXEnclaveOptions{
		RuntimeData: &azattestation.AttestationData{Data: w.data, DataType: azattestation.DataTypeJSON},
	})
	if err != nil {
		return azattestation.AttestationResult{}, "", err
	}
	return answer.AttestationResult, answer.Token.KeyID(), nil
}

// load attests and changes policies until it is told to stop.
type load struct {
	attested, changed atomic.Int64
	mu                sync.Mutex
	acknowledged      []string // hashes of policies
	keys              map[string]int
	failures          []string
	wait              sync.WaitGroup
	stop              context.CancelFunc
}

func (l *load) fail(what string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, what+": "+err.Error())
}

func (w *world) underLoad(t *testing.T) *load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{keys: map[string]int{}, stop: stop}
	for range 4 {
		c := w.client(t)
		l.wait.Go(func() {
			for ctx.Err() == nil {
				_, kid, err := w.attest(context.WithoutCancel(ctx), c)
				if err != nil {
					l.fail("attest", err)
					continue
				}
				l.attested.Add(1)
				l.mu.Lock()
				l.keys[kid]++
				l.mu.Unlock()
			}
		})
	}
	admin := w.administration(t)
	l.wait.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			text := policyText(n)
			if _, err := admin.SetPolicy(context.WithoutCancel(ctx), azattestation.AttestationTypeOpenEnclave, text, nil); err != nil {
				l.fail("set policy", err)
				continue
			}
			l.changed.Add(1)
			l.mu.Lock()
			l.acknowledged = append(l.acknowledged, text)
			l.mu.Unlock()
		}
	})
	return l
}

func policyText(n int) string {
	return fmt.Sprintf("version= 1.0;authorizationrules{=> permit();};issuancerules{=> issue(type=\"change\", value=%d);};", n)
}

// end stops the load, and wants nothing to have gone wrong.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.stop()
	l.wait.Wait()
	for _, f := range l.failures[:min(len(l.failures), 5)] {
		t.Error(f)
	}
	t.Logf("%d attestations verified, %d changes acknowledged, %d failures, tokens by key %v", l.attested.Load(), l.changed.Load(), len(l.failures), l.keys)
}

// until waits for something to become true.
func until(t *testing.T, what string, isTrue func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !isTrue(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came: %s", what)
		}
	}
}

func TestReplicasSurviveARotationAndADeath(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.underLoad(t)
	until(t, "work by both replicas", func() bool { return l.attested.Load() > 40 && l.changed.Load() > 5 })

	run(t, "keys", "rotate", "--announce", "2s", "--dev", "--config", w.replicas[0].config)
	until(t, "a token of the new key", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.keys) == 2
	})

	before := l.attested.Load()
	w.replicas[1].kill()
	until(t, "work by the one that is left", func() bool { return l.attested.Load() > before+40 })
	w.replicas[1].start(t)
	before = l.attested.Load()
	until(t, "work by both again", func() bool { return l.attested.Load() > before+40 })
	l.end(t)
	w.wantNothingLost(t, l)
}

// wantNothingLost compares the history in the database with what was acknowledged.
func (w *world) wantNothingLost(t *testing.T, l *load) {
	t.Helper()
	var history struct {
		Versions []struct {
			Version int64  `json:"version"`
			Policy  string `json:"policy"`
		} `json:"versions"`
	}
	text := run(t, "policy", "history", "OpenEnclave", "--instance", "contoso", "--config", w.replicas[0].config, "--json")
	if err := json.Unmarshal([]byte(text), &history); err != nil {
		t.Fatal(err)
	}
	var kept []string
	for n, v := range history.Versions {
		if v.Version != int64(n+1) {
			t.Fatalf("version %d at place %d", v.Version, n+1)
		}
		kept = append(kept, v.Policy)
	}
	at := 0
	for _, want := range l.acknowledged {
		n := slices.Index(kept[at:], want)
		if n < 0 {
			t.Fatalf("a policy that was acknowledged is not in the history of %d, or not in order: %s", len(kept), want)
		}
		at += n + 1
	}
	got, err := w.administration(t).GetPolicy(t.Context(), azattestation.AttestationTypeOpenEnclave, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last := kept[len(kept)-1]; sha256.Sum256([]byte(got.Policy)) != sha256.Sum256([]byte(last)) {
		t.Errorf("in force is\n%s\nwant\n%s", got.Policy, last)
	}
}
