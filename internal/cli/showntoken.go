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
}

// refusedToken is what token show --json prints of a token that does not hold.
type refusedToken struct {
	Verified bool `json:"verified"` // false
	Error    struct {
		Message string `json:"message"`
	} `json:"error"`
}

// print writes a verdict and two tables.
func (t *shownToken) print(w io.Writer) error {
	verdict := "NOT VERIFIED: nobody has checked who signed this token (give --certs)"
	if t.Verified {
		verdict = fmt.Sprintf("verified: %s by key %s, issuer %s, until %s",
			t.Algorithm, clean(t.KeyID), clean(t.Issuer), t.Expires.Format(time.RFC3339))
	}
	if _, err := fmt.Fprintln(w, verdict); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	for _, part := range []struct {
		name string
		set  *claims.Set
	}{{"header", t.Header}, {"claims", t.Claims}} {
		if _, err := fmt.Fprintf(w, "\n%s\n", part.name); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		rows := newTable(w)
		for name, value := range part.set.All() {
			rows.row("  "+clean(name), readable(part.set, name, value))
		}
		if err := rows.flush(); err != nil {
			return err
		}
	}
	return nil
}

// readable adds the date to a NumericDate.
func readable(set *claims.Set, name string, value claims.Value) string {
	switch name {
	case "iat", "nbf", "exp":
		if at, ok := date(set, name); ok {
			return fmt.Sprintf("%s (%s)", value, at.UTC().Format(time.RFC3339))
		}
	}
	return clean(value.String())
}
