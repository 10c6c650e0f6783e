package cli

import (
	"context"
	"sync"
	"time"

	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/simulator"
)

// simulatedSource gives the collateral of a simulated platform, and asks another
// source about all real ones.
type simulatedSource struct {
	platform *simulator.Platform
	others   collateral.Source

	mu     sync.Mutex
	issued map[int]issuedSet // by TCB evaluation data number
}

// issuedSet is collateral that the simulator made for times about this one.
type issuedSet struct {
	at  time.Time
	set *dcap.Collateral
}

// simulatedFreshness is how long a simulated set is given out before the next
// one is made; it is valid for longer.
const simulatedFreshness = 24 * time.Hour

var _ collateral.Source = (*simulatedSource)(nil)

func (s *simulatedSource) Collateral(ctx context.Context, q collateral.Query) (*dcap.Collateral, error) {
	if q.Platform != s.platform.Identity() {
		return s.others.Collateral(ctx, q)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last, ok := s.issued[q.TCBEvaluationDataNumber]
	if age := q.At.Sub(last.at); ok && age >= 0 && age < simulatedFreshness {
		return last.set, nil
	}
	issue := q.At.Truncate(time.Second)
	set, err := s.platform.Collateral(simulator.CollateralOptions{
		EvaluationDataNumber: q.TCBEvaluationDataNumber, IssueDate: issue,
	})
	if err != nil {
		return nil, err
	}
	if s.issued == nil || len(s.issued) >= maxSimulatedSets {
		s.issued = map[int]issuedSet{}
	}
	s.issued[q.TCBEvaluationDataNumber] = issuedSet{issue, set}
	return set, nil
}

// maxSimulatedSets bounds the sets kept: the number comes from policies, and a
// draft policy comes from anybody.
const maxSimulatedSets = 64
