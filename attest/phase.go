package attest

import (
	"context"
	"time"
)

// Phase is a part of the work on one request, for measurements.
type Phase string

// The phases, in their order. A phase that was begun is reported once, at its
// end, whether it went well or not; those that a refusal left out are not
// reported.
const (
	// PhaseParse reads the evidence.
	PhaseParse Phase = "parse"
	// PhaseCollateral waits for the collateral. It lies within PhaseVerify, and is
	// known to whoever joined the verifier with a source: [Service] never reports
	// it, attest/intel does.
	PhaseCollateral Phase = "collateral"
	// PhaseVerify verifies the evidence, PhaseCollateral included.
	PhaseVerify Phase = "verify"
	// PhasePolicy compiles a draft, and runs the configuration rules and, after
	// the verification, all others. It is reported as one.
	PhasePolicy Phase = "policy"
	// PhaseSign makes the token of the claims.
	PhaseSign Phase = "sign"
)

// watch times the phases of one request. That of a service which nobody observes
// reads no clock.
type watch struct {
	observe func(ctx context.Context, p Phase, took time.Duration)
	// now only gives differences.
	now func() time.Time
	// policy is how long the policy has taken before the verification; isPaused
	// says that it has not been reported.
	policy   time.Duration
	isPaused bool
}

// begin returns the time at which a phase begins.
func (w *watch) begin() time.Time {
	if w.observe == nil {
		return time.Time{}
	}
	return w.now()
}

// end reports the phase that began at start.
func (w *watch) end(ctx context.Context, p Phase, start time.Time) {
	if w.observe != nil {
		w.observe(ctx, p, w.now().Sub(start))
	}
}

// pause keeps how long the policy has taken since start, for endPolicy.
func (w *watch) pause(start time.Time) {
	if w.observe != nil {
		w.policy, w.isPaused = w.now().Sub(start), true
	}
}

// endPolicy reports the policy, whose second part began at start.
func (w *watch) endPolicy(ctx context.Context, start time.Time) {
	if w.observe != nil {
		w.isPaused = false
		w.observe(ctx, PhasePolicy, w.policy+w.now().Sub(start))
	}
}

// close reports the policy of a request that was refused before the second part.
func (w *watch) close(ctx context.Context) {
	if w.isPaused {
		w.observe(ctx, PhasePolicy, w.policy)
	}
}
