package policytoken_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/policytoken"
)

// FuzzParse checks that a text is refused with a short error, or is a token that
// is given back as it was sent; that what it asks for is one thing at most; and
// that nobody's signature is taken but the listed signer's over the very texts
// that the signer signed.
func FuzzParse(f *testing.F) {
	signer := fixed(f, "signer")
	stranger := fixed(f, "stranger")
	root := fixed(f, "root")
	leaf := identity{key: fixedKey(f, "leaf")}
	c := template("leaf", func(c *x509.Certificate) { c.IsCA, c.SerialNumber = false, big.NewInt(2) })
	der := must[[]byte](f)(x509.CreateCertificate(nil, c, root.cert, leaf.key.Public(), root.key))
	leaf.cert = must[*x509.Certificate](f)(x509.ParseCertificate(der))
	inputs := map[string]bool{} // what was signed by those who may sign
	for _, text := range []string{
		signed(f, signer, policyPayload(minimalPolicy)), signed(f, signer, ""),
		signed(f, leaf, certificatePayload(stranger.cert), root.cert),
		sign(f, signer.key, jose{"alg": "ECDH256", "jwk": jose{"x5c": x5c(signer.cert)}}, `{"exp":2e9,"aud":"https://x"}`),
	} {
		inputs[text[:strings.LastIndex(text, ".")]] = true
		f.Add([]byte(text))
	}
	for _, text := range []string{
		signed(f, stranger, policyPayload(minimalPolicy)),
		policytoken.Unsigned(""), policytoken.Unsigned(minimalPolicy), `"` + policytoken.Unsigned("x") + "\"\n",
		minimalPolicy, "", "..", "a.b.c", unsigned(`{"alg":"none"}`, `{"AttestationPolicy":"permit)"}`),
		unsigned(strings.Repeat("7", 4000), "{}"),
	} {
		f.Add([]byte(text))
	}
	addRecorded(f)
	open := policytoken.Options{At: now, Audience: "https://x"}
	closed := policytoken.Options{At: now, Audience: "https://x", RequireSignature: true, Trusted: []*x509.Certificate{signer.cert, root.cert}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		token, err := policytoken.Parse(raw)
		if err != nil {
			checkError(t, err)
			if token != nil {
				t.Fatal("both a token and an error")
			}
			return
		}
		text := token.String()
		if trimmed := strings.Trim(string(raw), " \t\r\n"); trimmed != text && trimmed != `"`+text+`"` {
			t.Fatalf("sent %q, read %q", trimmed, text)
		}
		again, err := policytoken.Parse([]byte(text))
		if err != nil || again.String() != text || again.Hash() != token.Hash() {
			t.Fatalf("read again: %v", err)
		}
		openErr, closedErr := token.Verify(open), token.Verify(closed)
		checkError(t, openErr)
		checkError(t, closedErr)
		if closedErr == nil && (!token.IsSigned() || !inputs[text[:strings.LastIndex(text, ".")]]) {
			t.Fatalf("accepted as signed: %s", text)
		}
		_, policyErr := token.Policy()
		_, certificateErr := token.Certificate()
		_, previewErr := token.PreviewPolicy()
		checkError(t, policyErr)
		checkError(t, certificateErr)
		asked := 0
		for _, is := range []bool{policyErr == nil || previewErr == nil, certificateErr == nil, token.IsEmpty()} {
			if is {
				asked++
			}
		}
		if asked > 1 {
			t.Fatalf("asks for %d things: %s", asked, text)
		}
	})
}

// checkError allows nil and errors of ours that fit into a log.
func checkError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e, ok := errors.AsType[*policytoken.Error](err)
	if !ok || e.Reason == "" || e.Part == "" || e.Problem == "" || len(err.Error()) > 1000 || len(e.Issuer) > 200 {
		t.Fatalf("%T of %d bytes: %+v", err, len(err.Error()), err)
	}
}

// addRecorded adds the tokens that were sent to the real service.
func addRecorded(f *testing.F) {
	f.Helper()
	dir, ok := corpus.Find()
	if !ok {
		return
	}
	for _, pattern := range []string{"*/*_P*_policies_*.json", "*/*_POST_certificates-*.json"} {
		paths, err := filepath.Glob(filepath.Join(dir, "maa", "exchanges", filepath.FromSlash(pattern)))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			var e exchange
			if err := json.Unmarshal(must[[]byte](f)(os.ReadFile(filepath.Clean(path))), &e); err != nil {
				f.Fatal(err)
			}
			f.Add(e.sent(f))
		}
	}
	corpus.Seed(f, "maa/tokens/policyapi-*.jwt", "maa/tokens/rest-*.jwt", "policies/default/*.txt")
}
