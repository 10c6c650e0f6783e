package benchmarks_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/golang-jwt/jwt/v5"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/azattestation/fake"
)

const endpoint = "https://benchmark.attest.example"

// issued is a token such as the service issues for an SGX enclave: 5,000 bytes,
// 35 claims.
type issued struct {
	issuer *fake.Issuer
	text   string
}

func issue(b *testing.B, signer crypto.Signer) issued {
	b.Helper()
	issuer, err := fake.NewIssuer(endpoint, &fake.IssuerOptions{Signer: signer})
	if err != nil {
		b.Fatal(err)
	}
	hexadecimal := strings.Repeat("0123456789abcdef", 4)
	collateral := map[string]string{}
	for _, name := range []string{"qeidcertshash", "qeidcrlhash", "qeidhash", "quotehash", "tcbinfocertshash", "tcbinfocrlhash", "tcbinfohash"} {
		collateral[name] = hexadecimal
	}
	issuedByPolicy := map[string]any{
		"is-debuggable": false, "product-id": 1, "sgx-mrenclave": hexadecimal, "sgx-mrsigner": hexadecimal, "svn": 1, "tee": "sgx",
	}
	held := strings.Repeat("QUJD", 128)
	claims := map[string]any{
		"aas-ehd": held, "maa-ehd": held, "x-ms-sgx-ehd": held, "x-ms-policy": issuedByPolicy,
		"maa-attestationcollateral": collateral, "x-ms-sgx-collateral": collateral,
		"x-ms-attestation-type": "sgx", "x-ms-policy-hash": "ViVGS4BYl70X8eUrgryHg0TtbEk9WtIc6DtTBEFxaWc", "x-ms-ver": "1.0",
		"x-ms-sgx-is-debuggable": false, "x-ms-sgx-mrenclave": hexadecimal, "x-ms-sgx-mrsigner": hexadecimal,
		"x-ms-sgx-product-id": 1, "x-ms-sgx-svn": 1, "x-ms-sgx-report-data": hexadecimal + hexadecimal, "x-ms-sgx-tcbidentifier": "azuredefault",
	}
	maps.Copy(claims, issuedByPolicy)
	for i := 0; len(claims) < 30; i++ {
		claims[fmt.Sprintf("claim-%d", i)] = i
	}
	text, err := issuer.Token(claims)
	if err != nil {
		b.Fatal(err)
	}
	return issued{issuer, text}
}

// signers are the two kinds of keys that sign tokens.
func signers(b *testing.B) map[string]crypto.Signer {
	b.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	return map[string]crypto.Signer{"RS256": rsaKey, "ES256": ecKey}
}

// BenchmarkToken measures the validation of a token with keys at hand: what
// nobody can save (base64, the signature, JSON), this library, and golang-jwt.
// x-floor is how many times the first takes, in turns within one run.
func BenchmarkToken(b *testing.B) {
	keys := signers(b)
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		t := issue(b, keys[name])
		source, ctx := keySource(b, t), b.Context()
		var result azattestation.AttestationResult
		b.Run(name+"/floor", func(b *testing.B) { compare(b, "x-floor", t.spend, t.spend) })
		b.Run(name+"/azattestation", func(b *testing.B) {
			compare(b, "x-floor", t.spend, func() error { return t.validate(ctx, source, nil) })
		})
		b.Run(name+"/azattestation+claims", func(b *testing.B) {
			compare(b, "x-floor", t.spend, func() error { return t.validate(ctx, source, &result) })
		})
		b.Run(name+"/golang-jwt", func(b *testing.B) { compare(b, "x-floor", t.spend, t.peer) })
	}
}

// keySource is that of a client, with its keys fetched.
func keySource(b *testing.B, t issued) *azattestation.KeySource {
	b.Helper()
	client, err := azattestation.NewClientWithNoCredential(endpoint, &azattestation.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: once(b, fake.NewServerTransport(&fake.Server{Issuer: t.issuer}))},
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := t.validate(b.Context(), client.KeySource(), nil); err != nil {
		b.Fatal(err)
	}
	return client.KeySource()
}

// once fails the benchmark if a second request is made.
func once(b *testing.B, next *fake.ServerTransport) transport {
	b.Helper()
	requests := 0
	return func(req *http.Request) (*http.Response, error) {
		if requests++; requests > 1 {
			b.Error("validation went over the network though the keys were there")
		}
		return next.Do(req)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) Do(req *http.Request) (*http.Response, error) { return f(req) }

func (t issued) validate(ctx context.Context, source *azattestation.KeySource, into *azattestation.AttestationResult) error {
	token, err := azattestation.ParseToken(t.text)
	if err != nil {
		return err
	}
	if err := token.Validate(ctx, source, nil); err != nil || into == nil {
		return err
	}
	return token.Claims(into)
}

// spend does what any validation must: decode three parts, verify one signature,
// decode the claims.
func (t issued) spend() error {
	parts := strings.Split(t.text, ".")
	var decoded [3][]byte
	for i, part := range parts {
		raw, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return err
		}
		decoded[i] = raw
	}
	digest := sha256.Sum256([]byte(t.text[:len(parts[0])+1+len(parts[1])]))
	switch key := t.issuer.Certificate().PublicKey.(type) {
	case *rsa.PublicKey:
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], decoded[2]); err != nil {
			return err
		}
	case *ecdsa.PublicKey:
		r, s := new(big.Int).SetBytes(decoded[2][:32]), new(big.Int).SetBytes(decoded[2][32:])
		if !ecdsa.Verify(key, digest[:], r, s) {
			return errors.New("the signature does not hold")
		}
	}
	var claims map[string]any
	return json.Unmarshal(decoded[1], &claims)
}

// peer validates the token as golang-jwt does with the checks that we make:
// algorithms of a list, key by kid, issuer, exp and nbf.
func (t issued) peer() error {
	keys := map[string]any{t.issuer.KeyID(): t.issuer.Certificate().PublicKey}
	_, err := jwt.Parse(t.text, func(token *jwt.Token) (any, error) { return keys[token.Header["kid"].(string)], nil },
		jwt.WithValidMethods([]string{"RS256", "ES256"}), jwt.WithIssuer(endpoint), jwt.WithExpirationRequired(), jwt.WithLeeway(time.Minute))
	return err
}

// compare runs measured under the benchmark and floor in between, outside its
// timer, and reports as unit how many times the floor measured takes. Taking turns
// keeps a machine that changes its speed from bending the ratio.
func compare(b *testing.B, unit string, floor, measured func() error) {
	b.Helper()
	b.ReportAllocs()
	check := func(f func() error) {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	const batch = 16
	var floorTime, measuredTime time.Duration
	var start time.Time
	floors, runs := 0, 0
	for b.Loop() {
		if runs%batch == 0 {
			if runs > 0 {
				measuredTime += time.Since(start)
			}
			b.StopTimer()
			begin := time.Now()
			for range batch {
				check(floor)
			}
			floorTime += time.Since(begin)
			floors += batch
			b.StartTimer()
			start = time.Now()
		}
		check(measured)
		runs++
	}
	measuredTime += time.Since(start)
	b.ReportMetric((measuredTime.Seconds()/float64(runs))/(floorTime.Seconds()/float64(floors)), unit)
}
