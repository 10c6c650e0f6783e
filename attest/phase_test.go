package attest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence"
)

type phaseTime struct {
	phase attest.Phase
	took  time.Duration
}

// observed lets a service note its phases, by a stopwatch that goes on by a
// second with each reading.
func observed(c *attest.Config) *[]phaseTime {
	var noted []phaseTime
	tick := at
	c.Stopwatch = func() time.Time { tick = tick.Add(time.Second); return tick }
	c.Observe = func(_ context.Context, p attest.Phase, took time.Duration) { noted = append(noted, phaseTime{p, took}) }
	return &noted
}

func TestPhasesThatWereBegunAreReportedOnce(t *testing.T) {
	t.Parallel()
	refusal := errors.New("refused")
	denying := "version=1.0;authorizationrules{=>deny();};issuancerules{};"
	broken := "version="
	parse := phaseTime{attest.PhaseParse, time.Second}
	verify := phaseTime{attest.PhaseVerify, time.Second}
	// The policy runs before the verification and after it.
	policy := phaseTime{attest.PhasePolicy, 2 * time.Second}
	half := phaseTime{attest.PhasePolicy, time.Second}
	tests := map[string]struct {
		change func(*fakeVerifier, *attest.Config, *attest.Request)
		want   []phaseTime
	}{
		"a token": {
			func(*fakeVerifier, *attest.Config, *attest.Request) {},
			[]phaseTime{parse, verify, policy, {attest.PhaseSign, time.Second}},
		},
		"no such type": {
			func(_ *fakeVerifier, _ *attest.Config, r *attest.Request) { r.Type = "Tpm" },
			nil,
		},
		"evidence that cannot be parsed": {
			func(v *fakeVerifier, _ *attest.Config, _ *attest.Request) {
				v.parse = func([]byte) (evidence.Evidence, error) { return nil, refusal }
			},
			[]phaseTime{parse},
		},
		"a draft that is none": {
			func(_ *fakeVerifier, _ *attest.Config, r *attest.Request) { r.DraftPolicy = &broken },
			[]phaseTime{parse, half},
		},
		"evidence that is not genuine": {
			func(v *fakeVerifier, _ *attest.Config, _ *attest.Request) {
				v.verify = func(context.Context) error { return refusal }
			},
			[]phaseTime{parse, verify, half},
		},
		"data that is not bound": {
			func(_ *fakeVerifier, _ *attest.Config, r *attest.Request) {
				r.RuntimeData = &attest.Data{Bytes: []byte("other")}
			},
			[]phaseTime{parse, verify, half},
		},
		"a policy that denies": {
			func(_ *fakeVerifier, _ *attest.Config, r *attest.Request) { r.DraftPolicy = &denying },
			[]phaseTime{parse, verify, policy},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &fakeVerifier{result: newResult()}
			c, r := newConfig(t, v), request()
			noted := observed(&c)
			tt.change(v, &c, r)
			// What comes of it is for other tests.
			_, _ = newService(t, c).Attest(t.Context(), r)
			if !slices.Equal(*noted, tt.want) {
				t.Errorf("phases %v, want %v", *noted, tt.want)
			}
		})
	}
}

func TestWithoutStopwatchTheRealOneServes(t *testing.T) {
	t.Parallel()
	c := newConfig(t, &fakeVerifier{result: newResult()})
	noted := observed(&c)
	c.Stopwatch = nil
	mustAttest(t, newService(t, c), request())
	for _, n := range *noted {
		if n.took < 0 || n.took > time.Hour {
			t.Errorf("%s took %s", n.phase, n.took)
		}
	}
}

func TestWithoutObserverNoStopwatchIsRead(t *testing.T) {
	t.Parallel()
	c := newConfig(t, &fakeVerifier{result: newResult()})
	c.Stopwatch = func() time.Time { t.Error("the stopwatch was read"); return at }
	mustAttest(t, newService(t, c), request())
}
