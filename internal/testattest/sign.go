package testattest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/azattest/azattest/evidence/tpm"
)

// sign returns the JWS of the data.
func (r *Request) sign(tb testing.TB, typ string, key crypto.Signer, data map[string]any) []byte {
	tb.Helper()
	if r.Edit != nil {
		r.Edit(data)
	}
	_, isRSA := key.Public().(*rsa.PublicKey)
	alg := "ES256"
	if isRSA {
		alg = "PS256"
	}
	encode := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			tb.Fatal(err)
		}
		return b64(raw)
	}
	input := encode(map[string]any{"alg": alg, "typ": typ}) + "." + encode(map[string]any{"att_type": "basic", "att_data": data})
	digest := sha256.Sum256([]byte(input))
	if isRSA {
		raw, err := key.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
		if err != nil {
			tb.Fatal(err)
		}
		return []byte(input + "." + b64(raw))
	}
	raw, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		tb.Fatal(err)
	}
	x, y := split(tb, raw)
	return []byte(input + "." + b64(append(x.FillBytes(make([]byte, 32)), y.FillBytes(make([]byte, 32))...)))
}

// PCRs are banks as a request of version 2 has them.
func PCRs(banks ...tpm.Bank) []any {
	var all []any
	for _, b := range banks {
		var values []any
		for _, p := range b.PCRs {
			values = append(values, map[string]any{"index": p.Index, "digest": b64(p.Digest)})
		}
		all = append(all, map[string]any{"algorithm": b.Algorithm, "values": values})
	}
	return all
}

// JWK is a key as a request has it.
func JWK(tb testing.TB, key crypto.PublicKey) json.RawMessage {
	tb.Helper()
	jwk, err := tpm.NewJWK(key)
	if err != nil {
		tb.Fatal(err)
	}
	text, err := json.Marshal(jwk)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
