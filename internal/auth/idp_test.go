package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// day is when the tests play.
var day = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: day} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newRSA() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) }

func newEC(c elliptic.Curve) *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(c, rand.Reader)) }

// Keys take long to find, so the tests share a few.
var (
	rsaKey      = sync.OnceValue(newRSA)
	otherRSAKey = sync.OnceValue(newRSA)
	p256Key     = sync.OnceValue(func() *ecdsa.PrivateKey { return newEC(elliptic.P256()) })
	p384Key     = sync.OnceValue(func() *ecdsa.PrivateKey { return newEC(elliptic.P384()) })
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func encodeJSON(v any) string { return string(must(json.Marshal(v))) }

// jwkOf writes a public key as a JWK. It shares no code with what reads it.
func jwkOf(id string, public crypto.PublicKey) map[string]any {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return map[string]any{"kty": "RSA", "use": "sig", "kid": id, "n": b64(public.N.Bytes()), "e": b64(big.NewInt(int64(public.E)).Bytes())}
	case *ecdsa.PublicKey:
		point := must(public.Bytes())[1:]
		return map[string]any{
			"kty": "EC", "use": "sig", "kid": id, "crv": public.Curve.Params().Name,
			"x": b64(point[:len(point)/2]), "y": b64(point[len(point)/2:]),
		}
	}
	panic("no such key")
}

// signed makes a JWS of any header and any payload, with Go's own cryptography.
func signed(header map[string]any, payload string, private any) string {
	input := b64([]byte(encodeJSON(header))) + "." + b64([]byte(payload))
	algorithm, _ := header["alg"].(string)
	return input + "." + b64(signature(algorithm, input, private))
}

func signature(algorithm, input string, private any) []byte {
	sum := sha256.Sum256([]byte(input))
	digest, hash := sum[:], crypto.SHA256
	if strings.HasSuffix(algorithm, "384") {
		sum := sha512.Sum384([]byte(input))
		digest, hash = sum[:], crypto.SHA384
	}
	if strings.HasSuffix(algorithm, "512") {
		sum := sha512.Sum512([]byte(input))
		digest, hash = sum[:], crypto.SHA512
	}
	switch key := private.(type) {
	case nil:
		return nil
	case []byte:
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(input))
		return mac.Sum(nil)
	case *rsa.PrivateKey:
		if strings.HasPrefix(algorithm, "PS") {
			return must(rsa.SignPSS(rand.Reader, key, hash, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
		}
		return must(rsa.SignPKCS1v15(rand.Reader, key, hash, digest))
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest)
		size := (key.Curve.Params().BitSize + 7) / 8
		return append(must(r, err).FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
	panic("no such key")
}

// idp is an issuer on this machine, over real TLS.
type idp struct {
	*httptest.Server
	mu   sync.Mutex
	keys []map[string]any
	// answer takes the place of the usual answers, if there is one.
	answer http.HandlerFunc
	asked  int // how often for keys
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	p := &idp{keys: []map[string]any{jwkOf("k1", rsaKey().Public())}}
	p.Server = httptest.NewUnstartedServer(p)
	p.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it are meant to
	p.StartTLS()
	t.Cleanup(p.Close)
	return p
}

func (p *idp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	answer, keys := p.answer, p.keys
	if r.URL.Path == "/keys" {
		p.asked++
	}
	p.mu.Unlock()
	switch {
	case answer != nil:
		answer(w, r)
	case r.URL.Path == metadataPath:
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": p.URL, "jwks_uri": p.URL + "/keys"})
	case r.URL.Path == "/keys":
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
	default:
		http.NotFound(w, r)
	}
}

// publish replaces the keys.
func (p *idp) publish(keys ...map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = keys
}

// answers replaces all answers; nil brings back the usual ones.
func (p *idp) answers(h http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = h
}

func (p *idp) askedForKeys() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// claims are those of a good token of the issuer, with changes; nil removes one.
func (p *idp) claims(changes map[string]any) map[string]any {
	return changed(map[string]any{
		"iss": p.URL, "aud": Audience, "sub": "alice",
		"iat": day.Unix(), "nbf": day.Unix(), "exp": day.Add(time.Hour).Unix(),
	}, changes)
}

func changed(claims, changes map[string]any) map[string]any {
	claims = maps.Clone(claims)
	for name, v := range changes {
		if claims[name] = v; v == nil {
			delete(claims, name)
		}
	}
	return claims
}

// rs256 is the header of a good token.
func rs256(id string) map[string]any {
	return map[string]any{"typ": "JWT", "alg": "RS256", "kid": id}
}

// token is a good one, with changed claims.
func (p *idp) token(changes map[string]any) string {
	return signed(rs256("k1"), encodeJSON(p.claims(changes)), rsaKey())
}

// config believes the issuer, and gives alice the role of a contributor.
func (p *idp) config(c *clock) Config {
	return Config{
		Issuers:    []Issuer{{Name: "local", URL: p.URL}},
		Bindings:   []Binding{{Claim: ClaimSubject, Value: "alice", Role: Contributor}},
		HTTPClient: p.Client(), Clock: c.Now,
	}
}

func newAuthenticator(t testing.TB, c Config) *Authenticator {
	t.Helper()
	a, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// withBearer is a request with a token.
func withBearer(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/policies/SgxEnclave", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// wantReason checks that credentials were refused, and that nothing of them got
// into the error.
func wantReason(t *testing.T, err error, want Reason, token string) {
	t.Helper()
	e, ok := errors.AsType[*InvalidError](err)
	if !ok {
		t.Fatalf("%v, want an InvalidError for %s", err, want)
	}
	if e.Reason != want {
		t.Errorf("%v, want %s", err, want)
	}
	if e.Message() == "" || strings.ContainsAny(e.Message(), "\"\\\n") {
		t.Errorf("message %q, want a sentence that can be quoted", e.Message())
	}
	for _, text := range []string{err.Error(), e.Message(), e.Challenge()} {
		if last := token[strings.LastIndexByte(token, '.')+1:]; len(last) > 8 && strings.Contains(text, last) {
			t.Errorf("%q holds the token's signature", text)
		}
	}
}

func wantCaller(t *testing.T, a *Authenticator, r *http.Request) *Caller {
	t.Helper()
	c, err := a.Caller(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
