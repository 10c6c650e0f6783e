package azattestation_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azattest/azattest/azattestation"
)

// Keys are made once for all tests: making an RSA key takes a moment.
var (
	rsaKey      = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	otherRSAKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	weakRSAKey  = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 1024)) }) //nolint:gosec // it is to be refused
	ecKey       = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	otherECKey  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
)

// issuerCertificate is that in which rsaKey is published.
var issuerCertificate = sync.OnceValue(func() *x509.Certificate { return certificateOf(rsaKey(), tokenIssuer) })

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// certificateOf makes a self-signed certificate of a key.
func certificateOf(key crypto.Signer, subject string) *x509.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: subject}, BasicConstraintsValid: true, IsCA: true,
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))))
}

func signingKeyOf(key crypto.Signer, subject string) *azattestation.SigningKey {
	return must(azattestation.NewSigningKey(key, certificateOf(key, subject)))
}

func pemOf(key any, cert *x509.Certificate) (keyPEM, certPEM []byte) {
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func jsonOf(v any) string { return string(must(json.Marshal(v))) }

// object is a JSON object of a test.
type object map[string]any

// signer makes the signature of a forged token.
type signer func(signed []byte) []byte

// compact writes a token of any header and claims, however wrong.
func compact(header, claims string, sign signer) string {
	signed := b64([]byte(header)) + "." + b64([]byte(claims))
	return signed + "." + b64(sign([]byte(signed)))
}

func noSignature([]byte) []byte { return nil }

func rs256(key *rsa.PrivateKey) signer {
	return func(signed []byte) []byte {
		digest := sha256.Sum256(signed)
		return must(rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:]))
	}
}

func ps256(key *rsa.PrivateKey, salt int) signer {
	return func(signed []byte) []byte {
		digest := sha256.Sum256(signed)
		return must(rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: salt}))
	}
}

// es256 signs as RFC 7518 has it, es256DER as crypto/ecdsa does.
func es256(key *ecdsa.PrivateKey) signer {
	return func(signed []byte) []byte {
		digest := sha256.Sum256(signed)
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			panic(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
}

func es256DER(key *ecdsa.PrivateKey) signer {
	return func(signed []byte) []byte {
		digest := sha256.Sum256(signed)
		return must(ecdsa.SignASN1(rand.Reader, key, digest[:]))
	}
}

func hs256(secret []byte) signer {
	return func(signed []byte) []byte {
		h := hmac.New(sha256.New, secret)
		h.Write(signed)
		return h.Sum(nil)
	}
}

// jwk is an entry of GET /certs.
func jwk(kid string, cert *x509.Certificate) object {
	kty := "RSA"
	if cert.PublicKeyAlgorithm == x509.ECDSA {
		kty = "EC"
	}
	return object{"kid": kid, "kty": kty, "x5c": []string{base64.StdEncoding.EncodeToString(cert.Raw)}}
}

func jwks(keys ...object) []byte { return []byte(jsonOf(object{"keys": append([]object{}, keys...)})) }

// transport answers requests in place of a network.
type transport func(req *http.Request) (*http.Response, error)

func (f transport) Do(req *http.Request) (*http.Response, error) { return f(req) }

const jsonType = "application/json; charset=utf-8"

func answer(req *http.Request, status int, contentType string, body []byte) *http.Response {
	h := http.Header{}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: h, Request: req,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func answerJSON(req *http.Request, v any) (*http.Response, error) {
	return answer(req, http.StatusOK, jsonType, []byte(jsonOf(v))), nil
}

// optionsFor are those of a client that makes one attempt.
func optionsFor(tr policy.Transporter) *azattestation.ClientOptions {
	o := &azattestation.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: tr}}
	o.Retry.MaxRetries = -1
	return o
}

func clientOf(t testing.TB, endpoint string, options *azattestation.ClientOptions) *azattestation.Client {
	t.Helper()
	c, err := azattestation.NewClientWithNoCredential(endpoint, options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func adminOf(t testing.TB, endpoint string, options *azattestation.ClientOptions) *azattestation.AdministrationClient {
	t.Helper()
	c, err := azattestation.NewAdministrationClientWithNoCredential(endpoint, options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// checkRefused wants a refusal of the service.
func checkRefused(t testing.TB, err error, status int, code string) {
	t.Helper()
	refused, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok || refused.StatusCode != status || refused.ErrorCode != code {
		t.Errorf("error %v, want status %d with code %s", err, status, code)
	}
}

// checkToken wants a token that fails one check.
func checkToken(t testing.TB, err error, check azattestation.TokenCheck) {
	t.Helper()
	failed, ok := errors.AsType[*azattestation.TokenValidationError](err)
	if !ok || failed.Check != check {
		t.Errorf("error %v, want a token that fails the check %q", err, check)
	}
}

// checkError wants an error of a type.
func checkError[E error](t testing.TB, err error) {
	t.Helper()
	_ = errorOf[E](t, err)
}

// errorOf wants an error of a type and returns it, nil if it is another.
func errorOf[E error](t testing.TB, err error) E {
	t.Helper()
	e, ok := errors.AsType[E](err)
	if !ok {
		t.Errorf("error %T %v, want a %T", err, err, e)
	}
	return e
}

// tokenIssuer issues the tokens of signed and unsigned tests.
const tokenIssuer = "https://issuer.example"

// claimsOf are the claims of a good token, changed: a nil value drops a claim.
func claimsOf(change object) string {
	now := time.Now().Unix()
	claims := object{"iss": tokenIssuer, "iat": now, "nbf": now, "exp": now + 3600, "x-ms-ver": "1.0"}
	for name, value := range change {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return jsonOf(claims)
}

// signed is a token of rsaKey.
func signed(kid string, change object) string {
	return compact(jsonOf(object{"alg": "RS256", "kid": kid, "typ": "JWT", "jku": tokenIssuer + "/certs"}), claimsOf(change), rs256(rsaKey()))
}

// source publishes keys under tokenIssuer; without any, rsaKey as "k".
func source(t testing.TB, keys ...object) *azattestation.KeySource {
	t.Helper()
	if len(keys) == 0 {
		keys = []object{jwk("k", issuerCertificate())}
	}
	s, err := azattestation.NewKeySource(tokenIssuer, jwks(keys...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t testing.TB, compact string) *azattestation.Token {
	t.Helper()
	token, err := azattestation.ParseToken(compact)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// answering is a transport that answers each request with one token, and GET
// /certs with rsaKey as "k"; it counts the latter.
func answering(t testing.TB, token string) (*atomic.Int32, transport) {
	t.Helper()
	fetches := new(atomic.Int32)
	return fetches, func(req *http.Request) (*http.Response, error) {
		if req.URL.Path == "/certs" {
			fetches.Add(1)
			return answer(req, http.StatusOK, jsonType, jwks(jwk("k", issuerCertificate()))), nil
		}
		return answerJSON(req, object{"token": token})
	}
}

func verifyByStandardLibrary(key crypto.PublicKey, text, signature []byte) bool {
	digest := sha256.Sum256(text)
	switch k := key.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		return len(signature) == 64 && ecdsa.Verify(k, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	}
	return false
}
