package token_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/token"
)

// split decodes the parts of a compact JWS.
func split(t *testing.T, jws string) (header, payload string, signature []byte, input string) {
	t.Helper()
	parts := strings.Split(jws, ".")
	if len(parts) != 3 {
		t.Fatalf("token has %d parts, want 3: %s", len(parts), jws)
	}
	decoded := make([][]byte, 3)
	for i, part := range parts {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			t.Fatalf("part %d: %v", i, err)
		}
		decoded[i] = raw
	}
	return string(decoded[0]), string(decoded[1]), decoded[2], parts[0] + "." + parts[1]
}

func TestSign(t *testing.T) {
	t.Parallel()
	for _, a := range algorithms() {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			key := newKey(t, a)
			set := someClaims()
			jws, err := newIssuer(t, key).Sign(t.Context(), set)
			if err != nil {
				t.Fatal(err)
			}

			header, payload, signature, input := split(t, jws)
			wantHeader := `{"alg":"` + string(a) + `","jku":"https://contoso.example/certs","kid":"` + key.ID() + `","typ":"JWT"}`
			if diff := cmp.Diff(wantHeader, header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			wantPayload := `{"exp":1668745711,"iss":"https://contoso.example","roles":["a<b>&c","π"],` +
				`"x-ms-sgx-is-debuggable":false,"x-ms-ver":"1.0"}`
			if diff := cmp.Diff(wantPayload, payload); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
			if err := verify(key.Certificate().PublicKey, a, input, signature); err != nil {
				t.Errorf("crypto: %v", err)
			}
			if err := verify(key.Certificate().PublicKey, a, input+"x", signature); err == nil {
				t.Error("the signature also holds over other bytes")
			}

			parsed, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(a)})
			if err != nil {
				t.Fatalf("go-jose: %v", err)
			}
			verified, err := parsed.Verify(key.Certificate().PublicKey)
			if err != nil {
				t.Errorf("go-jose: %v", err)
			}
			if string(verified) != wantPayload {
				t.Errorf("go-jose read payload %s", verified)
			}
			if parsed.Signatures[0].Header.KeyID != key.ID() {
				t.Errorf("go-jose read kid %q, want %q", parsed.Signatures[0].Header.KeyID, key.ID())
			}
		})
	}
}

// verify checks a JWS signature with nothing but the standard library.
func verify(pub crypto.PublicKey, a token.Algorithm, input string, signature []byte) error {
	digest := sha256.Sum256([]byte(input))
	switch a {
	case token.RS256:
		return rsa.VerifyPKCS1v15(pub.(*rsa.PublicKey), crypto.SHA256, digest[:], signature)
	case token.PS256:
		return rsa.VerifyPSS(pub.(*rsa.PublicKey), crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: 32})
	case token.ES256:
		if len(signature) != 64 {
			return errors.New("ES256 signature is not 64 bytes long")
		}
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		if !ecdsa.Verify(pub.(*ecdsa.PublicKey), digest[:], r, s) {
			return errors.New("ECDSA signature does not hold")
		}
		return nil
	}
	return errors.New("no such algorithm")
}

func TestSignConcurrently(t *testing.T) {
	t.Parallel()
	key := newKey(t, token.ES256)
	issuer := newIssuer(t, key)
	set := someClaims()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			jws, err := issuer.Sign(t.Context(), set)
			if err != nil {
				t.Error(err)
				return
			}
			_, _, signature, input := split(t, jws)
			if err := verify(key.Certificate().PublicKey, token.ES256, input, signature); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestUnsigned(t *testing.T) {
	t.Parallel()
	key := newKey(t, token.RS256)
	issuer := newIssuer(t, key)
	jws, err := issuer.Unsigned(someClaims())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(jws, ".") {
		t.Errorf("third part is not empty: %s", jws)
	}
	header, payload, _, _ := split(t, jws)
	want := `{"alg":"none","jku":"https://contoso.example/certs","kid":"` + key.ID() + `","typ":"JWT"}`
	if header != want {
		t.Errorf("header %s, want %s", header, want)
	}
	if want := string(someClaims().AppendJSON(nil)); payload != want {
		t.Errorf("payload %s, want %s", payload, want)
	}
	if _, err := issuer.Unsigned(nil); err == nil {
		t.Error("Unsigned accepts no claims at all")
	}
}

func TestIssuerSignsInItsOwnNameOnly(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t, newKey(t, token.ES256))
	of := func(values ...claims.Value) *claims.Set {
		set := new(claims.Set)
		set.Put("iss", values...)
		return set
	}
	tests := map[string]struct {
		set  *claims.Set
		want string
	}{
		"no claims":     {nil, "no claims"},
		"no issuer":     {new(claims.Set), "0 claims named iss"},
		"another":       {of(claims.String("https://fabrikam.example")), "https://fabrikam.example"},
		"longer":        {of(claims.String(instance + "/")), "want https://contoso.example"},
		"two issuers":   {of(claims.String(instance), claims.String(instance)), "2 claims named iss"},
		"not a string":  {of(claims.Integer(7)), "7"},
		"as JSON value": {of(claims.Object(new(claims.Set))), "{}"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signed, err := issuer.Sign(t.Context(), tt.set)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Sign: error %v, want one about %q", err, tt.want)
			}
			unsigned, err := issuer.Unsigned(tt.set)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Unsigned: error %v, want one about %q", err, tt.want)
			}
			if signed+unsigned != "" {
				t.Errorf("a token came with the error: %q, %q", signed, unsigned)
			}
		})
	}
}

func TestSignNotAfterTheContextEnded(t *testing.T) {
	t.Parallel()
	ec := sharedSigner(t, token.ES256)
	asked := false
	d := deviceOf(ec)
	key, err := token.NewKey(token.KeyConfig{Signer: &d, Algorithm: token.ES256, Issuer: instance})
	if err != nil {
		t.Fatal(err)
	}
	d.sign = func(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
		asked = true
		return ec.Sign(rand, digest, opts)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newIssuer(t, key).Sign(ctx, someClaims()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if asked {
		t.Error("the signer was asked although nobody waits for the answer")
	}
}

func TestSignWhenTheDeviceFails(t *testing.T) {
	t.Parallel()
	der := func(r, s *big.Int) []byte {
		raw, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	one, large := big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 256)
	tests := map[string]struct {
		answer []byte
		err    error
		want   string
	}{
		"refuses":         {nil, errDeviceGone, "device unplugged"},
		"empty answer":    {nil, nil, "no ECDSA signature"},
		"R and S bare":    {make([]byte, 64), nil, "no ECDSA signature"},
		"bytes after":     {append(der(one, one), 0), nil, "1 bytes after"},
		"zero":            {der(new(big.Int), one), nil, "out of range"},
		"negative":        {der(one, big.NewInt(-1)), nil, "out of range"},
		"longer than 256": {der(large, one), nil, "out of range"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deviceOf(sharedSigner(t, token.ES256))
			key, err := token.NewKey(token.KeyConfig{Signer: &d, Algorithm: token.ES256, Issuer: instance})
			if err != nil {
				t.Fatal(err)
			}
			d.sign = func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return tt.answer, tt.err }
			jws, err := newIssuer(t, key).Sign(t.Context(), someClaims())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one about %q", err, tt.want)
			}
			if !strings.Contains(err.Error(), key.ID()) {
				t.Errorf("error %q does not name the key", err)
			}
			if tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("error %v does not wrap the device's", err)
			}
			if jws != "" {
				t.Errorf("a token came with the error: %s", jws)
			}
		})
	}
}

func TestES256SignatureKeepsItsLengthWhenNumbersAreShort(t *testing.T) {
	t.Parallel()
	d := deviceOf(sharedSigner(t, token.ES256))
	key, err := token.NewKey(token.KeyConfig{Signer: &d, Algorithm: token.ES256, Issuer: instance})
	if err != nil {
		t.Fatal(err)
	}
	d.sign = func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
		return asn1.Marshal(struct{ R, S *big.Int }{big.NewInt(1), big.NewInt(2)})
	}
	jws, err := newIssuer(t, key).Sign(t.Context(), someClaims())
	if err != nil {
		t.Fatal(err)
	}
	_, _, signature, _ := split(t, jws)
	want := make([]byte, 64)
	want[31], want[63] = 1, 2
	if !cmp.Equal(signature, want) {
		t.Errorf("signature %x, want %x", signature, want)
	}
}

func TestNewIssuer(t *testing.T) {
	t.Parallel()
	key := newKey(t, token.ES256)
	ring, err := token.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := token.NewIssuer(instance, ring)
	if err != nil {
		t.Fatal(err)
	}
	if issuer.URL() != instance || issuer.Ring() != ring {
		t.Errorf("issuer of %s with ring %p, want %s and %p", issuer.URL(), issuer.Ring(), instance, ring)
	}

	var keyError *token.KeyError
	if _, err := token.NewIssuer("https://fabrikam.example", ring); !errors.As(err, &keyError) || keyError.Part != "certificate" {
		t.Errorf("key of another instance: error %v, want a *KeyError about the certificate", err)
	}
	if _, err := token.NewIssuer(instance, nil); !errors.As(err, &keyError) || keyError.Part != "ring" {
		t.Errorf("no ring: error %v, want a *KeyError about the ring", err)
	}
	var urlError *token.URLError
	if _, err := token.NewIssuer(instance+"/", ring); !errors.As(err, &urlError) {
		t.Errorf("trailing slash: error %v, want a *URLError", err)
	}
}
