package token_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/token"
)

func TestKeyFileRoundTrip(t *testing.T) {
	t.Parallel()
	for _, a := range algorithms() {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			key := newKey(t, a)
			file, err := key.MarshalPEM()
			if err != nil {
				t.Fatal(err)
			}
			got, err := token.ParseKey(file, a)
			if err != nil {
				t.Fatal(err)
			}
			if got.ID() != key.ID() || got.Algorithm() != a || !got.Certificate().Equal(key.Certificate()) {
				t.Errorf("read back %s, want %s with the same certificate", got, key)
			}
			again, err := got.MarshalPEM()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again, file) {
				t.Error("writing the key again gives another file")
			}
			jws, err := newIssuer(t, got).Sign(t.Context(), someClaims())
			if err != nil {
				t.Fatal(err)
			}
			_, _, signature, input := split(t, jws)
			if err := verify(key.Certificate().PublicKey, a, input, signature); err != nil {
				t.Errorf("the key read back signs something else: %v", err)
			}
		})
	}
}

// blocks returns the two PEM blocks of a new key file, each with its newline.
func blocks(t *testing.T, a token.Algorithm) (key, certificate string) {
	t.Helper()
	file, err := newKey(t, a).MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(file, []byte("-----BEGIN CERTIFICATE"))
	return string(file[:at]), string(file[at:])
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestParseKeyTolerates(t *testing.T) {
	t.Parallel()
	key, certificate := blocks(t, token.ES256)
	for name, file := range map[string]string{
		"certificate first": certificate + key,
		"blank lines":       "\n\n" + key + "\n \n" + certificate + "\n\n",
		"Windows line ends": strings.ReplaceAll(key+certificate, "\n", "\r\n"),
		"no final newline":  strings.TrimSpace(key + certificate),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := token.ParseKey([]byte(file), token.ES256)
			if err != nil {
				t.Fatal(err)
			}
			if got.ID() != newKey(t, token.ES256).ID() {
				t.Errorf("read %s, want the key that was written", got)
			}
		})
	}
}

func TestParseKeyRefuses(t *testing.T) {
	t.Parallel()
	key, certificate := blocks(t, token.ES256)
	rsaKey, rsaCertificate := blocks(t, token.RS256)
	keyBlock, _ := pem.Decode([]byte(key))
	certificateBlock, _ := pem.Decode([]byte(certificate))

	signer := sharedSigner(t, token.ES256).(*ecdsa.PrivateKey)
	sec1, err := x509.MarshalECPrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	agreement, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	agreementDER, err := x509.MarshalPKCS8PrivateKey(agreement)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384DER, err := x509.MarshalPKCS8PrivateKey(p384)
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Clone(certificateBlock.Bytes)
	forged[len(forged)-1] ^= 1
	broken := key[:len(key)/2] + key[len(key)/2+1:]

	tests := map[string]struct {
		file      string
		algorithm token.Algorithm
		want      string
	}{
		"empty":                      {"", token.ES256, "no block of type PRIVATE KEY"},
		"not PEM":                    {"hello", token.ES256, "besides PEM"},
		"too large":                  {strings.Repeat("\n", 64<<10) + key + certificate, token.ES256, "want at most 65536"},
		"private key too large":      {block("PRIVATE KEY", make([]byte, 4<<10+1)) + certificate, token.ES256, "want at most 4096"},
		"key alone":                  {key, token.ES256, "no block of type CERTIFICATE"},
		"certificate alone":          {certificate, token.ES256, "no block of type PRIVATE KEY"},
		"two keys":                   {key + key + certificate, token.ES256, "more than one block of type PRIVATE KEY"},
		"two certificates":           {key + certificate + certificate, token.ES256, "more than one block of type CERTIFICATE"},
		"text before":                {"# my key\n" + key + certificate, token.ES256, "besides PEM"},
		"text between":               {key + "subject=me\n" + certificate, token.ES256, "besides PEM"},
		"text after":                 {key + certificate + "x", token.ES256, "besides PEM"},
		"broken block skipped":       {broken + key + certificate, token.ES256, "broken"},
		"key in SEC 1":               {block("EC PRIVATE KEY", sec1) + certificate, token.ES256, "convert it with openssl pkcs8"},
		"encrypted key":              {block("ENCRYPTED PRIVATE KEY", keyBlock.Bytes) + certificate, token.ES256, "another type"},
		"headers":                    {strings.Replace(key, "KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n\n", 1) + certificate, token.ES256, "encrypted keys are not supported"},
		"key with bytes after":       {block("PRIVATE KEY", append(bytes.Clone(keyBlock.Bytes), 0)) + certificate, token.ES256, "not a valid key"},
		"certificate for a key":      {block("PRIVATE KEY", certificateBlock.Bytes) + certificate, token.ES256, "not a valid key"},
		"key for a certificate":      {key + block("CERTIFICATE", keyBlock.Bytes), token.ES256, "not an X.509 certificate"},
		"certificate, bytes after":   {key + block("CERTIFICATE", append(bytes.Clone(certificateBlock.Bytes), 0)), token.ES256, "not an X.509 certificate"},
		"key that agrees, not signs": {block("PRIVATE KEY", agreementDER) + certificate, token.ES256, "does not sign"},
		"P-384 key":                  {block("PRIVATE KEY", p384DER) + certificate, token.ES256, "want P-256"},
		"another key's certificate":  {key + rsaCertificate, token.ES256, "another key"},
		"another algorithm's kind":   {key + certificate, token.RS256, "want an RSA key"},
		"RS256 file read as PS256":   {rsaKey + rsaCertificate, token.PS256, "not made for PS256"},
		"unknown algorithm":          {key + certificate, "HS256", "not known"},
		"forged certificate":         {key + block("CERTIFICATE", forged), token.ES256, "not signed by its own key"},
		"issued by a CA":             {key + block("CERTIFICATE", certify(t, signer, "https://contoso.example", "CA")), token.ES256, "issued by somebody else"},
		"names no instance":          {key + block("CERTIFICATE", certify(t, signer, "contoso", "contoso")), token.ES256, "names no instance"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := token.ParseKey([]byte(tt.file), tt.algorithm)
			wantKeyError(t, err, tt.want)
			if got != nil {
				t.Error("a key came with the error")
			}
			wantNoSecrets(t, err, tt.file)
		})
	}
}

// wantNoSecrets looks for any piece of a key file's base64 in the error.
func wantNoSecrets(t *testing.T, err error, file string) {
	t.Helper()
	const piece = 12 // 9 bytes of DER: enough to be no coincidence
	for line := range strings.Lines(file) {
		if line = strings.TrimSpace(line); strings.ContainsAny(line, "- ") {
			continue
		}
		for i := 0; i+piece <= len(line); i++ {
			if strings.Contains(err.Error(), line[i:i+piece]) {
				t.Fatalf("the error quotes the key file: %v", err)
			}
		}
	}
}

// A file whose line ends were lost is one long line that begins like a PEM
// block; its "type" then holds the key.
func TestParseKeyKeepsAKeyOnOneLineToItself(t *testing.T) {
	t.Parallel()
	key, certificate := blocks(t, token.ES256)
	flat := strings.ReplaceAll(key, "\n", "")
	kind := strings.TrimSuffix(strings.TrimPrefix(flat, "-----BEGIN "), "-----")
	for name, file := range map[string]string{
		"as it is":           flat + "\n" + certificate,
		"with its own end":   flat + "\nAAAA\n-----END " + kind + "-----\n" + certificate,
		"without a line end": flat,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := token.ParseKey([]byte(file), token.ES256)
			wantKeyError(t, err, "key file")
			wantNoSecrets(t, err, strings.NewReplacer("-", "\n", " ", "\n").Replace(flat))
		})
	}
}

// certify makes a certificate for the signer's key, signed by that same key
// whatever the names say.
func certify(t *testing.T, signer *ecdsa.PrivateKey, subject, issuer string) []byte {
	t.Helper()
	template := func(name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<31, 0),
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template(subject), template(issuer), signer.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func FuzzParseKey(f *testing.F) {
	// No RSA file: checking such a key is slow, and the fuzzer would spend its
	// time on making one shorter.
	file, err := newKey(f, token.ES256).MarshalPEM()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file, string(token.ES256))
	f.Add(file, string(token.RS256))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"), "RS256")
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "none")
	f.Fuzz(func(t *testing.T, file []byte, algorithm string) {
		key, err := token.ParseKey(file, token.Algorithm(algorithm))
		if err != nil {
			if key != nil {
				t.Fatal("a key came with the error")
			}
			return
		}
		again, err := key.MarshalPEM()
		if err != nil {
			t.Fatalf("read, but not written: %v", err)
		}
		back, err := token.ParseKey(again, key.Algorithm())
		if err != nil {
			t.Fatalf("written, but not read back: %v", err)
		}
		if back.ID() != key.ID() || !back.Certificate().Equal(key.Certificate()) {
			t.Fatalf("read back %s, want %s", back, key)
		}
	})
}
