package tpm_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"path/filepath"
	"strings"
	"testing"

	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/evidence/tpm"
)

// A key signs as crypto.Signer says, and does so again when it comes out of its
// file.
func TestKeySigns(t *testing.T) {
	t.Parallel()
	_, opened := start(t)
	short, long := sha256.Sum256([]byte("text")), sha512.Sum384([]byte("text"))
	pss := func(h crypto.Hash) *rsa.PSSOptions {
		return &rsa.PSSOptions{Hash: h, SaltLength: rsa.PSSSaltLengthAuto}
	}
	for _, test := range []struct {
		algorithm collect.Algorithm
		digest    []byte
		opts      crypto.SignerOpts
		refused   string
	}{
		{collect.RSA, short[:], crypto.SHA256, ""},
		{collect.RSA, long[:], crypto.SHA384, ""},
		{collect.RSA, short[:], pss(crypto.SHA256), ""},
		{collect.RSA, long[:], pss(crypto.SHA384), ""},
		{collect.RSAPSS, short[:], pss(crypto.SHA256), ""},
		{collect.RSAPSS, short[:], crypto.SHA256, "this TPM does not have the scheme"},
		{collect.ECC, short[:], crypto.SHA256, ""},
		{collect.ECCP384, long[:], crypto.SHA384, ""},
		{collect.ECC, short[1:], crypto.SHA256, "a digest of 31 bytes, want 32"},
		{collect.ECC, short[:20], crypto.SHA1, "hash SHA-1"},
	} {
		made := must[*collect.Key](t)(opened.NewKey(t.Context(), test.algorithm))
		if made.Algorithm() != test.algorithm || !made.Area().Attributes.IsResident() || made.Area().Attributes.Has(tpm.Restricted) {
			t.Errorf("a key of %s with %s", made.Algorithm(), made.Area().Attributes)
		}
		file := filepath.Join(t.TempDir(), "key.json")
		if err := made.Save(file); err != nil {
			t.Fatal(err)
		}
		for _, k := range []*collect.Key{made, must[*collect.Key](t)(opened.LoadKey(t.Context(), file))} {
			signature, err := k.Sign(rand.Reader, test.digest, test.opts)
			if test.refused != "" {
				if err == nil || !strings.Contains(err.Error(), test.refused) {
					t.Errorf("%s: %v, want %q", test.algorithm, err, test.refused)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", test.algorithm, err)
			}
			switch public := made.Public().(type) {
			case *ecdsa.PublicKey:
				if !ecdsa.VerifyASN1(public, test.digest, signature) {
					t.Error("the signature does not hold")
				}
			case *rsa.PublicKey:
				if o, ok := test.opts.(*rsa.PSSOptions); ok {
					err = rsa.VerifyPSS(public, o.Hash, test.digest, signature, o)
				} else {
					err = rsa.VerifyPKCS1v15(public, test.opts.HashFunc(), test.digest, signature)
				}
				if err != nil {
					t.Error(err)
				}
			}
		}
	}
}
