package cli

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/wholefile"
)

// Where a request key is.
const (
	keyInMemory = "memory"
	keyInTPM    = "tpm"
	keyNone     = "none"
)

// requestKeyFlags say which keys a report shall name.
type requestKeyFlags struct {
	where, algorithm, file string
	others                 []string
}

func (f *requestKeyFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.where, "request-key", keyInMemory, "where the key is that signs the request and that the token names: memory (bound by the quote), tpm (certified by the attestation key), or none (the attestation key signs; not for Azure's service)")
	flags.StringVar(&f.algorithm, "request-key-algorithm", string(collect.RSA), "algorithm of a request key that is made: "+tpmAlgorithms())
	flags.StringVar(&f.file, "request-key-file", "", "file that keeps the request key, made if it is not there: PEM of a key in memory, JSON that only this TPM opens of another (default: the key is forgotten)")
	flags.StringArrayVar(&f.others, "other-key", nil, "file with a further key for the policy to read in the claim x-ms-tpm-other-keys: one of this TPM that --request-key-file kept, which the attestation key certifies, or a public key (PEM, JWK, certificate), which is your word; up to two")
	mustComplete(cmd, "request-key", keyInMemory, keyInTPM, keyNone)
	mustComplete(cmd, "request-key-algorithm", algorithmNames()...)
}

func (f *requestKeyFlags) check(cmd *cobra.Command) error {
	const most = 2
	switch command := cmd.CommandPath(); {
	case f.where != keyInMemory && f.where != keyInTPM && f.where != keyNone:
		return usage(command, "--request-key %q: want memory, tpm or none", f.where)
	case f.where == keyNone && (f.file != "" || cmd.Flags().Changed("request-key-algorithm")):
		return usage(command, "--request-key none goes without --request-key-file and --request-key-algorithm")
	case len(f.others) > most:
		return usage(command, "--other-key stands %d times: want at most %d", len(f.others), most)
	case f.where == keyInMemory && f.algorithm == string(collect.RSAPSS):
		return usage(command, "--request-key-algorithm rsa-pss: of a key in memory want rsa, which signs so in any case")
	}
	_, err := tpmAlgorithm(cmd, "request-key-algorithm", f.algorithm)
	return err
}

// open loads the request key, or makes it; it is nil if there shall be none. Of two
// that make it at once both get the one that is in the file.
func (f *requestKeyFlags) open(ctx context.Context, s Streams, t *collect.TPM) (crypto.Signer, error) {
	if f.where == keyNone {
		return nil, nil //nolint:nilnil // see above
	}
	if f.file != "" {
		if _, err := os.Stat(f.file); err == nil {
			return f.load(ctx, s, t)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read %s: %w", f.file, wholefile.Cause(err))
		}
	}
	key, err := f.make(ctx, s, t)
	if errors.Is(err, fs.ErrExist) {
		return f.load(ctx, s, t)
	}
	return key, err
}

// make makes a request key. If its file is there by now, the error is an fs.ErrExist.
func (f *requestKeyFlags) make(ctx context.Context, s Streams, t *collect.TPM) (crypto.Signer, error) {
	if f.where == keyInMemory {
		return f.makeInMemory()
	}
	tellWait(s, "making a request key in "+t.String())
	k, err := t.NewKey(ctx, collect.Algorithm(f.algorithm))
	if err == nil && f.file != "" {
		err = k.Save(f.file)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, err
	case err != nil:
		return nil, tpmFault(err)
	}
	return k, nil
}

// load reads the key of a file, which says itself where the key is.
func (f *requestKeyFlags) load(ctx context.Context, s Streams, t *collect.TPM) (crypto.Signer, error) {
	raw, err := readInput(s, f.file)
	if err != nil {
		return nil, err
	}
	if f.where == keyInTPM {
		k, err := t.LoadKey(ctx, f.file)
		if err != nil {
			return nil, tpmFault(err)
		}
		return k, nil
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, withHint(fmt.Errorf("%s: no PEM inside", f.file), "of a key in the TPM say --request-key tpm")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.file, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s: a key of type %T, want RSA, P-256 or P-384", f.file, key)
	}
	return signer, nil
}

func (f *requestKeyFlags) makeInMemory() (crypto.Signer, error) {
	var key crypto.Signer
	var err error
	switch collect.Algorithm(f.algorithm) {
	case collect.ECC:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case collect.ECCP384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		const bits = 2048
		key, err = rsa.GenerateKey(rand.Reader, bits)
	}
	if err != nil || f.file == "" {
		return key, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, wholefile.Create(f.file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// loadOthers reads the further keys.
func (f *requestKeyFlags) loadOthers(ctx context.Context, s Streams, t *collect.TPM) ([]collect.OtherKey, error) {
	var keys []collect.OtherKey
	for _, name := range f.others {
		raw, err := readInput(s, name)
		if err != nil {
			return nil, err
		}
		public, err := parsePublicKey(raw)
		if err == nil {
			keys = append(keys, collect.OtherKey{Public: public})
			continue
		}
		if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		k, err := t.LoadKey(ctx, name)
		if err != nil {
			return nil, tpmFault(err)
		}
		keys = append(keys, collect.OtherKey{Key: k})
	}
	return keys, nil
}

// parsePublicKey reads a public key in PEM, a JWK or a certificate.
func parsePublicKey(raw []byte) (crypto.PublicKey, error) {
	text := bytes.TrimSpace(raw)
	if bytes.HasPrefix(text, []byte("{")) {
		return tpm.ParseJWK(text)
	}
	der := raw
	if block, _ := pem.Decode(text); block != nil {
		if block.Type == "PUBLIC KEY" {
			return x509.ParsePKIXPublicKey(block.Bytes)
		}
		der = block.Bytes
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errors.New("want a public key in PEM, a JWK or a certificate, or the file of a key in this TPM")
	}
	return c.PublicKey, nil
}
