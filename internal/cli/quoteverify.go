package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/attest/intel"
	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/openenclave"
)

// quoteVerifyOptions are the flags of quote verify.
type quoteVerifyOptions struct {
	source        sourceFlags
	endorsements  string
	pckChain      string
	simulatorRoot string
	acceptStale   bool
	number        int
	accepted      tcbFlag
	at            *timeFlag
	asJSON        *bool
}

func newQuoteVerify(s Streams) *cobra.Command {
	o := new(quoteVerifyOptions)
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Verify evidence down to the vendor's root",
		Long: `verify checks evidence (see 'azattest quote') without a service: certificates up
to Intel's root, collateral, revocation, the quoting enclave, the signature, and
what a report or certificate binds to it. - is standard input.

Evidence that is not genuine, or for which there is no collateral, ends with exit
code 1. The TCB status is part of the result and refuses nothing, unless
--require-tcb says which statuses are good enough. What could not be decided (a
file or a service out of reach) ends with exit code 3.

A --collateral folder that holds a single set is used as it is; one that holds
several is searched for the set of this platform and time.`,
		Example: `  azattest quote verify quote.bin
  azattest quote verify quote.bin --json --require-tcb UpToDate,SWHardeningNeeded
  azattest quote verify quote.bin --collateral ./collateral --at 2026-01-31T12:00:00Z
  azattest quote verify evidence.bin --endorsements endorsements.bin
  base64 -d quote.txt | azattest quote verify -`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
	}
	f := cmd.Flags()
	o.source.add(cmd)
	f.StringVar(&o.endorsements, "endorsements", "", "file with the endorsements that oe_get_evidence returned, in place of --collateral")
	f.StringVar(&o.pckChain, "pck-chain", "", "PEM file with the PCK certificate chain of a quote that does not carry it (certification data of types 1 to 4)")
	f.StringVar(&o.simulatorRoot, "simulator-root", "", "PEM file with the root of a simulator to trust beside Intel's; its results are marked as simulated")
	f.BoolVar(&o.acceptStale, "accept-stale-collateral", false, "accept collateral past its nextUpdate; revocations since then go unnoticed")
	f.IntVar(&o.number, "tcb-evaluation-number", 0, "lowest TCB evaluation data number of the collateral to judge by; 0 for any")
	f.Var(&o.accepted, "require-tcb", "TCB statuses that are good enough, separated by commas (default any)")
	o.at = addAt(cmd, "judge evidence and collateral as of this time instead of now")
	o.asJSON = jsonFlag(cmd)
	mustComplete(cmd, "require-tcb", tcbStatuses()...)
	mustTakeText(cmd, "tcb-evaluation-number", "at")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		v, err := o.verify(cmd.Context(), s, args[0])
		if err != nil {
			return o.refuse(s, err)
		}
		return o.accept(s, v)
	}
	return cmd
}

func (o *quoteVerifyOptions) check(cmd *cobra.Command) error {
	switch {
	case o.endorsements != "" && cmd.Flags().Changed("collateral"):
		return usage(cmd.CommandPath(), "--endorsements and --collateral exclude each other")
	case o.endorsements != "" && (o.source.update != "" || o.source.cache != ""):
		return usage(cmd.CommandPath(), "--endorsements excludes --update and --collateral-cache: nobody is asked for collateral")
	case o.number < 0:
		return usage(cmd.CommandPath(), "--tcb-evaluation-number %d: want 0 or more", o.number)
	}
	return o.source.check(cmd.CommandPath())
}

// verify returns what is true of the evidence in a file. Its errors are those of
// [evidence.Verifier].
func (o *quoteVerifyOptions) verify(ctx context.Context, s Streams, name string) (*verifiedQuote, error) {
	roots, err := rootsWith(s, o.simulatorRoot)
	if err != nil {
		return nil, err
	}
	p, err := o.load(s, name)
	if err != nil {
		return nil, err
	}
	src, err := o.open(s, roots)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	// To the second, so that --at can repeat what the result says.
	at := o.at.or(func() time.Time { return s.Now().Truncate(time.Second) }).UTC()
	result, err := p.verify(ctx,
		intel.Config{Roots: roots, Source: src, AcceptStaleCollateral: o.acceptStale},
		evidence.Requirements{At: at, TCBEvaluationDataNumber: o.number})
	if err != nil {
		return nil, err
	}
	platform, err := p.quote.Platform()
	if err != nil {
		return nil, err
	}
	return newVerifiedQuote(p.format, platform, result, at), nil
}

func (o *quoteVerifyOptions) load(s Streams, name string) (*parsedEvidence, error) {
	e, err := loadEvidence(s, name)
	if err != nil {
		return nil, err
	}
	p, err := e.parse()
	if err != nil {
		return nil, err
	}
	if o.pckChain == "" {
		return p, nil
	}
	chain, err := readInput(s, o.pckChain)
	if err != nil {
		return nil, fmt.Errorf("PCK chain: %w", err)
	}
	return p, p.usePCKChain(chain)
}

func (o *quoteVerifyOptions) open(s Streams, roots []dcap.Root) (*source, error) {
	if o.endorsements == "" {
		return o.source.open(slog.New(slog.DiscardHandler), s.Now, roots)
	}
	raw, err := readInput(s, o.endorsements)
	if err != nil {
		return nil, fmt.Errorf("endorsements: %w", err)
	}
	set, err := openenclave.ParseEndorsements(raw)
	if err != nil {
		return nil, err
	}
	return &source{Source: endorsements{set}}, nil
}

// endorsements are collateral that came with the evidence. Whether it fits is
// for the verifier to say.
type endorsements struct{ set *dcap.Collateral }

var _ collateral.Source = endorsements{}

func (e endorsements) Collateral(context.Context, collateral.Query) (*dcap.Collateral, error) {
	return e.set, nil
}

// accept prints what is true, and says no if the status is not good enough.
func (o *quoteVerifyOptions) accept(s Streams, v *verifiedQuote) error {
	var refused error
	if len(o.accepted) > 0 && !slices.Contains(o.accepted, v.TCBStatus) {
		want := strings.ReplaceAll(o.accepted.String(), ",", " or ")
		refused = &refusedError{fmt.Errorf("TCB status %s, want %s", v.TCBStatus, want)}
		v.Error = &reason{
			Stage: "requirement", Code: "tcb-status", Message: refused.Error(), Part: "TCB status",
			Found: string(v.TCBStatus), Expected: want,
		}
	}
	if !*o.asJSON {
		return errors.Join(v.print(s.Out), refused)
	}
	if err := printJSON(s.Out, v); err != nil {
		return err
	}
	if refused != nil {
		return &reportedError{refused}
	}
	return nil
}

// refuse prints why evidence is not genuine. An error that decides nothing is
// handed back.
func (o *quoteVerifyOptions) refuse(s Streams, err error) error {
	r, ok := reasonOf(err)
	if !ok {
		return undecided(err)
	}
	if *o.asJSON {
		err = printJSON(s.Out, notGenuine{Error: r})
	} else {
		err = r.print(s.Out, "not genuine")
	}
	if err != nil {
		return err
	}
	return &reportedError{&refusedError{errors.New(r.Message)}}
}
