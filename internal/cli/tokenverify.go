package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/azattestation"
)

// tokenVerifyOptions are the flags of token verify.
type tokenVerifyOptions struct {
	connect      connectFlags
	jwks, issuer string
	skip         skipFlag
	slack        time.Duration
	at           *timeFlag
	asJSON       *bool
}

func newTokenVerify(s Streams) *cobra.Command {
	o := new(tokenVerifyOptions)
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Verify a token as a relying party must",
		Long: `verify checks a token (a compact JWS) strictly and then shows it: signed by a key
that the instance publishes under the token's kid, with an algorithm of a fixed
list that fits the key; not expired, and valid already; issued by the instance.
Whatever the token says of its own keys (jku, jwk, x5c) is not looked at. - is
standard input.

The keys are those that --endpoint publishes, or those in --jwks, which must have
come from the instance on a way that can be trusted. The issuer is the endpoint,
or --issuer: instances share keys, so that a signature alone does not tell whose
policy was in force.

--skip leaves out checks by name: signature, expiration, not-before, issuer. Who
leaves out the signature has no reason to believe a single claim.

A token that does not hold is not shown: exit code 1, with the check that failed.
Keys out of reach say nothing about the token: exit code 3.`,
		Example: `  azattest token verify token.jwt --endpoint https://sharedeus.eus.attest.azure.net
  azattest token verify token.jwt --jwks certs.json --issuer https://sharedeus.eus.attest.azure.net
  azattest token verify token.jwt --jwks certs.json --skip expiration,issuer --json`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
	}
	o.connect.addPublic(cmd)
	f := cmd.Flags()
	f.StringVar(&o.jwks, "jwks", "", "file with the instance's keys, a saved answer to GET /certs, in place of --endpoint; - is standard input")
	f.StringVar(&o.issuer, "issuer", "", "URL that must stand in iss (default: the endpoint)")
	f.Var(&o.skip, "skip", "checks to leave out, separated by commas: "+strings.Join(skippableNames(), ", "))
	f.DurationVar(&o.slack, "slack", azattestation.DefaultTimeSlack, "how far the clocks of service and this machine may differ; 0s for not at all")
	o.at = addAt(cmd, "judge the token as of this time instead of now")
	o.asJSON = jsonFlag(cmd)
	mustComplete(cmd, "skip", skippableNames()...)
	mustTakeText(cmd, "issuer", "slack", "at")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(cmd, s); err != nil {
			return err
		}
		t, err := o.verify(cmd, s, args[0])
		if err != nil {
			return refuseToken(s, *o.asJSON, err)
		}
		if *o.asJSON {
			return printJSON(s.Out, t)
		}
		return t.print(s.Out, t.verdict())
	}
	return cmd
}

func (o *tokenVerifyOptions) skips(check azattestation.TokenCheck) bool {
	return slices.Contains(o.skip, check)
}

func (o *tokenVerifyOptions) check(cmd *cobra.Command, s Streams) error {
	command := cmd.CommandPath()
	switch {
	case o.jwks != "" && (o.connect.endpoint != "" || o.connect.caFile != ""):
		return usage(command, "--jwks excludes --endpoint and --ca-file: nobody is asked")
	case o.issuer != "" && o.skips(azattestation.TokenCheckIssuer):
		return usage(command, "--issuer and --skip issuer exclude each other")
	case o.slack < 0:
		return usage(command, "--slack %s: want 0s or more", o.slack)
	}
	if o.jwks == "" {
		// Without the signature no key is needed, but an endpoint still is an issuer.
		if o.skips(azattestation.TokenCheckSignature) && (o.issuer != "" || o.skips(azattestation.TokenCheckIssuer)) {
			return nil
		}
		return o.connect.complete(cmd, s)
	}
	if o.issuer == "" && !o.skips(azattestation.TokenCheckIssuer) {
		return usage(command, "--issuer is missing: with --jwks nobody else says whose keys these are; or give --skip issuer")
	}
	return nil
}

// verifiedToken is what token verify --json prints of a token that holds.
type verifiedToken struct {
	*shownToken
	At time.Time `json:"at"`
	// Skipped are the checks that were left out.
	Skipped []string `json:"skipped"`
}

func (o *tokenVerifyOptions) verify(cmd *cobra.Command, s Streams, name string) (*verifiedToken, error) {
	p, err := loadToken(s, name)
	if err != nil {
		return nil, err
	}
	keys, err := o.keys(cmd, s)
	if err != nil {
		return nil, err
	}
	// To the second, so that --at can repeat what the result says.
	t := &verifiedToken{
		shownToken: newShownToken(p), At: o.at.or(func() time.Time { return s.Now().Truncate(time.Second) }).UTC(), Skipped: o.skip.names(),
	}
	if err := o.validate(cmd.Context(), p.Token, keys, t.At); err != nil {
		return nil, err
	}
	if !o.skips(azattestation.TokenCheckSignature) {
		t.verified(p)
	}
	return t, nil
}

// keys returns the keys to verify by, nil if none are needed.
func (o *tokenVerifyOptions) keys(cmd *cobra.Command, s Streams) (*azattestation.KeySource, error) {
	if o.jwks == "" {
		if o.connect.endpoint == "" {
			return nil, nil //nolint:nilnil // the signature is left out, and the issuer named or left out too
		}
		c, err := o.connect.client(cmd, s)
		if err != nil {
			return nil, err
		}
		return c.KeySource(), nil
	}
	raw, err := readInput(s, o.jwks)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	keys, err := keySource(cmp.Or(o.issuer, "unknown"), raw)
	if err != nil {
		return nil, fmt.Errorf("keys: %s: %w", o.jwks, err)
	}
	return keys, nil
}

func (o *tokenVerifyOptions) validate(ctx context.Context, t *azattestation.Token, keys *azattestation.KeySource, at time.Time) error {
	slack := o.slack
	if slack == 0 {
		slack = -1 // the library's word for none
	}
	err := t.Validate(ctx, keys, &azattestation.TokenValidationOptions{Issuer: o.issuer, Skip: o.skip, TimeSlack: slack, At: at})
	if err == nil {
		return nil
	}
	return serviceFault(err)
}

// verdict says what holds, and what nobody looked at.
func (t *verifiedToken) verdict() string {
	if !t.Verified {
		return "NOT VERIFIED: the check of the signature was left out, so that anybody may have written this token"
	}
	text := "verified: " + t.holds()
	if len(t.Skipped) > 0 {
		text += "; NOT CHECKED: " + strings.Join(t.Skipped, ", ")
	}
	return text
}

// skipFlag is a list of checks to leave out.
type skipFlag []azattestation.TokenCheck

// skippable are the checks that may be left out, by the names of the command line.
var skippable = []struct {
	name  string
	check azattestation.TokenCheck
}{
	{"signature", azattestation.TokenCheckSignature},
	{"expiration", azattestation.TokenCheckExpiration},
	{"not-before", azattestation.TokenCheckNotBefore},
	{"issuer", azattestation.TokenCheckIssuer},
}

func skippableNames() []string {
	names := make([]string, len(skippable))
	for i, k := range skippable {
		names[i] = k.name
	}
	return names
}

func (f skipFlag) names() []string {
	names := []string{}
	for _, k := range skippable {
		if slices.Contains(f, k.check) {
			names = append(names, k.name)
		}
	}
	return names
}

func (f skipFlag) String() string { return strings.Join(f.names(), ",") }

// Set adds checks.
func (f *skipFlag) Set(text string) error {
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		i := slices.Index(skippableNames(), name)
		if i < 0 {
			return fmt.Errorf("%q is no check that can be left out, want some of %s", name, strings.Join(skippableNames(), ", "))
		}
		*f = append(*f, skippable[i].check)
	}
	return nil
}

// Type names the value in the help.
func (f *skipFlag) Type() string { return "checks" }
