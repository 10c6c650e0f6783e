package keyrelease

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"

	"github.com/go-jose/go-jose/v4"
)

// Sign lets tests sign what no releaser would.
func Sign(s *Signer, payload []byte) (string, error) { return s.sign(payload) }

// SignAs signs with certificates that no signer has.
func SignAs(key *rsa.PrivateKey, chain []*x509.Certificate, payload []byte) (string, error) {
	texts := make([]string, len(chain))
	for i, c := range chain {
		texts[i] = base64.StdEncoding.EncodeToString(c.Raw)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithHeader("x5c", texts))
	if err != nil {
		return "", err
	}
	return (&Signer{signer: signer}).sign(payload)
}
