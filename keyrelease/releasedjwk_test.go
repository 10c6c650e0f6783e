package keyrelease_test

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/azattest/azattest/keyrelease"
)

func TestReleasedJWK(t *testing.T) {
	t.Parallel()
	const id = vaultURL + "/keys/payroll/1"
	rsaDER, err := x509.MarshalPKCS8PrivateKey(keysOf().rsa)
	if err != nil {
		t.Fatal(err)
	}
	ecDER, err := x509.MarshalPKCS8PrivateKey(keysOf().ec)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		kind     string
		material []byte
		isSame   func(any) bool
	}{
		{"RSA-HSM", rsaDER, func(key any) bool { k, ok := key.(*rsa.PrivateKey); return ok && k.Equal(keysOf().rsa) }},
		{"EC", ecDER, func(key any) bool { k, ok := key.(*ecdsa.PrivateKey); return ok && k.Equal(keysOf().ec) }},
		{"oct-HSM", []byte("sixteen or more."), func(key any) bool { k, ok := key.([]byte); return ok && string(k) == "sixteen or more." }},
	} {
		text, err := (&keyrelease.Released{Material: tt.material, Type: tt.kind, KeyID: id}).JWK()
		if err != nil {
			t.Fatal(err)
		}
		var jwk jose.JSONWebKey
		if err := json.Unmarshal(text, &jwk); err != nil || jwk.KeyID != id || !tt.isSame(jwk.Key) {
			t.Errorf("%s: %v, kid %s", tt.kind, err, jwk.KeyID)
		}
	}
	if text, err := (&keyrelease.Released{Material: []byte("a secret that is no key"), Type: "RSA"}).JWK(); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %s, %v", text, err)
	}
}
