package cli

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/azattest/azattest/internal/vault"
)

// importable are keys of every kind.
type importable struct {
	rsa   *rsa.PrivateKey
	ec    *ecdsa.PrivateKey
	bytes []byte
}

func newImportable(t *testing.T) *importable {
	t.Helper()
	k := &importable{bytes: []byte("\x00 not text but bytes, 32 of them")[:32]}
	var err error
	if k.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if k.ec, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *importable) pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func inPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func inJWK(t *testing.T, key any) map[string]any {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKey{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What is imported is in the vault, whatever it was written in.
func TestImportBringsTheKey(t *testing.T) {
	t.Parallel()
	v := startDevKeyRelease(t, t.TempDir())
	policy := inFile(t, "release.json", releaseText)
	k := newImportable(t)
	sec1, err := x509.MarshalECPrivateKey(k.ec)
	if err != nil {
		t.Fatal(err)
	}
	rsaJWK, ecJWK := inJWK(t, k.rsa), inJWK(t, k.ec)
	rsaJWK["kty"], rsaJWK["key_ops"], rsaJWK["kid"] = "RSA-HSM", []string{"unwrapKey"}, "whatever"
	// Some leave out what follows from the rest.
	delete(rsaJWK, "dp")
	delete(rsaJWK, "qi")
	for name, test := range map[string]struct {
		content  string
		args     []string
		kind     string
		material []byte
	}{
		"pkcs8":    {"# a comment\n" + inPEM("PRIVATE KEY", k.pkcs8(t, k.rsa)), []string{"--type", "RSA-HSM"}, "RSA-HSM", k.pkcs8(t, k.rsa)},
		"pkcs1":    {inPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(k.rsa)), nil, "RSA", k.pkcs8(t, k.rsa)},
		"sec1":     {inPEM("EC PARAMETERS", []byte{5, 0}) + inPEM("EC PRIVATE KEY", sec1), nil, "EC", k.pkcs8(t, k.ec)},
		"rsa-jwk":  {jsonText(t, rsaJWK), nil, "RSA-HSM", k.pkcs8(t, k.rsa)},
		"ec-jwk":   {jsonText(t, ecJWK), []string{"--type", "EC"}, "EC", k.pkcs8(t, k.ec)},
		"oct-jwk":  {jsonText(t, inJWK(t, k.bytes)), []string{"--type", "oct-HSM"}, "oct-HSM", k.bytes},
		"raw":      {string(k.bytes), []string{"--type", "oct"}, "oct", k.bytes},
		"disabled": {string(k.bytes), []string{"--type", "oct", "--disabled", "--ops", "unwrapKey"}, "oct", k.bytes},
	} {
		args := append([]string{"import", name, inFile(t, "key", test.content), "--policy", policy, "--json"}, test.args...)
		got := wantDone[shownVaultKey](t, v.keys(args...))
		if got.Type != test.kind || got.ReleasePolicy != releaseText || !got.Exportable || got.Enabled == (name == "disabled") {
			t.Errorf("%s: %+v", name, got)
		}
		wantOperations := map[string]string{"rsa-jwk": "[unwrapKey]", "disabled": "[unwrapKey]", "ec-jwk": "[sign verify]"}[name]
		if wantOperations != "" && fmt.Sprint(got.Operations) != wantOperations {
			t.Errorf("%s: operations %v, want %s", name, got.Operations, wantOperations)
		}
		if secret := v.material(name); string(secret) != string(test.material) {
			t.Errorf("%s: another key is in the vault", name)
		}
	}
	wantFault(t, v.keys("import", "raw", inFile(t, "key", string(k.bytes)), "--type", "oct", "--policy", policy), exitFailed, "has a key raw already")
}

// material is a secret of the store, which the server has open as well.
func (v *keyReleaseServed) material(name string) []byte {
	v.t.Helper()
	f := vaultStoreFlags{dataDir: v.dir}
	var secret []byte
	err := f.with(v.t.Context(), Streams{Now: func() time.Time { return testTime }}, func(keys *vault.Vault) error {
		key, err := keys.ReleaseKey(v.t.Context(), name, "")
		if err == nil {
			secret = key.Material
		}
		return err
	})
	if err != nil {
		v.t.Fatal(err)
	}
	return secret
}

// What is no key is refused before anybody is asked, and nothing of it is repeated.
func TestImportRefusesWhatIsNoKey(t *testing.T) {
	t.Parallel()
	k := newImportable(t)
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&k.rsa.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(key any, change func(jwk map[string]any)) string {
		jwk := inJWK(t, key)
		change(jwk)
		return jsonText(t, jwk)
	}
	otherEC, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encrypted := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte("secret")}))
	for name, test := range map[string]struct {
		content, kind string
		code          int
		want          string
	}{
		"nothing":              {"", "", exitFailed, "want a private key"},
		"bytes without a type": {string(k.bytes), "", exitFailed, "with --type oct"},
		"public key":           {inPEM("PUBLIC KEY", public), "", exitFailed, "want a private key"},
		"another curve":        {inPEM("PRIVATE KEY", k.pkcs8(t, edwards)), "", exitFailed, "want RSA, or EC"},
		"damaged":              {inPEM("PRIVATE KEY", k.pkcs8(t, k.ec)[:40]), "", exitFailed, "the private key is damaged"},
		"encrypted":            {inPEM("ENCRYPTED PRIVATE KEY", []byte("secret")), "", exitFailed, "encrypted: decrypt it first"},
		"encrypted of old":     {encrypted, "", exitFailed, "encrypted: decrypt it first"},
		"type of another":      {inPEM("PRIVATE KEY", k.pkcs8(t, k.ec)), "RSA", exitUsage, "has a key of type EC"},
		"unknown type":         {inPEM("PRIVATE KEY", k.pkcs8(t, k.ec)), "DSA", exitUsage, `--type "DSA"`},
		"bytes that are long":  {strings.Repeat("a", 65), "oct", exitFailed, "65 bytes, want the 16 to 64"},
		"bytes that are short": {strings.Repeat("a", 15), "oct", exitFailed, "15 bytes, want the 16 to 64"},
		"short JWK":            {`{"kty":"oct","k":"c2VjcmV0"}`, "", exitFailed, "6 bytes, want"},
		"public JWK":           {changed(&k.rsa.PublicKey, func(map[string]any) {}), "", exitFailed, "damaged"},
		"public EC JWK":        {changed(&k.ec.PublicKey, func(map[string]any) {}), "", exitFailed, "damaged"},
		"no base64url":         {changed(k.rsa, func(jwk map[string]any) { jwk["d"] = "sec ret" }), "", exitFailed, "damaged"},
		"halves of two":        {changed(k.ec, func(jwk map[string]any) { jwk["x"] = inJWK(t, otherEC)["x"] }), "", exitFailed, "damaged"},
		"unknown curve":        {changed(k.ec, func(jwk map[string]any) { jwk["crv"] = "P-224" }), "", exitFailed, "damaged"},
		"unknown kty":          {`{"kty":"OKP","d":"c2VjcmV0"}`, "", exitFailed, "damaged"},
		"even exponent":        {changed(k.rsa, func(jwk map[string]any) { jwk["e"] = "Ag" }), "", exitFailed, "damaged"},
		"vast exponent":        {changed(k.rsa, func(jwk map[string]any) { jwk["e"] = strings.Repeat("Aw", 600) }), "", exitFailed, "damaged"},
		"other prime": {changed(k.rsa, func(jwk map[string]any) {
			jwk["p"] = jsonBase64(new(big.Int).Add(k.rsa.Primes[0], big.NewInt(2)).Bytes())
		}), "", exitFailed, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := inFile(t, "key", test.content)
			args := []string{"keyrelease", "keys", "import", "a", file, "--vault", noAuthority, "--no-credential", "--not-exportable"}
			if test.kind != "" {
				args = append(args, "--type", test.kind)
			}
			got := runWith(t, nil, args...)
			wantFault(t, got, test.code, test.want)
			if said := strings.ReplaceAll(got.stderr, filepath.Dir(file), ""); strings.Contains(said, "c2VjcmV0") || strings.Contains(said, "aaaa") {
				t.Errorf("%q repeats the key", said)
			}
		})
	}
	fromStdin := []string{"keyrelease", "keys", "import", "a", "-", "--type", "oct", "--vault", noAuthority, "--no-credential", "--policy"}
	wantFault(t, runAt(t, testTime, strings.Repeat("a", 65), append(fromStdin, inFile(t, "release.json", releaseText))...), exitFailed, "azattest: <stdin>: 65 bytes")
	wantFault(t, runAt(t, testTime, releaseText, append(fromStdin, "-")...), exitUsage, "standard input can be read once")
}

func jsonBase64(raw []byte) string {
	text, _ := base64URL(raw).MarshalText() // it never fails
	return string(text)
}
