package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/azattest/azattest/claims"
)

// shownToken is what token show --json prints. Programs read it: members are
// added, never renamed.
type shownToken struct {
	Verified bool `json:"verified"`
	// KeyID, Algorithm, Issuer and Expires are there if the token is verified.
	KeyID     string      `json:"keyId,omitempty"`
	Algorithm string      `json:"algorithm,omitempty"`
	Issuer    string      `json:"issuer,omitempty"`
	Expires   *time.Time  `json:"expires,omitempty"`
	Header    *claims.Set `json:"header"`
	Claims    *claims.Set `json:"claims"`

	dates map[string]time.Time // the claims that are dates
}

// newShownToken shows a token that nobody has verified.
func newShownToken(p *parsedToken) *shownToken {
	return &shownToken{
		Header: p.header, Claims: p.claims,
		dates: map[string]time.Time{"iat": p.IssuedOn(), "nbf": p.NotBefore(), "exp": p.ExpiresOn()},
	}
}

// verified marks the token as one that its issuer signed.
func (t *shownToken) verified(p *parsedToken) {
	t.Verified, t.KeyID, t.Algorithm, t.Issuer = true, p.KeyID(), p.Algorithm(), p.Issuer()
	if expires := p.ExpiresOn(); !expires.IsZero() {
		t.Expires = &expires
	}
}

// print writes a verdict and two tables.
func (t *shownToken) print(w io.Writer, verdict string) error {
	if _, err := fmt.Fprintln(w, verdict); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	for _, part := range []struct {
		name  string
		set   *claims.Set
		dates map[string]time.Time
	}{{"header", t.Header, nil}, {"claims", t.Claims, t.dates}} {
		if _, err := fmt.Fprintf(w, "\n%s\n", part.name); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		rows := newTable(w)
		for name, value := range part.set.All() {
			rows.row("  "+clean(name), readable(name, value, part.dates))
		}
		if err := rows.flush(); err != nil {
			return err
		}
	}
	return nil
}

// holds says of a verified token who signed it, and until when it is valid.
func (t *shownToken) holds() string {
	text := fmt.Sprintf("%s by key %s, issuer %s", t.Algorithm, clean(t.KeyID), clean(t.Issuer))
	if t.Expires != nil {
		text += ", until " + t.Expires.Format(time.RFC3339)
	}
	return text
}

// readable adds the date to a NumericDate.
func readable(name string, value claims.Value, dates map[string]time.Time) string {
	if at, ok := dates[name]; ok && !at.IsZero() {
		return fmt.Sprintf("%s (%s)", value, at.Format(time.RFC3339))
	}
	return clean(value.String())
}
