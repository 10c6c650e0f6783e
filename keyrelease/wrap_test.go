package keyrelease_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/azattest/azattest/keyrelease"
)

var algorithms = map[keyrelease.WrapAlgorithm]string{
	keyrelease.CKMRSAAESKeyWrap: "sha1",
	keyrelease.RSAAESKeyWrap256: "sha256",
	keyrelease.RSAAESKeyWrap384: "sha384",
}

var partyKey = sync.OnceValue(func() *rsa.PrivateKey { return newRSA(2048) })

func newRSA(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

// keysToWrap are of the kinds that Key Vault releases.
func keysToWrap(t *testing.T) map[string][]byte {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string][]byte{"oct 128": make([]byte, 16), "oct 256": make([]byte, 32), "33 bytes": make([]byte, 33)}
	for _, key := range keys {
		if _, err := rand.Read(key); err != nil {
			t.Fatal(err)
		}
	}
	for name, key := range map[string]any{"EC in PKCS #8": ec, "RSA in PKCS #8": partyKey()} {
		if keys[name], err = x509.MarshalPKCS8PrivateKey(key); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

func TestWrapAndUnwrap(t *testing.T) {
	t.Parallel()
	for algorithm := range algorithms {
		for name, key := range keysToWrap(t) {
			t.Run(string(algorithm)+"/"+name, func(t *testing.T) {
				t.Parallel()
				wrapped, err := algorithm.Wrap(&partyKey().PublicKey, key)
				if err != nil {
					t.Fatal(err)
				}
				got, err := algorithm.Unwrap(partyKey(), wrapped)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, key) {
					t.Error("another key than was wrapped")
				}
				again, err := algorithm.Wrap(&partyKey().PublicKey, key)
				if err != nil {
					t.Fatal(err)
				}
				size := partyKey().Size()
				if bytes.Equal(again[:size], wrapped[:size]) || bytes.Equal(again[size:], wrapped[size:]) {
					t.Error("wrapped twice with the same AES key")
				}
			})
		}
	}
}

// OpenSSL's command line unwraps what is wrapped here: RSAES-OAEP with pkeyutl, and
// AES-KWP with enc.
func TestOpenSSLUnwraps(t *testing.T) {
	t.Parallel()
	needOpenSSL(t)
	for algorithm, hash := range algorithms {
		for name, key := range keysToWrap(t) {
			t.Run(string(algorithm)+"/"+name, func(t *testing.T) {
				t.Parallel()
				wrapped, err := algorithm.Wrap(&partyKey().PublicKey, key)
				if err != nil {
					t.Fatal(err)
				}
				size := partyKey().Size()
				kek := openssl(t, wrapped[:size], append([]string{"pkeyutl", "-decrypt", "-inkey", privatePEM(t)}, oaep(hash)...)...)
				got := openssl(t, wrapped[size:], append([]string{"enc", "-d"}, kwp(kek)...)...)
				if !bytes.Equal(got, key) {
					t.Errorf("OpenSSL unwraps %d bytes, which are another key than the %d wrapped", len(got), len(key))
				}
			})
		}
	}
}

// What OpenSSL's command line wraps is unwrapped here.
func TestUnwrapsOpenSSL(t *testing.T) {
	t.Parallel()
	needOpenSSL(t)
	for algorithm, hash := range algorithms {
		for name, key := range keysToWrap(t) {
			t.Run(string(algorithm)+"/"+name, func(t *testing.T) {
				t.Parallel()
				kek := make([]byte, 32)
				if _, err := rand.Read(kek); err != nil {
					t.Fatal(err)
				}
				wrapped := openssl(t, kek, append([]string{"pkeyutl", "-encrypt", "-inkey", privatePEM(t)}, oaep(hash)...)...)
				wrapped = append(wrapped, openssl(t, key, append([]string{"enc", "-e"}, kwp(kek)...)...)...)
				got, err := algorithm.Unwrap(partyKey(), wrapped)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, key) {
					t.Error("another key than OpenSSL wrapped")
				}
			})
		}
	}
}

func oaep(hash string) []string {
	return []string{"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:" + hash, "-pkeyopt", "rsa_mgf1_md:" + hash}
}

// kwp names the cipher with its initial value (RFC 5649, section 3).
func kwp(kek []byte) []string {
	return []string{"-id-aes256-wrap-pad", "-K", hex.EncodeToString(kek), "-iv", "A65959A6"}
}

func needOpenSSL(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl: apt-get install openssl")
	}
}

func openssl(t *testing.T, input []byte, arguments ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), "openssl", arguments...) //nolint:gosec // the arguments are those of the tests here
	command.Stdin = bytes.NewReader(input)
	var problem bytes.Buffer
	command.Stderr = &problem
	output, err := command.Output()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", arguments[0], err, &problem)
	}
	return output
}

func privatePEM(t *testing.T) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(partyKey())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWrapRefuses(t *testing.T) {
	t.Parallel()
	modulus := func(bits uint) *rsa.PublicKey {
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		return &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537}
	}
	for name, test := range map[string]struct {
		algorithm keyrelease.WrapAlgorithm
		to        *rsa.PublicKey
		length    int
		want      string
	}{
		"no algorithm":       {"", &partyKey().PublicKey, 32, "not an algorithm for wrapping, want one of CKM_RSA_AES_KEY_WRAP"},
		"another algorithm":  {"RSA_AES_KEY_WRAP_512\n", &partyKey().PublicKey, 32, `"RSA_AES_KEY_WRAP_512\n": not an algorithm`},
		"no RSA key":         {keyrelease.RSAAESKeyWrap256, nil, 32, "no RSA key"},
		"an empty RSA key":   {keyrelease.RSAAESKeyWrap256, &rsa.PublicKey{}, 32, "no RSA key"},
		"a negative RSA key": {keyrelease.RSAAESKeyWrap256, &rsa.PublicKey{N: new(big.Int).Neg(partyKey().N), E: 65537}, 32, "no RSA key"},
		"a weak RSA key":     {keyrelease.RSAAESKeyWrap256, modulus(1024), 32, "an RSA key of 1024 bits, want 2048 to 8192"},
		"a vast RSA key":     {keyrelease.RSAAESKeyWrap256, modulus(8200), 32, "an RSA key of 8200 bits"},
		"a bad exponent":     {keyrelease.RSAAESKeyWrap256, &rsa.PublicKey{N: partyKey().N, E: 1}, 32, "encrypting to the RSA key"},
		"no key":             {keyrelease.RSAAESKeyWrap256, &partyKey().PublicKey, 0, "a key of 0 bytes, want 16 to 8192"},
		"a short key":        {keyrelease.RSAAESKeyWrap256, &partyKey().PublicKey, 15, "a key of 15 bytes"},
		"a long key":         {keyrelease.RSAAESKeyWrap256, &partyKey().PublicKey, 8193, "a key of 8193 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrapped, err := test.algorithm.Wrap(test.to, make([]byte, test.length))
			var refused *keyrelease.WrapError
			if !errors.As(err, &refused) || wrapped != nil {
				t.Fatalf("got %d bytes, %v, want a *WrapError", len(wrapped), err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want …%s…", err, test.want)
			}
		})
	}
}

// ecDecrypter is a key that does not decrypt with RSA.
type ecDecrypter struct{}

func (ecDecrypter) Public() crypto.PublicKey { return &ecdsa.PublicKey{} }
func (ecDecrypter) Decrypt(io.Reader, []byte, crypto.DecrypterOpts) ([]byte, error) {
	return nil, errors.New("not asked for")
}

func TestUnwrapRefuses(t *testing.T) {
	t.Parallel()
	const algorithm = keyrelease.RSAAESKeyWrap256
	wrapped, err := algorithm.Wrap(&partyKey().PublicKey, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	shortKEK, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &partyKey().PublicKey, make([]byte, 16), nil)
	if err != nil {
		t.Fatal(err)
	}
	altered := func(at int) []byte {
		b := bytes.Clone(wrapped)
		b[at] ^= 1
		return b
	}
	for name, test := range map[string]struct {
		algorithm keyrelease.WrapAlgorithm
		key       crypto.Decrypter
		wrapped   []byte
		want      string
	}{
		"no algorithm":          {"none", partyKey(), wrapped, "not an algorithm"},
		"another algorithm":     {keyrelease.RSAAESKeyWrap384, partyKey(), wrapped, "does not unwrap"},
		"another RSA key":       {algorithm, newRSA(2048), wrapped, "does not unwrap"},
		"a longer RSA key":      {algorithm, newRSA(3072), wrapped, "296 bytes, want 408 to 8584 for an RSA key of 3072 bits"},
		"no decrypter":          {algorithm, nil, wrapped, "no private key"},
		"no private key":        {algorithm, (*rsa.PrivateKey)(nil), wrapped, "no RSA key"},
		"no RSA key":            {algorithm, ecDecrypter{}, wrapped, "a key of type *ecdsa.PublicKey, want RSA"},
		"nothing":               {algorithm, partyKey(), nil, "0 bytes, want 280 to 8456"},
		"cut":                   {algorithm, partyKey(), wrapped[:len(wrapped)-1], "295 bytes, want"},
		"cut by a block":        {algorithm, partyKey(), wrapped[:len(wrapped)-8], "does not unwrap"},
		"too long":              {algorithm, partyKey(), make([]byte, 1<<20), "1048576 bytes, want"},
		"altered AES key":       {algorithm, partyKey(), altered(100), "does not unwrap"},
		"altered key":           {algorithm, partyKey(), altered(260), "does not unwrap"},
		"altered at the end":    {algorithm, partyKey(), altered(len(wrapped) - 1), "does not unwrap"},
		"an AES key of 16 byte": {algorithm, partyKey(), append(bytes.Clone(shortKEK), wrapped[256:]...), "does not unwrap"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := test.algorithm.Unwrap(test.key, test.wrapped)
			var refused *keyrelease.WrapError
			if !errors.As(err, &refused) || key != nil {
				t.Fatalf("got %x, %v, want a *WrapError", key, err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want …%s…", err, test.want)
			}
		})
	}
}
