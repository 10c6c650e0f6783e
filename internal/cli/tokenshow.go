package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
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
relying party must do it: signature (RS256, PS256 or ES256) by the key that is
published under its kid, taken from the certificate; exp and nbf, with a minute
of leeway for clocks that differ; and the issuer, if --issuer names one. A URL
inside the token is never followed, and a token without a signature is refused. A
token that does not hold is not shown and ends with exit code 1.`,
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
			return o.refuse(s, err)
		}
		if *o.asJSON {
			return printJSON(s.Out, t)
		}
		return t.print(s.Out)
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
	raw, err := readInput(s, name)
	if err != nil {
		return nil, err
	}
	header, payload, err := unverified(string(raw))
	if err != nil {
		return nil, err
	}
	t := &shownToken{Header: header, Claims: payload}
	if o.certs == "" {
		return t, nil
	}
	jwks, err := o.keys(ctx, s)
	if err != nil {
		// That the keys are out of reach says nothing about the token.
		return nil, &undecidedError{fmt.Errorf("signing keys: %w", err)}
	}
	v, err := verifyToken(string(raw), jwks, tokenChecks{issuer: o.issuer, at: o.at.or(s.Now)})
	if err != nil {
		return nil, err
	}
	expires := v.Expires.UTC()
	t.Verified, t.KeyID, t.Algorithm, t.Issuer, t.Expires, t.Claims = true, v.KeyID, v.Algorithm, v.Issuer, &expires, v.Claims
	return t, nil
}

func (o *tokenShowOptions) keys(ctx context.Context, s Streams) ([]byte, error) {
	if !isURL(o.certs) {
		return readInput(s, o.certs)
	}
	c, err := newClient(o.certs, o.caFile)
	if err != nil {
		return nil, err
	}
	return c.do(ctx, http.MethodGet, "", nil)
}

// refuse prints why a token does not hold, with --json; without it the error
// says so itself.
func (o *tokenShowOptions) refuse(s Streams, err error) error {
	if _, refused := errors.AsType[*refusedError](err); !refused || !*o.asJSON {
		return err
	}
	var doc refusedToken
	doc.Error.Message = err.Error()
	if err := printJSON(s.Out, doc); err != nil {
		return err
	}
	return &reportedError{err}
}
