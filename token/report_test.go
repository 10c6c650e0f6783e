package token_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/simulator"
	"github.com/azattest/azattest/token"
)

var oidReport = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 105, 1}

var sharedPlatform = sync.OnceValues(func() (*simulator.Platform, error) { return simulator.New(simulator.Config{}) })

func platform(tb testing.TB) *simulator.Platform {
	tb.Helper()
	p, err := sharedPlatform()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// reportFor is the report of a simulated enclave in which a key lives.
func reportFor(tb testing.TB, pub crypto.PublicKey) []byte {
	tb.Helper()
	data, err := token.ReportData(pub)
	if err != nil {
		tb.Fatal(err)
	}
	quote, err := platform(tb).Quote(simulator.Report{ISVSVN: 4, ReportData: data})
	if err != nil {
		tb.Fatal(err)
	}
	return token.OpenEnclaveReport(quote)
}

func newReportedKey(tb testing.TB, a token.Algorithm) *token.Key {
	tb.Helper()
	signer := sharedSigner(tb, a)
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: a, Issuer: instance, Report: reportFor(tb, signer.Public())})
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// wantVerified has a relying party verify a key's certificate down to the
// simulator's root.
func wantVerified(t *testing.T, key *token.Key) {
	t.Helper()
	got, err := relyingparty.VerifySigningCertificate(t.Context(), key.Certificate(), relyingparty.SigningCertificateOptions{
		Roots: []dcap.Root{platform(t).Root()}, At: platform(t).Now(), KeyID: key.ID(),
	})
	if err != nil {
		t.Fatalf("certificate for %s: %v", key.Certificate().Subject.CommonName, err)
	}
	if !got.Simulated || got.Identity.SVN != 4 {
		t.Errorf("simulated %t, SVN %d; want the simulated enclave of SVN 4", got.Simulated, got.Identity.SVN)
	}
}

func TestCertificateWithAReportVerifiesForARelyingParty(t *testing.T) {
	t.Parallel()
	for _, a := range algorithms() {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			key := newReportedKey(t, a)
			wantVerified(t, key)
			if key.ID() != newKey(t, a).ID() {
				t.Error("the report changes the key ID")
			}

			elsewhere, err := key.Recertify("https://fabrikam.example")
			if err != nil {
				t.Fatal(err)
			}
			wantVerified(t, elsewhere)

			file, err := key.MarshalPEM()
			if err != nil {
				t.Fatal(err)
			}
			again, err := token.ParseKey(file, a)
			if err != nil {
				t.Fatal(err)
			}
			wantVerified(t, again)
			if !bytes.Equal(again.Report(), key.Report()) {
				t.Error("the report changed on its way through a file")
			}
		})
	}
}

func TestReportStandsLastAndIsNotWrapped(t *testing.T) {
	t.Parallel()
	key := newReportedKey(t, token.RS256)
	extensions := key.Certificate().Extensions
	if len(extensions) != 4 {
		t.Fatalf("%d extensions, want basic constraints, two key identifiers and the report", len(extensions))
	}
	last := extensions[3]
	if !last.Id.Equal(oidReport) || last.Critical {
		t.Errorf("last extension %s, critical %t; want %s, not critical", last.Id, last.Critical, oidReport)
	}
	if !bytes.Equal(last.Value, reportFor(t, key.Certificate().PublicKey)) || !bytes.Equal(last.Value, key.Report()) {
		t.Error("the extension's value is not the report itself")
	}
	if newKey(t, token.RS256).Report() != nil {
		t.Error("a key without a report returns one")
	}
}

// The recorded certificates hold the hash that ReportData computes, in the
// place where NewKey looks.
func TestReportDataIsTheRealServices(t *testing.T) {
	t.Parallel()
	raw := corpus.Read(t, "maa", "certs", "certs_response_1.11.01956.113_00a3ce05.json")
	var set struct {
		Keys []struct {
			Chain []string `json:"x5c"`
		}
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	reports := 0
	for _, k := range set.Keys {
		der, err := base64.StdEncoding.DecodeString(k.Chain[0])
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		last := c.Extensions[len(c.Extensions)-1]
		if !last.Id.Equal(oidReport) {
			continue
		}
		reports++
		data, err := token.ReportData(c.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		const reportData = 16 + 368
		if got := last.Value[reportData : reportData+64]; !bytes.Equal(got, data[:]) {
			t.Errorf("recorded report data %x, want %x", got, data)
		}
		if !bytes.Equal(token.OpenEnclaveReport(last.Value[16:]), last.Value) {
			t.Errorf("the recorded report begins %x, ours otherwise", last.Value[:16])
		}
	}
	if reports == 0 {
		t.Error("no recorded certificate with a report, want some")
	}
}

func TestNewKeyRefusesReports(t *testing.T) {
	t.Parallel()
	signer := sharedSigner(t, token.ES256)
	good := reportFor(t, signer.Public())
	changed := func(at int, to byte) []byte {
		b := bytes.Clone(good)
		b[at] = to
		return b
	}
	wrapped, err := asn1.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		report []byte
		want   string
	}{
		"empty":                  {[]byte{}, "want at least"},
		"header alone":           {good[:16], "want at least"},
		"cut in the report data": {token.OpenEnclaveReport(good[16 : 16+368+63]), "want at least"},
		"too large":              {make([]byte, 32<<10+1), "want at most"},
		"bare quote":             {good[16:], "wrap a bare quote"},
		"wrapped in DER":         {wrapped, "wrap a bare quote"},
		"local report":           {changed(4, 1), "version 1 and type 1"},
		"length":                 {good[:len(good)-1], "but"},
		"bytes after":            {append(bytes.Clone(good), 0), "but"},
		"TDX quote":              {changed(16, 4), "quote of version 4"},
		"other key's":            {reportFor(t, sharedSigner(t, token.RS256).Public()), "bound to something else"},
		"hash flipped":           {changed(16+368+31, good[16+368+31]^1), "bound to something else"},
		"second half not zero":   {changed(16+368+63, 1), "bound to something else"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.ES256, Issuer: instance, Report: tt.report})
			wantKeyError(t, err, tt.want)
			if !strings.Contains(err.Error(), "report") {
				t.Errorf("error %q, want it to say that it is the report", err)
			}
		})
	}
	// The smallest that passes: whatever follows the report data is the
	// verifier's business.
	if _, err := token.NewKey(token.KeyConfig{
		Signer: signer, Algorithm: token.ES256, Issuer: instance, Report: token.OpenEnclaveReport(good[16 : 16+368+64]),
	}); err != nil {
		t.Error(err)
	}
}

func TestReportDataRefusesWhatIsNoKey(t *testing.T) {
	t.Parallel()
	_, err := token.ReportData("no key")
	wantKeyError(t, err, "cannot be encoded")
}

// Replicas that share a key must publish the same certificate.
func TestSameKeyIsCertifiedAlike(t *testing.T) {
	t.Parallel()
	for _, a := range algorithms() {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			one, two := newReportedKey(t, a), newReportedKey(t, a)
			// The quotes are alike too: the simulator signs by RFC 6979.
			if !bytes.Equal(one.Certificate().Raw, two.Certificate().Raw) {
				t.Error("the same key gives two certificates")
			}
			elsewhere, err := one.Recertify("https://fabrikam.example")
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(elsewhere.Certificate().Signature, one.Certificate().Signature) {
				t.Error("two certificates with one signature")
			}
			back, err := elsewhere.Recertify(instance)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(back.Certificate().Raw, one.Certificate().Raw) {
				t.Error("there and back gives another certificate")
			}
			if bytes.Equal(newKey(t, a).Certificate().Signature, one.Certificate().Signature) {
				t.Error("with and without report, the signature is the same")
			}
		})
	}
}
