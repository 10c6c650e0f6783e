// Package intel joins the verifiers of Intel evidence with a source of
// collateral, and so makes what attest.Service runs.
//
// It is a room of its own because of two rules: a verifier never fetches
// anything, and the pipeline knows no vendor. Here the platform is read from the
// evidence, its collateral is asked for, and both go to the verifier.
//
// Which function do I want? [NewSGX] for SGX quotes, [NewOpenEnclave] for
// reports and evidence of the Open Enclave SDK.
package intel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/openenclave"
	"github.com/azattest/azattest/evidence/sgx"
)

// Config says what a verifier trusts and where it gets its collateral.
type Config struct {
	// Roots are the trust anchors; nil means Intel's production root alone.
	Roots []dcap.Root
	// Source of collateral. Required.
	Source collateral.Source
	// AcceptStaleCollateral accepts collateral past its nextUpdate; see
	// [dcap.Options].
	AcceptStaleCollateral bool
	// Observe is told how long the source took to answer, or to fail; nil means
	// that nobody is. It is called as attest.Config.Observe is, and within the
	// phase that the pipeline calls verify.
	Observe func(ctx context.Context, took time.Duration)
	// Stopwatch is the clock whose differences Observe is told; nil means
	// [time.Now].
	Stopwatch func() time.Time
}

func (c Config) validate() error {
	if c.Source == nil {
		return errors.New("intel: no source of collateral given")
	}
	return nil
}

// fetch asks the source, and tells the observer how long that took.
func (c *Config) fetch(ctx context.Context, q collateral.Query) (*dcap.Collateral, error) {
	if c.Observe == nil {
		return c.Source.Collateral(ctx, q)
	}
	now := c.Stopwatch
	if now == nil {
		now = time.Now
	}
	start := now()
	set, err := c.Source.Collateral(ctx, q)
	c.Observe(ctx, now().Sub(start))
	return set, err
}

// NewSGX returns a verifier of SGX quotes. It returns an error if the
// configuration is incomplete.
func NewSGX(c Config) (evidence.Verifier, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	v, err := sgx.NewVerifier(sgx.Config{Roots: c.Roots})
	if err != nil {
		return nil, err
	}
	return &joined[*sgx.Quote]{config: c, parse: sgx.Parse, verifier: v}, nil
}

// NewOpenEnclave returns a verifier of Open Enclave reports and evidence. It
// returns an error if the configuration is incomplete.
func NewOpenEnclave(c Config) (evidence.Verifier, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	v, err := openenclave.NewVerifier(sgx.Config{Roots: c.Roots})
	if err != nil {
		return nil, err
	}
	return &joined[*openenclave.Report]{config: c, parse: openenclave.Parse, verifier: v}, nil
}

// verifier is what sgx.Verifier and openenclave.Verifier have in common.
type verifier[E evidence.Evidence] interface {
	Platform(e E) (dcap.Platform, error)
	Verify(ctx context.Context, e E, o sgx.Options) (*evidence.Result, error)
}

type joined[E evidence.Evidence] struct {
	config   Config
	parse    func([]byte) (E, error)
	verifier verifier[E]
}

var (
	_ evidence.Verifier = (*joined[*sgx.Quote])(nil)
	_ evidence.Verifier = (*joined[*openenclave.Report])(nil)
)

func (j *joined[E]) Parse(raw []byte) (evidence.Evidence, error) {
	e, err := j.parse(raw)
	if err != nil {
		return nil, err
	}
	return e, nil
}

func (j *joined[E]) Verify(ctx context.Context, e evidence.Evidence, want evidence.Requirements) (*evidence.Result, error) {
	own, ok := e.(E)
	if !ok {
		return nil, fmt.Errorf("intel: evidence is a %T, want what Parse of this verifier returned", e)
	}
	platform, err := j.verifier.Platform(own)
	if err != nil {
		return nil, err
	}
	set, err := j.config.fetch(ctx, collateral.Query{
		Platform: platform, At: want.At, TCBEvaluationDataNumber: want.TCBEvaluationDataNumber,
	})
	if err != nil {
		return nil, j.unendorsed(platform, err)
	}
	return j.verifier.Verify(ctx, own, sgx.Options{
		Collateral:              set,
		At:                      want.At,
		TCBEvaluationDataNumber: want.TCBEvaluationDataNumber,
		AcceptStaleCollateral:   j.config.AcceptStaleCollateral,
	})
}

// unendorsed tells a platform that the source does not know, which is a
// refusal, from a source that gave no usable answer, which decides nothing.
func (j *joined[E]) unendorsed(platform dcap.Platform, err error) error {
	if _, ok := errors.AsType[*collateral.NotFoundError](err); ok {
		return &evidence.Error{
			Stage: evidence.StageCollateral, Code: evidence.CodeMissing, Part: "collateral", Offset: -1,
			Expected: "collateral for " + platform.String(), Err: err,
		}
	}
	return &undecidedError{platform: platform, err: err}
}

// undecidedError says that the evidence could not be judged. A source may fail
// because what it was given cannot be parsed; that *evidence.Error is not about
// the evidence at hand, so it is not unwrapped.
type undecidedError struct {
	platform dcap.Platform
	err      error
}

func (e *undecidedError) Error() string {
	return fmt.Sprintf("intel: collateral for %s: %v", e.platform, e.err)
}

// Unwrap leads to why the source failed, unless that could be mistaken for a
// verdict.
func (e *undecidedError) Unwrap() error {
	if _, isVerdict := errors.AsType[*evidence.Error](e.err); isVerdict {
		return nil
	}
	return e.err
}
