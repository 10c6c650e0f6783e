package token_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/token"
)

func TestJWKS(t *testing.T) {
	t.Parallel()
	ec, rsa := newKey(t, token.ES256), newKey(t, token.RS256)
	entry := func(k *token.Key, kty string) string {
		return `{"x5c":["` + base64.StdEncoding.EncodeToString(k.Certificate().Raw) + `"],"kid":"` + k.ID() + `","kty":"` + kty + `"}`
	}
	tests := map[string]struct {
		current  *token.Key
		previous []*token.Key
		want     string
	}{
		"an RSA key":     {rsa, nil, `{"keys":[` + entry(rsa, "RSA") + `]}`},
		"after rotation": {ec, []*token.Key{rsa}, `{"keys":[` + entry(ec, "EC") + `,` + entry(rsa, "RSA") + `]}`},
		"and back again": {rsa, []*token.Key{ec}, `{"keys":[` + entry(rsa, "RSA") + `,` + entry(ec, "EC") + `]}`},
		"a P-256 key":    {ec, nil, `{"keys":[` + entry(ec, "EC") + `]}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ring, err := token.NewRing(tt.current, tt.previous...)
			if err != nil {
				t.Fatal(err)
			}
			if ring.Current() != tt.current {
				t.Errorf("current key %s, want %s", ring.Current(), tt.current)
			}
			if diff := cmp.Diff(tt.want, string(ring.JWKS())); diff != "" {
				t.Errorf("JWKS (-want +got):\n%s", diff)
			}
		})
	}
}

// Relying parties take the key from x5c: nothing else stands there.
func TestJWKSLetsAnybodyVerify(t *testing.T) {
	t.Parallel()
	for _, a := range algorithms() {
		issuer := newIssuer(t, newKey(t, a))
		jws, err := issuer.Sign(t.Context(), someClaims())
		if err != nil {
			t.Fatal(err)
		}
		var set struct {
			Keys []struct{ X5C []string }
		}
		if err := json.Unmarshal(issuer.Ring().JWKS(), &set); err != nil {
			t.Fatal(err)
		}
		if len(set.Keys) != 1 || len(set.Keys[0].X5C) != 1 {
			t.Fatalf("%s: %s, want one key with one certificate", a, issuer.Ring().JWKS())
		}
		der, err := base64.StdEncoding.DecodeString(set.Keys[0].X5C[0])
		if err != nil {
			t.Fatal(err)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		_, _, signature, input := split(t, jws)
		if err := verify(certificate.PublicKey, a, input, signature); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
}

func TestNewRingRefuses(t *testing.T) {
	t.Parallel()
	ec, rsa := newKey(t, token.ES256), newKey(t, token.RS256)
	tests := map[string]struct {
		current  *token.Key
		previous []*token.Key
		want     string
	}{
		"no current key":                     {nil, nil, "key 1 of 1 is missing"},
		"previous key missing":               {ec, []*token.Key{rsa, nil}, "key 3 of 3 is missing"},
		"current among previous":             {ec, []*token.Key{rsa, ec}, "stands there twice"},
		"certified twice":                    {ec, []*token.Key{newKey(t, token.ES256)}, "stands there twice"},
		"one private key for two algorithms": {rsa, []*token.Key{newKey(t, token.PS256)}, "stands there twice"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ring, err := token.NewRing(tt.current, tt.previous...)
			wantKeyError(t, err, tt.want)
			if ring != nil {
				t.Error("a ring came with the error")
			}
		})
	}
}
