package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"math/big"
	"sync/atomic"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
)

// identity is a key with its certificate, a root of its own.
type identity struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func newIdentity(tb testing.TB, name string) *identity {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: at.Add(-time.Hour), NotAfter: at.Add(time.Hour), BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &identity{key, certificate}
}

func encode(raw string) string { return base64.RawURLEncoding.EncodeToString([]byte(raw)) }

func (i *identity) x5c() string { return base64.StdEncoding.EncodeToString(i.certificate.Raw) }

// sign makes a JWS; the payload may be empty.
func (i *identity) sign(tb testing.TB, payload string) string {
	tb.Helper()
	signed := encode(`{"alg":"ES256","x5c":["`+i.x5c()+`"]}`) + "." + encode(payload)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, digest[:])
	if err != nil {
		tb.Fatal(err)
	}
	var raw [64]byte
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(raw[:])
}

func policyPayload(text string) string { return `{"AttestationPolicy":"` + encode(text) + `"}` }

func certificatePayload(i *identity) string {
	return `{"policyCertificate":{"kty":"EC","x5c":["` + i.x5c() + `"]}}`
}

// numbered is a policy that says which one it is.
func numbered(n string) string {
	return "version=1.0;authorizationrules{=>permit();};issuancerules{=>issue(type=\"number\",value=\"" + n + "\");};"
}

// emptyJWS resets a policy.
const emptyJWS = "eyJhbGciOiJub25lIn0.."

func unsigned(text string) string { return policytoken.Unsigned(text) }

// authenticator knows the developers by other bindings than the usual ones.
func authenticator(tb testing.TB, bindings ...auth.Binding) *auth.Authenticator {
	tb.Helper()
	issuer, err := developers()
	if err != nil {
		tb.Fatal(err)
	}
	for i := range bindings {
		bindings[i].Issuer, bindings[i].Claim = issuer.Issuer().Name, auth.ClaimRoles
		bindings[i].Value = string(bindings[i].Role)
	}
	callers, err := auth.New(auth.Config{Issuers: []auth.Issuer{issuer.Issuer()}, Bindings: bindings, Clock: func() time.Time { return at }})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = callers.Close() })
	return callers
}

// breakable is a store that can be told to go away.
type breakable struct {
	store.Store
	isDown atomic.Bool
	// onCommit is called before each commit, if it is set before the store is used.
	onCommit func() error
}

func newBreakable() *breakable { return &breakable{Store: memory.New()} }

func (b *breakable) broken() error {
	if b.isDown.Load() {
		return &store.UnavailableError{Trouble: store.TroubleUnreachable, Err: errors.New("dial db.internal: connection refused")}
	}
	return nil
}

func (b *breakable) Get(ctx context.Context, key string) (store.Record, error) {
	if err := b.broken(); err != nil {
		return store.Record{}, err
	}
	return b.Store.Get(ctx, key)
}

func (b *breakable) Changes(ctx context.Context, since int64, visit func(store.Record) error) (int64, error) {
	if err := b.broken(); err != nil {
		return 0, err
	}
	return b.Store.Changes(ctx, since, visit)
}

func (b *breakable) Commit(ctx context.Context, changes ...store.Change) (int64, error) {
	if b.onCommit != nil {
		if err := b.onCommit(); err != nil {
			return 0, err
		}
	}
	if err := b.broken(); err != nil {
		return 0, err
	}
	return b.Store.Commit(ctx, changes...)
}
