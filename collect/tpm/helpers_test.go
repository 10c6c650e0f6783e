package tpm_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/internal/testtpm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must[T any](t testing.TB) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// start starts a TPM and opens it.
func start(t testing.TB) (*testtpm.TPM, *collect.TPM) {
	t.Helper()
	running := testtpm.Start(t)
	opened := must[*collect.TPM](t)(collect.Open(t.Context(), running.Name()))
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
	return running, opened
}

// newAIK makes an AIK in a file of its own.
func newAIK(t testing.TB, opened *collect.TPM, a collect.Algorithm) *collect.AIK {
	t.Helper()
	return must[*collect.AIK](t)(opened.AIK(t.Context(), collect.AIKConfig{File: filepath.Join(t.TempDir(), "aik.json"), Algorithm: a}))
}

// bytesOf decodes base64url as the protocol has it.
func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	return must[[]byte](t)(base64.RawURLEncoding.Strict().DecodeString(text))
}

// openJWS verifies a JWS with the key that the payload is said to name, and returns
// header and payload.
func openJWS(t testing.TB, compact string, keyOf func(payload []byte) crypto.PublicKey) (header string, payload []byte) {
	t.Helper()
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		t.Fatalf("a JWS of %d parts", len(parts))
	}
	header, payload = string(bytesOf(t, parts[0])), bytesOf(t, parts[1])
	signature := bytesOf(t, parts[2])
	var h struct{ Alg, Typ string }
	if err := json.Unmarshal([]byte(header), &h); err != nil {
		t.Fatal(err)
	}
	hash := map[string]crypto.Hash{"PS256": crypto.SHA256, "ES256": crypto.SHA256, "ES384": crypto.SHA384}[h.Alg]
	sum := hash.New()
	sum.Write([]byte(parts[0] + "." + parts[1]))
	digest := sum.Sum(nil)
	switch key := keyOf(payload).(type) {
	case *rsa.PublicKey:
		if h.Alg != "PS256" {
			t.Errorf("alg %s for an RSA key", h.Alg)
		}
		if err := rsa.VerifyPSS(key, hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}); err != nil {
			t.Error(err)
		}
	case *ecdsa.PublicKey:
		half := len(signature) / 2
		if size := (key.Curve.Params().BitSize + 7) / 8; half != size || h.Alg != map[int]string{32: "ES256", 48: "ES384"}[size] {
			t.Errorf("alg %s and a signature of %d bytes for a key of %d", h.Alg, len(signature), size)
		}
		if !ecdsa.Verify(key, digest, new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])) {
			t.Error("the signature does not hold")
		}
	default:
		t.Errorf("a key of type %T", key)
	}
	return header, payload
}
