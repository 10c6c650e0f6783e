package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/testtoken"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

// The recorded signing certificates of Azure, held against who may sign: keys that no
// enclave vouches for, and enclaves that nobody named, sign for no release.
func TestCertificateCheck(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(corpus.Dir(t), "maa", "certs", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	// By then all of the recorded ones hold.
	now := func() time.Time { return time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC) }
	check := func(a config.Authority) func(*azattestation.SigningCertificate) error {
		one, err := certificateCheck(&a, now)
		if err != nil {
			t.Fatal(err)
		}
		return func(c *azattestation.SigningCertificate) error { return one(t.Context(), c) }
	}
	azures := check(config.Authority{MRSigner: []string{azureSigner}})
	others := check(config.Authority{MRSigner: []string{hexOf(0x52)}})
	both := check(config.Authority{MRSigner: []string{azureSigner}, MREnclave: []string{hexOf(0x52)}})
	accepted, debuggable, reportless := 0, 0, 0
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		certificates, err := azattestation.ParseSigningCertificates(raw)
		if err != nil {
			continue // an answer without keys that can be used
		}
		for _, c := range certificates {
			switch err := azures(c); {
			case err == nil:
				accepted++
				if others(c) == nil || both(c) == nil {
					t.Errorf("%s, %s: accepted of an enclave that nobody named", filepath.Base(path), c.KeyID)
				}
			case strings.Contains(err.Error(), "can be debugged"):
				debuggable++
			case isType[*relyingparty.SigningCertificateError](err):
				reportless++
			default:
				t.Errorf("%s: %v", filepath.Base(path), err)
			}
		}
	}
	if accepted == 0 || debuggable == 0 || reportless == 0 {
		t.Errorf("%d accepted, %d debuggable, %d without a report: want some of each", accepted, debuggable, reportless)
	}
	for _, a := range []config.Authority{{MREnclave: []string{"ab"}}, {MRSigner: []string{"zz"}}} {
		if _, err := certificateCheck(&a, now); err == nil {
			t.Errorf("accepted %+v", a)
		}
	}
}

// Each authority answers for its own tokens, whatever another one allows.
func TestTrustedAuthorities(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return testTime }
	all := trusted{}
	tokens := map[string]string{}
	for _, url := range []string{"https://a.example", "https://b.example", "https://c.example"} {
		isDebuggable := url == "https://b.example"
		authority := testtoken.New(t, url, token.ES256)
		tokens[url] = authority.Token(t, testtoken.Enclave(url, testTime).With(testtoken.Set{"x-ms-sgx-is-debuggable": isDebuggable}))
		if url == "https://c.example" {
			continue // nobody trusts it
		}
		v, err := relyingparty.New(relyingparty.Config{Sources: []*azattestation.KeySource{authority.Source(t)}, AllowAnyEnclave: true, AllowDebuggable: isDebuggable, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		all[url] = v
	}
	for _, url := range []string{"https://a.example", "https://b.example"} {
		r, err := all.Verify(t.Context(), tokens[url], relyingparty.Expected{})
		if err != nil || *r.Claims.Issuer != url {
			t.Errorf("%s: %v", url, err)
		}
	}
	a, b := strings.Split(tokens["https://a.example"], "."), strings.Split(tokens["https://b.example"], ".")
	for name, tt := range map[string]struct {
		text  string
		check azattestation.TokenCheck
	}{
		"of nobody":         {tokens["https://c.example"], azattestation.TokenCheckIssuer},
		"no token":          {"hello", azattestation.TokenCheckFormat},
		"signed by another": {a[0] + "." + b[1] + "." + a[2], azattestation.TokenCheckSigningKey},
	} {
		_, err := all.Verify(t.Context(), tt.text, relyingparty.Expected{})
		e, ok := errors.AsType[*azattestation.TokenValidationError](err)
		if !ok || e.Check != tt.check {
			t.Errorf("%s: got %v, want a fault of %s", name, err, tt.check)
			continue
		}
		// Whom the vault trusts is told each time alike.
		if want := "https://a.example or https://b.example"; e.Check == azattestation.TokenCheckIssuer && (e.Expected != want || e.Found != "https://c.example") {
			t.Errorf("%s: expected %q, found %q, want %q", name, e.Expected, e.Found, want)
		}
	}
	if _, err := (trusted{}).Verify(t.Context(), tokens["https://a.example"], relyingparty.Expected{}); err == nil {
		t.Error("trusted by nobody, and accepted")
	}
}
