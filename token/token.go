// Package token turns claims into signed JSON Web Tokens, and holds the keys
// that sign them. Which function do I want?
//
//   - to make a key: [GenerateSigner], or bring any [crypto.Signer] (an HSM, a
//     key management service), then [NewKey], which certifies it;
//   - to keep a key in a file: [Key.MarshalPEM] and [ParseKey];
//   - to publish keys: [NewRing] and [Ring.JWKS], the answer of GET /certs;
//   - to move an instance to another URL, or to let one key serve many:
//     [Key.Recertify];
//   - to show that a key lives in an enclave: [ReportData], a quote with that in
//     it, [OpenEnclaveReport], and the Report of [KeyConfig];
//   - to sign: [NewIssuer] and [Issuer.Sign], or [Issuer.SignReport] for TPMs.
//
// Tokens, key IDs, certificates and key sets have the form of Microsoft Azure
// Attestation, byte for byte, so that its clients accept them.
package token

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/azattest/azattest/claims"
)

// Issuer signs claims in the name of one instance of the service. It is
// immutable and safe for concurrent use.
type Issuer struct {
	url  string
	ring *Ring
	// The encoded header and the full stop after it never change.
	signedPrefix, unsignedPrefix string
	// Those of reports have the certificate, or its hash alone.
	reportPrefix, shortReportPrefix string
}

// NewIssuer returns the issuer for the instance at url, which signs with the
// ring's current key.
//
// The URL is what clients compare the claim "iss" with, so it must be in one
// exact form: https, a host name or address in lower case, perhaps a port and a
// path; no user, query, fragment, escapes or trailing slash. Plain http is
// accepted for localhost and loopback addresses only. Anything else gives a
// *[URLError]. The certificate of the current key must name the same URL, else
// NewIssuer returns a *[KeyError]; previous keys may name another.
func NewIssuer(url string, ring *Ring) (*Issuer, error) {
	if err := checkURL(url); err != nil {
		return nil, err
	}
	if ring == nil {
		return nil, &KeyError{Part: "ring", Problem: "none given, want the keys to sign with"}
	}
	if name := ring.current.certificate.Subject.CommonName; name != url {
		return nil, &KeyError{
			Part:    "certificate",
			Problem: fmt.Sprintf("made for %s, want one for %s: recertify the key or use the old URL", name, url),
		}
	}
	return &Issuer{
		url:               url,
		ring:              ring,
		signedPrefix:      headerPrefix(string(ring.current.algorithm), url, ring.current.id),
		unsignedPrefix:    headerPrefix("none", url, ring.current.id),
		reportPrefix:      reportPrefix(ring.current, false),
		shortReportPrefix: reportPrefix(ring.current, true),
	}, nil
}

// headerPrefix encodes the protected header. Claim sets are written sorted and
// compact, just as the real service writes its headers.
func headerPrefix(alg, url, kid string) string {
	var h claims.Set
	h.Add("alg", claims.String(alg))
	h.Add("jku", claims.String(url+"/certs"))
	h.Add("kid", claims.String(kid))
	h.Add("typ", claims.String("JWT"))
	return base64.RawURLEncoding.EncodeToString(h.AppendJSON(nil)) + "."
}

// URL returns the URL of the instance: the claim "iss" of every token.
func (i *Issuer) URL() string { return i.url }

// Ring returns the keys that the instance publishes.
func (i *Issuer) Ring() *Ring { return i.ring }

// Sign returns the claims as a JWS in compact serialization (RFC 7515, section
// 3.1), signed with the current key. The header is exactly
//
//	{"alg":"RS256","jku":"<url>/certs","kid":"<key ID>","typ":"JWT"}
//
// and the payload is the JSON of the set, unchanged. The set must state "iss"
// once, as the issuer's URL: nobody signs for somebody else here.
//
// A signer that reaches out to a device cannot be interrupted; the context is
// looked at before it is asked.
func (i *Issuer) Sign(ctx context.Context, c *claims.Set) (string, error) {
	return i.sign(ctx, c, i.signedPrefix)
}

func (i *Issuer) sign(ctx context.Context, c *claims.Set, prefix string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("token: not signed: %w", err)
	}
	key := i.ring.current
	input, err := i.signingInput(prefix, c, key.signatureSize())
	if err != nil {
		return "", err
	}
	signature, err := key.algorithm.sign(key.signer, input)
	if err != nil {
		return "", fmt.Errorf("token: sign with key %s: %w", key.id, err)
	}
	return string(base64.RawURLEncoding.AppendEncode(append(input, '.'), signature)), nil
}

// Unsigned returns the claims as a JWS with "alg":"none" and an empty third
// part. The real service answers so to a request that brought a draft policy,
// and nothing else may use it: such a token proves nothing, it shows the author
// of a policy what the token would have been.
func (i *Issuer) Unsigned(c *claims.Set) (string, error) {
	input, err := i.signingInput(i.unsignedPrefix, c, 0)
	if err != nil {
		return "", err
	}
	return string(append(input, '.')), nil
}

// signingInput returns header and payload, with room for a signature.
func (i *Issuer) signingInput(prefix string, c *claims.Set, signatureSize int) ([]byte, error) {
	if c == nil {
		return nil, errors.New("token: no claims to sign")
	}
	if err := i.checkIssuer(c); err != nil {
		return nil, err
	}
	payload := c.AppendJSON(make([]byte, 0, typicalPayload))
	enc := base64.RawURLEncoding
	size := len(prefix) + enc.EncodedLen(len(payload)) + 1 + enc.EncodedLen(signatureSize)
	input := append(make([]byte, 0, size), prefix...)
	return enc.AppendEncode(input, payload), nil
}

func (i *Issuer) checkIssuer(c *claims.Set) error {
	values := c.Values("iss")
	if len(values) != 1 {
		return fmt.Errorf("token: %d claims named iss, want one that says %s", len(values), i.url)
	}
	if iss, ok := values[0].Str(); !ok || iss != i.url {
		return fmt.Errorf("token: claim iss says %s, want %s", values[0], i.url)
	}
	return nil
}
