package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/azattestation"
)

// tokenShowOptions are the flags of token show.
type tokenShowOptions struct {
	certs, caFile, issuer string
	at                    *timeFlag
	asJSON                *bool
}

func newTokenShow(s Streams) *cobra.Command {
	o := new(tokenShowOptions)
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Show the header and the claims of a token",
		Long: `show prints the header and the claims of a token (a compact JWS), of this service
or of Azure's. - is standard input.

Without --certs nothing is verified. With --certs the token is verified as a
relying party must do it: signature (RS, PS or ES of 256, 384 or 512 bits) by
the key that is published under its kid, taken from the certificate; exp and
nbf, with a minute of leeway for clocks that differ; and the issuer, if --issuer
names one ('azattest token verify' demands it). A URL inside the token is never
followed, and a token without a signature is refused. A token that does not hold
is not shown and ends with exit code 1.`,
		Example: `  azattest token show token.jwt
  azattest token show token.jwt --certs certs.json --issuer https://sharedeus.eus.attest.azure.net
  azattest attest sgx quote.bin --endpoint https://127.0.0.1:8443 --ca-file azattest-data/ca.pem |
    azattest token show - --certs https://127.0.0.1:8443/certs --ca-file azattest-data/ca.pem`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
	}
	f := cmd.Flags()
	f.StringVar(&o.certs, "certs", "", "the service's signing keys, a JWKS: file or URL")
	f.StringVar(&o.caFile, "ca-file", "", "PEM file with the CA certificates to trust for TLS (default: the system's)")
	f.StringVar(&o.issuer, "issuer", "", "URL that must stand in iss")
	o.at = addAt(cmd, "judge the token as of this time instead of now")
	o.asJSON = jsonFlag(cmd)
	mustTakeText(cmd, "issuer", "at")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(cmd.CommandPath()); err != nil {
			return err
		}
		t, err := o.load(cmd.Context(), s, args[0])
		if err != nil {
			return refuseToken(s, *o.asJSON, err)
		}
		if *o.asJSON {
			return printJSON(s.Out, t)
		}
		if !t.Verified {
			return t.print(s.Out, "NOT VERIFIED: nobody has checked who signed this token (give --certs)")
		}
		return t.print(s.Out, "verified: "+t.holds())
	}
	return cmd
}

func (o *tokenShowOptions) check(command string) error {
	switch {
	case o.certs == "" && (o.issuer != "" || o.caFile != "" || !o.at.IsZero()):
		return usage(command, "--issuer, --ca-file and --at go with --certs: without keys nothing is verified")
	case o.caFile != "" && !isURL(o.certs):
		return usage(command, "--ca-file goes with a --certs URL")
	}
	if !isURL(o.certs) {
		return nil
	}
	// Whoever can change the keys on their way can sign any token.
	if u, err := url.Parse(o.certs); err != nil || u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return usage(command, "--certs %q: want an https URL, or http to this machine", o.certs)
	}
	return nil
}

// load reads a token, and verifies it if there are keys to do it with.
func (o *tokenShowOptions) load(ctx context.Context, s Streams, name string) (*shownToken, error) {
	p, err := loadToken(s, name)
	if err != nil {
		return nil, err
	}
	t := newShownToken(p)
	if o.certs == "" {
		return t, nil
	}
	keys, err := o.keys(ctx, s)
	if _, ok := errors.AsType[*usageError](err); ok {
		return nil, err
	}
	if err != nil {
		// That the keys are out of reach says nothing about the token.
		return nil, &undecidedError{fmt.Errorf("signing keys: %w", err)}
	}
	options := &azattestation.TokenValidationOptions{At: o.at.or(s.Now)}
	if o.issuer == "" {
		options.Skip = []azattestation.TokenCheck{azattestation.TokenCheckIssuer}
	}
	if err := p.Validate(ctx, keys, options); err != nil {
		return nil, serviceFault(err)
	}
	t.verified(p)
	return t, nil
}

// loadToken reads the token in a file.
func loadToken(s Streams, name string) (*parsedToken, error) {
	raw, err := readInput(s, name)
	if err != nil {
		return nil, err
	}
	return parseToken(strings.TrimSpace(string(raw)))
}

func (o *tokenShowOptions) keys(ctx context.Context, s Streams) (*azattestation.KeySource, error) {
	read := func() ([]byte, error) { return readInput(s, o.certs) }
	if isURL(o.certs) {
		read = func() ([]byte, error) { return fetchURL(ctx, s, o.certs, o.caFile) }
	}
	jwks, err := read()
	if err != nil {
		return nil, err
	}
	// The keys may be anybody's if nobody says whose they are.
	return keySource(cmp.Or(o.issuer, "unknown"), jwks)
}

// keySource returns the keys of a JWKS.
func keySource(issuer string, jwks []byte) (*azattestation.KeySource, error) {
	keys, err := azattestation.NewKeySource(issuer, jwks)
	if err != nil {
		return nil, errors.New(plain(err))
	}
	return keys, nil
}

// fetchURL reads what a URL that a user named holds. The client library reads the
// keys of an endpoint; these may be published elsewhere.
func fetchURL(ctx context.Context, s Streams, from, caFile string) ([]byte, error) {
	client, err := transportTo(s, caFile)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk+json, application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // opened for reading only
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", from, resp.StatusCode)
	}
	return readBounded(resp.Body, from)
}
