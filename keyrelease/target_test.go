package keyrelease_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/testtoken"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/relyingparty"
)

// verified is what a relying party makes of the claims of a token.
func verified(t *testing.T, a *attester, v *relyingparty.Verifier, changes ...set) *relyingparty.Result {
	t.Helper()
	r, err := v.Verify(t.Context(), a.token(t, changes...), relyingparty.Expected{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestChooseTarget(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	verifier := mustVerifier(t, v.require)
	k := keysOf()
	keys := testtoken.Holding
	for name, tt := range map[string]struct {
		claims    set
		algorithm keyrelease.WrapAlgorithm
		want      string // "" for none
	}{
		"the first that suits":       {keys(rsaJWK(k.rsa, set{"key_ops": []string{"verify"}, "kid": "a"}), rsaJWK(k.rsa, set{"kid": "b"}), rsaJWK(k.other, set{"kid": "c"})), keyrelease.RSAAESKeyWrap256, "b"},
		"by use":                     {keys(rsaJWK(k.rsa, set{"key_ops": nil, "use": "enc"})), keyrelease.CKMRSAAESKeyWrap, "enclave-key"},
		"by key_use":                 {keys(rsaJWK(k.rsa, set{"key_ops": nil, "key_use": "enc"})), keyrelease.CKMRSAAESKeyWrap, "enclave-key"},
		"without a kid":              {keys(rsaJWK(k.rsa, set{"kid": nil}), rsaJWK(k.other, set{"kid": "b"})), keyrelease.CKMRSAAESKeyWrap, "b"},
		"a curve's":                  {keys(rsaJWK(k.rsa), ecJWK(t, k.ec)), keyrelease.JWEECDHES, "enclave-ec-key"},
		"a curve's for signatures":   {keys(ecJWK(t, k.ec, set{"key_ops": []string{"sign"}})), keyrelease.JWEECDHES, ""},
		"a curve's for RSA":          {keys(ecJWK(t, k.ec)), keyrelease.JWERSAOAEP256, ""},
		"no algorithm":               {keys(rsaJWK(k.rsa)), "", ""},
		"an Azure guest's":           {set{"x-ms-attestation-type": "azurevm", "x-ms-runtime": set{"client-payload": set{"nonce": "MQ"}, "keys": []set{rsaJWK(k.rsa, set{"kid": "TpmEphemeralEncryptionKey"})}}}, keyrelease.RSAAESKeyWrap256, "TpmEphemeralEncryptionKey"},
		"that of a machine's vendor": {set{"x-ms-runtime": nil, "x-ms-isolation-tee": testtoken.Holding(rsaJWK(k.rsa, set{"kid": "HCLEkPub"}))}, keyrelease.RSAAESKeyWrap256, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := keyrelease.ChooseTarget(verified(t, v.attester, verifier, tt.claims), tt.algorithm)
			if tt.want == "" {
				if _, ok := errors.AsType[*keyrelease.TargetError](err); !ok || got != nil {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if err != nil || got.KeyID != tt.want {
				t.Errorf("got %+v, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestHeldData(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	verifier := mustVerifier(t, v.require)
	k := keysOf()
	spki := func(key any) []byte {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	asPEM := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	raw := func(s set) string {
		text, err := base64.RawURLEncoding.DecodeString(encoded(t, s))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	point, err := k.ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	rsaPKCS1 := x509.MarshalPKCS1PublicKey(&k.rsa.PublicKey)
	for name, tt := range map[string]struct {
		data    string
		form    keyrelease.HeldForm
		ec      bool
		refused string
	}{
		"JWK":                  {data: raw(rsaJWK(k.rsa)), form: "jwk"},
		"JWK without a kid":    {data: raw(rsaJWK(k.rsa, set{"kid": nil, "key_ops": nil})), form: "jwk"},
		"JWK for signatures":   {data: raw(rsaJWK(k.rsa, set{"use": "sig"})), form: "jwk", refused: "for signatures"},
		"two JWKs":             {data: raw(rsaJWK(k.rsa)) + "," + raw(rsaJWK(k.other)), form: "jwk", refused: "no JSON"},
		"weak JWK":             {data: raw(rsaJWK(k.weak)), form: "jwk", refused: "1024"},
		"private JWK":          {data: raw(rsaJWK(k.rsa, set{"d": "AQAB"})), form: "jwk", refused: "private"},
		"PEM":                  {data: asPEM("PUBLIC KEY", spki(&k.rsa.PublicKey)), form: "pem"},
		"PEM of PKCS #1":       {data: asPEM("RSA PUBLIC KEY", rsaPKCS1), form: "pem"},
		"PEM of a private key": {data: asPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(k.rsa)), form: "pem", refused: "want PUBLIC KEY"},
		"two PEMs":             {data: strings.Repeat(asPEM("PUBLIC KEY", spki(&k.rsa.PublicKey)), 2), form: "pem", refused: "nothing behind it"},
		"weak PEM":             {data: asPEM("PUBLIC KEY", spki(&k.weak.PublicKey)), form: "pem", refused: "1024"},
		"DER":                  {data: string(spki(&k.rsa.PublicKey)), form: "raw"},
		"DER of PKCS #1":       {data: string(rsaPKCS1), form: "raw"},
		"DER of a curve":       {data: string(spki(&k.ec.PublicKey)), form: "raw", ec: true},
		"a point":              {data: string(point), form: "raw", ec: true},
		"a point of no curve":  {data: "\x04" + strings.Repeat("\x01", 64), form: "raw", ec: true, refused: "raw"},
		"a curve's for RSA":    {data: string(point), form: "raw", refused: "want RSA"},
		"anything":             {data: "sdk-test", form: "raw", refused: "neither"},
		"a form not accepted":  {data: raw(rsaJWK(k.rsa)), form: "pem", refused: "form jwk, which is not accepted"},
		"PEM where raw is":     {data: asPEM("PUBLIC KEY", spki(&k.rsa.PublicKey)), form: "raw", refused: "form pem"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			algorithm := keyrelease.RSAAESKeyWrap256
			if tt.ec {
				algorithm = keyrelease.JWEECDHES
			}
			r := verified(t, v.attester, verifier, set{"x-ms-runtime": nil, "x-ms-sgx-ehd": b64([]byte(tt.data))})
			got, err := keyrelease.ChooseTarget(r, algorithm, tt.form)
			if tt.refused != "" {
				e, ok := errors.AsType[*keyrelease.TargetError](err)
				if !ok || got != nil || tt.refused != "raw" && !strings.Contains(e.Error(), tt.refused) {
					t.Errorf("got %+v, %v, want %q", got, err, tt.refused)
				}
				return
			}
			if err != nil || got.KeyID == "" {
				t.Fatalf("got %+v, %v", got, err)
			}
			if public, ok := got.Public.(*rsa.PublicKey); ok && !public.Equal(&k.rsa.PublicKey) || !ok && !tt.ec {
				t.Errorf("another key, %T", got.Public)
			}
			if _, err := keyrelease.ChooseTarget(r, algorithm); err == nil {
				t.Error("held data counts though nobody allowed it")
			}
		})
	}
	// A token that has x-ms-runtime is judged by that alone.
	r := verified(t, v.attester, verifier, set{"x-ms-runtime": set{"keys": []set{}}, "x-ms-sgx-ehd": b64([]byte(raw(rsaJWK(k.rsa))))})
	if got, err := keyrelease.ChooseTarget(r, keyrelease.RSAAESKeyWrap256, keyrelease.HeldForms()...); err == nil {
		t.Errorf("got %+v", got)
	}
}
