package testtoken

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"testing"

	"github.com/azattest/azattest/token"
)

// Token signs claims as the authority does.
func (a *Authority) Token(tb testing.TB, claims Set) string {
	tb.Helper()
	return a.Sign(tb, a.Header(), claims.JSON(tb))
}

// Header is that of the authority's tokens.
func (a *Authority) Header() Set {
	return Set{"alg": a.Key.Algorithm(), "kid": a.Key.ID(), "jku": a.URL + "/certs", "typ": "JWT"}
}

// Sign signs any header and any payload with the authority's key, by its algorithm
// whatever the header says.
func (a *Authority) Sign(tb testing.TB, header Set, payload []byte) string {
	tb.Helper()
	text := b64(header.JSON(tb)) + "." + b64(payload)
	digest := sha256.Sum256([]byte(text))
	var options crypto.SignerOpts = crypto.SHA256
	if a.Key.Algorithm() == token.PS256 {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	}
	signature, err := a.Signer.Sign(rand.Reader, digest[:], options)
	if err != nil {
		tb.Fatal(err)
	}
	if a.Key.Algorithm() == token.ES256 {
		// Both numbers, each in 32 bytes (RFC 7518, section 3.4).
		var both struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(signature, &both); err != nil {
			tb.Fatal(err)
		}
		signature = append(both.R.FillBytes(make([]byte, 32)), both.S.FillBytes(make([]byte, 32))...)
	}
	return text + "." + b64(signature)
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }
