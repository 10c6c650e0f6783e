package intel_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/azattest/azattest/attest/intel"
	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/simulator"
)

// Whether the source answers or fails, how long it took is known.
func TestTheTimeOfTheSourceIsReported(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	raw, err := p.Quote(simulator.Report{})
	if err != nil {
		t.Fatal(err)
	}
	for name, failure := range map[string]error{"answers": nil, "fails": errors.New("out of reach")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watch := now
			var noted []time.Duration
			v, err := intel.NewSGX(intel.Config{
				Roots: []dcap.Root{p.Root()},
				Source: sourceFunc(func(context.Context, collateral.Query) (*dcap.Collateral, error) {
					watch = watch.Add(3 * time.Second)
					if failure != nil {
						return nil, failure
					}
					return p.Collateral(simulator.CollateralOptions{})
				}),
				Observe:   func(_ context.Context, took time.Duration) { noted = append(noted, took) },
				Stopwatch: func() time.Time { return watch },
			})
			if err != nil {
				t.Fatal(err)
			}
			e, err := v.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := v.Verify(t.Context(), e, evidence.Requirements{At: now}); !errors.Is(err, failure) {
				t.Errorf("error %v, want %v", err, failure)
			}
			if want := []time.Duration{3 * time.Second}; !slices.Equal(noted, want) {
				t.Errorf("reported %v, want %v", noted, want)
			}
		})
	}
}
