package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/claims"
)

// narrator tells a story in numbered lines, or says nothing where the story is
// printed as JSON at its end.
type narrator struct {
	w       io.Writer
	isQuiet bool
	steps   int
	err     error
}

func newNarrator(s Streams, isQuiet bool) *narrator { return &narrator{w: s.Out, isQuiet: isQuiet} }

// lineWidth is where a line is cut: keys and hashes are told, not shown whole.
const lineWidth = 72

func (n *narrator) step(what, format string, args ...any) {
	n.steps++
	if n.isQuiet || n.err != nil {
		return
	}
	_, n.err = fmt.Fprintf(n.w, "%d. %-30s %s\n", n.steps, what, cut(fmt.Sprintf(format, args...)))
}

func cut(text string) string {
	if len(text) <= lineWidth {
		return text
	}
	return strings.ToValidUTF8(text[:lineWidth], "") + "…"
}

// attest asks the service and then plays the relying party, step by step: whoever
// gets a token is not the one who asked for it, and takes nobody's word for it.
func (n *narrator) attest(ctx context.Context, c *azattestation.Client, r *attestRequest, now func() time.Time) (*attestation, error) {
	sent, err := r.send(ctx, c, &azattestation.TokenValidationOptions{Skip: []azattestation.TokenCheck{
		azattestation.TokenCheckSignature, azattestation.TokenCheckExpiration, azattestation.TokenCheckNotBefore, azattestation.TokenCheckIssuer,
	}})
	if err != nil {
		return nil, err
	}
	n.step("attest: evidence in, token out", "POST /attest/%s, %d characters", r.kind, len(sent.String()))
	published, err := c.GetSigningCertificates(ctx, nil)
	if err != nil {
		return nil, serviceFault(err)
	}
	n.step("fetch the signing keys", "GET /certs, %d bytes", len(published.JWKS))
	keys, err := azattestation.NewKeySource(c.Endpoint(), published.JWKS)
	if err != nil {
		return nil, serviceFault(err)
	}
	received, err := azattestation.ParseToken(sent.String())
	if err != nil {
		return nil, serviceFault(err)
	}
	if err := received.Validate(ctx, keys, asOf(now)); err != nil {
		return nil, serviceFault(err)
	}
	a, err := newAttestation(received, true)
	if err != nil {
		return nil, err
	}
	n.step("verify the token", "%s signature holds, issuer too, valid until %s", a.Algorithm, a.Expires.Format(time.RFC3339))
	return a, nil
}

// shown are the claims that the story ends with.
var shown = []string{
	"x-ms-attestation-type", "x-ms-sgx-is-debuggable", "x-ms-sgx-mrenclave", "x-ms-sgx-mrsigner", "x-ms-sgx-product-id",
	"x-ms-sgx-svn", "x-ms-sgx-report-data", "x-ms-runtime", "x-ms-sgx-ehd", "x-ms-policy-hash", "x-azattest-simulated",
}

func (n *narrator) claims(c *claims.Set) {
	n.step("read the claims", "%d in all, the main ones:", c.Len())
	for _, name := range shown {
		for _, v := range c.Values(name) {
			if n.err == nil && !n.isQuiet {
				_, n.err = fmt.Fprintf(n.w, "   %-30s %s\n", name, cut(v.String()))
			}
		}
	}
}
