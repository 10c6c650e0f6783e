package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/testtoken"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/simulator"
)

const (
	unverified = "Target environment attestation statement cannot be verified."
	unmet      = "Target environment attestation does not meet key release policy requirements."
)

// TestRefusals plays what goes wrong, each with the vault's answer to who asked and
// with its reason, which who runs the vault reads.
func TestRefusals(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), bound)
	t.Cleanup(cancel)
	s, err := newStage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	p := newPlot(ctx, t, s)
	changed := p.measurement
	changed[31] ^= 1
	otherPolicy, err := s.writePolicy("other.json", p.attestation, changed)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		attestation *service
		measurement [32]byte
		policy      string
		more        []string
		// refused is what the enclave hears; reason stands in the vault's log, empty if
		// the vault has nothing to say.
		refused, reason string
	}{
		"another measurement":  {p.attestation, changed, p.policy, nil, unmet, "x-ms-sgx-mrenclave equals"},
		"can be debugged":      {p.attestation, p.measurement, p.policy, []string{"-debug"}, unverified, "x-ms-sgx-is-debuggable"},
		"another authority":    {p.stranger, p.measurement, p.policy, nil, unverified, "issuer"},
		"under another policy": {p.attestation, p.measurement, otherPolicy, nil, "another than those expected", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := s.enclave(ctx, c.attestation, p.vault, c.policy, c.measurement, c.more...)
			if err != nil {
				t.Fatal(err)
			}
			if got.said != "" || !strings.Contains(got.refused, c.refused) {
				t.Fatalf("want a refusal with %q, got:\n%s%s", c.refused, got.said, got.refused)
			}
			if c.reason == "" {
				return
			}
			if !strings.Contains(got.refused, "status 403, Forbidden (AccessDenied)") || strings.Contains(got.refused, c.reason) {
				t.Errorf("want 403 without the reason, got %s", got.refused)
			}
			why, err := p.vault.reason(ctx, got.refused)
			if err != nil || !strings.Contains(why, c.reason) {
				t.Errorf("the log says %q, %v, want %q", why, err, c.reason)
			}
		})
	}
	t.Run("a token that was seen", func(t *testing.T) {
		t.Parallel()
		p.replay(ctx, t)
	})
	t.Run("the officer", func(t *testing.T) {
		t.Parallel()
		token, _ := p.token(ctx, t, "")
		_, err := p.client(ctx, t, "crypto-officer").Release(ctx, keyName, "", keyrelease.Request{Target: token})
		if refused, ok := errors.AsType[*keyrelease.VaultError](err); !ok || refused.Status != http.StatusForbidden || refused.InnerCode != "ForbiddenByRbac" {
			t.Errorf("got %v, want that who keeps keys may not have them released", err)
		}
	})
}

// plot is a stage with a secret for an enclave, and a second attestation service that
// the vault does not know.
type plot struct {
	*stage
	attestation, stranger, vault *service
	policy                       string
	measurement                  [32]byte
	secret                       []byte
}

func newPlot(ctx context.Context, t *testing.T, s *stage) *plot {
	t.Helper()
	p := &plot{stage: s, measurement: sha256.Sum256([]byte("an enclave")), secret: []byte("a secret of thirty-two bytes....")}
	var err error
	if p.attestation, err = s.attestationService(ctx, "attestation"); err != nil {
		t.Fatal(err)
	}
	if p.stranger, err = s.attestationService(ctx, "stranger"); err != nil {
		t.Fatal(err)
	}
	if p.vault, err = s.keyReleaseService(ctx, p.attestation); err != nil {
		t.Fatal(err)
	}
	if p.policy, err = s.writePolicy("policy.json", p.attestation, p.measurement); err != nil {
		t.Fatal(err)
	}
	if _, err = s.importSecret(ctx, p.vault, keyName, p.secret, p.policy); err != nil {
		t.Fatal(err)
	}
	return p
}

// replay has a token that somebody saw sent again: without its nonce it is refused, and
// one that has none brings what the enclave alone can open.
func (p *plot) replay(ctx context.Context, t *testing.T) {
	t.Helper()
	thief := p.client(ctx, t, "release-user")
	token, _ := p.token(ctx, t, "of the enclave's request")
	for _, nonce := range []string{"of the thief's request", ""} {
		_, err := thief.Release(ctx, keyName, "", keyrelease.Request{Target: token, Nonce: nonce})
		refused, ok := errors.AsType[*keyrelease.VaultError](err)
		if !ok || refused.Status != http.StatusForbidden || refused.Message != unverified {
			t.Fatalf("nonce %q: got %v, want 403 %s", nonce, err, unverified)
		}
		why, err := p.vault.reason(ctx, refused.Error())
		if err != nil || !strings.Contains(why, "its nonce is another") {
			t.Errorf("nonce %q: the log says %q, %v", nonce, why, err)
		}
	}
	token, key := p.token(ctx, t, "")
	compact, err := thief.Release(ctx, keyName, "", keyrelease.Request{Target: token, Algorithm: keyrelease.RSAAESKeyWrap256})
	if err != nil {
		t.Fatal(err)
	}
	roots, err := p.vault.roots()
	if err != nil {
		t.Fatal(err)
	}
	response, err := keyrelease.VerifyResponse(compact, keyrelease.Expected{
		Vault: p.vault.Endpoint, Roots: roots, Name: keyName, Algorithm: keyrelease.RSAAESKeyWrap256, AnyPolicy: true, Now: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	thiefs, err := rsa.GenerateKey(rand.Reader, key.N.BitLen())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := response.Unwrap(thiefs); err == nil {
		t.Error("the thief's key opens it")
	}
	if secret, err := response.Unwrap(key); err != nil || !bytes.Equal(secret, p.secret) {
		t.Errorf("the enclave's key opens %d bytes, %v", len(secret), err)
	}
}

// token has the enclave attested, with a key of its own.
func (p *plot) token(ctx context.Context, t *testing.T, nonce string) (string, *rsa.PrivateKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	runtimeData := testtoken.Set{"keys": []testtoken.Set{testtoken.RSAKey(&key.PublicKey)}}.JSON(t)
	transport, err := p.attestation.client()
	if err != nil {
		t.Fatal(err)
	}
	client, err := azattestation.NewClientWithNoCredential(p.attestation.Endpoint, &azattestation.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	platform, err := simulator.Load(filepath.Join(p.attestation.dir, "simulator"))
	if err != nil {
		t.Fatal(err)
	}
	quote := func(_ context.Context, reportData [64]byte) ([]byte, error) {
		return platform.Quote(simulator.Report{MRENCLAVE: p.measurement, ReportData: reportData})
	}
	token, err := keyrelease.SGXAttester(client, quote)(ctx, keyrelease.AttestRequest{RuntimeData: runtimeData, Nonce: nonce})
	if err != nil {
		t.Fatal(err)
	}
	return token, key
}

// client asks the vault in a role.
func (p *plot) client(ctx context.Context, t *testing.T, role string) *keyrelease.Client {
	t.Helper()
	token, err := p.devToken(ctx, p.vault, role)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := p.vault.client()
	if err != nil {
		t.Fatal(err)
	}
	client, err := keyrelease.NewClient(p.vault.Endpoint, bearer(token), &keyrelease.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: transport}, Scope: p.vault.Endpoint + "/.default",
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// bearer is a credential that is one token.
type bearer string

func (b bearer) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(b), ExpiresOn: time.Now().Add(time.Hour)}, nil
}
