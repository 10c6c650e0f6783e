package token

import (
	"bytes"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/internal/corpus"
)

// recorded lists files of the corpus that match a pattern.
func recorded(t *testing.T, pattern ...string) []string {
	t.Helper()
	dir := corpus.Dir(t)
	files, err := filepath.Glob(filepath.Join(append([]string{dir}, pattern...)...))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("corpus holds no %s", filepath.Join(pattern...))
	}
	for i, file := range files {
		files[i], err = filepath.Rel(dir, file)
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// The real service's answers are rebuilt from their certificates alone: key IDs
// of the enclave's keys, member order, everything.
func TestJWKSIsTheRealServices(t *testing.T) {
	t.Parallel()
	for _, file := range recorded(t, "maa", "certs", "*.json") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			raw := corpus.Read(t, file)
			var wire bytes.Buffer
			// Some recordings were written anew with spaces.
			if err := json.Compact(&wire, raw); err != nil {
				t.Fatal(err)
			}
			var set struct{ Keys []jwk }
			if err := json.Unmarshal(raw, &set); err != nil {
				t.Fatal(err)
			}
			enclaveKeys := 0
			for i, k := range set.Keys {
				c := parseBase64Certificate(t, k.Certificates[0])
				if len(k.Certificates) == 1 {
					enclaveKeys++
					set.Keys[i].ID = keyID(c.RawSubjectPublicKeyInfo)
				}
				set.Keys[i].Type = RS256.keyType()
			}
			if enclaveKeys == 0 {
				t.Fatal("no self-signed certificate in there")
			}
			got, err := marshalJWKS(set.Keys)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wire.String(), string(got)); diff != "" {
				t.Errorf("JWKS (-recorded +got):\n%s", diff)
			}
		})
	}
}

func parseBase64Certificate(t *testing.T, text string) *x509.Certificate {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A certificate of ours differs from the recorded one in the key, what follows
// from it, and the enclave's report, without which it is made here.
func TestCertificateIsTheRealServices(t *testing.T) {
	t.Parallel()
	signer, err := GenerateSigner(RS256, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range recorded(t, "maa", "certs", "*.json") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			var set struct{ Keys []jwk }
			if err := json.Unmarshal(corpus.Read(t, file), &set); err != nil {
				t.Fatal(err)
			}
			theirs := parseBase64Certificate(t, set.Keys[0].Certificates[0])
			key, err := NewKey(KeyConfig{Signer: signer, Algorithm: RS256, Issuer: theirs.Subject.CommonName})
			if err != nil {
				t.Fatal(err)
			}
			ours := key.Certificate()
			if !bytes.Equal(ours.RawSubject, theirs.RawSubject) || !bytes.Equal(ours.RawIssuer, theirs.RawIssuer) {
				t.Errorf("names %x and %x, want %x", ours.RawSubject, ours.RawIssuer, theirs.RawSubject)
			}
			if ours.SerialNumber.Cmp(theirs.SerialNumber) != 0 || ours.Version != theirs.Version || ours.SignatureAlgorithm != theirs.SignatureAlgorithm {
				t.Errorf("serial %s, version %d, %s; want %s, %d, %s", ours.SerialNumber, ours.Version, ours.SignatureAlgorithm,
					theirs.SerialNumber, theirs.Version, theirs.SignatureAlgorithm)
			}
			if !ours.NotBefore.Equal(theirs.NotBefore) || !ours.NotAfter.Equal(theirs.NotAfter) {
				t.Errorf("valid %s to %s, want %s to %s", ours.NotBefore, ours.NotAfter, theirs.NotBefore, theirs.NotAfter)
			}
			// With the recorded key, the extensions are the recorded ones.
			extensions, err := keyExtensions(theirs.PublicKey)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(theirs.Extensions[:len(extensions)], extensions); diff != "" {
				t.Errorf("extensions (-recorded +got):\n%s", diff)
			}
			if len(theirs.Extensions) != len(extensions)+1 || len(ours.Extensions) != len(extensions) {
				t.Errorf("%d recorded extensions and %d of ours, want the enclave's report to be the only one more",
					len(theirs.Extensions), len(ours.Extensions))
			}
		})
	}
}

// Every recorded token is made again from its claims; all but the signature
// must come out the same.
func TestSigningInputIsTheRealServices(t *testing.T) {
	t.Parallel()
	tokens := 0
	for _, file := range recorded(t, "maa", "exchanges", "*", "*.json") {
		var exchange struct {
			Response struct {
				Body struct {
					Token string `json:"token"`
				} `json:"body"`
			} `json:"response"`
		}
		if err := json.Unmarshal(corpus.Read(t, file), &exchange); err != nil {
			continue // /certs and errors have other bodies
		}
		jws := exchange.Response.Body.Token
		if jws == "" {
			continue
		}
		tokens++
		header, payload := decodeJWS(t, jws)
		var set claims.Set
		if err := json.Unmarshal(payload, &set); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		iss, _ := set.First("iss")
		url, _ := iss.Str()
		issuer := &Issuer{url: url}
		got, err := issuer.signingInput(headerPrefix(header.Alg, url, header.Kid), &set, 0)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if want := jws[:strings.LastIndexByte(jws, '.')]; string(got) != want {
			t.Errorf("%s: made again, the token differs\ngot  %s\nwant %s", file, got, want)
		}
	}
	if tokens < 20 {
		t.Errorf("%d tokens in the corpus, want the recorded attestations and policies", tokens)
	}
}

type recordedHeader struct{ Alg, Kid string }

func decodeJWS(t *testing.T, jws string) (recordedHeader, []byte) {
	t.Helper()
	parts := strings.Split(jws, ".")
	if len(parts) != 3 {
		t.Fatalf("token has %d parts, want 3", len(parts))
	}
	rawHeader, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var header recordedHeader
	if err := json.Unmarshal(rawHeader, &header); err != nil {
		t.Fatal(err)
	}
	return header, payload
}

func TestSubjectKeyIdentifierIsSHA1OfTheKeyBits(t *testing.T) {
	t.Parallel()
	signer, err := GenerateSigner(ES256, 0)
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewKey(KeyConfig{Signer: signer, Algorithm: ES256, Issuer: "https://contoso.example"})
	if err != nil {
		t.Fatal(err)
	}
	spki := key.Certificate().RawSubjectPublicKeyInfo
	const point = 65 // 04 ‖ X ‖ Y stands at the end
	want := sha1.Sum(spki[len(spki)-point:])
	if !bytes.Equal(key.Certificate().SubjectKeyId, want[:]) {
		t.Errorf("subject key identifier %x, want %x", key.Certificate().SubjectKeyId, want)
	}
}
