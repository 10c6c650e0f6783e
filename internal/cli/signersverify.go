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

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/relyingparty"
)

// signersVerifyOptions are the flags of signers verify.
type signersVerifyOptions struct {
	from          signersFlags
	kid           string
	source        sourceFlags
	simulatorRoot string
	acceptStale   bool
	accepted      tcbFlag
	identity      identityFlags
	at            *timeFlag
	asJSON        *bool
}

func newSignersVerify(s Streams) *cobra.Command {
	o := new(signersVerifyOptions)
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Verify that the keys that sign an instance's tokens live in an enclave",
		Long: `verify checks each certificate that an instance publishes, or those of a saved
answer to GET /certs. Where one carries the report of an SGX enclave, the report
must be genuine down to Intel's root, bound to the certificate's key, and the key
published under its own hash (kid); and the enclave must be the one that the flags
demand. WITHOUT SUCH FLAGS ANY GENUINE ENCLAVE PASSES, an attacker's too.

Without --collateral the signatures, the certificates and the binding are checked
and the platform is not: its TCB is not judged, nor whether it was revoked. With
--collateral they are, and --require-tcb says which TCB statuses are good enough.

A certificate without a report is listed and not failed: services publish keys of
certification authorities too, and nothing vouches for those here.

Exit code 1 if a certificate with a report fails, or IF NO CERTIFICATE CARRIES ONE:
then no key was shown to live in an enclave. Exit code 3 if the question could not
be decided, as of a report of AMD SEV-SNP, which is not verified here.`,
		Example: `  azattest signers verify --endpoint https://sharedeus.eus.attest.azure.net
  azattest signers verify --jwks certs.json --at 2022-06-01 --json
  azattest signers verify --jwks certs.json --collateral https://api.trustedservices.intel.com \
    --mrsigner 74ba5fba208571cf99e1f7158e6536a05bbb6ce7807eef8f6a97f64a7af64b83 --product-id 1 --min-svn 1 --no-debug`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.from.add(cmd)
	f := cmd.Flags()
	f.StringVar(&o.kid, "kid", "", "verify this key only, such as the one that signed a token; it must carry a report")
	f.StringVar(&o.source.from, "collateral", "", "folder with collateral (one set or an archive of sets), or the URL of Intel's PCS, a PCCS or Azure THIM, to judge the platform by")
	f.BoolVar(&o.acceptStale, "accept-stale-collateral", false, "accept collateral past its nextUpdate; revocations since then go unnoticed")
	f.Var(&o.accepted, "require-tcb", "with --collateral: TCB statuses that are good enough, separated by commas (default any)")
	f.StringVar(&o.simulatorRoot, "simulator-root", "", "PEM file with the root of a simulator to trust beside Intel's; its results are marked as simulated")
	o.identity.add(cmd)
	o.at = addAt(cmd, "judge certificates, reports and collateral as of this time instead of now")
	o.asJSON = jsonFlag(cmd)
	mustComplete(cmd, "require-tcb", tcbStatuses()...)
	mustTakeText(cmd, "kid", "at")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		found, err := o.from.load(cmd, s)
		if err != nil {
			return err
		}
		v, err := o.verify(cmd.Context(), s, found)
		if err != nil {
			return undecided(err)
		}
		return v.conclude(s, *o.asJSON)
	}
	return cmd
}

func (o *signersVerifyOptions) check(cmd *cobra.Command) error {
	if o.source.from == "" && (o.acceptStale || len(o.accepted) > 0) {
		return usage(cmd.CommandPath(), "--require-tcb and --accept-stale-collateral go with --collateral: without it no TCB is judged")
	}
	if err := o.identity.check(cmd); err != nil {
		return err
	}
	return o.from.check(cmd)
}

func (o *signersVerifyOptions) verify(ctx context.Context, s Streams, found *signers) (*verifiedSigners, error) {
	roots, err := rootsWith(s, o.simulatorRoot)
	if err != nil {
		return nil, err
	}
	check := signerCheck{o: o, roots: roots, at: o.at.or(func() time.Time { return s.Now().Truncate(time.Second) }).UTC()}
	if o.source.from != "" {
		src, err := o.source.open(slog.New(slog.DiscardHandler), s.Now, roots)
		if err != nil {
			return nil, err
		}
		defer src.Close()
		check.source = src
	}
	v := &verifiedSigners{
		Endpoint: found.endpoint, At: check.at, TCBJudged: check.source != nil, IdentityDemanded: o.identity.isGiven(), Signers: []verifiedSigner{},
	}
	for _, k := range found.keys {
		if o.kid != "" && k.KeyID != o.kid {
			continue
		}
		signer, err := check.verify(ctx, k)
		if err != nil {
			return nil, err
		}
		v.Signers = append(v.Signers, *signer)
	}
	if o.kid != "" && len(v.Signers) == 0 {
		return nil, &refusedError{fmt.Errorf("no key is published under kid %s", told(o.kid))}
	}
	v.count()
	return v, nil
}

// signerCheck verifies certificates one by one.
type signerCheck struct {
	o      *signersVerifyOptions
	roots  []dcap.Root
	source collateral.Source // nil for none
	at     time.Time
}

// verify says what is true of one key. Its error means that nothing was decided.
func (c *signerCheck) verify(ctx context.Context, k *azattestation.SigningCertificate) (*verifiedSigner, error) {
	shown := &verifiedSigner{shownSigner: newShownSigner(k)}
	if shown.Report == nil {
		return shown, nil
	}
	result, err := c.judge(ctx, k)
	if result != nil {
		shown.fill(result)
	}
	if err == nil {
		err = c.demand(result)
	}
	if err == nil {
		shown.Verified = true
		return shown, nil
	}
	reason, ok := signerReasonOf(err)
	if !ok {
		return nil, err
	}
	shown.Error = reason
	return shown, nil
}

// judge verifies the report, with collateral if there is a source of it. A
// platform is asked about only if its own signatures hold. What is known already
// is returned beside a refusal.
func (c *signerCheck) judge(ctx context.Context, k *azattestation.SigningCertificate) (*relyingparty.SigningCertificateResult, error) {
	o := relyingparty.SigningCertificateOptions{Roots: c.roots, At: c.at, KeyID: k.KeyID, AcceptStaleCollateral: c.o.acceptStale}
	result, err := relyingparty.VerifySigningCertificate(ctx, k.Chain[0], o)
	if err != nil || c.source == nil {
		return result, err
	}
	platform, err := result.Report.Quote.Platform()
	if err != nil {
		return result, err
	}
	o.Collateral, err = c.source.Collateral(ctx, collateral.Query{Platform: platform, At: c.at})
	if _, ok := errors.AsType[*collateral.NotFoundError](err); ok {
		return result, &evidence.Error{
			Stage: evidence.StageCollateral, Code: evidence.CodeMissing, Part: "collateral", Offset: -1, Expected: "collateral for " + platform.String(), Err: err,
		}
	}
	if err != nil {
		return nil, &undecidedError{fmt.Errorf("collateral for %s: %w", platform, err)}
	}
	judged, err := relyingparty.VerifySigningCertificate(ctx, k.Chain[0], o)
	if err != nil {
		return result, err
	}
	return judged, nil
}

// demand refuses what is genuine and not what was asked for.
func (c *signerCheck) demand(r *relyingparty.SigningCertificateResult) error {
	if err := c.o.identity.accept(&r.Identity); err != nil {
		return &relyingparty.SigningCertificateError{Check: relyingparty.CheckIdentity, Err: err}
	}
	if len(c.o.accepted) == 0 || slices.Contains(c.o.accepted, r.TCB.Status) {
		return nil
	}
	return &relyingparty.SigningCertificateError{
		Check: "tcb-status", Found: string(r.TCB.Status), Expected: strings.ReplaceAll(c.o.accepted.String(), ",", " or "),
	}
}
