package cli

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
)

// loadAIK reads the key of --aik. What is known of it depends on its form: see
// [newShownAIK].
func loadAIK(s Streams, name string) (*tpm.AIK, error) {
	raw, err := readInput(s, name)
	if err != nil {
		return nil, err
	}
	switch text := bytes.TrimSpace(raw); {
	case bytes.HasPrefix(text, []byte("-----BEGIN ")):
		return aikOfPEM(text)
	case bytes.HasPrefix(text, []byte("{")):
		key, err := tpm.ParseJWK(text)
		if err != nil {
			return nil, err
		}
		return tpm.AIKFromKey(key)
	case bytes.HasPrefix(raw, []byte{0x30}): // a SEQUENCE
		return aikOfCertificate(raw)
	}
	public, err := parsePublic(raw)
	if err != nil {
		return nil, err
	}
	return tpm.NewAIK(public)
}

// aikOfPEM takes the first block. What follows a certificate is its chain, of
// which nothing is verified here.
func aikOfPEM(text []byte) (*tpm.AIK, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, keyError("PEM that cannot be read", nil)
	}
	switch block.Type {
	case "CERTIFICATE":
		return aikOfCertificate(block.Bytes)
	case "PUBLIC KEY":
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, keyError("", err)
		}
		return tpm.AIKFromKey(key)
	}
	return nil, keyError("PEM of another type", nil)
}

func aikOfCertificate(der []byte) (*tpm.AIK, error) {
	c, err := tpm.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return tpm.AIKFromKey(c.PublicKey)
}

func keyError(found string, err error) error {
	return &evidence.Error{
		Stage: evidence.StageParse, Code: evidence.CodeMalformed, Part: "AIK", Offset: -1,
		Found: found, Expected: "a TPMT_PUBLIC, a TPM2B_PUBLIC, a public key or certificate in PEM, or a JWK", Err: err,
	}
}

func loadPublic(s Streams, name string) (*tpm.Public, error) {
	raw, err := readInput(s, name)
	if err != nil {
		return nil, err
	}
	return parsePublic(raw)
}

// parsePublic reads a public area, or one after its length. A public area begins
// with its type, which is never the length of what follows.
func parsePublic(raw []byte) (*tpm.Public, error) {
	if len(raw) > 2 && int(raw[0])<<8|int(raw[1]) == len(raw)-2 {
		return tpm.ParsePublic2B(raw)
	}
	return tpm.ParsePublic(raw)
}
