package replicas_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/testpg"
	"github.com/azattest/azattest/policy"
)

// one is the instance of a service that has no other.
func one(algorithm string) []any {
	return []any{map[string]any{"name": "contoso", "url": "https://contoso.example", "algorithm": algorithm}}
}

// protocols are what clients speak: kept connections of HTTP/1.1, as those of
// Python and JavaScript do, or one of HTTP/2, as those of Go do.
var protocols = []struct {
	name    string
	isHTTP2 bool
}{{"HTTP1", false}, {"HTTP2", true}}

// BenchmarkManagement measures calls that manage, 200 a second, beside 500
// attestations a second, with SQLite: a third of the calls get the policy, a third
// set another one, a third get the certificates. Each operation is one of them.
// Service and generator share the machine.
func BenchmarkManagement(b *testing.B) {
	for _, protocol := range protocols {
		b.Run(protocol.name, func(b *testing.B) {
			s := newSubject(b, map[string]any{"instances": one("RS256")})
			s.speak(b, protocol.isHTTP2)
			attest := func(ctx context.Context, _ int) error {
				_, err := s.attest(ctx, "")
				return err
			}
			manage := func(ctx context.Context, n int) error { return s.manage(ctx, n) }
			// Connections are made, keys are at hand.
			warm, warmManaging := newArrivals(500, attest), newArrivals(200, manage)
			for range 100 {
				warm.next(b.Context())
				warmManaging.next(b.Context())
			}
			warm.open.Wait()
			warmManaging.open.Wait()

			attested, managed := newArrivals(500, attest), newArrivals(200, func(ctx context.Context, n int) error { return manage(ctx, n+100) })
			stop := make(chan struct{})
			var beside sync.WaitGroup
			beside.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						attested.next(b.Context())
					}
				}
			})
			for b.Loop() {
				managed.next(b.Context())
			}
			close(stop)
			beside.Wait()
			managed.report(b, "managed")
			attested.report(b, "attested")
		})
	}
}

// manage makes the n-th call.
func (s *subject) manage(ctx context.Context, n int) error {
	var err error
	switch n % 3 {
	case 0:
		_, err = s.ask(ctx, http.MethodGet, "", "/policies/SgxEnclave", nil)
	case 1:
		err = s.setPolicy(ctx, "", policyText(n))
	case 2:
		_, err = s.ask(ctx, http.MethodGet, "", "/certificates", nil)
	}
	return err
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
		time.Sleep(time.Duration(rand.Int64N(int64(20 * time.Millisecond)))) //nolint:gosec // G404: see newArrivals
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
