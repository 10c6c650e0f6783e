package azattestation_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/azattest/azattest/azattestation"
)

// secretsOf are the ways in which the secret number of a key may be written.
func secretsOf(key crypto.Signer) []string {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return []string{k.D.String(), fmt.Sprintf("%x", k.D), fmt.Sprint(k.D.Bits()), k.Primes[0].String(), fmt.Sprintf("%x", k.Primes[0])}
	case *ecdsa.PrivateKey:
		raw := must(k.Bytes())
		return []string{fmt.Sprintf("%x", raw), fmt.Sprint(raw), fmt.Sprintf("%#v", raw), k.D.String(), fmt.Sprint(k.D.Bits())} //nolint:staticcheck // what must not be shown, in all its forms
	}
	panic("no key of these tests")
}

// checkNoSecret looks for secrets in all that fmt makes of a value.
func checkNoSecret(t testing.TB, value any, secrets ...string) {
	t.Helper()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		checkNoSecretText(t, verb, fmt.Sprintf(verb, value), secrets...)
	}
}

func checkNoSecretText(t testing.TB, what, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("%s shows a secret: %.300s", what, text)
		}
	}
}

// TestSigningKeyShowsNoSecret prints keys, copies of them, and all that holds one.
func TestSigningKeyShowsNoSecret(t *testing.T) {
	t.Parallel()
	for name, private := range map[string]crypto.Signer{"RSA": rsaKey(), "EC": ecKey()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := signingKeyOf(private, "policy signer")
			type holder struct{ Key azattestation.SigningKey }
			for _, value := range []any{
				key, *key, &key,
				[]*azattestation.SigningKey{key},
				[]azattestation.SigningKey{*key},
				map[string]*azattestation.SigningKey{"k": key},
				holder{*key},
				azattestation.AdministrationClientSetPolicyOptions{SigningKey: key},
				&azattestation.AdministrationClientResetPolicyOptions{SigningKey: key},
			} {
				checkNoSecret(t, value, secretsOf(private)...)
			}
			checkNoSecretText(t, "JSON", jsonOf(key)+jsonOf(*key), secretsOf(private)...)
			if text := fmt.Sprint(key); !strings.Contains(text, "policy signer") {
				t.Errorf("%s does not say which key it is", text)
			}
		})
	}
	// A signer that is a value, such as a handle of an HSM, is not behind a pointer
	// where fmt stops.
	const pin = "the PIN of the HSM"
	handle := must(azattestation.NewSigningKey(pinned{rsaKey(), pin}, certificateOf(rsaKey(), "HSM")))
	checkNoSecret(t, handle, pin)
	checkNoSecret(t, *handle, pin)
	checkNoSecret(t, struct{ Key azattestation.SigningKey }{*handle}, pin)
	if text := fmt.Sprint((*azattestation.SigningKey)(nil)) + fmt.Sprint(&azattestation.SigningKey{}); strings.Contains(text, "PANIC") {
		t.Error(text)
	}
}

// pinned is a key with a secret beside it.
type pinned struct {
	crypto.Signer
	pin string
}

// oddSigner is a crypto.Signer that does as it is told.
type oddSigner struct {
	public crypto.PublicKey
	sign   func(digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

func (s oddSigner) Public() crypto.PublicKey { return s.public }

func (s oddSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.sign(digest, opts)
}

// TestSigningKeyNeedsItsCertificate: key and certificate are checked before
// anything is sent.
func TestSigningKeyNeedsItsCertificate(t *testing.T) {
	t.Parallel()
	edwards := must2(ed25519.GenerateKey(rand.Reader))
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	good := certificateOf(rsaKey(), "good")
	for name, c := range map[string]struct {
		signer  crypto.Signer
		cert    *x509.Certificate
		issuers []*x509.Certificate
	}{
		"no signer":             {nil, good, nil},
		"no certificate":        {rsaKey(), nil, nil},
		"unparsed certificate":  {rsaKey(), &x509.Certificate{}, nil},
		"another RSA key":       {otherRSAKey(), good, nil},
		"another type":          {ecKey(), good, nil},
		"another EC key":        {ecKey(), certificateOf(otherECKey(), "x"), nil},
		"weak RSA":              {weakRSAKey(), certificateOf(weakRSAKey(), "weak"), nil},
		"Ed25519":               {edwards, certificateOf(edwards, "ed"), nil},
		"P-224":                 {p224, good, nil},
		"public of no type":     {oddSigner{public: "?"}, good, nil},
		"issuer of another":     {rsaKey(), good, []*x509.Certificate{certificateOf(otherRSAKey(), "other")}},
		"no issuer":             {rsaKey(), good, []*x509.Certificate{nil}},
		"too many certificates": {rsaKey(), good, make([]*x509.Certificate, 16)},
	} {
		key, err := azattestation.NewSigningKey(c.signer, c.cert, c.issuers...)
		if checkError[*azattestation.ArgumentError](t, err); key != nil {
			t.Errorf("%s: a key", name)
		}
	}
}

func must2[A, B any](_ A, v B, err error) B { return must(v, err) }

func TestParseSigningKey(t *testing.T) {
	t.Parallel()
	for name, private := range map[string]crypto.Signer{"RSA": rsaKey(), "EC": ecKey()} {
		keyPEM, certPEM := pemOf(private, certificateOf(private, "pair"))
		both := append(append([]byte(nil), certPEM...), keyPEM...)
		for how, pair := range map[string][2][]byte{"two texts": {keyPEM, certPEM}, "one text": {both, both}} {
			key, err := azattestation.ParseSigningKey(pair[0], pair[1])
			if err != nil || key.Certificate().Subject.CommonName != "pair" {
				t.Errorf("%s, %s: %v", name, how, err)
			}
		}
		_, other := pemOf(private, certificateOf(otherRSAKey(), "other"))
		for what, pair := range map[string][2][]byte{
			"mismatch":         {keyPEM, other},
			"swapped":          {certPEM, keyPEM},
			"empty":            {nil, nil},
			"no PEM":           {[]byte("key"), []byte("certificate")},
			"key cut short":    {keyPEM[:len(keyPEM)/2], certPEM},
			"certificate cut":  {keyPEM, certPEM[:len(certPEM)/2]},
			"damaged base64":   {[]byte(strings.Replace(string(keyPEM), "M", "*", 1)), certPEM},
			"key as cert type": {[]byte(strings.ReplaceAll(string(keyPEM), "PRIVATE KEY", "CERTIFICATE")), certPEM},
			"encrypted":        {pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: make([]byte, 64)}), certPEM},
		} {
			key, err := azattestation.ParseSigningKey(pair[0], pair[1])
			if checkError[*azattestation.ArgumentError](t, err); key != nil {
				t.Errorf("%s, %s: a key", name, what)
			}
			lines := strings.Split(string(keyPEM), "\n")
			checkNoSecret(t, err, append(secretsOf(private), lines[1:len(lines)-2]...)...)
		}
	}
}

// TestSigningKeyZeroValue cannot sign, and says so before anything is sent.
func TestSigningKeyZeroValue(t *testing.T) {
	t.Parallel()
	admin := adminOf(t, "https://instance.example", optionsFor(unreachable(t)))
	zero := &azattestation.SigningKey{}
	_, err := azattestation.NewPolicyToken("policy", zero)
	checkError[*azattestation.ArgumentError](t, err)
	_, err = admin.SetPolicy(t.Context(), kinds[0], "policy", &azattestation.AdministrationClientSetPolicyOptions{SigningKey: zero})
	checkError[*azattestation.ArgumentError](t, err)
	_, err = admin.ResetPolicy(t.Context(), kinds[0], &azattestation.AdministrationClientResetPolicyOptions{PolicyToken: &azattestation.PolicyToken{}})
	checkError[*azattestation.ArgumentError](t, err)
	_, err = admin.AddPolicyCertificate(t.Context(), certificateOf(rsaKey(), "x"), zero, nil)
	checkError[*azattestation.ArgumentError](t, err)
}

// TestSigningKeyChecksItsSigner: a KMS that signs something else, or in another
// form, is found before the service is asked.
func TestSigningKeyChecksItsSigner(t *testing.T) {
	t.Parallel()
	refused := errors.New("the HSM is locked")
	for name, s := range map[string]oddSigner{
		"error":       {rsaKey().Public(), func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, refused }},
		"another key": {rsaKey().Public(), func(d []byte, o crypto.SignerOpts) ([]byte, error) { return otherRSAKey().Sign(nil, d, o) }},
		"PSS": {rsaKey().Public(), func(d []byte, _ crypto.SignerOpts) ([]byte, error) {
			return rsa.SignPSS(rand.Reader, rsaKey(), crypto.SHA256, d, nil)
		}},
		"nothing":   {rsaKey().Public(), func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, nil }},
		"EC: P1363": {ecKey().Public(), func([]byte, crypto.SignerOpts) ([]byte, error) { return make([]byte, 64), nil }},
		"EC: zeros": {ecKey().Public(), func([]byte, crypto.SignerOpts) ([]byte, error) { return []byte{0x30, 6, 2, 1, 0, 2, 1, 0}, nil }},
		"EC: rest": {ecKey().Public(), func(d []byte, o crypto.SignerOpts) ([]byte, error) {
			s, err := ecKey().Sign(rand.Reader, d, o)
			return append(s, 0), err
		}},
		"EC: other text": {ecKey().Public(), func([]byte, crypto.SignerOpts) ([]byte, error) {
			return ecKey().Sign(rand.Reader, make([]byte, 32), crypto.SHA256)
		}},
	} {
		cert := certificateOf(rsaKey(), "HSM")
		if strings.HasPrefix(name, "EC") {
			cert = certificateOf(ecKey(), "HSM")
		}
		key, err := azattestation.NewSigningKey(s, cert)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := azattestation.NewPolicyToken("policy", key); err == nil || !strings.Contains(err.Error(), "CN=HSM") || name == "error" && !errors.Is(err, refused) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// unreachable is a transport that must not be used.
func unreachable(t testing.TB) transport {
	t.Helper()
	return func(req *http.Request) (*http.Response, error) {
		t.Errorf("a request was sent: %s %s", req.Method, req.URL)
		return nil, errors.New("nothing may be sent")
	}
}
