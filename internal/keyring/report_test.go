package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/simulator"
	"github.com/azattest/azattest/token"
)

func contains(err error, text string) bool { return strings.Contains(err.Error(), text) }

func TestCertificatesCarryTheReportOfTheEnclave(t *testing.T) {
	t.Parallel()
	platform, err := simulator.New(simulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	c := f.config()
	var asked atomic.Int64
	c.Report = func(_ context.Context, data [64]byte) ([]byte, error) {
		asked.Add(1)
		quote, err := platform.Quote(simulator.Report{ReportData: data})
		if err != nil {
			return nil, err
		}
		return token.OpenEnclaveReport(quote), nil
	}
	k := open(t, c)
	for _, a := range []token.Algorithm{token.RS256, token.PS256, token.ES256} {
		for _, url := range []string{contoso, fabrikam} {
			key := ring(t, k, url, a).Current()
			got, err := relyingparty.VerifySigningCertificate(t.Context(), key.Certificate(), relyingparty.SigningCertificateOptions{
				Roots: []dcap.Root{platform.Root()}, At: platform.Now(), KeyID: key.ID(),
			})
			if err != nil {
				t.Fatalf("%s for %s: %v", a, url, err)
			}
			if !got.Simulated {
				t.Error("not marked as simulated")
			}
		}
	}
	if n := asked.Load(); n != 3 {
		t.Errorf("asked for %d reports, want one for each key", n)
	}
	// A replica on a machine without an enclave publishes the same.
	other := f.open(t)
	if got := ring(t, other, contoso, token.PS256).JWKS(); !bytes.Equal(got, ring(t, k, contoso, token.PS256).JWKS()) {
		t.Error("the other replica publishes other bytes")
	}
	if !other.Keys()[0].Attested {
		t.Error("the list of keys does not say that the key is attested")
	}
}

func TestNoKeyWithoutItsReport(t *testing.T) {
	t.Parallel()
	errNoQuote := errors.New("the quoting service does not answer")
	for name, tt := range map[string]struct {
		report []byte
		err    error
		want   string
	}{
		"none to be had":  {nil, errNoQuote, errNoQuote.Error()},
		"bound elsewhere": {token.OpenEnclaveReport(append([]byte{3}, make([]byte, 500)...)), nil, "bound to something else"},
		"something else":  {[]byte("report"), nil, "want at least"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, d := newFixture(t), newDevice()
			c := f.deviceConfig(d)
			c.Report = func(context.Context, [64]byte) ([]byte, error) { return tt.report, tt.err }
			_, err := open(t, c).Ring(t.Context(), contoso, token.ES256)
			if err == nil || !contains(err, tt.want) {
				t.Errorf("error %v, want it to speak of %q", err, tt.want)
			}
			if len(f.store.keys()) != 0 || len(d.destroyed) != 1 {
				t.Errorf("%d keys in the store, destroyed %v; want none, and the key gone from the device", len(f.store.keys()), d.destroyed)
			}
		})
	}
	t.Run("a machine that offers none", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		c := f.config()
		c.Report = func(context.Context, [64]byte) ([]byte, error) { return nil, nil }
		if ring(t, open(t, c), contoso, token.ES256).Current().Report() != nil {
			t.Error("a report from nowhere")
		}
	})
}
