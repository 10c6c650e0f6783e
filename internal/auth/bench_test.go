package auth

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"
)

// benchmarkToken is one of Entra ID's shape and size, and who reads it.
func benchmarkToken(b *testing.B) (*Authenticator, *http.Request, string) {
	b.Helper()
	issuers, err := Entra(tenant, CloudPublic)
	if err != nil {
		b.Fatal(err)
	}
	a := newAuthenticator(b, Config{
		Issuers: issuers, Clock: newClock().Now, HTTPClient: &http.Client{Transport: microsoft{}},
		Bindings: []Binding{{Claim: ClaimObjectID, Value: userID, Role: Contributor}},
	})
	token := entraToken(userV1(nil))
	r := withBearer(token)
	if c, err := a.Caller(b.Context(), r); err != nil || !c.May(Write, "x") {
		b.Fatal(c, err)
	}
	return a, r, token
}

// BenchmarkCallerKnown is a request whose token was verified a moment ago.
func BenchmarkCallerKnown(b *testing.B) {
	a, r, _ := benchmarkToken(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Caller(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCallerKnownParallel is many of them at once.
func BenchmarkCallerKnownParallel(b *testing.B) {
	a, r, _ := benchmarkToken(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := a.Caller(b.Context(), r); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkCallerNew is a request with a token that is new here.
func BenchmarkCallerNew(b *testing.B) {
	a, _, token := benchmarkToken(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.verify(b.Context(), token, day); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCallerForged is a token that nobody signed, of a key that is known.
func BenchmarkCallerForged(b *testing.B) {
	a, _, token := benchmarkToken(b)
	r := withBearer(token[:len(token)-8] + "AAAAAAAA")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Caller(b.Context(), r); err == nil {
			b.Fatal("a forged token is accepted")
		}
	}
}

// BenchmarkRSA is the least that a verification can cost.
func BenchmarkRSA(b *testing.B) {
	input := []byte(strings.Repeat("x", 1500))
	sign := signature("RS256", string(input), rsaKey())
	for b.Loop() {
		sum := sha256.Sum256(input)
		if err := rsa.VerifyPKCS1v15(&rsaKey().PublicKey, crypto.SHA256, sum[:], sign); err != nil {
			b.Fatal(err)
		}
	}
}
