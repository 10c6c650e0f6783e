package testtoken_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/testtoken"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

const contoso = "https://contoso.example"

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newVerifier(t *testing.T, a *testtoken.Authority) *relyingparty.Verifier {
	t.Helper()
	v, err := relyingparty.New(relyingparty.Config{
		Sources: []*azattestation.KeySource{a.Source(t)}, MRENCLAVE: []string{testtoken.MRENCLAVE}, PolicyHashes: []string{testtoken.PolicyHash}, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What is made here is what a relying party takes, with the keys that it names.
func TestTokensVerify(t *testing.T) {
	t.Parallel()
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := testtoken.Holding(testtoken.RSAKey(&testtoken.EnclaveKey().PublicKey), testtoken.ECKey(t, &curve.PublicKey))
	for _, algorithm := range []token.Algorithm{token.RS256, token.PS256, token.ES256} {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			a := testtoken.New(t, contoso, algorithm)
			r, err := newVerifier(t, a).Verify(t.Context(), a.Token(t, testtoken.Enclave(contoso, now).With(keys)), relyingparty.Expected{})
			if err != nil {
				t.Fatal(err)
			}
			held, err := r.HeldKeys()
			if err != nil || len(held) != 2 || !testtoken.EnclaveKey().PublicKey.Equal(held[0].Public) || !curve.PublicKey.Equal(held[1].Public) {
				t.Errorf("held keys %v, %v", held, err)
			}
		})
	}
}

// A forged token says just what the test wants.
func TestSignTakesAnything(t *testing.T) {
	t.Parallel()
	a := testtoken.New(t, contoso, token.ES256)
	parts := strings.Split(a.Sign(t, a.Header().With(testtoken.Set{"alg": "none", "kid": nil}), []byte("{")), ".")
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(header, &got); err != nil || len(got) != 3 || got["alg"] != "none" || got["jku"] != contoso+"/certs" {
		t.Errorf("header %s, %v", header, err)
	}
	if len(parts) != 3 || parts[1] != "ew" || parts[2] == "" {
		t.Errorf("parts %v", parts)
	}
}

// The last change counts, and what was changed is as it was.
func TestWith(t *testing.T) {
	t.Parallel()
	s := testtoken.Set{"a": 1, "b": 2}
	if got := string(s.With(testtoken.Set{"a": 3, "b": nil, "c": 4}, testtoken.Set{"a": 5}).JSON(t)); got != `{"a":5,"c":4}` {
		t.Errorf("changed to %s", got)
	}
	if got := string(s.JSON(t)); got != `{"a":1,"b":2}` {
		t.Errorf("is %s itself", got)
	}
}
