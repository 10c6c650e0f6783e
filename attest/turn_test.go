package attest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/policy"
)

// turns counts those that were taken and given back.
type turns struct {
	taken, given int
	refusal      error
}

func (t *turns) take(context.Context) (func(), error) {
	if t.refusal != nil {
		return nil, t.refusal
	}
	t.taken++
	return func() { t.given++ }, nil
}

func TestATokenIsSignedInTurn(t *testing.T) {
	t.Parallel()
	draft := "version=1.0;authorizationrules{=>permit();};issuancerules{};"
	denying := "version=1.0;authorizationrules{=>deny();};issuancerules{};"
	tests := map[string]struct {
		change func(*attest.Config, *attest.Request)
		want   int
	}{
		"a token":                              {func(*attest.Config, *attest.Request) {}, 1},
		"a draft, for which nothing is signed": {func(_ *attest.Config, r *attest.Request) { r.DraftPolicy = &draft }, 0},
		"a denial": {func(c *attest.Config, _ *attest.Request) {
			c.Policies = map[attest.Type]*policy.Program{attest.SGXEnclave: compile(t, denying)}
		}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := new(turns)
			c, r := newConfig(t, &fakeVerifier{result: newResult()}), request()
			c.Turn = all.take
			tt.change(&c, r)
			// Whether it is denied is not the question here.
			_, _ = newService(t, c).Attest(t.Context(), r)
			if all.taken != tt.want || all.given != tt.want {
				t.Errorf("%d turns taken, %d given back, want %d", all.taken, all.given, tt.want)
			}
		})
	}
}

func TestWithoutATurnThereIsNoToken(t *testing.T) {
	t.Parallel()
	all := &turns{refusal: errors.New("the client is gone")}
	c := newConfig(t, &fakeVerifier{result: newResult()})
	c.Turn = all.take
	answer, err := newService(t, c).Attest(t.Context(), request())
	if answer != nil || !errors.Is(err, all.refusal) {
		t.Errorf("error %v, want %v and no answer", err, all.refusal)
	}
}
