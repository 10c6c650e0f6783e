package cli

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/azattest/azattest/token"
)

// signingKeyFile is where the data directory keeps the key that signs tokens.
const signingKeyFile = "signing-key.pem"

// signingKey loads the key that signs tokens, or makes one on the first start.
// A key whose certificate names another URL is certified again: relying parties
// know it by its ID, which stays.
func signingKey(dir string, a token.Algorithm, bits int, issuer string) (*token.Key, error) {
	name := filepath.Join(dir, signingKeyFile)
	raw, err := os.ReadFile(filepath.Clean(name))
	if errors.Is(err, fs.ErrNotExist) {
		return newSigningKey(name, a, bits, issuer)
	}
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	key, err := token.ParseKey(raw, a)
	if err != nil {
		return nil, withHint(fmt.Errorf("signing key %s: %w", name, err),
			"start with the --algorithm that the key was made for, or move the file away to get a new key")
	}
	if key.Certificate().Subject.CommonName == issuer {
		return key, nil
	}
	key, err = key.Recertify(issuer)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", name, err)
	}
	return key, saveSigningKey(name, key)
}

func newSigningKey(name string, a token.Algorithm, bits int, issuer string) (*token.Key, error) {
	signer, err := firstSigner(a, bits)
	if err != nil {
		return nil, err
	}
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: a, Issuer: issuer})
	if err != nil {
		return nil, err
	}
	return key, saveSigningKey(name, key)
}

func saveSigningKey(name string, key *token.Key) error {
	file, err := key.MarshalPEM()
	if err != nil {
		return err
	}
	if err := writeFile(name, file); err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	return nil
}

// firstSigner makes a key on two cores and takes the one that is found first.
// The time to find an RSA key varies by a factor of ten; this halves the wait
// of a first start.
func firstSigner(a token.Algorithm, bits int) (crypto.Signer, error) {
	type outcome struct {
		signer crypto.Signer
		err    error
	}
	const attempts = 2
	found := make(chan outcome, attempts)
	for range attempts {
		go func() {
			signer, err := token.GenerateSigner(a, bits)
			found <- outcome{signer, err}
		}()
	}
	first := <-found
	return first.signer, first.err
}
