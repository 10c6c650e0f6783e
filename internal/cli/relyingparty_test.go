package cli

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/corpus"
)

// recordedAt is a time at which the token of the recording was valid.
var recordedAt = time.Date(2022, 6, 1, 0, 0, 0, 0, time.UTC)

func TestRealTokenVerifies(t *testing.T) {
	t.Parallel()
	token := corpus.Read(t, "evidence", "maa", "recording-sgx-shared-2022", "token1.jwt")
	jwks := corpus.Read(t, "evidence", "maa", "recording-sgx-shared-2022", "certs.json")
	const issuer = "https://sharedwus.wus.attest.azure.net"
	got, err := verifyToken(string(token), jwks, tokenChecks{issuer: issuer, at: recordedAt})
	if err != nil {
		t.Fatal(err)
	}
	if got.Issuer != issuer || got.Algorithm != "RS256" || !got.Claims.Has("x-ms-sgx-mrenclave") {
		t.Errorf("issuer %s, algorithm %s, %d claims", got.Issuer, got.Algorithm, got.Claims.Len())
	}
	for name, o := range map[string]tokenChecks{
		"another issuer":  {issuer: "https://evil.example", at: recordedAt},
		"a slash more":    {issuer: issuer + "/", at: recordedAt},
		"a year later":    {issuer: issuer, at: recordedAt.AddDate(1, 0, 0)},
		"a month earlier": {issuer: issuer, at: recordedAt.AddDate(0, -1, 0)},
	} {
		_, err := verifyToken(string(token), jwks, o)
		if _, refused := errors.AsType[*refusedError](err); !refused {
			t.Errorf("%s: error %v, want a refusal", name, err)
		}
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	forged, err := filepath.Glob(filepath.Join(corpus.Dir(t), "evidence", "negative-mutated", "share", "maa_recording-sgx-shared-2022--jwt-*"))
	if err != nil || len(forged) == 0 {
		t.Fatalf("found %d forged tokens (%v), want some", len(forged), err)
	}
	for _, dir := range forged {
		name := filepath.Base(dir)
		token := corpus.Read(t, "evidence", "negative-mutated", "share", name, "token1.jwt")
		jwks := corpus.Read(t, "evidence", "negative-mutated", "share", name, "certs.json")
		_, err := verifyToken(string(token), jwks, tokenChecks{at: recordedAt})
		if _, refused := errors.AsType[*refusedError](err); !refused {
			t.Errorf("%s: error %v, want a refusal", name, err)
		}
	}
}
