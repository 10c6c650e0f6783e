package relyingparty_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/openenclave"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/relyingparty"
)

// The service's first signing certificates hold a bare quote, in one octet string
// more than the extension's own.
func TestSigningCertificatesOf2020(t *testing.T) {
	t.Parallel()
	read := func(folder, name string) *x509.Certificate {
		raw := corpus.Read(t, "evidence", "maa", folder, name)
		der, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(raw)))
		if err != nil {
			t.Fatal(err)
		}
		return parse(t, der)
	}
	answer := publishedKeys(t, corpus.Read(t, "evidence", "maa", "certs-and-attest-2020", "get.certs.response.body.json"))
	// Another key signed the service's enclaves then.
	const signer = "5e5410aaf99a32e32df2a97d579e65f8310f274816ec4f34cedeeb1be410a526"
	for name, test := range map[string]struct {
		cert      *x509.Certificate
		keyID     string
		mrenclave string
	}{
		"published":       {parse(t, answer[0].X5C[0]), answer[0].KeyID, "600f7ba9"},
		"of the sample":   {read("certs-and-attest-2020", "sample.signing.cert.cer"), "", "600f7ba9"},
		"of the provider": {read("signing-cert-shareduks-2020", "maa.prod.uks.signing.cert.cer"), "", "5eaa887f"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := extensionOf(t, test.cert); !got.Id.Equal(oidReport) || got.Value[0] != asn1.TagOctetString {
				t.Errorf("extension %s that begins with %#x, want %s with an octet string", got.Id, got.Value[0], oidReport)
			}
			got, err := relyingparty.VerifySigningCertificate(t.Context(), test.cert, relyingparty.SigningCertificateOptions{
				At: time.Date(2020, 12, 1, 0, 0, 0, 0, time.UTC), KeyID: test.keyID,
			})
			if err != nil {
				t.Fatal(err)
			}
			if id := got.Identity; hex.EncodeToString(id.MRSIGNER[:]) != signer || hex.EncodeToString(id.MRENCLAVE[:4]) != test.mrenclave ||
				id.ProductID != 1 || id.SVN != 1 || !id.Debug {
				t.Errorf("enclave %x of %x, product %d, SVN %d, debuggable %t", id.MRENCLAVE, id.MRSIGNER, id.ProductID, id.SVN, id.Debug)
			}
			if key, ok := got.Report.Certificate.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() != 1024 {
				t.Errorf("key %T, want RSA of 1024 bits", got.Report.Certificate.PublicKey)
			}
		})
	}
}

// extensionOf is the extension with the report.
func extensionOf(t *testing.T, cert *x509.Certificate) pkix.Extension {
	t.Helper()
	for _, ext := range cert.Extensions {
		if ext.Id.Equal(oidReport) || ext.Id.Equal(oidReportNew) {
			return pkix.Extension{Id: ext.Id, Value: ext.Value}
		}
	}
	t.Fatal("no report in the certificate")
	return pkix.Extension{}
}

// A genuine report does not vouch for another key, nor its key for who has not
// got it.
func TestStolenReportsAreRefused(t *testing.T) {
	t.Parallel()
	thief, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := attestedKeys(t)
	genuine, other := parse(t, keys[0].X5C[0]), parse(t, keys[1].X5C[0])
	if keys[0].KeyID == keys[1].KeyID {
		t.Fatal("two certificates of one key, want two keys")
	}
	for name, test := range map[string]struct {
		cert  *x509.Certificate
		keyID string
		check relyingparty.Check
	}{
		"genuine":                   {genuine, keys[0].KeyID, ""},
		"for the thief's key":       {issue(t, thief.Public(), thief, extensionOf(t, genuine)), keys[0].KeyID, relyingparty.CheckKeyBinding},
		"signed by the thief":       {issue(t, genuine.PublicKey, thief, extensionOf(t, genuine)), keys[0].KeyID, relyingparty.CheckSelfSignature},
		"of another enclave":        {issue(t, genuine.PublicKey, thief, extensionOf(t, other)), keys[0].KeyID, relyingparty.CheckSelfSignature},
		"under another key's kid":   {genuine, keys[1].KeyID, relyingparty.CheckKeyID},
		"another's, under this kid": {other, keys[0].KeyID, relyingparty.CheckKeyID},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := relyingparty.VerifySigningCertificate(t.Context(), test.cert, relyingparty.SigningCertificateOptions{
				At: now, KeyID: test.keyID, Identity: isAzures,
			})
			if test.check != "" {
				wantRefusal(t, err, test.check)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// One byte is changed in each region of a real report. In its certificate that
// breaks the self-signature; and the report alone, which whoever has the key could
// sign again, does not hold either.
func TestOneFlippedByteOfARealReport(t *testing.T) {
	t.Parallel()
	const quote, signature = 16, 16 + 432 + 4
	genuine := parse(t, attestedKeys(t)[0].X5C[0])
	value := extensionOf(t, genuine).Value
	at := bytes.Index(genuine.Raw, value)
	v, err := openenclave.NewVerifier(sgx.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, offset := range map[string]int{
		"report header: version": 0, "report header: type": 4, "report header: size": 8,
		"quote header: version": quote, "quote header: key type": quote + 2, "quote header: TEE": quote + 4,
		"quote header: QE SVN": quote + 8, "quote header: QE vendor": quote + 12, "quote header: user data": quote + 28,
		"body: CPUSVN": quote + 48, "body: attributes": quote + 48 + 48, "body: MRENCLAVE": quote + 48 + 64,
		"body: MRSIGNER": quote + 48 + 128, "body: reserved": quote + 48 + 300, "body: product": quote + 48 + 256,
		"body: report data": quote + 48 + 320, "body: end of report data": quote + 48 + 383,
		"signature data: length": quote + 432, "signature: r": signature, "signature: s": signature + 63,
		"attestation key": signature + 64, "QE report": signature + 128, "QE report: report data": signature + 128 + 320,
		"QE report: signature": signature + 512, "QE authentication data: length": signature + 576,
		"QE authentication data": signature + 578, "certification data: type": signature + 610,
		"certification data: length": signature + 612, "certification data: PCK": signature + 616 + 300,
		"certification data: CA": signature + 616 + 2200,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			der := bytes.Clone(genuine.Raw)
			der[at+offset] ^= 1
			_, err := relyingparty.VerifySigningCertificate(t.Context(), parse(t, der), relyingparty.SigningCertificateOptions{At: recordedAt})
			wantRefusal(t, err, relyingparty.CheckSelfSignature)

			report := bytes.Clone(value)
			report[offset] ^= 1
			r, err := openenclave.Parse(report)
			if err == nil {
				_, err = v.VerifySignatures(t.Context(), r, recordedAt)
			}
			if _, ok := errors.AsType[*evidence.Error](err); !ok {
				t.Errorf("error %v, want an *evidence.Error", err)
			}
		})
	}
}
