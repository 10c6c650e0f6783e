package replicas_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/internal/testpg"
	"github.com/azattest/azattest/policy"
)

// one is the instance of a service that has no other.
func one(algorithm string) []any {
	return []any{map[string]any{"name": "contoso", "url": "https://contoso.example", "algorithm": algorithm}}
}

// BenchmarkManagement measures calls that manage, 200 a second, beside 500
// attestations a second, with SQLite: a third of the calls get the policy, a third
// get the certificates, a third set another policy. Each operation is one of them.
// Service and generator share the machine. "even" has calls at even distances, as
// generators of load have them; "random" has bursts.
func BenchmarkManagement(b *testing.B) {
	for _, algorithm := range []string{"RS256", "ES256"} {
		b.Run(algorithm+"/even", func(b *testing.B) { benchManagement(b, algorithm, false) })
		b.Run(algorithm+"/random", func(b *testing.B) { benchManagement(b, algorithm, true) })
	}
}

func benchManagement(b *testing.B, algorithm string, isRandom bool) {
	b.Helper()
	s := newSubject(b, map[string]any{"instances": one(algorithm)})
	attest, manage := s.mixed(newConnections(b, s))
	// The generator is not what is measured.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	streams := func() (attested, managed *arrivals) {
		attested, managed = newArrivals(500, attest), newArrivals(200, manage)
		if isRandom {
			attested.atRandom()
			managed.atRandom()
		}
		return attested, managed
	}
	var beside sync.WaitGroup
	// Connections are made, keys are at hand.
	stop := make(chan struct{})
	attested, managed := streams()
	beside.Go(func() { attested.run(b.Context(), stop) })
	beside.Go(func() { managed.run(b.Context(), stop) })
	time.Sleep(2 * time.Second)
	close(stop)
	beside.Wait()

	stop = make(chan struct{})
	attested, managed = streams()
	beside.Go(func() { attested.run(b.Context(), stop) })
	served, generated := spent(b, s.process()), spent(b, self)
	for b.Loop() {
		managed.next(b.Context())
	}
	seconds := time.Since(managed.begun).Seconds()
	served, generated = spent(b, s.process())-served, spent(b, self)-generated
	close(stop)
	beside.Wait()
	b.ReportMetric(served/seconds, "service-cores")
	b.ReportMetric(generated/seconds, "generator-cores")
	managed.report(b, "managed")
	attested.report(b, "attested")
}

// mixed returns what attests, and what makes the n-th call that manages.
func (s *subject) mixed(to *connections) (attest, manage func(ctx context.Context, n int) error) {
	evidence := s.request(http.MethodPost, "/attest/SgxEnclave", s.attestation)
	reads := [][]byte{s.request(http.MethodGet, "/policies/SgxEnclave", nil), s.request(http.MethodGet, "/certificates", nil)}
	var sets atomic.Int64
	attest = func(ctx context.Context, _ int) error { return to.send(ctx, evidence) }
	manage = func(ctx context.Context, n int) error {
		if kind := n % 3; kind < len(reads) {
			return to.send(ctx, reads[kind])
		}
		text := policyText(int(sets.Add(1)))
		return to.send(ctx, s.request(http.MethodPut, "/policies/SgxEnclave", []byte(policytoken.Unsigned(text))))
	}
	return attest, manage
}

// BenchmarkPropagation measures how long it takes until a policy that one replica
// has acknowledged is in a token that another one issues, over PostgreSQL. Replicas
// are asked directly. Each operation is one change; one attestation follows the
// other until the change shows, so that of the last one is part of the time.
func BenchmarkPropagation(b *testing.B) {
	all := newReplicas(b, 2, testpg.Start(b).DSN(b), newBalancer(b))
	here, there := subjectOf(b, all[0]), subjectOf(b, all[1])
	there.attestation = here.attestation
	var times []time.Duration
	attestations := 0
	for b.Loop() {
		// Not in step with anything that the replicas do now and then.
		time.Sleep(time.Duration(rand.Int64N(int64(20 * time.Millisecond)))) //nolint:gosec // G404: it spreads load, it guards nothing
		text := policyText(len(times))
		if err := here.setPolicy(b.Context(), "", text); err != nil {
			b.Fatal(err)
		}
		acknowledged := time.Now()
		for want, got := policy.Hash(text), ""; got != want; attestations++ {
			if time.Since(acknowledged) > 10*time.Second {
				b.Fatalf("the change never came: policy %s, want %s", got, want)
			}
			var err error
			if got, err = there.attestedPolicy(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		times = append(times, time.Since(acknowledged))
	}
	b.ReportMetric(milliseconds(quantile(times, 0.5)), "p50-ms")
	b.ReportMetric(milliseconds(quantile(times, 0.99)), "p99-ms")
	b.ReportMetric(float64(attestations)/float64(len(times)), "attestations/op")
}

// attestedPolicy attests, and returns the hash of the policy that the token names.
func (s *subject) attestedPolicy(ctx context.Context) (string, error) {
	text, err := s.attest(ctx, "")
	if err != nil {
		return "", err
	}
	var answer struct{ Token string }
	if err := json.Unmarshal(text, &answer); err != nil {
		return "", err
	}
	parts := strings.Split(answer.Token, ".")
	if len(parts) != 3 {
		return "", fmt.Errorf("a token of %d parts, want 3", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", err
	}
	var claims struct {
		Hash string `json:"x-ms-policy-hash"`
	}
	err = json.Unmarshal(payload, &claims)
	return claims.Hash, err
}
