package token_test

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/token"
)

func TestSignReport(t *testing.T) {
	t.Parallel()
	for _, a := range algorithms() {
		for _, omit := range []bool{false, true} {
			t.Run(string(a)+map[bool]string{false: " with x5c", true: " with x5t"}[omit], func(t *testing.T) {
				t.Parallel()
				key := newKey(t, a)
				issuer := newIssuer(t, key)
				jws, err := issuer.SignReport(t.Context(), someClaims(), omit)
				if err != nil {
					t.Fatal(err)
				}
				der := key.Certificate().Raw
				sum := sha1.Sum(der)
				id := base64.RawURLEncoding.EncodeToString(sum[:])
				want := `{"alg":"` + string(a) + `","kid":"` + id + `","typ":"JWT","x5c":["` + base64.StdEncoding.EncodeToString(der) + `"]}`
				if omit {
					want = `{"alg":"` + string(a) + `","kid":"` + id + `","typ":"JWT","x5t":"` + id + `"}`
				}
				header, _, _, _ := split(t, jws)
				if diff := cmp.Diff(want, header); diff != "" {
					t.Errorf("header (-want +got):\n%s", diff)
				}
				// The key stands under that ID among those that are published.
				var published jose.JSONWebKeySet
				if err := json.Unmarshal(issuer.Ring().ReportJWKS(), &published); err == nil {
					t.Error("entries of bare certificates were read as keys") // go-jose wants parameters
				}
				var set struct {
					Keys []struct {
						Kid string   `json:"kid"`
						X5C []string `json:"x5c"`
					} `json:"keys"`
				}
				if err := json.Unmarshal(issuer.Ring().ReportJWKS(), &set); err != nil {
					t.Fatal(err)
				}
				if len(set.Keys) != 2 || set.Keys[0].Kid != key.ID() || set.Keys[1].Kid != id || set.Keys[0].X5C[0] != set.Keys[1].X5C[0] {
					t.Errorf("published %+v", set.Keys)
				}
				signed, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(a)})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := signed.Verify(key.Certificate().PublicKey); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A token and a report of one key name it differently, so that neither can be
// looked up as the other.
func TestReportKeyIDs(t *testing.T) {
	t.Parallel()
	key := newKey(t, token.RS256)
	if ring := newIssuer(t, key).Ring(); string(ring.JWKS()) == string(ring.ReportJWKS()) {
		t.Error("reports add no key IDs")
	}
}
