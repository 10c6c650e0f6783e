package replicas_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/attest/intel"
	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/simulator"
	"github.com/azattest/azattest/token"
)

// BenchmarkShare measures how much of the pipeline's speed is left of a service:
// attestations for each second of processor time that the process uses, over TLS
// with kept connections, beside those of the pipeline alone in this process. They
// take turns, a second each, both on as many cores as the machine has; each
// operation is one turn of both. The share is below 1.
func BenchmarkShare(b *testing.B) {
	for _, a := range []token.Algorithm{token.RS256, token.ES256} {
		for _, protocol := range protocols {
			b.Run(string(a)+"/"+protocol.name, func(b *testing.B) {
				s := newSubject(b, map[string]any{"instances": one(string(a))})
				s.speak(b, protocol.isHTTP2)
				pipeline := s.pipeline(b, a)
				request := &attest.Request{Type: attest.SGXEnclave, Evidence: s.quote, RuntimeData: &attest.Data{Bytes: s.data, JSON: true}}
				alone := func(ctx context.Context) error {
					_, err := pipeline.Attest(ctx, request)
					return err
				}
				served := func(ctx context.Context) error {
					_, err := s.attest(ctx, "")
					return err
				}
				turn(b, 2, 100*time.Millisecond, alone)
				turn(b, 8, 100*time.Millisecond, served)
				var alones, serveds, aloneSpent, servedSpent, servedTime float64
				for b.Loop() {
					before := spent(b, self)
					n, _ := turn(b, 2, time.Second, alone)
					alones, aloneSpent = alones+n, aloneSpent+spent(b, self)-before

					before = spent(b, s.process())
					n, took := turn(b, 8, time.Second, served)
					serveds, servedSpent, servedTime = serveds+n, servedSpent+spent(b, s.process())-before, servedTime+took.Seconds()
				}
				b.ReportMetric(alones/aloneSpent, "pipeline/cpu-s")
				b.ReportMetric(serveds/servedSpent, "service/cpu-s")
				b.ReportMetric((serveds/servedSpent)/(alones/aloneSpent), "share")
				b.ReportMetric(serveds/servedTime, "service/s")
			})
		}
	}
}

// turn lets so many callers call one after the other for a while, and returns how
// often they did and how long it took.
func turn(b *testing.B, callers int, length time.Duration, call func(context.Context) error) (float64, time.Duration) {
	b.Helper()
	var all atomic.Int64
	var callersLeft sync.WaitGroup
	start := time.Now()
	for range callers {
		callersLeft.Go(func() {
			for time.Since(start) < length {
				if err := call(b.Context()); err != nil {
					b.Error(err)
					return
				}
				all.Add(1)
			}
		})
	}
	callersLeft.Wait()
	return float64(all.Load()), time.Since(start)
}

// pipeline is what the service has inside.
func (s *subject) pipeline(b *testing.B, a token.Algorithm) *attest.Service {
	b.Helper()
	check := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	const url = "https://contoso.example"
	signer, err := token.GenerateSigner(a, 0)
	check(err)
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: a, Issuer: url})
	check(err)
	ring, err := token.NewRing(key)
	check(err)
	issuer, err := token.NewIssuer(url, ring)
	check(err)
	set, err := s.platform.Collateral(simulator.CollateralOptions{})
	check(err)
	quotes, err := intel.NewSGX(intel.Config{Roots: []dcap.Root{s.platform.Root()}, Source: simulated{set}})
	check(err)
	pipeline, err := attest.New(attest.Config{Issuer: issuer, Verifiers: map[attest.Type]evidence.Verifier{attest.SGXEnclave: quotes}})
	check(err)
	return pipeline
}

// simulated is the source of a simulated platform's one set of collateral.
type simulated struct{ set *dcap.Collateral }

func (s simulated) Collateral(context.Context, collateral.Query) (*dcap.Collateral, error) {
	return s.set, nil
}
